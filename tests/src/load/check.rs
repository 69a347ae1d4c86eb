//! What the accounts of a load must add up to, record for record.
//!
//! Pure. A record says itself where it belongs: its key is partition and sequence, its value follows
//! from topic and key, so that a mix-up of buffers cannot go unseen.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// A record as an observer has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Observed {
    /// Where.
    pub partition: i32,
    /// Where in it.
    pub offset: i64,
    /// `partition-sequence`.
    pub key: String,
    /// As [`value_of`] says.
    pub value: String,
    /// The key again.
    pub header: String,
    /// When the writer wrote it.
    pub timestamp: Option<i64>,
}

/// A record as the group has it, which reads several topics.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seen {
    /// Of it.
    pub topic: String,
    /// The record.
    pub record: Observed,
}

/// Topic, partition, offset.
pub type Place = (String, i32, i64);

impl Seen {
    pub(super) fn place(&self) -> Place {
        place(&self.topic, &self.record)
    }
}

pub(super) fn place(topic: &str, record: &Observed) -> Place {
    (topic.to_owned(), record.partition, record.offset)
}

/// Keys by partition and offset, as acknowledged to the idempotent writer.
pub type Acknowledged = BTreeMap<(i32, i64), String>;

/// How a transaction ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// All of it is to be seen.
    Committed,
    /// Nothing of it.
    Aborted,
    /// The library gave up on it: all of it or nothing.
    Unknown,
}

/// A transaction and how it ended.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// What it wrote.
    pub keys: Vec<String>,
    /// Its end.
    pub outcome: Outcome,
}

impl Transaction {
    /// Records that must be there in the end.
    pub(super) fn promised(&self) -> usize {
        match self.outcome {
            Outcome::Committed => self.keys.len(),
            Outcome::Aborted | Outcome::Unknown => 0,
        }
    }
}

/// A topic as both observers have it.
#[derive(Clone, Debug)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// From the brokers themselves.
    pub direct: Vec<Observed>,
    /// Through what is in between.
    pub through: Vec<Observed>,
}

/// All that was promised, and all that is there.
#[derive(Clone, Debug)]
pub struct Accounts {
    /// To the idempotent writer.
    pub acknowledged: Acknowledged,
    /// Of the writer in transactions.
    pub transactions: Vec<Transaction>,
    /// By the group.
    pub seen: Vec<Seen>,
    /// Of the idempotent writer.
    pub written: Topic,
    /// Of the writer in transactions.
    pub transactional: Topic,
}

/// What a record's value must be, a few bytes to some hundred.
#[must_use]
pub fn value_of(topic: &str, key: &str) -> String {
    let mut hasher = DefaultHasher::new();
    (topic, key).hash(&mut hasher);
    let hash = hasher.finish();
    let repeated = usize::try_from(hash % 40).unwrap_or(0);
    format!("{topic} {key} {hash:016x}{}", " and so on".repeat(repeated))
}

impl Accounts {
    /// Everything that does not add up.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        let mut found = Vec::new();
        for topic in [&self.written, &self.transactional] {
            topic.check(&mut found);
        }
        self.check_acknowledged(&mut found);
        self.check_transactions(&mut found);
        self.check_seen(&mut found);
        found
    }

    /// What there was.
    #[must_use]
    pub fn summary(&self) -> String {
        let committed = |t: &&Transaction| t.outcome == Outcome::Committed;
        format!(
            "{} records acknowledged, {} of {} transactions committed, {} records read by a group: \
             none lost, none twice, none changed",
            self.acknowledged.len(),
            self.transactions.iter().filter(committed).count(),
            self.transactions.len(),
            self.seen.len(),
        )
    }

    fn check_acknowledged(&self, found: &mut Vec<String>) {
        let direct: HashMap<_, _> = self.written.direct.iter().map(at).collect();
        for (place, key) in &self.acknowledged {
            match direct.get(place) {
                Some(record) if record.key == *key => {}
                other => found.push(format!("acknowledged {key} at {place:?} is {other:?}")),
            }
        }
    }

    fn check_transactions(&self, found: &mut Vec<String>) {
        let visible: HashSet<&str> = self.transactional.direct.iter().map(|r| &*r.key).collect();
        let mut committed = 0;
        for transaction in &self.transactions {
            let keys = &transaction.keys;
            let there = keys.iter().filter(|key| visible.contains(&***key)).count();
            let due = match transaction.outcome {
                Outcome::Unknown if there > 0 => keys.len(),
                _ => transaction.promised(),
            };
            if there != due {
                let outcome = transaction.outcome;
                found.push(format!(
                    "{there} of {} to be seen, {outcome:?}: {keys:?}",
                    keys.len()
                ));
            }
            committed += due;
        }
        if visible.len() != committed {
            found.push(format!(
                "{} records to be seen, {committed} committed",
                visible.len()
            ));
        }
    }

    /// A group may read a record again after it has lost its place, but never another one there.
    fn check_seen(&self, found: &mut Vec<String>) {
        for topic in [&self.written, &self.transactional] {
            let direct: HashMap<_, _> = topic.direct.iter().map(at).collect();
            let mut read = BTreeSet::new();
            for seen in self.seen.iter().filter(|seen| seen.topic == topic.name) {
                let (at, record) = at(&seen.record);
                read.insert(at);
                if direct.get(&at) != Some(&record) {
                    found.push(format!("the group has read {seen:?}"));
                }
            }
            let missed = direct.keys().filter(|at| !read.contains(at)).count();
            if missed > 0 {
                found.push(format!("the group has missed {missed} of {}", topic.name));
            }
        }
    }
}

impl Topic {
    /// One observer has all that the other has, and more behind it in some partition.
    pub(super) fn is_behind(&self) -> bool {
        let ends = |records: &[Observed]| -> BTreeMap<i32, i64> {
            records.iter().map(|r| (r.partition, r.offset)).collect()
        };
        let (direct, through) = (ends(&self.direct), ends(&self.through));
        let common = |records: &[Observed]| -> Vec<Observed> {
            let both = |r: &&Observed| {
                let until = |ends: &BTreeMap<i32, i64>| ends.get(&r.partition) >= Some(&r.offset);
                until(&direct) && until(&through)
            };
            records.iter().filter(both).cloned().collect()
        };
        direct != through && common(&self.direct) == common(&self.through)
    }

    fn check(&self, found: &mut Vec<String>) {
        let name = &self.name;
        if self.direct != self.through {
            let differ = |(a, b): &(&Observed, &Observed)| a != b;
            let first = self.direct.iter().zip(&self.through).find(differ);
            found.push(format!(
                "{name}: {} records direct, {} through, first difference {first:?}",
                self.direct.len(),
                self.through.len()
            ));
        }
        let mut last = BTreeMap::new();
        let mut keys = HashSet::new();
        for record in &self.direct {
            let key = &record.key;
            if !keys.insert(key) {
                found.push(format!("{name}: {key} twice"));
            }
            if record.value != value_of(name, key) || record.header != *key {
                found.push(format!("{name}: changed: {record:?}"));
            }
            let sequence = key.split_once('-').and_then(|(partition, sequence)| {
                let own = partition == record.partition.to_string();
                own.then(|| sequence.parse::<u64>().ok()).flatten()
            });
            if last.insert(record.partition, sequence) >= Some(sequence) {
                found.push(format!("{name}: out of order, or not of here: {record:?}"));
            }
        }
    }
}

fn at(record: &Observed) -> ((i32, i64), &Observed) {
    ((record.partition, record.offset), record)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(topic: &str, offset: i64, sequence: u64) -> Observed {
        let key = format!("0-{sequence}");
        Observed {
            partition: 0,
            offset,
            value: value_of(topic, &key),
            header: key.clone(),
            key,
            timestamp: Some(1),
        }
    }

    fn topic(name: &str) -> Topic {
        let direct: Vec<_> = [(0, 0), (1, 1), (2, 2)]
            .map(|(offset, sequence)| record(name, offset, sequence))
            .into();
        Topic {
            name: name.to_owned(),
            through: direct.clone(),
            direct,
        }
    }

    fn right() -> Accounts {
        let (written, transactional) = (topic("w"), topic("t"));
        let seen = [&written, &transactional].into_iter().flat_map(|topic| {
            topic.direct.iter().map(|record| Seen {
                topic: topic.name.clone(),
                record: record.clone(),
            })
        });
        let transaction = |sequences: &[u64], outcome| Transaction {
            keys: sequences.iter().map(|s| format!("0-{s}")).collect(),
            outcome,
        };
        Accounts {
            acknowledged: [((0, 0), "0-0".to_owned()), ((0, 2), "0-2".to_owned())].into(),
            transactions: vec![
                transaction(&[0, 1, 2], Outcome::Committed),
                transaction(&[3, 4], Outcome::Aborted),
            ],
            seen: seen.collect(),
            written,
            transactional,
        }
    }

    #[test]
    fn what_is_right_adds_up() {
        assert_eq!(right().violations(), [""; 0]);
    }

    type Spoil = fn(&mut Accounts);

    #[test]
    fn each_wrong_is_found() {
        let wrongs: [(&str, Spoil); 10] = [
            ("lost", |a| a.written.direct[1].offset = 9),
            ("not through", |a| _ = a.written.through.pop()),
            ("another time", |a| a.written.through[0].timestamp = None),
            ("an acknowledged one gone", |a| {
                a.acknowledged.insert((0, 7), "0-7".to_owned());
            }),
            ("twice", |a| {
                for records in [&mut a.written.direct, &mut a.written.through] {
                    records.push(record("w", 3, 2));
                }
            }),
            ("of another topic", |a| {
                for records in [&mut a.written.direct, &mut a.written.through] {
                    records[0].value = value_of("t", "0-0");
                }
            }),
            ("torn", |a| _ = a.transactional.direct.pop()),
            ("unknown and torn", |a| {
                a.transactions[0].outcome = Outcome::Unknown;
                for records in [&mut a.transactional.direct, &mut a.transactional.through] {
                    records.pop();
                }
                a.seen.pop();
            }),
            ("aborted and seen", |a| {
                a.transactions[0].outcome = Outcome::Aborted;
            }),
            ("missed by the group", |a| _ = a.seen.pop()),
        ];
        for (what, spoil) in wrongs {
            let mut accounts = right();
            spoil(&mut accounts);
            assert_ne!(accounts.violations(), [""; 0], "{what}");
        }
    }

    #[test]
    fn only_what_ends_earlier_is_behind() {
        let mut late = topic("w");
        assert!(!late.is_behind());
        late.through.pop();
        assert!(late.is_behind());
        // Not late: another record, or none in the middle.
        late.through[0].value.clear();
        assert!(!late.is_behind());
        let mut torn = topic("w");
        torn.through.remove(1);
        assert!(!torn.is_behind());
    }

    #[test]
    fn order_is_kept_in_each_partition() {
        let mut accounts = right();
        for records in [&mut accounts.written.direct, &mut accounts.written.through] {
            let (first, rest) = records.split_at_mut(1);
            std::mem::swap(&mut first[0].offset, &mut rest[0].offset);
            records.sort_by_key(|record| record.offset);
        }
        assert_ne!(accounts.violations(), [""; 0]);
    }
}
