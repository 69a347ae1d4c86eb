//! The 35 known attacks, one test each, numbered; those that limits stop are in `bounded`.

use super::text::{Function, Text, function};
use super::*;

fn hook(name: &str) -> Function {
    function(name, "(func (param \"topic\" string))", 2)
}

/// Lifted in the outermost component: `$hook` and an instance `$hooks` of it.
const HOOK: &str = r#"
    (core module $hm (func (export "f")))
    (core instance $hi (instantiate $hm))
    (func $hook (canon lift (core func $hi "f")))
    (instance $hooks (export "on-fetch" (func $hook)))"#;

fn beside(after: &str) -> Text {
    Text::with(|text| text.after = format!("{HOOK} {after}"))
}

fn renamed_export(name: &str) -> Text {
    Text::with(|text| text.export = format!("(export \"{name}\" (instance $i))"))
}

#[test]
fn the_good_component_is_admitted() {
    let good = Text::default().bytes();
    assert_eq!(judged(&good), Ok(Admitted::default()));
    assert!(an_ordinary_host_takes(&good));
    assert_eq!(judged(crate::wasm::BUILT_IN), Ok(Admitted::default()));
}

#[test]
fn row_01_a_core_module() {
    let module = wat::parse_str("(module (func (export \"on_request\")))").unwrap();
    refused(
        &module,
        &format!("it is a core module, not a component; it exports \"on_request\": {INTERCEPTORS}"),
    );
    let module = wat::parse_str("(module (func (export \"proxy_on_request_headers\")))").unwrap();
    refused(
        &module,
        "it exports \"proxy_on_request_headers\": that is a proxy-wasm filter",
    );
    let module = "(module (import \"redpanda_transform\" \"read_next_record\" (func)))";
    refused(
        &wat::parse_str(module).unwrap(),
        "it imports \"read_next_record\": that is a broker's data transform",
    );
}

#[test]
fn row_02_an_empty_component() {
    assert_eq!(
        judged(&wat::parse_str("(component)").unwrap()),
        Err("it has 0 exports".into())
    );
}

#[test]
fn row_03_a_function_beside_the_interface() {
    let bytes = beside("(export \"on-produce\" (func $hook))").bytes();
    exports_beside(&bytes, "on-produce", &format!(": {INTERCEPTORS}"));
    assert!(an_ordinary_host_takes(&bytes));
}

#[test]
fn row_04_a_function_inside_the_interface() {
    let bytes = Text::with(|text| text.functions.push(hook("on-fetch"))).bytes();
    assert_eq!(
        judged(&bytes),
        Err(format!(
            "its address-map differs from the world: unexpected \"on-fetch: func(topic: string)\": \
             {INTERCEPTORS}"
        ))
    );
    assert!(an_ordinary_host_takes(&bytes));
}

#[test]
fn row_05_a_second_interface() {
    let name = "throughway:interceptor/hooks@0.1.0";
    let bytes = beside(&format!("(export \"{name}\" (instance $hooks))")).bytes();
    exports_beside(&bytes, name, &format!(": {INTERCEPTORS}"));
    assert!(an_ordinary_host_takes(&bytes));
}

#[test]
fn row_06_an_http_handler() {
    let name = "wasi:http/incoming-handler@0.2.0";
    let bytes = beside(&format!("(export \"{name}\" (instance $hooks))")).bytes();
    exports_beside(
        &bytes,
        name,
        &format!(": that is a wasi:http handler or client, and {INTERCEPTORS}"),
    );
    assert!(an_ordinary_host_takes(&bytes));
}

const LATER: &str = ": it is made for version \"0.1.9\", this throughway speaks 0.1.0";

#[test]
fn row_07_the_interface_twice_with_a_hook_in_the_later_one() {
    let name = "throughway:addrmap/address-map@0.1.9";
    let bytes = beside(&format!("(export \"{name}\" (instance $hooks))")).bytes();
    exports_beside(&bytes, name, LATER);
    assert!(an_ordinary_host_takes(&bytes));
}

#[test]
fn row_08_a_later_version_with_a_hook() {
    let name = "throughway:addrmap/address-map@0.1.9";
    let mut text = renamed_export(name);
    text.functions.push(hook("on-fetch"));
    exports_beside(&text.bytes(), name, LATER);
    assert!(an_ordinary_host_takes(&text.bytes()));
}

#[test]
fn row_09_an_argument_widened_by_the_payload() {
    let port = "(field \"local-port\" u16)";
    let wider = format!("{port} (field \"payload\" string)");
    let mut text = Text::retyped("inbound", port, &wider);
    text.functions[3].core = 8;
    refused(&text.bytes(), INTERCEPTORS);
    refused(
        &text.bytes(),
        "unexpected \"inbound: type record{listener: string,",
    );
    assert!(an_ordinary_host_takes(&text.bytes()));
}

#[test]
fn row_10_an_answer_that_rewrites() {
    let text = Text::retyped(
        "target",
        "(case \"bootstrap\")",
        "(case \"bootstrap\") (case \"rewrite\" string)",
    );
    refused(&text.bytes(), "unexpected \"route: func(inbound");
    refused(&text.bytes(), INTERCEPTORS);
    assert!(an_ordinary_host_takes(&text.bytes()));
}

#[test]
fn row_11_a_resource() {
    let bytes = beside("(type $r (resource (rep i32))) (export \"hook\" (type $r))").bytes();
    exports_beside(&bytes, "hook", &format!(": {INTERCEPTORS}"));
    assert!(an_ordinary_host_takes(&bytes));
}

/// Admitted on purpose: a core module's export is reachable through the component around it alone,
/// and that one exports nothing but the interface. Refusing these would refuse every component of
/// componentize-js, which has a core export named after wasi:http.
#[test]
fn row_14_exports_of_a_core_module_are_admitted() {
    let text = Text::with(|text| {
        text.core = "(func (export \"proxy_on_request_headers\"))
            (func (export \"throughway:interceptor/hooks@0.1.0#on-produce\"))"
            .into();
    });
    let unreachable = vec![
        "core module's export \"proxy_on_request_headers\"".to_owned(),
        "core module's export \"throughway:interceptor/hooks@0.1.0#on-produce\"".to_owned(),
    ];
    assert_eq!(judged(&text.bytes()), Ok(Admitted { unreachable }));
}

#[test]
fn row_15_an_exported_core_module() {
    let bytes = beside("(export \"hooks\" (core module $hm))").bytes();
    exports_beside(&bytes, "hooks", &format!(": {INTERCEPTORS}"));
    assert!(an_ordinary_host_takes(&bytes));
}

#[test]
fn row_16_an_exported_component() {
    let bytes = beside("(component $c) (export \"hooks\" (component $c))").bytes();
    exports_beside(&bytes, "hooks", &format!(": {INTERCEPTORS}"));
}

#[test]
fn row_17_an_import_of_records() {
    let name = "throughway:interceptor/records@0.1.0";
    let text = Text::with(|text| {
        text.before =
            format!("(import \"{name}\" (instance (export \"next\" (func (result string)))))");
    });
    assert_eq!(
        judged(&text.bytes()),
        Err(format!("it imports \"{name}\": {INTERCEPTORS}"))
    );
    assert!(!an_ordinary_host_takes(&text.bytes()));
}

#[test]
fn row_18_an_import_that_is_declared_empty() {
    let name = "wasi:sockets/tcp@0.2.0";
    let text = Text::with(|text| text.before = format!("(import \"{name}\" (instance))"));
    assert_eq!(
        judged(&text.bytes()),
        Err(format!(
            "it imports \"{name}\": that is access to the network, and {INTERCEPTORS}"
        ))
    );
    assert!(an_ordinary_host_takes(&text.bytes()));
}

/// Admitted on purpose: what the outermost component does not export nobody can call, and the host
/// calls four functions by name. Told in the log.
#[test]
fn row_19_a_hidden_component_is_admitted() {
    let text = Text::with(|text| {
        text.before = r#"(component $hidden
              (core module $hm (func (export "f")))
              (core instance $hi (instantiate $hm))
              (func $hook (canon lift (core func $hi "f")))
              (export "on-produce" (func $hook)))
            (instance $hiding (instantiate $hidden))"#
            .into();
    });
    let unreachable = vec![
        "1 hidden components".to_owned(),
        "hidden component's export \"on-produce\"".to_owned(),
    ];
    assert_eq!(judged(&text.bytes()), Ok(Admitted { unreachable }));
    assert!(an_ordinary_host_takes(&text.bytes()));
}

/// Admitted on purpose: a custom section is a comment; nothing here reads any. Told in the log.
#[test]
fn row_20_custom_sections_are_admitted() {
    let names = ["component-type:throughway:interceptor", "proxy-wasm"];
    let text = Text::with(|text| {
        text.after = names
            .map(|name| format!("(@custom \"{name}\" \"hooks\")"))
            .join(" ");
    });
    let unreachable = names
        .map(|name| format!("custom section \"{name}\""))
        .into();
    assert_eq!(judged(&text.bytes()), Ok(Admitted { unreachable }));
}

#[test]
fn row_23_a_type_beside_the_interface() {
    let bytes = beside("(type $r string) (export \"request-record\" (type $r))").bytes();
    exports_beside(&bytes, "request-record", &format!(": {INTERCEPTORS}"));
    assert!(an_ordinary_host_takes(&bytes));
}

#[test]
fn row_24_an_instance_inside_the_interface() {
    let text = Text::with(|text| {
        text.inside = "(instance $empty) (export \"hooks\" (instance $empty))".into();
    });
    refused(
        &text.bytes(),
        &format!("unexpected \"hooks: instance\": {INTERCEPTORS}"),
    );
    assert!(an_ordinary_host_takes(&text.bytes()));
}

#[test]
fn row_25_another_spelling() {
    let name = "throughway:addrmap/ADDRESS-MAP@0.1.0";
    exports_beside(&renamed_export(name).bytes(), name, "");
    assert!(!an_ordinary_host_takes(&renamed_export(name).bytes()));
    // The binary format compares such names without their case: where both stand, it is not valid.
    let bytes = beside(&format!("(export \"{name}\" (instance $hooks))")).bytes();
    refused(&bytes, "it ");
}

#[test]
fn row_26_other_versions() {
    for (version, said) in [
        ("", ": it names no version, this throughway speaks 0.1.0"),
        (
            "@0.1.0-hooks",
            ": it is made for version \"0.1.0-hooks\", this throughway speaks 0.1.0",
        ),
        (
            "@0.1.0+hooks",
            ": it is made for version \"0.1.0+hooks\", this throughway speaks 0.1.0",
        ),
        (
            "@0.2.0",
            ": it is made for version \"0.2.0\", this throughway speaks 0.1.0",
        ),
        (
            "@1.0.0",
            ": it is made for version \"1.0.0\", this throughway speaks 0.1.0",
        ),
    ] {
        let name = format!("throughway:addrmap/address-map{version}");
        let bytes = renamed_export(&name).bytes();
        exports_beside(&bytes, &name, said);
        assert_eq!(
            an_ordinary_host_takes(&bytes),
            version == "@0.1.0+hooks",
            "{version}"
        );
    }
}

#[test]
fn row_27_a_parameter_renamed() {
    let text = Text::with(|text| {
        let route = &mut text.functions[3].signature;
        *route = route.replace("\"inbound\"", "\"request\"");
    });
    refused(
        &text.bytes(),
        "unexpected \"route: func(request: record{listener",
    );
    refused(&text.bytes(), INTERCEPTORS);
    assert!(an_ordinary_host_takes(&text.bytes()));
}

#[test]
fn row_30_a_function_that_is_missing() {
    let text = Text::with(|text| drop(text.functions.pop()));
    refused(
        &text.bytes(),
        "its address-map differs from the world: no \"route: func(",
    );
    assert!(!an_ordinary_host_takes(&text.bytes()));
}

#[test]
fn row_31_functions_without_an_interface() {
    let text = Text::with(|text| text.export = "(export \"route\" (func $i \"route\"))".into());
    refused(&text.bytes(), "it ");
    let bare = Text::with(|text| {
        text.export = String::new();
        text.after = format!("{HOOK} (export \"describe\" (func $hook))");
    });
    exports_beside(&bare.bytes(), "describe", "");
    assert!(!an_ordinary_host_takes(&bare.bytes()));
}

#[test]
fn row_32_a_function_of_the_interface_once_more() {
    let bytes = beside("(export \"route\" (func $hook))").bytes();
    exports_beside(&bytes, "route", "");
    assert!(an_ordinary_host_takes(&bytes));
}
