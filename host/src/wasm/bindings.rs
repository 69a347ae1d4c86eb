//! Generated from `wit/addrmap.wit`: the host's side of the four functions.

wasmtime::component::bindgen!({
    path: "../wit",
    world: "addrmap",
    additional_derives: [PartialEq],
});

pub(crate) use exports::throughway::addrmap::address_map::*;
