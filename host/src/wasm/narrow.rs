//! Reduces a component to the one export that is allowed, for tools that leave exports of their own.
//!
//! The original goes inside an outer component that passes on nothing else, so whatever more it has
//! can never be called. The outer one is 100 bytes, written here by hand: four sections of
//! <https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md>.

use super::surface::WORLDS;
use super::{AddrMapError, gate, most_bytes};
use crate::config::LimitsProfile;

const HEADER: [u8; 8] = [0, b'a', b's', b'm', 0x0d, 0, 1, 0];

/// Sections, by id.
const COMPONENT: u8 = 4;
const INSTANCE: u8 = 5;
const ALIAS: u8 = 6;
const EXPORT: u8 = 11;
/// The sort "instance", in front of a name or an index.
const SORT_INSTANCE: u8 = 5;

/// A component that exports the address-map interface of this one, and nothing else.
///
/// # Errors
/// `Refused` when it has imports or no such interface: what is written would be refused too.
pub fn narrow(bytes: &[u8]) -> Result<Vec<u8>, AddrMapError> {
    let admit = |bytes: &[u8]| {
        let most = most_bytes(LimitsProfile::Runtime);
        gate::admit(bytes, most)
            .map(drop)
            .map_err(AddrMapError::Refused)
    };
    match admit(bytes) {
        Ok(()) => return Ok(bytes.to_vec()),
        // Of no use inside another: what is said of it itself says more.
        Err(found) if !bytes.starts_with(&HEADER) => return Err(found),
        Err(_wider) => {}
    }
    let mut last = AddrMapError::Refused("no version of the interface is known".into());
    for world in WORLDS {
        let outer = wrap(bytes, world.export);
        match admit(&outer) {
            Ok(()) => return Ok(outer),
            Err(found) => last = found,
        }
    }
    Err(last)
}

fn wrap(inner: &[u8], export: &str) -> Vec<u8> {
    let name = [leb128(export.len()), export.as_bytes().to_vec()].concat();
    let mut outer = HEADER.to_vec();
    outer.extend(section(COMPONENT, inner));
    // One: instantiate component 0 without arguments.
    outer.extend(section(INSTANCE, &[1, 0, 0, 0]));
    // One: the instance that instance 0 exports by this name; it becomes instance 1.
    outer.extend(section(
        ALIAS,
        &[&[1, SORT_INSTANCE, 0, 0], name.as_slice()].concat(),
    ));
    // One: instance 1 by the same name, its type as it is.
    let exported = [&[1, 0], name.as_slice(), &[SORT_INSTANCE, 1, 0]].concat();
    outer.extend(section(EXPORT, &exported));
    outer
}

fn section(id: u8, body: &[u8]) -> Vec<u8> {
    [&[id], leb128(body.len()).as_slice(), body].concat()
}

/// Unsigned LEB128, of the fewest bytes.
fn leb128(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or_default();
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::BUILT_IN;

    const NAME: &str = "throughway:addrmap/address-map@0.1.0";

    /// The built-in component with its instance exported under a second name.
    fn with_another_export(name: &str) -> Vec<u8> {
        let mut wider = wrap(BUILT_IN, NAME);
        let name = [leb128(name.len()), name.as_bytes().to_vec()].concat();
        let exported = [&[1, 0], name.as_slice(), &[SORT_INSTANCE, 1, 0]].concat();
        wider.extend(section(EXPORT, &exported));
        wider
    }

    fn refusal(outcome: Result<Vec<u8>, AddrMapError>) -> String {
        outcome.map(drop).unwrap_err().to_string()
    }

    #[test]
    fn an_extra_export_is_gone_and_the_rest_is_admitted() {
        let wider = with_another_export("exports");
        let most = most_bytes(LimitsProfile::Small);
        let said = gate::admit(&wider, most).unwrap_err();
        assert!(said.contains("exports"), "{said}");
        let narrow = narrow(&wider).unwrap();
        assert_eq!(gate::admit(&narrow, most).map(drop), Ok(()));
        assert!(narrow.len() - wider.len() < 120);
    }

    #[test]
    fn what_is_narrow_already_stays_as_it_is() {
        assert_eq!(narrow(BUILT_IN).unwrap(), BUILT_IN);
    }

    #[test]
    fn what_would_still_be_refused_is_not_written() {
        let module = refusal(narrow(b"\0asm\x01\0\0\0"));
        assert!(
            module.contains("a core module, not a component"),
            "{module}"
        );
        let import = wat::parse_str(r#"(component (import "a:b/c@1.0.0" (instance)))"#).unwrap();
        let said = refusal(narrow(&import));
        assert!(said.contains("a:b/c@1.0.0"), "{said}");
        let other = refusal(narrow(&wat::parse_str("(component)").unwrap()));
        assert!(other.contains(NAME), "{other}");
    }
}
