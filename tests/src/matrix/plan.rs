//! What a run of the matrix is to try, from `NAME=value` arguments.
//!
//! Pure. Owns the lists of versions, clients and ways.

use anyhow::{Context, Result, bail, ensure};

use crate::clients::Library;
use crate::proxy::Upstream;

/// Kafka versions of the brokers.
pub const KAFKA: [&str; 4] = ["3.9.2", "4.0.2", "4.2.1", "4.4.0"];

/// Versions of the Java client.
const JAVA: [&str; 4] = ["4.4.0", "4.0.2", "3.9.2", "2.8.2"];

/// How clients find brokers, and how throughway speaks to these.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Edge {
    /// By server name instead of by port; clients then speak TLS.
    pub by_name: bool,
    /// Towards brokers.
    pub upstream: Upstream,
}

/// What to try.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Plan {
    /// Broker versions.
    pub kafka: Vec<&'static str>,
    /// Client libraries.
    pub clients: Vec<Library>,
    /// Ways through throughway.
    pub ways: Vec<Edge>,
    /// Records that each client writes and reads.
    pub records: usize,
    /// Clients at a time.
    pub jobs: usize,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            kafka: KAFKA.to_vec(),
            clients: all_clients(),
            ways: all_ways(),
            records: 1000,
            jobs: 2,
        }
    }
}

impl Plan {
    /// Everything but what the arguments leave out: `kafka`, `clients`, `routing` and `upstream` take
    /// comma lists, of clients the beginnings of their names.
    ///
    /// # Errors
    ///
    /// When a name or value is none of those accepted.
    pub fn of(arguments: impl IntoIterator<Item = String>) -> Result<Self> {
        let mut plan = Self::default();
        for argument in arguments {
            let (name, value) = argument.split_once('=').context("NAME=value")?;
            let words: Vec<&str> = value.split(',').collect();
            match name {
                "kafka" => keep(&mut plan.kafka, &words, |kafka, word| *kafka == word)?,
                "clients" => keep(&mut plan.clients, &words, |c, word| id(c).starts_with(word))?,
                "routing" => keep(&mut plan.ways, &words, |way, word| way.routing() == word)?,
                "upstream" => keep(&mut plan.ways, &words, |way, word| way.protocol() == word)?,
                "records" => plan.records = value.parse()?,
                "jobs" => plan.jobs = value.parse()?,
                _ => {
                    bail!("unknown: {name}; accepted: kafka clients routing upstream records jobs")
                }
            }
        }
        Ok(plan)
    }

    /// Whether all clients and ways are tried, so that the result says it all about a Kafka version.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.clients == all_clients() && self.ways == all_ways()
    }
}

impl Edge {
    fn routing(self) -> &'static str {
        if self.by_name { "names" } else { "ports" }
    }

    fn protocol(self) -> &'static str {
        match self.upstream {
            Upstream::Plaintext => "plaintext",
            Upstream::Tls | Upstream::Mtls => "TLS",
        }
    }

    /// As tables call it.
    pub(super) fn name(self) -> String {
        format!("{}, upstream {}", self.routing(), self.protocol())
    }
}

/// A client with its version, as tables call it.
///
/// # Errors
///
/// When no version is pinned.
pub fn name(library: &Library) -> Result<String> {
    Ok(match library {
        Library::Java(_) => library.name(),
        _ => format!("{} {}", library.name(), library.version()?),
    })
}

/// A client as arguments name it: its name without the language, such as `java-2.8.2`.
fn id(library: &Library) -> String {
    let name = library.name().to_lowercase();
    let (name, _) = name.split_once(" (").unwrap_or((&name, ""));
    name.replace(' ', "-")
}

fn all_clients() -> Vec<Library> {
    let java = JAVA.map(|version| Library::Java(version.to_owned()));
    let others = [
        Library::Python,
        Library::Rust,
        Library::KafkaPython,
        Library::Aiokafka,
        Library::FranzGo,
        Library::Sarama,
        Library::KafkaJs,
    ];
    java.into_iter().chain(others).collect()
}

fn all_ways() -> Vec<Edge> {
    let ways = [(false, Upstream::Plaintext), (false, Upstream::Tls)]
        .into_iter()
        .chain([(true, Upstream::Plaintext), (true, Upstream::Tls)]);
    ways.map(|(by_name, upstream)| Edge { by_name, upstream })
        .collect()
}

/// Leaves in `all` what one of `words` means; each word must mean something.
fn keep<T>(all: &mut Vec<T>, words: &[&str], means: impl Fn(&T, &str) -> bool) -> Result<()> {
    for word in words {
        let known = all.iter().any(|one| means(one, word));
        ensure!(known, "nothing to try is called {word:?}");
    }
    all.retain(|one| words.iter().any(|word| means(one, word)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(arguments: &str) -> Result<Plan> {
        Plan::of(arguments.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn no_argument_means_everything() {
        let all = plan("").unwrap();
        assert!(all.is_whole());
        assert_eq!(
            (all.kafka.len(), all.clients.len(), all.ways.len()),
            (4, 11, 4)
        );
    }

    #[test]
    fn arguments_leave_out() {
        let some = plan("kafka=4.4.0 clients=java-2.8,sarama routing=names upstream=TLS").unwrap();
        assert_eq!(some.kafka, ["4.4.0"]);
        let ids: Vec<_> = some.clients.iter().map(id).collect();
        assert_eq!(ids, ["java-2.8.2", "sarama"]);
        assert_eq!(some.ways.len(), 1);
        assert!(!some.is_whole());
    }

    #[test]
    fn unknown_words_are_refused() {
        for wrong in ["kafka=4.1.0", "clients=perl", "colour=red", "records=many"] {
            assert!(plan(wrong).is_err(), "{wrong}");
        }
    }
}
