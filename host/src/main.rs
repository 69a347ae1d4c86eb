//! The `throughway` binary: does what the command line asks and maps every outcome to an exit code.
//!
//! Results go to standard output, talk to standard error. Everything that lasts lives in the library.

mod cli;

use std::io::{self, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;
use throughway::addrmap::compile_child;
use throughway::addrmap::explain::{Asked, explain};
use throughway::admin::Client;
use throughway::config::{self, Config, Given, Parsed};
use throughway::doctor::{self, Examination};
use throughway::licence::{Source, anchors};
use throughway::signal::exit_at_once;
use throughway::telemetry::{self, Debugging};
use throughway::{RunError, agent, build_info, memory};
use tokio::runtime::Builder;

use crate::cli::license::Outcome;
use crate::cli::map::{Check, Map};
use crate::cli::{Cli, Command, FAILED, REFUSED};

/// Gives back what closed connections have used (`docs/decisions/0004`).
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

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
        Command::Man { folder } => match Cli::manual(&folder) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => complain(&format!("{}: {error}", folder.display()), FAILED),
        },
        Command::Serve => serve(),
        Command::AwsAgent { control_socket } => aws_agent(control_socket),
        Command::Config { json } => with_config(|parsed| print(&config::render(parsed, json))),
        Command::License(asked) if asked.needs_settings() => {
            with_config(|parsed| finish(asked.run(setting_of(parsed))))
        }
        Command::License(asked) => finish(asked.run(|_| None)),
        Command::Usage(asked) => match asked.state_directory() {
            Some(directory) => finish(asked.run(directory)),
            None => with_config(|parsed| finish(asked.run(&parsed.config.state_directory))),
        },
        Command::Doctor { json } => doctor(json),
        Command::Connections(asked) => finish(asked.run(std::env::var_os("RUNTIME_DIRECTORY"))),
        Command::Explain(asked) => with_config(|parsed| {
            explained(&parsed.config, &asked.brokers, asked.client_ip, asked.json)
        }),
        Command::CompileAddressMap { limits } => match compile_child(&limits) {
            Ok(()) => ExitCode::SUCCESS,
            // Its parent makes the sentence.
            Err(why) => {
                let _closed = writeln!(io::stderr(), "{why}");
                ExitCode::from(FAILED)
            }
        },
        Command::Map(Map::Check(asked)) => check_map(asked),
        Command::Map(Map::Author(asked)) => finish(asked.run()),
    }
}

/// Runs the proxy; the exit code says how it ended.
fn serve() -> ExitCode {
    lasting(|parsed, debugging| {
        for notice in &parsed.notices {
            if notice.warning {
                tracing::warn!("{}", notice.text);
            } else {
                tracing::info!("{}", notice.text);
            }
        }
        let licence = Source::choose(setting_of(parsed));
        let licence = licence.map_err(|error| RunError::Refused(error.into()))?;
        throughway::run(parsed, licence, debugging)
    })
}

/// Runs the AWS half; what is to be said of the configuration, the proxy says.
fn aws_agent(control_socket: PathBuf) -> ExitCode {
    lasting(|parsed, _| {
        let setting = setting_of(parsed);
        agent::run(&parsed.config, setting, control_socket)
    })
}

/// Runs what lasts: with its memory to itself, and a log.
fn lasting(run: impl FnOnce(&Parsed, Debugging) -> Result<(), RunError>) -> ExitCode {
    if let Err(error) = memory::keep_private() {
        return complain(&format!("keep memory private: {error}"), FAILED);
    }
    with_config(|parsed| match telemetry::start(&parsed.config.log) {
        Ok(debugging) => end(run(parsed, debugging)),
        Err(error) => complain(&format!("{:#}", anyhow::Error::from(error)), REFUSED),
    })
}

/// Says what went wrong, if anything did. Threads may still be at work: they are not asked.
fn end(outcome: Result<(), RunError>) -> ! {
    let (why, code) = match outcome {
        Ok(()) => exit_at_once(0),
        Err(RunError::Refused(error)) => (format!("refused: {error:#}"), REFUSED),
        Err(RunError::Failed(error)) => (format!("failed: {error:#}"), FAILED),
    };
    complain(&why, code);
    exit_at_once(code)
}

/// Looks at everything, or only at what is wrong with the configuration.
fn doctor(json: bool) -> ExitCode {
    let examination = match config::load::from_process() {
        Err(errors) => Ok(Examination::refused(&errors)),
        Ok(parsed) => examine(&parsed),
    };
    match examination {
        Err(error) => complain(&format!("doctor: {error}"), FAILED),
        Ok(examination) => match (
            print(&cli::render(&examination, json)),
            examination.has_failed(),
        ) {
            (printed, false) => printed,
            (_, true) => ExitCode::from(FAILED),
        },
    }
}

fn examine(parsed: &Parsed) -> io::Result<Examination> {
    let configured = parsed.config.admin.control_socket.clone();
    let beside = Client::Local(configured.unwrap_or_else(|| config::control_socket_beside(None)));
    let runtime = Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(doctor::examine(parsed, &beside)))
}

/// The value of a variable that `Config` does not hold, when it is set.
fn setting_of<'a>(parsed: &'a Parsed) -> impl Fn(&'static str) -> Option<&'a str> {
    |name| parsed.later.get(name).map(|value| value.0.as_str())
}

/// Says what clients would be told.
fn explained(config: &Config, brokers: &[Asked], client: Option<IpAddr>, json: bool) -> ExitCode {
    match explain(config, brokers, client) {
        Ok(explained) => print(&cli::render(&explained, json)),
        Err(error) => complain(&error.to_string(), REFUSED),
    }
}

/// Checks a component with the listeners of the environment; where none is set up, with a sample.
fn check_map(asked: Check) -> ExitCode {
    let parsed = match config::load::is_set_up() {
        true => config::load::from_process(),
        false => config::parse(&sample()),
    };
    let mut config = match parsed {
        Ok(parsed) => parsed.config,
        Err(errors) => return complain(&errors.to_string(), REFUSED),
    };
    match asked.text() {
        Ok(None) => {}
        Ok(Some(text)) => {
            config.address_map.text = text;
            config.address_map.decided_by = Some("--config");
        }
        Err(error) => return complain(&format!("--config: {error:#}"), REFUSED),
    }
    config.address_map.component = Some(asked.file);
    if let Some(limits) = asked.limits {
        config.address_map.limits = limits.into();
    }
    explained(&config, &asked.brokers, asked.client_ip, false)
}

/// One listener by ports, as a component without a deployment is checked against.
fn sample() -> Given {
    let set = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let environment = [
        ("KAFKA_BOOTSTRAP_SERVERS", "broker1.kafka.invalid:9092"),
        ("KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT"),
        (
            "GATEWAY_LISTENER_SAMPLE_SECURITY_PROTOCOL",
            "SASL_PLAINTEXT",
        ),
        ("GATEWAY_LISTENER_SAMPLE_ROUTING", "port"),
        ("GATEWAY_LISTENER_SAMPLE_PORTS", "6969-7068"),
        (
            "GATEWAY_LISTENER_SAMPLE_ADVERTISED_HOST",
            "kafka.example.com",
        ),
    ];
    Given {
        environment: environment.into_iter().map(set).collect(),
        cores: 1,
        ..Given::default()
    }
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
