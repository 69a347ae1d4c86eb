//! `addrmap-componentize MODULE COMPONENT`: wraps a core module, as `guest-addrmap` builds to, into
//! a component. It must not know what the guest does; the world travels inside the module.
//!
//! `addrmap-componentize --wit WIT BINARY`: the contract itself in binary form, from which a test makes
//! the text that components are compared with.

use std::ffi::OsString;
use std::path::Path;
use std::{env, fs};

use anyhow::{Context as _, Result, bail};
use wit_component::ComponentEncoder;
use wit_parser::Resolve;

fn main() -> Result<()> {
    let args: Vec<OsString> = env::args_os().skip(1).collect();
    let (bytes, to) = match args.as_slice() {
        [wit, from, to] if wit == "--wit" => (contract(from.as_ref())?, to),
        [from, to] => (component(from.as_ref())?, to),
        _ => bail!("usage: addrmap-componentize MODULE COMPONENT, or --wit WIT BINARY"),
    };
    fs::write(to, bytes).with_context(|| format!("write {}", to.display()))
}

fn component(module: &Path) -> Result<Vec<u8>> {
    let core = fs::read(module).with_context(|| format!("read {}", module.display()))?;
    ComponentEncoder::default()
        .validate(true)
        .module(&core)
        .context("read the core module")?
        .encode()
        .context("encode the component")
}

fn contract(wit: &Path) -> Result<Vec<u8>> {
    let mut resolve = Resolve::default();
    let package = resolve.push_file(wit).context("read the WIT")?;
    // Names as they are written today, without the version suffix that tools may write one day.
    wit_component::encode(&resolve, package, false).context("encode the WIT")
}
