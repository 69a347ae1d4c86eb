//! Client libraries: what each is called, which version is tried, and the program that uses it.
//!
//! Owns the calls of the set-up scripts in `clients/`. It must not know tasks.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use anyhow::{Context, Result, bail};

use super::Action;
use crate::{crate_folder, kafka_jars};

/// A client library.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Library {
    /// Crate `rdkafka`.
    Rust,
    /// kafka-clients of this version.
    Java(String),
    /// PyPI `confluent-kafka`.
    Python,
    /// PyPI `kafka-python`.
    KafkaPython,
    /// PyPI `aiokafka`.
    Aiokafka,
    /// Go `franz-go`.
    FranzGo,
    /// Go `sarama`.
    Sarama,
    /// npm `kafkajs`.
    KafkaJs,
}

/// This machine lacks what a client is made with; its words say what.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NotHere(pub String);

/// How a set-up script says [`NotHere`].
const NOT_HERE: i32 = 3;

impl Library {
    /// As tables call it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Rust => "rdkafka (Rust)".to_owned(),
            Self::Java(version) => format!("Java {version}"),
            Self::Python => "confluent-kafka (Python)".to_owned(),
            Self::KafkaPython => "kafka-python".to_owned(),
            Self::Aiokafka => "aiokafka".to_owned(),
            Self::FranzGo => "franz-go".to_owned(),
            Self::Sarama => "sarama".to_owned(),
            Self::KafkaJs => "kafkajs".to_owned(),
        }
    }

    /// The version that is tried, from the file that pins it.
    ///
    /// # Errors
    ///
    /// When that file does not name it.
    pub fn version(&self) -> Result<String> {
        let (file, before, after) = match self {
            Self::Java(version) => return Ok(version.clone()),
            Self::Rust => ("../Cargo.lock", "name = \"rdkafka\"\nversion = \"", "\""),
            Self::Python => ("clients/python/requirements.txt", "confluent-kafka==", "\n"),
            Self::KafkaPython => (
                "clients/python/requirements-matrix.txt",
                "kafka-python==",
                "\n",
            ),
            Self::Aiokafka => ("clients/python/requirements-matrix.txt", "aiokafka==", "\n"),
            Self::FranzGo => ("clients/go/go.mod", "twmb/franz-go v", "\n"),
            Self::Sarama => ("clients/go/go.mod", "IBM/sarama v", "\n"),
            Self::KafkaJs => ("clients/node/package.json", "\"kafkajs\": \"", "\""),
        };
        let text = fs::read_to_string(crate_folder().join(file))?;
        let version = text.split_once(before).and_then(|(_, rest)| {
            let (version, _) = rest.split_once(after)?;
            Some(version.to_owned())
        });
        version.with_context(|| format!("{file} pins no version of {}", self.name()))
    }

    /// Installs or builds what the program needs, where it is missing.
    ///
    /// # Errors
    ///
    /// [`NotHere`] when this machine lacks the language; else when a registry cannot be reached.
    pub fn prepare(&self) -> Result<()> {
        self.command(Action::RoundTrip).map(drop)
    }

    pub(super) fn command(&self, action: Action) -> Result<Vec<OsString>> {
        let folder = crate_folder().join("clients");
        Ok(match self {
            Self::Rust => vec![own_program("throughway-client")?.into()],
            Self::Java(version) => java(version, action)?,
            Self::Python => python("", "confluent_client.py")?,
            Self::KafkaPython => python("matrix", "kafka_python_client.py")?,
            Self::Aiokafka => python("matrix", "aiokafka_client.py")?,
            Self::FranzGo => vec![set_up("go", "")?.join("franz").into()],
            Self::Sarama => vec![set_up("go", "")?.join("sarama").into()],
            Self::KafkaJs => {
                let mut packages = OsString::from("NODE_PATH=");
                packages.push(set_up("node", "")?);
                let program = folder.join("node/client.js").into();
                vec!["env".into(), packages, "node".into(), program]
            }
        })
    }
}

impl fmt::Display for NotHere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotHere {}

fn java(version: &str, action: Action) -> Result<Vec<OsString>> {
    // Older versions have no share consumer, so that it is a program of its own.
    let (source, jars) = match action {
        Action::Share | Action::ShareElections => {
            ("ShareClient.java", kafka_jars::class_path(version)?)
        }
        Action::Streams => ("StreamsClient.java", kafka_jars::streams(version)?),
        _ => ("Client.java", kafka_jars::class_path(version)?),
    };
    let quick = "-XX:TieredStopAtLevel=1";
    let level = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn";
    // What tells of a client that begins anew at its bootstrap servers.
    let begins = "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.clients.Metadata=info";
    let mut command: Vec<OsString> = ["java", quick, "-Xmx256m", level, begins, "-cp", &jars]
        .map(Into::into)
        .to_vec();
    command.push(crate_folder().join("clients/java").join(source).into());
    Ok(command)
}

fn python(environment: &'static str, program: &str) -> Result<Vec<OsString>> {
    let interpreter = set_up("python", environment)?;
    let program = crate_folder().join("clients/python").join(program);
    Ok(vec![interpreter.into(), program.into()])
}

/// Runs `setup.sh` of a language, once in this process, and returns the path that it prints.
fn set_up(language: &'static str, argument: &'static str) -> Result<PathBuf> {
    static DONE: Mutex<BTreeMap<(&str, &str), PathBuf>> = Mutex::new(BTreeMap::new());
    let mut done = DONE.lock().unwrap();
    if let Some(path) = done.get(&(language, argument)) {
        return Ok(path.clone());
    }
    let script = format!("clients/{language}/setup.sh");
    let mut command = Command::new(crate_folder().join(&script));
    command.arg(argument).stdin(Stdio::null());
    let output = command.output().with_context(|| format!("run {script}"))?;
    let talk = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    match output.status.code() {
        Some(0) => {}
        Some(NOT_HERE) => return Err(NotHere(talk).into()),
        _ => bail!("{script}: {}: {talk}", output.status),
    }
    let path = PathBuf::from(String::from_utf8(output.stdout)?.trim_end());
    done.insert((language, argument), path.clone());
    Ok(path)
}

/// A binary of this crate, which cargo puts beside (a demo's) or above (a test's) our own.
pub(crate) fn own_program(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let found = own
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(name));
    found
        .into_iter()
        .find(|path| path.is_file())
        .with_context(|| format!("{name} is not built"))
}

#[cfg(test)]
mod tests {
    use super::Library;

    #[test]
    fn every_library_has_its_version_pinned() {
        for library in [
            Library::Rust,
            Library::Python,
            Library::KafkaPython,
            Library::Aiokafka,
            Library::FranzGo,
            Library::Sarama,
            Library::KafkaJs,
        ] {
            let version = library.version().unwrap();
            assert!(
                version.starts_with(|c: char| c.is_ascii_digit()) && !version.contains('\n'),
                "{library:?}: {version}"
            );
        }
    }
}
