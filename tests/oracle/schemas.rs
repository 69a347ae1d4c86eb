//! Every field of every answer of the released protocol that speaks of a place is known here, and so
//! is every version: a new one fails, and somebody reads it.

use std::collections::BTreeSet;

use throughway::kafka::request::{
    Permissions, Refusal, RequestFate, RequestPrefix, classify, unreviewed,
};
use throughway::kafka::{ApiKey, ApiVersion, CorrelationId};

use crate::{java, ours};

/// What is done about an answer with such a field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Treated {
    /// Clients dial it: it is rewritten.
    Rewritten,
    /// Brokers and controllers among themselves: the request is refused.
    Refused,
    /// Nobody dials it, or it is not an address of a broker: passes.
    Passes,
}
use Treated::{Passes, Refused, Rewritten};

/// Key, path and first version of each such field.
const FIELDS: &[(i16, &str, i16, Treated)] = &[
    (0, "NodeEndpoints", 10, Rewritten),
    (0, "NodeEndpoints.Host", 10, Rewritten),
    (0, "NodeEndpoints.Port", 10, Rewritten),
    (1, "NodeEndpoints", 16, Rewritten),
    (1, "NodeEndpoints.Host", 16, Rewritten),
    (1, "NodeEndpoints.Port", 16, Rewritten),
    (3, "Brokers.Host", 0, Rewritten),
    (3, "Brokers.Port", 0, Rewritten),
    (10, "Host", 0, Rewritten),
    (10, "Port", 0, Rewritten),
    (10, "Coordinators.Host", 4, Rewritten),
    (10, "Coordinators.Port", 4, Rewritten),
    (60, "Brokers.Host", 0, Rewritten),
    (60, "Brokers.Port", 0, Rewritten),
    // Brokers or controllers; the latter are left out.
    (60, "EndpointType", 1, Rewritten),
    (78, "NodeEndpoints", 0, Rewritten),
    (78, "NodeEndpoints.Host", 0, Rewritten),
    (78, "NodeEndpoints.Port", 0, Rewritten),
    (79, "NodeEndpoints", 0, Rewritten),
    (79, "NodeEndpoints.Host", 0, Rewritten),
    (79, "NodeEndpoints.Port", 0, Rewritten),
    (52, "NodeEndpoints", 1, Refused),
    (52, "NodeEndpoints.Host", 1, Refused),
    (52, "NodeEndpoints.Port", 1, Refused),
    (53, "NodeEndpoints", 1, Refused),
    (53, "NodeEndpoints.Host", 1, Refused),
    (53, "NodeEndpoints.Port", 1, Refused),
    (54, "NodeEndpoints", 1, Refused),
    (54, "NodeEndpoints.Host", 1, Refused),
    (54, "NodeEndpoints.Port", 1, Refused),
    (59, "NodeEndpoints", 1, Refused),
    (59, "NodeEndpoints.Host", 1, Refused),
    (59, "NodeEndpoints.Port", 1, Refused),
    (82, "CurrentLeader.Host", 0, Refused),
    (82, "CurrentLeader.Port", 0, Refused),
    // Where clients are, as the broker sees them.
    (15, "Groups.Members.ClientHost", 0, Passes),
    (69, "Groups.Members.ClientHost", 0, Passes),
    (77, "Groups.Members.ClientHost", 0, Passes),
    (89, "Groups.Members.ClientHost", 0, Passes),
    // Patterns of an ACL.
    (29, "Resources.Acls.Host", 0, Passes),
    (31, "FilterResults.MatchingAcls.Host", 0, Passes),
    // Controllers, for people to read.
    (55, "Nodes.Listeners", 2, Passes),
    (55, "Nodes.Listeners.Host", 2, Passes),
    (55, "Nodes.Listeners.Port", 2, Passes),
    // `application.server` of a Streams application.
    (88, "EndpointInformationEpoch", 0, Passes),
    (88, "PartitionsByUserEndpoint", 0, Passes),
    (88, "PartitionsByUserEndpoint.UserEndpoint", 0, Passes),
    (88, "PartitionsByUserEndpoint.UserEndpoint.Host", 0, Passes),
    (88, "PartitionsByUserEndpoint.UserEndpoint.Port", 0, Passes),
    (89, "Groups.Members.UserEndpoint", 0, Passes),
    (89, "Groups.Members.UserEndpoint.Host", 0, Passes),
    (89, "Groups.Members.UserEndpoint.Port", 0, Passes),
];

/// The words of each line that the jar's definitions give.
fn definitions() -> Vec<Vec<String>> {
    let output = java("Schemas.java").output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let words = |line: &str| line.split(' ').map(str::to_owned).collect();
    lines.lines().map(words).collect()
}

fn fate(key: i16, version: i16) -> RequestFate {
    let permissions = Permissions {
        authenticated: true,
        provisional: false,
        clamp_unreviewed: true,
    };
    classify(&prefix(key, version), permissions)
}

fn prefix(key: i16, version: i16) -> RequestPrefix {
    RequestPrefix {
        payload_len: 100,
        api_key: ApiKey(key),
        api_version: ApiVersion(version),
        correlation_id: CorrelationId(1),
    }
}

#[test]
fn no_field_that_speaks_of_a_place_is_unknown() {
    let first = |versions: &str| -> i16 {
        let digits: String = versions.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap()
    };
    let found: BTreeSet<(i16, String, i16)> = definitions()
        .iter()
        .filter(|words| words[0] == "field")
        .map(|words| {
            (
                words[1].parse().unwrap(),
                words[2].clone(),
                first(&words[4]),
            )
        })
        .collect();
    let known: BTreeSet<(i16, String, i16)> = FIELDS
        .iter()
        .map(|(key, path, since, _)| (*key, (*path).to_owned(), *since))
        .collect();
    let unknown: Vec<_> = found.difference(&known).collect();
    assert!(unknown.is_empty(), "read these and treat them: {unknown:?}");
    let gone: Vec<_> = known.difference(&found).collect();
    assert!(gone.is_empty(), "the jar has these no more: {gone:?}");
}

#[test]
fn every_version_of_an_answer_with_a_broker_address_is_rewritten_or_refused() {
    let mut checked = 0;
    for words in definitions().iter().filter(|words| words[0] == "class") {
        let (key, highest): (i16, i16) = (words[1].parse().unwrap(), words[3].parse().unwrap());
        for version in 0..=highest {
            let treated = FIELDS
                .iter()
                .filter(|(of, _, since, _)| *of == key && *since <= version)
                .map(|(_, _, _, treated)| *treated)
                .next();
            let fate = fate(key, version);
            match treated {
                Some(Rewritten) => {
                    // The share APIs' version 0 was never released.
                    let kind = ours::kind(key);
                    let good = fate == RequestFate::Forward(kind)
                        || fate == RequestFate::ForwardProduce(kind)
                        || fate == RequestFate::Refuse(Refusal::VersionTooNew) && version == 0;
                    assert!(good, "{key} v{version}: {fate:?}");
                    checked += 1;
                }
                Some(Refused) => {
                    assert_eq!(fate, RequestFate::Refuse(Refusal::InterBroker));
                    checked += 1;
                }
                Some(Passes) | None => {}
            }
        }
    }
    assert!(checked > 40, "only {checked}");
}

#[test]
fn every_released_version_has_been_reviewed() {
    let mut apis = 0;
    for words in definitions().iter().filter(|words| words[0] == "class") {
        let (key, highest) = (words[1].parse().unwrap(), words[3].parse().unwrap());
        let name = &words[2];
        assert!(!unreviewed(&prefix(key, highest)), "{name} v{highest}");
        apis += 1;
    }
    assert!(apis >= 80, "only {apis}");
}
