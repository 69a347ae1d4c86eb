//! What is admitted: components that import nothing and export the address-map interface, exactly.
//!
//! Looked at before anything is compiled. It must not know wasmtime: a linker accepts supersets and
//! later versions, because for a platform those are fine; a gate must not.

use std::fmt::Write as _;

use wasmparser::component_types::{ComponentEntityType, ComponentInstanceTypeId};
use wasmparser::types::TypesRef;
use wasmparser::{Encoding, Parser, Payload, Validator};

use super::engine::FEATURES;
use super::surface::{self, WORLDS, World};
use super::text::shown;

/// What every refusal ends with.
const ACCEPTED: &str = "accepted is a component without imports whose one export is the instance \
     \"throughway:addrmap/address-map@0.1.0\"";

/// Admits or refuses a component of at most `most` bytes; the text says what was found and what is
/// accepted.
pub(super) fn admit(bytes: &[u8], most: usize) -> Result<(), String> {
    inspect(bytes, most).map_err(|mut found| {
        let _ = write!(found, "; {ACCEPTED}");
        found
    })
}

fn inspect(bytes: &[u8], most: usize) -> Result<(), String> {
    if bytes.len() > most {
        return Err(format!(
            "it has {} bytes, at most {most} are read",
            bytes.len()
        ));
    }
    kind(bytes)?;
    let names = outer_names(bytes)?;
    if let Some(import) = names.imports.first() {
        return Err(format!("it imports {}", shown(import)));
    }
    let types = Validator::new_with_features(FEATURES)
        .validate_all(bytes)
        .map_err(|error| format!("it is not valid: {}", shown(&error.to_string())))?;
    exports(&names.exports, types.as_ref())
}

/// Tells a component from everything else that a file may hold.
fn kind(bytes: &[u8]) -> Result<(), String> {
    match bytes.get(..8) {
        Some([0, b'a', b's', b'm', version @ ..]) if *version == [0x0d, 0, 1, 0] => Ok(()),
        Some([0, b'a', b's', b'm', version @ ..]) if *version == [1, 0, 0, 0] => {
            Err("it is a core module, not a component".into())
        }
        Some([0, b'a', b's', b'm', ..]) => {
            Err("it is WebAssembly of an unknown layer or version".into())
        }
        Some([0x7f, b'E', b'L', b'F', ..]) => {
            Err("it is an ELF file, such as a component that was compiled before".into())
        }
        _ if bytes.trim_ascii_start().starts_with(b"(") => {
            Err("it is WebAssembly text, not a component".into())
        }
        _ => Err("it is not WebAssembly".into()),
    }
}

/// Imports and exports of the outermost component, by name.
struct OuterNames<'a> {
    imports: Vec<&'a str>,
    exports: Vec<&'a str>,
}

fn outer_names(bytes: &[u8]) -> Result<OuterNames<'_>, String> {
    let unreadable = |error: wasmparser::BinaryReaderError| {
        format!("it cannot be read: {}", shown(&error.to_string()))
    };
    let mut parser = Parser::new(0);
    parser.set_features(FEATURES);
    let mut names = OuterNames {
        imports: Vec::new(),
        exports: Vec::new(),
    };
    let mut depth = 0_usize;
    for payload in parser.parse_all(bytes) {
        match payload.map_err(unreadable)? {
            Payload::Version { encoding, .. } => {
                if depth == 0 && encoding != Encoding::Component {
                    return Err("it is a core module, not a component".into());
                }
                depth = depth.saturating_add(1);
            }
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    names.imports.push(import.map_err(unreadable)?.name.name);
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    names.exports.push(export.map_err(unreadable)?.name.name);
                }
            }
            _ => {}
        }
    }
    Ok(names)
}

fn exports(names: &[&str], types: TypesRef<'_>) -> Result<(), String> {
    let known = |name: &str| WORLDS.iter().find(|world| world.export == name);
    if let Some(other) = names.iter().find(|name| known(name).is_none()) {
        return Err(format!(
            "it exports {}, which is not part of the address-map world",
            shown(other)
        ));
    }
    let &[name] = names else {
        return Err(format!("it has {} exports", names.len()));
    };
    let (Some(world), Some(item)) = (known(name), types.component_item_for_export(name)) else {
        return Err(format!("it exports {}", shown(name)));
    };
    if item.implements.is_some() || item.version_suffix.is_some() || item.external_id.is_some() {
        return Err(format!("its export {} carries an annotation", shown(name)));
    }
    let ComponentEntityType::Instance(instance) = item.ty else {
        return Err(format!("its export {} is not an instance", shown(name)));
    };
    same_surface(world, types, instance)
}

fn same_surface(
    world: &World,
    types: TypesRef<'_>,
    instance: ComponentInstanceTypeId,
) -> Result<(), String> {
    let found = surface::lines(types, instance)?;
    let unexpected = found
        .iter()
        .find(|line| !world.surface.lines().any(|known| known == *line));
    if let Some(line) = unexpected {
        return Err(format!(
            "its address-map differs from the world: unexpected {}",
            shown(line)
        ));
    }
    let missing = world
        .surface
        .lines()
        .find(|known| !found.iter().any(|line| line == known));
    if let Some(line) = missing {
        return Err(format!(
            "its address-map differs from the world: no {}",
            shown(line)
        ));
    }
    Ok(())
}
