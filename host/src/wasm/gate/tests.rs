//! Every way known to smuggle something in beside an address map, from text form, and what the gate
//! says of it. Beside it stands what an ordinary host, which accepts supersets, would have done.

mod bounded;
mod mutations;
mod rows;
mod smuggled;
mod text;

use wasmtime::component::{Component, Linker};

use super::super::bindings::AddrmapPre;
use super::super::engine::{Limits, Runtime};
use super::*;
use crate::config::LimitsProfile;

const NAME: &str = "throughway:addrmap/address-map@0.1.0";
const INTERCEPTORS: &str =
    "components that see or change requests are Interceptors, which this licence excludes";

/// What the gate finds, without the sentence that every refusal ends with.
fn judged(bytes: &[u8]) -> Result<Admitted, String> {
    let most = Limits::of(LimitsProfile::Small).file;
    admit(bytes, most).map_err(|why| {
        let found = why.strip_suffix(&format!("; {ACCEPTED}"));
        found.unwrap_or_else(|| panic!("{why}")).to_owned()
    })
}

#[track_caller]
fn refused(bytes: &[u8], found: &str) {
    match judged(bytes) {
        Err(why) => assert!(why.contains(found), "expected {found:?}, said {why:?}"),
        Ok(admitted) => panic!("{admitted:?}, though {found:?}"),
    }
}

#[track_caller]
fn exports_beside(bytes: &[u8], name: &str, rest: &str) {
    let told = format!("it exports \"{name}\", which is not part of the address-map world{rest}");
    assert_eq!(judged(bytes), Err(told));
}

/// True if a host that trusts its bindings and its linker would have taken it.
fn an_ordinary_host_takes(bytes: &[u8]) -> bool {
    let runtime = Runtime::new(LimitsProfile::Small).expect("an engine");
    Component::from_binary(&runtime.engine, bytes)
        .and_then(|component| Linker::<()>::new(&runtime.engine).instantiate_pre(&component))
        .and_then(AddrmapPre::new)
        .is_ok()
}

/// An admitted component whose start does not succeed.
fn fails_at_its_start(bytes: &[u8]) -> String {
    let component = super::super::GuestComponent::load(bytes, LimitsProfile::Small);
    let started = component.expect("it is admitted").instantiate();
    started.map(drop).expect_err("its start fails").to_string()
}
