//! The canonical text of an exported interface: one line for each export, sorted, types expanded by
//! structure, every field, case and parameter name kept.
//!
//! The accepted text of each version stands in `surface/`; a test makes it again from the WIT.

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentDefinedType, ComponentEntityType, ComponentFuncTypeId,
    ComponentInstanceTypeId, ComponentValType,
};
use wasmparser::types::TypesRef;

/// A component whose types expand beyond this is not ours.
const MOST_TEXT: usize = 64 * 1024;

/// One version of the world that this host speaks.
pub(super) struct World {
    pub(super) export: &'static str,
    /// As `lines` prints it.
    pub(super) surface: &'static str,
}

/// Every version accepted. A patch release changes documentation only and keeps its line.
pub(super) const WORLDS: &[World] = &[World {
    export: "throughway:addrmap/address-map@0.1.0",
    surface: include_str!("surface/address-map-0.1.0.txt"),
}];

/// The text of an exported instance, line by line.
pub(super) fn lines(
    types: TypesRef<'_>,
    instance: ComponentInstanceTypeId,
) -> Result<Vec<String>, String> {
    #[expect(
        clippy::indexing_slicing,
        reason = "ids come from these very types; no `get` there"
    )]
    let instance = &types[instance];
    let mut lines = Vec::new();
    let mut total = 0_usize;
    for (name, item) in &instance.exports {
        let mut printer = Printer {
            types,
            out: format!("{name}: "),
        };
        printer.item(item.ty)?;
        total = total.saturating_add(printer.out.len());
        if total > MOST_TEXT {
            return Err(Printer::too_long());
        }
        lines.push(printer.out);
    }
    lines.sort();
    Ok(lines)
}

struct Printer<'a> {
    types: TypesRef<'a>,
    out: String,
}

impl Printer<'_> {
    fn too_long() -> String {
        "its types are larger than an address map's".into()
    }

    fn item(&mut self, item: ComponentEntityType) -> Result<(), String> {
        match item {
            ComponentEntityType::Func(id) => self.func(id),
            ComponentEntityType::Type {
                referenced: ComponentAnyTypeId::Defined(id),
                ..
            } => {
                self.put("type ");
                self.value(ComponentValType::Type(id))
            }
            ComponentEntityType::Type { .. } => self.kind("type of another kind"),
            ComponentEntityType::Module(_) => self.kind("core module"),
            ComponentEntityType::Value(_) => self.kind("value"),
            ComponentEntityType::Instance(_) => self.kind("instance"),
            ComponentEntityType::Component(_) => self.kind("component"),
        }
    }

    fn func(&mut self, id: ComponentFuncTypeId) -> Result<(), String> {
        let types = self.types;
        #[expect(clippy::indexing_slicing, reason = "as in `lines`")]
        let func = &types[id];
        self.put(if func.async_ { "async func(" } else { "func(" });
        self.fields(
            func.params
                .iter()
                .map(|(name, ty)| (name.as_str(), Some(*ty))),
        )?;
        self.put(")");
        if let Some(result) = func.result {
            self.put(" -> ");
            self.value(result)?;
        }
        Ok(())
    }

    fn value(&mut self, ty: ComponentValType) -> Result<(), String> {
        let types = self.types;
        let id = match ty {
            ComponentValType::Primitive(primitive) => return self.kind(&primitive.to_string()),
            ComponentValType::Type(id) => id,
        };
        #[expect(clippy::indexing_slicing, reason = "as in `lines`")]
        let defined = &types[id];
        match defined {
            ComponentDefinedType::Primitive(primitive) => self.kind(&primitive.to_string()),
            ComponentDefinedType::Record(record) => {
                self.put("record{");
                self.fields(
                    record
                        .fields
                        .iter()
                        .map(|(name, ty)| (name.as_str(), Some(*ty))),
                )?;
                self.kind("}")
            }
            ComponentDefinedType::Variant(variant) => {
                self.put("variant{");
                self.fields(
                    variant
                        .cases
                        .iter()
                        .map(|(name, case)| (name.as_str(), case.ty)),
                )?;
                self.kind("}")
            }
            ComponentDefinedType::Flags(names) => {
                self.put("flags{");
                self.fields(names.iter().map(|name| (name.as_str(), None)))?;
                self.kind("}")
            }
            ComponentDefinedType::Enum(names) => {
                self.put("enum{");
                self.fields(names.iter().map(|name| (name.as_str(), None)))?;
                self.kind("}")
            }
            ComponentDefinedType::List { element, .. } => self.generic("list", &[Some(*element)]),
            ComponentDefinedType::Option { ty, .. } => self.generic("option", &[Some(*ty)]),
            ComponentDefinedType::Result { ok, err, .. } => self.generic("result", &[*ok, *err]),
            // Whatever else there is, no accepted surface has it.
            _ => self.kind("a type that no address map has"),
        }
    }

    fn generic(&mut self, name: &str, of: &[Option<ComponentValType>]) -> Result<(), String> {
        self.put(name);
        self.put("<");
        for (index, ty) in of.iter().enumerate() {
            self.put(if index == 0 { "" } else { ", " });
            match ty {
                Some(ty) => self.value(*ty)?,
                None => self.put("_"),
            }
        }
        self.kind(">")
    }

    fn fields<'b>(
        &mut self,
        fields: impl Iterator<Item = (&'b str, Option<ComponentValType>)>,
    ) -> Result<(), String> {
        for (index, (name, ty)) in fields.enumerate() {
            let _ = write!(self.out, "{}{name}", if index == 0 { "" } else { ", " });
            if let Some(ty) = ty {
                self.put(": ");
                self.value(ty)?;
            }
        }
        Ok(())
    }

    fn put(&mut self, text: &str) {
        self.out.push_str(text);
    }

    /// Puts a last piece, and bounds what expanding shared types can grow to.
    fn kind(&mut self, text: &str) -> Result<(), String> {
        self.put(text);
        if self.out.len() > MOST_TEXT {
            Err(Self::too_long())
        } else {
            Ok(())
        }
    }
}
