//! `addrmap-componentize MODULE COMPONENT`: wraps a core module, as `guest-addrmap` builds to, into
//! a component. It must not know what the guest does; the world travels inside the module.

use std::{env, fs};

use anyhow::{Context as _, Result, bail};
use wit_component::ComponentEncoder;

fn main() -> Result<()> {
    let mut args = env::args_os().skip(1);
    let (Some(module), Some(component), None) = (args.next(), args.next(), args.next()) else {
        bail!("usage: addrmap-componentize MODULE COMPONENT");
    };
    let core = fs::read(&module).with_context(|| format!("read {}", module.display()))?;
    let bytes = ComponentEncoder::default()
        .validate(true)
        .module(&core)
        .context("read the core module")?
        .encode()
        .context("encode the component")?;
    fs::write(&component, bytes).with_context(|| format!("write {}", component.display()))
}
