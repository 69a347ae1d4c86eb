//! Attacks of our own, beyond the known table: each hides a hook where a reader might not look.

use super::text::{Function, Text, function};
use super::*;

#[test]
fn a_hook_named_like_a_post_return() {
    let text = Text::with(|text| {
        text.functions.push(function(
            "cabi-post-route",
            "(func (param \"p\" string))",
            2,
        ));
    });
    refused(
        &text.bytes(),
        "unexpected \"cabi-post-route: func(p: string)\"",
    );
}

#[test]
fn a_route_that_gets_bytes() {
    let text = Text::with(|text| {
        let route = &mut text.functions[3];
        route.signature = route.signature.replace(
            "(param \"inbound\" $inbound)",
            "(param \"inbound\" $inbound) (param \"bytes\" (list u8))",
        );
        route.core += 2;
    });
    refused(&text.bytes(), "unexpected \"route: func(inbound");
}

#[test]
fn an_advertise_that_learns_the_client() {
    let text = Text::retyped(
        "client",
        "(field \"zone\" (option string))",
        "(field \"zone\" (option string)) (field \"principal\" string)",
    );
    // 18 flat parameters become one pointer.
    let text = Text {
        functions: with_core(text.functions.clone(), 2, 1),
        ..text
    };
    refused(&text.bytes(), "principal");
}

fn with_core(mut functions: Vec<Function>, at: usize, core: usize) -> Vec<Function> {
    functions[at].core = core;
    functions
}

#[test]
fn a_field_whose_type_alone_changes() {
    for (name, from, to) in [
        ("endpoint", "(field \"port\" u16)", "(field \"port\" u32)"),
        ("node-id", "s32", "u32"),
        ("port-range", "\"last\" u16", "\"last\" u8"),
    ] {
        let text = Text::retyped(name, from, to);
        refused(
            &text.bytes(),
            "its address-map differs from the world: unexpected",
        );
    }
}

#[test]
fn fields_that_change_places() {
    let text = Text::retyped(
        "advertised",
        "(field \"public\" $endpoint) (field \"local-port\" u16)",
        "(field \"local-port\" u16) (field \"public\" $endpoint)",
    );
    refused(
        &text.bytes(),
        "its address-map differs from the world: unexpected",
    );
}

#[test]
fn a_flag_that_asks_for_more() {
    let text = Text::retyped("client-fields", "\"zone\")", "\"zone\" \"request-body\")");
    refused(&text.bytes(), INTERCEPTORS);
}

#[test]
fn a_type_inside_the_interface_that_nothing_uses() {
    let text = Text::with(|text| {
        let record = "(record (field \"key\" (list u8)) (field \"value\" (list u8)))";
        text.types.push(("kafka-record".into(), record.into()));
    });
    refused(
        &text.bytes(),
        &format!(
            "unexpected \"kafka-record: type record{{key: list<u8>, value: list<u8>}}\": {INTERCEPTORS}"
        ),
    );
}

#[test]
fn a_resource_inside_the_interface() {
    let text = Text::with(|text| {
        text.inside = "(type $r (resource (rep i32))) (export \"session\" (type $r))".into();
    });
    refused(
        &text.bytes(),
        "unexpected \"session: type of another kind\"",
    );
}

#[test]
fn a_component_inside_the_interface() {
    let text = Text::with(|text| {
        text.inside = "(component $c) (export \"plugin\" (component $c))".into();
    });
    refused(&text.bytes(), "unexpected \"plugin: component\"");
}

#[test]
fn a_core_module_inside_the_interface() {
    let text = Text::with(|text| {
        text.inside = "(core module $c) (export \"plugin\" (core module $c))".into();
    });
    refused(&text.bytes(), "unexpected \"plugin: core module\"");
}

#[test]
fn a_stream_of_records() {
    let text = Text::with(|text| {
        text.inside = "(type $s (stream u8)) (export \"tap\" (type $s))".into();
    });
    refused(&text.bytes(), "it is not valid");
}

#[test]
fn an_import_of_a_type_or_a_module_or_a_bare_function() {
    for (import, name) in [
        ("(import \"request\" (type (sub resource)))", "request"),
        ("(import \"codec\" (core module))", "codec"),
        ("(import \"log\" (func (param \"text\" string)))", "log"),
        (
            "(import \"throughway:addrmap/address-map@0.1.0\" (instance))",
            NAME,
        ),
    ] {
        let text = Text::with(|text| text.before = import.into());
        refused(&text.bytes(), &format!("it imports \"{name}\""));
    }
}

#[test]
fn another_package_with_the_same_interface() {
    for name in [
        "throughway:addrmaps/address-map@0.1.0",
        "evil:addrmap/address-map@0.1.0",
        "throughway:addrmap/address-maps@0.1.0",
        "throughway:addrmap/address-map-hooks@0.1.0",
        "address-map",
    ] {
        let text = Text::with(|text| text.export = format!("(export \"{name}\" (instance $i))"));
        let why = judged(&text.bytes()).unwrap_err();
        assert!(why.starts_with(&format!("it exports \"{name}\"")), "{why}");
    }
}

#[test]
fn the_interface_under_its_name_as_something_else() {
    for (made, sort) in [
        ("(component $x)", "(component $x)"),
        ("(core module $x)", "(core module $x)"),
        ("(type $x string)", "(type $x)"),
    ] {
        let text = format!("(component {made} (export \"{NAME}\" {sort}))");
        let why = judged(&wat::parse_str(text).unwrap()).unwrap_err();
        assert!(
            why.contains("is not an instance") || why.contains("not valid"),
            "{why}"
        );
    }
}

#[test]
fn bytes_behind_the_component() {
    let mut bytes = Text::default().bytes();
    bytes.extend(wat::parse_str("(component)").unwrap());
    refused(&bytes, "it ");
    let mut bytes = Text::default().bytes();
    bytes.push(0xff);
    refused(&bytes, "it ");
}
