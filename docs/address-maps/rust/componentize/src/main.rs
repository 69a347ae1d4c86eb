//! `componentize MODULE COMPONENT`: wraps the core module that cargo builds into a component. The
//! world travels inside the module.

use std::error::Error;
use std::{env, fs};

use wit_component::ComponentEncoder;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [module, component] = arguments.as_slice() else {
        return Err("usage: componentize MODULE COMPONENT".into());
    };
    let bytes = ComponentEncoder::default()
        .validate(true)
        .module(&fs::read(module)?)?
        .encode()?;
    fs::write(component, bytes)?;
    Ok(())
}
