//! Server names that the table does not know: how often the guest is asked for them, and what is
//! remembered of its answers. Names are chosen by clients, so every bound here is against a flood.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use tokio::time::{Duration, Instant};

use super::Target;
use crate::admission::network;

/// Answers kept that lead somewhere, and those that do not.
const MOST_FOUND: usize = 10_000;
const MOST_REFUSED: usize = 1_000;
/// New names a second, from one source and in all.
const PER_SOURCE: u32 = 20;
const IN_ALL: u32 = 1_000;
const WINDOW: Duration = Duration::from_secs(1);

/// What a route was asked for.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Question {
    pub(super) listener: usize,
    pub(super) local_port: u16,
    pub(super) server_name: String,
}

/// Bounded memory of answers and of askers.
#[derive(Debug)]
pub(super) struct UnknownNames {
    found: Generations<Question, Target>,
    refused: Generations<Question, Target>,
    asked: HashMap<IpAddr, u32>,
    asked_in_all: u32,
    since: Instant,
}

impl UnknownNames {
    pub(super) fn new() -> Self {
        Self {
            found: Generations::new(MOST_FOUND),
            refused: Generations::new(MOST_REFUSED),
            asked: HashMap::new(),
            asked_in_all: 0,
            since: Instant::now(),
        }
    }

    /// What the guest said before.
    pub(super) fn known(&self, question: &Question) -> Option<Target> {
        self.found
            .find(question)
            .or_else(|| self.refused.find(question))
            .cloned()
    }

    pub(super) fn remember(&mut self, question: Question, target: Target) {
        let generations = match target {
            Target::NotRoutable => &mut self.refused,
            Target::Bootstrap | Target::Broker { .. } => &mut self.found,
        };
        generations.keep(question, target);
    }

    /// True if this client may ask for one more name now.
    pub(super) fn may_ask(&mut self, client: IpAddr) -> bool {
        if self.since.elapsed() >= WINDOW {
            self.since = Instant::now();
            self.asked.clear();
            self.asked_in_all = 0;
        }
        if self.asked_in_all >= IN_ALL {
            return false;
        }
        let asked = self.asked.entry(network(client)).or_default();
        if *asked >= PER_SOURCE {
            return false;
        }
        *asked = asked.saturating_add(1);
        self.asked_in_all = self.asked_in_all.saturating_add(1);
        true
    }
}

/// Two half-full generations: when the younger is full it becomes the older, whose answers go.
#[derive(Debug)]
pub(super) struct Generations<K, V> {
    most: usize,
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Eq + Hash, V> Generations<K, V> {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            young: HashMap::new(),
            old: HashMap::new(),
        }
    }

    pub(super) fn find(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    pub(super) fn keep(&mut self, key: K, value: V) {
        if self.young.len() >= self.most / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    fn question(number: usize) -> Question {
        Question {
            listener: 0,
            local_port: 1,
            server_name: format!("n{number}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_source_cannot_use_up_the_askers_of_a_second() {
        let mut names = UnknownNames::new();
        let greedy: IpAddr = "192.0.2.1".parse().unwrap();
        let asked = (0..100).filter(|_| names.may_ask(greedy)).count();
        assert_eq!(asked, 20);
        assert!(names.may_ask("192.0.2.2".parse().unwrap()));
        tokio::time::advance(WINDOW).await;
        assert!(names.may_ask(greedy));
    }

    #[tokio::test(start_paused = true)]
    async fn all_sources_together_are_bounded() {
        let mut names = UnknownNames::new();
        let sources = (0..5_000_u32).map(|n| IpAddr::V4((0x0a00_0000 + n).into()));
        assert_eq!(
            sources.filter(|source| names.may_ask(*source)).count(),
            1_000
        );
        assert!(names.asked.len() <= 1_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_64_is_one_source() {
        let mut names = UnknownNames::new();
        let sources = (0..100_u128).map(|n| IpAddr::V6(Ipv6Addr::from_bits((1 << 125) + n)));
        assert_eq!(sources.filter(|source| names.may_ask(*source)).count(), 20);
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_are_forgotten_before_answers() {
        let mut names = UnknownNames::new();
        names.remember(question(0), Target::Bootstrap);
        for number in 1..10_000 {
            names.remember(question(number), Target::NotRoutable);
        }
        assert_eq!(names.known(&question(0)), Some(Target::Bootstrap));
        assert_eq!(names.known(&question(1)), None);
        assert_eq!(names.known(&question(9_999)), Some(Target::NotRoutable));
        assert!(names.refused.young.len() + names.refused.old.len() <= MOST_REFUSED);
    }
}
