//! Generated from `wit/addrmap.wit`; all unsafe code of the guest is in here.

#![expect(unsafe_code, clippy::mem_forget, reason = "emitted by wit_bindgen")]

wit_bindgen::generate!({ path: "../wit", world: "addrmap" });

export!(Component);

/// What the world's functions are implemented on.
pub(crate) struct Component;
