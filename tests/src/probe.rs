//! The 1:1 probe: Kafka brokers themselves judge whether an address leads to the right one.
//!
//! Owns the question asked everywhere (KIP-1242, Kafka 4.4 and up) and the comparison with what was
//! advertised. It must not know throughway.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use crate::wire::{Connection, Door, Verdict};

/// What a broker answers to its own id and cluster.
const NONE: i16 = 0;
/// What it answers to those of another: REBOOTSTRAP_REQUIRED.
const REBOOTSTRAP_REQUIRED: i16 = 129;

/// One answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Asked {
    /// Where it was asked, as a client is told.
    pub address: String,
    /// The node id asked for.
    pub node_id: i32,
    /// Kafka's error code.
    pub code: i16,
}

/// Asks behind each door for each id, after authentication as `user`: before it, a broker does not
/// check.
///
/// # Errors
///
/// When a connection fails or ends.
pub async fn probe_table(
    doors: &[Door],
    user: (&str, &str),
    cluster_id: &str,
    node_ids: &[i32],
) -> Result<Vec<Asked>> {
    let mut table = Vec::new();
    for door in doors {
        let mut connection = Connection::open(door).await?;
        connection.authenticate(user).await?;
        for &node_id in node_ids {
            let code = match connection.ask_identity(cluster_id, node_id).await? {
                Verdict::Yes => NONE,
                Verdict::No => REBOOTSTRAP_REQUIRED,
                Verdict::Error(code) => code,
            };
            table.push(Asked {
                address: door.as_told(),
                node_id,
                code,
            });
        }
    }
    Ok(table)
}

/// Whether every address leads to the broker it was advertised for, and to no other.
///
/// # Errors
///
/// One sentence for each violation: a wrong answer, an address that was not asked for its own
/// broker, a broker with two addresses.
pub fn check_one_to_one(
    table: &[Asked],
    advertised: &BTreeMap<i32, String>,
) -> Result<(), Vec<String>> {
    let mut wrong = Vec::new();
    for asked in table {
        let own = advertised.get(&asked.node_id) == Some(&asked.address);
        let expected = if own { NONE } else { REBOOTSTRAP_REQUIRED };
        if asked.code != expected {
            wrong.push(format!(
                "{} answered {} to node {}, not {expected}",
                asked.address, asked.code, asked.node_id
            ));
        }
    }
    for (node_id, address) in advertised {
        let same = |asked: &Asked| asked.node_id == *node_id && asked.address == *address;
        if !table.iter().any(same) {
            wrong.push(format!("{address} was not asked for its node {node_id}"));
        }
        let holders = advertised.values().filter(|other| *other == address);
        if holders.count() > 1 {
            wrong.push(format!("{address} of node {node_id} is also another's"));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// Asks the broker behind `door` for every id of `node_ids` whether it is that one, after
/// authentication as `user`. `None` asks without it, for PLAINTEXT listeners.
///
/// # Errors
///
/// When the connection fails, or an answer is neither yes nor no.
pub async fn who_is_behind(
    door: &Door,
    user: Option<(&str, &str)>,
    cluster_id: &str,
    node_ids: &[i32],
) -> Result<Vec<i32>> {
    let mut connection = Connection::open(door).await?;
    if let Some(user) = user {
        connection.authenticate(user).await?;
    }
    let mut found = Vec::new();
    for &id in node_ids {
        match connection.ask_identity(cluster_id, id).await? {
            Verdict::Yes => found.push(id),
            Verdict::No => {}
            Verdict::Error(code) => bail!("{}: error {code} for node {id}", door.address),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(codes: [i16; 4]) -> Vec<Asked> {
        let places = [("a:1", 1), ("a:1", 5), ("a:2", 1), ("a:2", 5)];
        let asked = |((address, node_id), code): ((&str, i32), i16)| Asked {
            address: address.to_owned(),
            node_id,
            code,
        };
        places.into_iter().zip(codes).map(asked).collect()
    }

    fn advertised(first: &str, second: &str) -> BTreeMap<i32, String> {
        BTreeMap::from([(1, first.to_owned()), (5, second.to_owned())])
    }

    #[test]
    fn accepts_one_to_one_alone() {
        let right = advertised("a:1", "a:2");
        assert_eq!(check_one_to_one(&table([0, 129, 129, 0]), &right), Ok(()));
        let violations = |codes, advertised: &BTreeMap<i32, String>| {
            let wrong = check_one_to_one(&table(codes), advertised);
            wrong.expect_err("a fault").len()
        };
        assert_eq!(violations([129, 0, 0, 129], &right), 4);
        assert_eq!(violations([0, 0, 129, 0], &right), 1);
        assert_eq!(violations([0, 129, 129, 42], &right), 1);
        assert_eq!(violations([0, 129, 129, 0], &advertised("a:1", "a:1")), 4);
        assert_eq!(violations([0, 129, 129, 0], &advertised("a:1", "a:3")), 2);
    }
}
