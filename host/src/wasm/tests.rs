//! What is refused before it is compiled; `contained` has what becomes of guests that misbehave.
//! Whether answers make sense is tested in `addrmap`.

mod contained;

use super::test_guests::renamed;
use super::*;

const NAME: &str = "throughway:addrmap/address-map@0.1.0";
const ACCEPTED: &str = "; accepted is a component without imports whose one export is the instance \
     \"throughway:addrmap/address-map@0.1.0\"";

/// Why a file is refused, without the sentence that every refusal ends with.
fn refusal(bytes: &[u8]) -> String {
    match GuestComponent::load(bytes, LimitsProfile::Small).map(drop) {
        Err(AddrMapError::Refused(why)) => {
            let found = why.strip_suffix(ACCEPTED);
            found.unwrap_or_else(|| panic!("{why}")).to_owned()
        }
        other => panic!("not refused: {other:?}"),
    }
}

fn refusal_of_text(text: &str) -> String {
    refusal(&wat::parse_str(text).expect("WebAssembly text"))
}

#[test]
fn a_component_that_imports_anything_is_refused() {
    for (import, name) in [
        (
            "(import \"wasi:sockets/tcp@0.2.0\" (instance))",
            "wasi:sockets/tcp@0.2.0",
        ),
        (
            "(import \"wasi:filesystem/types@0.2.0\" (instance (export \"f\" (func))))",
            "wasi:filesystem/types@0.2.0",
        ),
        ("(import \"on-produce\" (func))", "on-produce"),
        ("(import \"inner\" (component))", "inner"),
    ] {
        let text = format!("(component {import} (instance $i) (export \"{NAME}\" (instance $i)))");
        let told = refusal_of_text(&text);
        assert!(
            told.starts_with(&format!("it imports \"{name}\"")),
            "{told}"
        );
    }
}

#[test]
fn an_export_beside_the_interface_is_refused() {
    for name in [
        "on-produce",
        "throughway:addrmap/interceptor@0.1.0",
        "throughway:addrmap/address-map@0.2.0",
        "throughway:addrmap/address-map@0.1.9",
        "throughway:addrmap/address-map",
    ] {
        let text = format!(
            "(component (instance $i) (export \"{NAME}\" (instance $i))
                (export \"{name}\" (instance $i)))"
        );
        let told = refusal_of_text(&text);
        let expected = format!("it exports \"{name}\", which is not part of the address-map world");
        assert!(told.starts_with(&expected), "{told}");
    }
}

#[test]
fn another_version_of_the_interface_is_refused() {
    for version in ["0.2.0", "0.1.9", "1.1.0"] {
        let name = format!("throughway:addrmap/address-map@{version}");
        assert_eq!(
            refusal(&renamed(NAME, &name)),
            format!(
                "it exports \"{name}\", which is not part of the address-map world: it is made for \
                 version \"{version}\", this throughway speaks 0.1.0"
            )
        );
    }
}

#[test]
fn another_function_in_the_interface_is_refused() {
    let text = format!(
        "(component
            (core module $m (func (export \"f\")))
            (core instance $c (instantiate $m))
            (func $f (canon lift (core func $c \"f\")))
            (instance $i (export \"on-fetch\" (func $f)))
            (export \"{NAME}\" (instance $i)))"
    );
    assert_eq!(
        refusal_of_text(&text),
        "its address-map differs from the world: unexpected \"on-fetch: func()\": components that \
         see or change requests are Interceptors, which this licence excludes"
    );
}

#[test]
fn an_interface_that_lacks_functions_is_refused() {
    let text = format!("(component (instance $i) (export \"{NAME}\" (instance $i)))");
    let refusal = refusal_of_text(&text);
    assert!(
        refusal.starts_with("its address-map differs from the world: no \"advertise: func("),
        "{refusal}"
    );
}

#[test]
fn another_field_name_in_the_interface_is_refused() {
    let refusal = refusal(&renamed("upstream-hint", "upstream-hand"));
    assert!(
        refusal.starts_with("its address-map differs from the world: unexpected \"broker-target:"),
        "{refusal}"
    );
}

#[test]
fn an_export_that_is_no_instance_is_refused() {
    let text = format!("(component (component $c) (export \"{NAME}\" (component $c)))");
    let refusal = refusal_of_text(&text);
    assert!(refusal.contains("is not an instance"), "{refusal}");
}

#[test]
fn an_empty_component_is_refused() {
    assert_eq!(refusal_of_text("(component)"), "it has 0 exports");
}

#[test]
fn files_that_are_no_component_are_told_apart() {
    for (file, told) in [
        (
            wat::parse_str("(module)").unwrap(),
            "it is a core module, not a component",
        ),
        (
            b"\n (component)".to_vec(),
            "it is WebAssembly text, not a component",
        ),
        (
            b"\x7fELF\x02\x01\x01\0\0".to_vec(),
            "it is an ELF file, such as a component that was compiled before",
        ),
        (
            b"\0asm\x02\0\0\0".to_vec(),
            "it is WebAssembly of an unknown layer or version",
        ),
        (b"{\"version\":1}".to_vec(), "it is not WebAssembly"),
        (Vec::new(), "it is not WebAssembly"),
    ] {
        assert_eq!(refusal(&file), told);
    }
}

#[test]
fn a_component_that_was_compiled_before_is_refused() {
    let runtime = Runtime::new(LimitsProfile::Small).unwrap();
    let component = wat::parse_str("(component)").unwrap();
    let compiled = runtime.engine.precompile_component(&component).unwrap();
    assert_eq!(
        refusal(&compiled),
        "it is an ELF file, such as a component that was compiled before"
    );
}

#[test]
fn a_file_over_the_limit_is_not_looked_at() {
    let most = most_bytes(LimitsProfile::Small);
    let refusal = refusal(&vec![0; most + 1]);
    assert!(
        refusal.contains(&format!("at most {most} are read")),
        "{refusal}"
    );
}

#[test]
fn a_component_cut_short_anywhere_is_refused() {
    for length in (0..BUILT_IN.len()).step_by(997) {
        refusal(&BUILT_IN[..length]);
    }
}
