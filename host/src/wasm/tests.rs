//! What is refused before it is compiled, and what a guest that misbehaves comes to. The guests are
//! `test_guests`'; whether answers make sense is tested in `addrmap`.

use std::time::Duration;

use tokio::time::Instant;

use super::bindings::{Broker, Client, Endpoint};
use super::test_guests::{Parts, renamed};
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

fn live(parts: &Parts) -> Guest {
    started(parts).expect("it starts")
}

fn started(parts: &Parts) -> Result<Guest, AddrMapError> {
    GuestComponent::load(&parts.component(), LimitsProfile::Small)
        .expect("the parts make an admissible component")
        .instantiate()
}

fn advertise(guest: &mut Guest, node_id: i32) -> Result<Endpoint, AddrMapError> {
    let upstream = Endpoint {
        host: "b.internal".into(),
        port: 9092,
    };
    let broker = Broker {
        node_id,
        upstream,
        rack: None,
    };
    let client = Client {
        listener: "SAMPLE".into(),
        server_name: None,
        local_port: 0,
        zone: None,
    };
    let answer = guest.advertise(&broker, &client)?;
    Ok(answer.expect("it is mapped").public)
}

/// What comes of the body of `advertise`; the instance must be gone afterwards.
fn outcome(advertised: &str, extra: &str) -> String {
    let mut guest = live(&Parts {
        advertise: advertised.into(),
        extra: extra.into(),
        ..Parts::default()
    });
    let began = Instant::now();
    let error = advertise(&mut guest, 0).expect_err("the call fails");
    assert!(began.elapsed() < Duration::from_secs(2));
    let again = guest.describe().expect_err("the instance is gone");
    assert!(again.to_string().contains("the instance is gone"));
    error.to_string()
}

#[test]
fn a_well_formed_guest_answers() {
    let mut guest = live(&Parts::default());
    assert_eq!(guest.describe().unwrap().name, "test");
    assert_eq!(guest.configure("").unwrap().unwrap().listeners.len(), 1);
    let told = advertise(&mut guest, 3).unwrap();
    assert_eq!((told.host.as_str(), told.port), ("kafka.example.com", 7003));
}

#[test]
fn an_endless_loop_ends_with_its_time() {
    assert_eq!(
        outcome("(loop $l (br $l)) unreachable", ""),
        "address map did not answer advertise in time"
    );
}

#[test]
fn an_endless_loop_at_the_start_ends_with_its_time() {
    let began = Instant::now();
    let error = started(&Parts {
        extra: "(func $run (loop $l (br $l))) (start $run)".into(),
        ..Parts::default()
    });
    let error = error.map(drop).expect_err("its start fails").to_string();
    assert_eq!(error, "address map did not answer its start in time");
    assert!(began.elapsed() < Duration::from_secs(60));
}

#[test]
fn memory_ends_at_the_limit() {
    // Answers with node id's port once growing fails, so the size it reached is the port.
    let mut guest = live(&Parts {
        advertise: "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
            (call $told (memory.size))"
            .into(),
        ..Parts::default()
    });
    assert_eq!(advertise(&mut guest, 0).unwrap().port, 256);
}

#[test]
fn a_memory_that_begins_above_the_limit_does_not_start() {
    let error = started(&Parts {
        pages: 257,
        ..Parts::default()
    });
    let error = error.map(drop).expect_err("its start fails").to_string();
    assert!(
        error.contains("memory minimum size of 257 pages exceeds memory limits"),
        "{error}"
    );
}

#[test]
fn a_trap_fails_the_call() {
    let error = outcome("unreachable", "");
    assert!(
        error.starts_with("address map failed in advertise: \""),
        "{error}"
    );
    assert!(error.contains("unreachable"), "{error}");
}

#[test]
fn deep_recursion_fails_the_call() {
    let error = outcome(
        "(call $deep (i32.const 0))",
        "(func $deep (param i32) (result i32)
            (i32.add (i32.const 1) (call $deep (local.get 0))))",
    );
    assert!(error.contains("call stack exhausted"), "{error}");
}

#[test]
fn a_table_ends_at_the_limit() {
    let mut guest = live(&Parts {
        extra: "(table $t 1 funcref)".into(),
        advertise: "(loop $l (br_if $l (i32.ne
            (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1))))
            (call $told (table.size $t))"
            .into(),
        ..Parts::default()
    });
    assert_eq!(advertise(&mut guest, 0).unwrap().port, 19_001);
}

#[test]
fn a_huge_string_is_not_copied() {
    let mut guest = live(&Parts {
        pages: 128,
        describe: "(i32.store (i32.const 68) (i32.const 6291456)) i32.const 64".into(),
        ..Parts::default()
    });
    let error = guest.describe().expect_err("it is too long").to_string();
    assert!(error.contains("too much data is being copied"), "{error}");
}

#[test]
fn text_that_is_not_utf_8_is_not_taken() {
    let error = outcome(
        "(i32.store8 (i32.const 1024) (i32.const 255)) (call $told (i32.const 7000))",
        "",
    );
    assert!(error.contains("invalid utf-8"), "{error}");
}

#[test]
fn text_outside_its_memory_is_not_read() {
    let error = outcome(
        "(drop (call $told (i32.const 7000))) (i32.store (i32.const 516) (i32.const -2))
         (i32.const 512)",
        "",
    );
    assert!(error.contains("out of bounds"), "{error}");
}

#[test]
fn a_case_that_no_type_has_is_not_taken() {
    let error = outcome("(call $refuse (i32.const 9))", "");
    assert!(error.contains("discriminant"), "{error}");
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
