//! Keeps what this process knows to itself: no core dump, and no other process of its user may look.
//!
//! Licences, passwords and private keys pass through its memory.

use std::io;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// For the rest of the process's life; programs that it starts are not affected.
///
/// # Errors
/// Those of the system.
pub fn keep_private() -> io::Result<()> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none)?;
    Ok(())
}
