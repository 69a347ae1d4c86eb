//! The `throughway` binary: does what the command line asks and maps every outcome to an exit code.
//!
//! Results go to standard output, talk to standard error. Everything that lasts lives in the library.

mod cli;

use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::json;
use throughway::build_info;

use crate::cli::{Cli, Command, FAILED, REFUSED};

fn main() -> ExitCode {
    let cli = match Cli::from(std::env::args_os()) {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    match cli.command.unwrap_or(Command::Serve) {
        Command::Version { json } => print(&version(json)),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            Cli::completions(shell, &mut script);
            print(&String::from_utf8_lossy(&script))
        }
        Command::Serve | Command::Config { .. } | Command::Explain(_) | Command::Map(_) => {
            let _closed = writeln!(io::stderr(), "throughway: this command is not part of this build");
            ExitCode::from(REFUSED)
        }
    }
}

/// Writes a result. A reader that has gone (`| head`) is no failure.
fn print(result: &str) -> ExitCode {
    let mut out = io::stdout().lock();
    let written = out.write_all(result.as_bytes()).and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::from(FAILED),
        _ => ExitCode::SUCCESS,
    }
}

fn version(json: bool) -> String {
    if json {
        let fields = json!({
            "version": build_info::VERSION,
            "commit": build_info::COMMIT,
            "target": build_info::TARGET,
            "wit_versions": build_info::WIT_VERSIONS,
            "tls_library": build_info::TLS_LIBRARY,
        });
        return format!("{fields}\n");
    }
    format!(
        "throughway {}\ncommit {}\ntarget {}\naddress maps {}\ntls {}\n",
        build_info::VERSION,
        build_info::COMMIT,
        build_info::TARGET,
        build_info::WIT_VERSIONS.join(", "),
        build_info::TLS_LIBRARY,
    )
}
