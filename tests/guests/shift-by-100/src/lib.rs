//! A test guest that differs from the built-in map in every answer: all advertised and local ports
//! are 100 higher. If clients see its ports, the guest decided, and no native code beside it.
//!
//! It shares the translation of types with the built-in guest and changes only the configuration.

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

mod bindings;
#[path = "../../../../guest-addrmap/src/exports.rs"]
mod exports;

use addrmap_rules::{AddressRules, ConfigError};
use alloc::string::ToString as _;
use serde_json::Value;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panicked(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// What `describe` says.
const NAME: &str = "shift-by-100";
const SUMMARY: &str = "the built-in rules with every advertised and local port 100 higher";

fn rules_from(config: &str) -> Result<AddressRules, ConfigError> {
    let Ok(mut document) = serde_json::from_str::<Value>(config) else {
        return AddressRules::parse(config);
    };
    shift(&mut document);
    AddressRules::parse(&document.to_string())
}

/// Adds 100 to every number under `advertised` or `local`, wherever it stands.
fn shift(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (key, member) in members.iter_mut() {
                match member.as_u64() {
                    Some(port) if key == "advertised" || key == "local" => {
                        *member = (port + 100).into()
                    }
                    _ => shift(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(shift),
        _ => {}
    }
}
