//! The command line: subcommands, their help, and the exit codes scripts rely on.
//!
//! Owns clap. It must not know the configuration or the network: `main` does what is asked here.

pub(crate) mod connections;
pub(crate) mod license;
pub(crate) mod map;
pub(crate) mod usage;

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fmt, io};

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use serde::Serialize;
use throughway::addrmap::explain::Asked;

/// Failed while running.
pub(crate) const FAILED: u8 = 1;
/// Bad command line (sysexits.h, EX_USAGE).
pub(crate) const WRONG_USE: u8 = 64;
/// Configuration or component refused (sysexits.h, EX_CONFIG).
pub(crate) const REFUSED: u8 = 78;

/// Edge proxy for Apache Kafka. Forwards each client connection to one broker and rewrites nothing
/// but the broker addresses in the answers.
///
/// Configured by environment variables: see `throughway config`.
#[derive(Debug, Parser)]
#[command(name = "throughway", version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// `serve` when none is given.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const EXAMPLES: &str = "\
Examples:
  KAFKA_BOOTSTRAP_SERVERS=broker1.internal:9092 throughway
  throughway explain --brokers 1,5,12

Exit codes: 0 drained or done, 1 failed, 64 bad command line, 78 configuration refused";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the proxy until SIGTERM
    #[command(after_help = "\
Example:
  GATEWAY_ENV_FILE=/etc/throughway/throughway.env throughway serve

SIGTERM or SIGINT drains and exits 0; a second one exits 1 at once; SIGHUP reloads\ncertificates, licence and address map")]
    Serve,
    /// Prints the computed configuration, secrets redacted, with each value's origin
    #[command(after_help = "Example:\n  throughway config --json | jq .")]
    Config {
        /// As stable JSON
        #[arg(long)]
        json: bool,
    },
    /// Tells, offline, what clients will be told for each broker, and why
    #[command(after_help = "Example:\n  throughway explain --brokers 1,5,12 --client-ip 10.1.2.3")]
    Explain(Explain),
    /// Looks at everything that a proxy with this configuration depends on, online
    #[command(after_help = "\
Example:
  GATEWAY_ENV_FILE=/etc/throughway/throughway.env throughway doctor

PASS, WARN or FAIL for each thing, and what to do; exits 1 when something fails. Beside a running proxy\nthe ports it \
holds count as fine")]
    Doctor {
        /// As stable JSON
        #[arg(long)]
        json: bool,
    },
    /// Works with address map components
    #[command(
        subcommand,
        after_help = "Example:\n  throughway map check my-map.wasm"
    )]
    Map(map::Map),
    /// Checks, shows and issues licences
    #[command(
        subcommand,
        after_help = "Example:\n  throughway license verify license.jwt"
    )]
    License(license::License),
    /// Shows, checks and carries usage reports
    #[command(subcommand, after_help = "Example:\n  throughway usage show")]
    Usage(usage::Usage),
    /// Lists the live sessions of a running proxy, or asks one to end
    #[command(after_help = "\
Examples:
  throughway connections --broker 5
  throughway connections --drain 42
  throughway connections --url https://edge.example.com:8888 --user ops:s3cret --ca https.crt")]
    Connections(connections::Connections),
    /// The AWS half of an image: the licence out of Secrets Manager, and a drain before the instance ends
    #[command(after_help = "\
Example:
  GATEWAY_ENV_FILE=/etc/throughway/throughway.env throughway aws-agent

Writes the secret of GATEWAY_LICENSE_SECRET_ID to the file of GATEWAY_LICENSE_AGENT_FILE, where a proxy
beside it finds it, and completes the action of GATEWAY_AWS_LIFECYCLE_HOOK once that proxy has drained.
SIGHUP reads the secret again; SIGTERM ends it and leaves the file")]
    AwsAgent {
        /// The proxy's control socket
        #[arg(
            long,
            value_name = "PATH",
            default_value = "/run/throughway/control.sock"
        )]
        control_socket: PathBuf,
    },
    /// Prints version, commit, target, WIT versions, licence anchors and TLS library
    #[command(after_help = "Example:\n  throughway version --json")]
    Version {
        /// As stable JSON
        #[arg(long)]
        json: bool,
    },
    /// Compiles an address map from standard input to standard output, for `serve` alone
    #[command(
        hide = true,
        after_help = "Example:\n  throughway compile-address-map small < my-map.wasm > code"
    )]
    CompileAddressMap {
        /// `small` or `runtime`
        limits: String,
    },
    /// Prints a completion script for a shell
    #[command(after_help = "Example:\n  source <(throughway completions bash)")]
    Completions {
        /// The shell it is for
        shell: Shell,
    },
    /// Writes the manual pages, one for each command
    #[command(after_help = "Example:\n  throughway man /usr/local/share/man/man1")]
    Man {
        /// Where to; must exist
        folder: PathBuf,
    },
}

/// What `explain` is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct Explain {
    /// Node ids to explain, separated by commas; with @ and a rack where the map goes by racks
    #[arg(long, value_delimiter = ',', value_name = "IDS")]
    pub(crate) brokers: Vec<Asked>,
    /// As if asked by a client at this address
    #[arg(long, value_name = "IP")]
    pub(crate) client_ip: Option<IpAddr>,
    /// As stable JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl Cli {
    /// Parses a command line, program name included. Help and mistakes are written where they belong
    /// and come back as the code to exit with.
    pub(crate) fn from(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, ExitCode> {
        Self::try_parse_from(arguments).map_err(|told| {
            // Nobody reads it: nothing is left to be told.
            let _closed = told.print();
            if told.use_stderr() {
                ExitCode::from(WRONG_USE)
            } else {
                ExitCode::SUCCESS
            }
        })
    }

    /// The completion script for a shell.
    pub(crate) fn completions(shell: Shell, to: &mut impl io::Write) {
        clap_complete::generate(shell, &mut Self::command(), "throughway", to);
    }

    /// Writes the manual pages into a folder that exists.
    pub(crate) fn manual(folder: &Path) -> io::Result<()> {
        clap_mangen::generate_to(Self::command(), folder)
    }
}

/// An answer for scripts (`json`) or for people.
pub(crate) fn render(answer: &(impl Serialize + fmt::Display), json: bool) -> String {
    if json {
        let json = serde_json::to_string_pretty(answer).unwrap_or_default();
        return format!("{json}\n");
    }
    answer.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Cli, ExitCode> {
        Cli::from(line.split_whitespace().map(OsString::from))
    }

    fn each_command(command: &clap::Command, check: &mut dyn FnMut(&clap::Command)) {
        check(command);
        for below in command.get_subcommands() {
            each_command(below, check);
        }
    }

    #[test]
    fn every_command_has_an_example_in_its_help() {
        Cli::command().debug_assert();
        each_command(&Cli::command(), &mut |command| {
            let help = command.get_after_help().map(ToString::to_string);
            let example = help.is_some_and(|help| help.contains("throughway"));
            assert!(example, "{} has no example", command.get_name());
        });
    }

    #[test]
    fn wrong_use_exits_64_and_help_exits_0() {
        for line in [
            "throughway serv",
            "throughway explain --brokers -1",
            "throughway map",
            "throughway completions tea",
        ] {
            let code = parse(line).err();
            assert_eq!(code, Some(ExitCode::from(WRONG_USE)), "{line}");
        }
        for line in ["throughway --help", "throughway map check --help"] {
            assert_eq!(parse(line).err(), Some(ExitCode::SUCCESS), "{line}");
        }
    }

    #[test]
    fn nothing_asked_for_is_serve() {
        assert!(parse("throughway").unwrap().command.is_none());
    }

    #[test]
    fn explain_takes_several_brokers() {
        let cli = parse("throughway explain --brokers 1,5@rack-b,12 --client-ip ::1").unwrap();
        let Some(Command::Explain(asked)) = cli.command else {
            panic!("not explain");
        };
        let brokers = ["1", "5@rack-b", "12"].map(|broker| broker.parse().unwrap());
        assert_eq!(asked.brokers, brokers);
        assert_eq!(
            asked.client_ip,
            Some(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]))
        );
    }

    #[test]
    fn every_command_has_a_manual_page() {
        let folder = tempfile::tempdir().unwrap();
        Cli::manual(folder.path()).unwrap();
        for (page, says) in [
            ("throughway.1", "Kafka"),
            ("throughway-explain.1", "client-ip"),
            ("throughway-license-verify.1", "throughway license verify"),
        ] {
            let text = std::fs::read_to_string(folder.path().join(page)).expect(page);
            // A page escapes the hyphens.
            assert!(text.replace('\\', "").contains(says), "{page}: {text}");
        }
    }

    #[test]
    fn completions_name_the_commands() {
        let mut script = Vec::new();
        Cli::completions(Shell::Bash, &mut script);
        assert!(String::from_utf8(script).unwrap().contains("explain"));
    }
}
