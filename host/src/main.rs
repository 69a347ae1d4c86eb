//! The `throughway` binary: does what the command line asks and maps every outcome to an exit code.
//!
//! Results go to standard output, talk to standard error. Everything that lasts lives in the library.

mod cli;

use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::json;
use throughway::config::{self, Parsed};
use throughway::licence::anchors;
use throughway::{RunError, build_info, telemetry};

use crate::cli::license::Outcome;
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
        Command::Serve => serve(),
        Command::Config { json } => with_config(|parsed| print(&config::render(parsed, json))),
        Command::License(asked) if asked.needs_settings() => with_config(|parsed| {
            finish(asked.run(|name| parsed.later.get(name).map(|value| value.0.as_str())))
        }),
        Command::License(asked) => finish(asked.run(|_| None)),
        Command::Explain(_) | Command::Map(_) => ExitCode::from(REFUSED),
    }
}

/// Runs the proxy; the exit code says how it ended.
fn serve() -> ExitCode {
    with_config(|parsed| {
        if let Err(error) = telemetry::start(&parsed.config.log) {
            return complain(&format!("{:#}", anyhow::Error::from(error)), REFUSED);
        }
        for notice in &parsed.notices {
            if notice.warning {
                tracing::warn!("{}", notice.text);
            } else {
                tracing::info!("{}", notice.text);
            }
        }
        tracing::warn!("this build does not check a licence yet");
        match throughway::run(parsed.config.clone()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(RunError::Refused(error)) => complain(&format!("refused: {error:#}"), REFUSED),
            Err(RunError::Failed(error)) => complain(&format!("failed: {error:#}"), FAILED),
        }
    })
}

/// Does something with the configuration, or shows everything that is wrong with it.
fn with_config(then: impl FnOnce(&Parsed) -> ExitCode) -> ExitCode {
    match config::load::from_process() {
        Ok(parsed) => then(&parsed),
        Err(errors) => complain(&errors.to_string(), REFUSED),
    }
}

/// Prints what there is, then says why it is no success.
fn finish(outcome: Outcome) -> ExitCode {
    let printed = print(&outcome.text);
    match outcome.refusal {
        Some((why, code)) => complain(&why, code),
        None => printed,
    }
}

/// Says on standard error why the process ends.
fn complain(why: &str, code: u8) -> ExitCode {
    let _closed = writeln!(io::stderr(), "throughway: {why}");
    ExitCode::from(code)
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
            "licence_anchors": anchors::kind(),
            "tls_library": build_info::TLS_LIBRARY,
        });
        return format!("{fields}\n");
    }
    format!(
        "throughway {}\ncommit {}\ntarget {}\naddress maps {}\nlicence anchors {}\ntls {}\n",
        build_info::VERSION,
        build_info::COMMIT,
        build_info::TARGET,
        build_info::WIT_VERSIONS.join(", "),
        anchors::kind(),
        build_info::TLS_LIBRARY,
    )
}
