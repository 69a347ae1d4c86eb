//! The built-in address map: `addrmap-rules` behind the four functions of `wit/addrmap.wit`.
//!
//! It holds one configured map and must not know any rule itself; `exports` translates types, and
//! `bindings` is generated.

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

mod bindings;
mod exports;

use addrmap_rules::{AddressRules, ConfigError};

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// There is nobody to tell: without WASI the text of a panic is lost, and the host sees a trap.
#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panicked(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// What `describe` says.
const NAME: &str = "built-in";
const SUMMARY: &str = "addresses by port or by server name, from the listener variables";

fn rules_from(config: &str) -> Result<AddressRules, ConfigError> {
    AddressRules::parse(config)
}
