//! What is admitted: components that import nothing and export the address-map interface, exactly.
//!
//! Looked at before anything is compiled. It must not know wasmtime: a linker accepts supersets and
//! later versions, because for a platform those are fine; a gate must not.

mod recognised;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use wasmparser::component_types::{ComponentEntityType, ComponentInstanceTypeId};
use wasmparser::types::TypesRef;
use wasmparser::{Encoding, Parser, Payload, Validator};

use self::recognised::{is_foreign, resemblance};
use super::engine::FEATURES;
use super::surface::{self, WORLDS, World};
use super::text::shown;

/// What every refusal ends with.
const ACCEPTED: &str = "accepted is a component without imports whose one export is the instance \
     \"throughway:addrmap/address-map@0.1.0\"";

/// Remarks beyond this are not made: their number is a guest's choice.
const MOST_REMARKS: usize = 16;

/// What is in an admitted component that nothing can reach, for the log: hidden components, core
/// modules' exports and custom sections with the names of hooks. Refusing them would refuse
/// componentize-js, every component of which has a core export named after `wasi:http`.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Admitted {
    pub(super) unreachable: Vec<String>,
}

/// Admits or refuses a component of at most `most` bytes; the text says what was found and what is
/// accepted.
pub(super) fn admit(bytes: &[u8], most: usize) -> Result<Admitted, String> {
    inspect(bytes, most).map_err(|mut found| {
        let _ = write!(found, "; {ACCEPTED}");
        found
    })
}

fn inspect(bytes: &[u8], most: usize) -> Result<Admitted, String> {
    if bytes.len() > most {
        return Err(format!(
            "it has {} bytes, at most {most} are read",
            bytes.len()
        ));
    }
    kind(bytes)?;
    let seen = look(bytes)?;
    if let Some(import) = seen.imports.first() {
        return Err(format!(
            "it imports {}{}",
            shown(import),
            resemblance(import)
        ));
    }
    let types = Validator::new_with_features(FEATURES)
        .validate_all(bytes)
        .map_err(|error| format!("it is not valid: {}", shown(&error.to_string())))?;
    exports(&seen.exports, types.as_ref())?;
    Ok(Admitted {
        unreachable: seen.remarks,
    })
}

/// Tells a component from everything else that a file may hold.
fn kind(bytes: &[u8]) -> Result<(), String> {
    match bytes.get(..8) {
        Some([0, b'a', b's', b'm', version @ ..]) if *version == [0x0d, 0, 1, 0] => Ok(()),
        Some([0, b'a', b's', b'm', version @ ..]) if *version == [1, 0, 0, 0] => Err(format!(
            "it is a core module, not a component{}",
            meant_for(bytes)
        )),
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

/// Imports and exports of the outermost component by name, and remarks on what lies deeper.
#[derive(Default)]
struct Seen<'a> {
    imports: Vec<&'a str>,
    exports: Vec<&'a str>,
    remarks: Vec<String>,
    nested: usize,
}

impl Seen<'_> {
    fn remark(&mut self, what: &str, name: &str) {
        if is_foreign(name) && self.remarks.len() < MOST_REMARKS {
            self.remarks.push(format!("{what} {}", shown(name)));
        }
    }
}

fn unreadable(error: &wasmparser::BinaryReaderError) -> String {
    format!("it cannot be read: {}", shown(&error.to_string()))
}

fn look(bytes: &[u8]) -> Result<Seen<'_>, String> {
    let mut parser = Parser::new(0);
    parser.set_features(FEATURES);
    let mut seen = Seen::default();
    let mut depth = 0_usize;
    for payload in parser.parse_all(bytes) {
        match payload.map_err(|error| unreadable(&error))? {
            Payload::Version { encoding, .. } => {
                if depth == 0 && encoding != Encoding::Component {
                    return Err("it is a core module, not a component".into());
                }
                depth = depth.saturating_add(1);
                let nested = encoding == Encoding::Component && depth > 1;
                seen.nested = seen.nested.saturating_add(usize::from(nested));
            }
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    let import = import.map_err(|error| unreadable(&error))?;
                    seen.imports.push(import.name.name);
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    let name = export.map_err(|error| unreadable(&error))?.name.name;
                    if depth == 1 {
                        seen.exports.push(name);
                    } else {
                        seen.remark("hidden component's export", name);
                    }
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let name = export.map_err(|error| unreadable(&error))?.name;
                    seen.remark("core module's export", name);
                }
            }
            // `producers` is where tools write their own names.
            Payload::CustomSection(section) if section.name() != "producers" => {
                seen.remark("custom section", section.name());
            }
            _ => {}
        }
    }
    // The one that every tool makes around the interface is no remark.
    if seen.nested > 1 {
        let hidden = seen.nested.saturating_sub(1);
        seen.remarks
            .insert(0, format!("{hidden} hidden components"));
    }
    Ok(seen)
}

/// What a core module would have been for, by the first telling name in it.
fn meant_for(module: &[u8]) -> String {
    let mut names = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        match payload {
            Ok(Payload::ImportSection(section)) => names.extend(
                section
                    .into_imports()
                    .filter_map(Result::ok)
                    .map(|import| ("imports", import.name)),
            ),
            Ok(Payload::ExportSection(section)) => names.extend(
                section
                    .into_iter()
                    .filter_map(Result::ok)
                    .map(|export| ("exports", export.name)),
            ),
            Ok(_) => {}
            Err(_) => break,
        }
    }
    let telling = names.iter().find(|(_, name)| is_foreign(name));
    telling.map_or_else(String::new, |(does, name)| {
        format!("; it {does} {}{}", shown(name), resemblance(name))
    })
}

fn exports(names: &[&str], types: TypesRef<'_>) -> Result<(), String> {
    let known = |name: &str| WORLDS.iter().find(|world| world.export == name);
    if let Some(other) = names.iter().find(|name| known(name).is_none()) {
        return Err(format!(
            "it exports {}, which is not part of the address-map world{}",
            shown(other),
            version(other).unwrap_or_else(|| resemblance(other))
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

/// What the first telling word says that no accepted surface has.
fn telling(line: &str, surface: &str) -> String {
    let words = |text| str::split(text, |c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    words(line)
        .filter(|word| is_foreign(word) && words(surface).all(|known| known != *word))
        .map(resemblance)
        .next()
        .unwrap_or_default()
}

/// What to say of another version of the interface than those in the table.
fn version(name: &str) -> Option<String> {
    let (interface, known) = WORLDS.last()?.export.split_once('@')?;
    let found = name.strip_prefix(interface)?;
    Some(match found.strip_prefix('@') {
        None if found.is_empty() => {
            format!(": it names no version, this throughway speaks {known}")
        }
        None => resemblance(name),
        Some(version) => format!(
            ": it is made for version {}, this throughway speaks {known}",
            shown(version)
        ),
    })
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
            "its address-map differs from the world: unexpected {}{}",
            shown(line),
            telling(line, world.surface)
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
