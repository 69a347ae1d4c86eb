//! The accepted text is the WIT's, and every item of the WIT says what it is.

use sha2::{Digest as _, Sha256};
use wasmparser::Validator;
use wasmparser::types::Types;

use super::*;
use crate::wasm::BUILT_IN;
use crate::wasm::engine::FEATURES;

/// The contract as authors read it.
const WIT: &str = include_str!("../../../../wit/addrmap.wit");

/// What wit-component makes of the WIT: its world as a type. `make guest` writes it, and `make ci` asks
/// whether it is still the WIT's.
const CONTRACT: &[u8] = include_bytes!("../../../../guest-addrmap/prebuilt/contract.wasm");

fn text_of(types: TypesRef<'_>, interface: ComponentEntityType) -> String {
    let ComponentEntityType::Instance(instance) = interface else {
        panic!("not an instance: {interface:?}");
    };
    lines(types, instance).unwrap().join("\n") + "\n"
}

fn types_of(component: &[u8]) -> Types {
    let mut validator = Validator::new_with_features(FEATURES);
    validator.validate_all(component).unwrap()
}

fn of_the_built_in(export: &str) -> String {
    let types = types_of(BUILT_IN);
    let types = types.as_ref();
    text_of(types, types.component_item_for_export(export).unwrap().ty)
}

/// What a component exports, of which only the type is there.
fn inside(types: TypesRef<'_>, ty: ComponentEntityType, export: &str) -> ComponentEntityType {
    let component = match ty {
        ComponentEntityType::Component(id) => id,
        ComponentEntityType::Type {
            referenced: ComponentAnyTypeId::Component(id),
            ..
        } => id,
        other => panic!("no component: {other:?}"),
    };
    types[component].exports[export].ty
}

/// The package has the world, which has its name with the package's, which has the interface.
fn of_the_wit(export: &str) -> String {
    let types = types_of(CONTRACT);
    let types = types.as_ref();
    let package = types.component_item_for_export("addrmap").unwrap().ty;
    let world = inside(
        types,
        package,
        &export.replace("/address-map@", "/addrmap@"),
    );
    text_of(types, inside(types, world, export))
}

#[test]
fn the_accepted_text_is_what_the_wit_says_and_the_built_in_component_has() {
    let newest = WORLDS.last().unwrap();
    assert_eq!(newest.surface, of_the_wit(newest.export));
    assert_eq!(newest.surface, of_the_built_in(newest.export));
}

/// Components in operators' hands are written for it: what changes is a new version.
#[test]
fn the_accepted_text_of_0_1_0_is_frozen() {
    let digest = Sha256::digest(WORLDS[0].surface);
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        digest,
        "a7ab1504cd32876deb68bc2114c3ec91cc701f17996fa81e1eb4e5c26d44f37b"
    );
}

#[test]
fn every_item_of_the_wit_has_a_comment() {
    let (mut items, mut commented) = (0, false);
    for line in WIT.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line.starts_with("///") {
            commented = true;
        } else if line != "}" {
            assert!(commented, "without a comment: {line}");
            items += 1;
            commented = false;
        }
    }
    assert!(items > 50, "{items}");
}

/// Writes the newest text anew after `make guest` with another `wit/addrmap.wit`.
#[test]
#[ignore = "writes into the source tree"]
fn regenerate() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/wasm/surface/address-map-0.1.0.txt"
    );
    let newest = WORLDS.last().unwrap();
    std::fs::write(path, of_the_wit(newest.export)).unwrap();
}
