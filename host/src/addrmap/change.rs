//! What a new table tells clients that the one before did not. Pure.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use serde::Serialize;

use super::settings::Settings;
use super::table::{Answer, Table, View};
use crate::kafka::NodeId;

/// Of these a log line tells; the rest are counted.
const MOST_TOLD: usize = 12;

/// One broker's address, for one group of clients.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Change {
    /// Name of the listener.
    pub listener: String,
    /// For clients of this zone; `None` = those in none, or all where no map looks at zones.
    pub zone: Option<String>,
    /// For clients of this local port, where a map looks at it.
    pub local_port: Option<u16>,
    /// Whose address.
    pub node_id: i32,
    /// Told until now; `None` = none.
    pub before: Option<String>,
    /// Told from now on; `None` = none.
    pub after: Option<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = |told: &Option<String>| told.clone().unwrap_or_else(|| "none".to_owned());
        write!(f, "listener {}", self.listener)?;
        if let Some(zone) = &self.zone {
            write!(f, " zone {zone}")?;
        }
        if let Some(port) = self.local_port {
            write!(f, " port {port}")?;
        }
        let (before, after) = (address(&self.before), address(&self.after));
        write!(f, " node id {}: {before} -> {after}", self.node_id)
    }
}

/// All changes, in the order of listeners and brokers.
pub(super) fn between(before: &Table, after: &Table, settings: &Settings) -> Vec<Change> {
    let mut changes = Vec::new();
    let either = before.by_local_port || after.by_local_port;
    let all = before.answers.keys().chain(after.answers.keys());
    // A view of all ports is told apart where one of the tables looks at the port.
    let views: BTreeSet<View> = all
        .filter(|view| !either || view.local_port != 0)
        .copied()
        .collect();
    for view in views {
        let ids = |table: &Table| {
            table
                .rows(view)
                .into_iter()
                .flat_map(|rows| rows.keys().copied())
                .collect::<Vec<_>>()
        };
        let ids: BTreeSet<NodeId> = ids(before).into_iter().chain(ids(after)).collect();
        for node_id in ids {
            let told = |table: &Table| match table.rows(view)?.get(&node_id)? {
                Answer::Advertised { public, .. } => Some(public.to_string()),
                Answer::NotMapped(_) => None,
            };
            let (before, after) = (told(before), told(after));
            if before != after {
                changes.push(change(view, settings, node_id, (before, after)));
            }
        }
    }
    changes
}

fn change(
    view: View,
    settings: &Settings,
    node_id: NodeId,
    (before, after): (Option<String>, Option<String>),
) -> Change {
    let listener = settings.listeners.get(view.listener);
    let zone = view.zone.and_then(|zone| settings.zones.get(zone));
    Change {
        listener: listener.map_or_else(String::new, |facts| facts.name.clone()),
        zone: zone.map(|(name, _)| name.clone()),
        local_port: (view.local_port != 0).then_some(view.local_port),
        node_id: node_id.0,
        before,
        after,
    }
}

/// For one log line.
pub(super) fn told(changes: &[Change]) -> String {
    if changes.is_empty() {
        return "no address".to_owned();
    }
    let mut text = String::new();
    for (index, change) in changes.iter().take(MOST_TOLD).enumerate() {
        let _ = write!(text, "{}{change}", if index == 0 { "" } else { ", " });
    }
    if let Some(more) = changes
        .len()
        .checked_sub(MOST_TOLD)
        .filter(|more| *more > 0)
    {
        let _ = write!(text, " and {more} more");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_of_the_first_changes_and_counts_the_rest() {
        let change = |node_id| Change {
            listener: "A".into(),
            zone: None,
            local_port: None,
            node_id,
            before: Some("a:1".into()),
            after: None,
        };
        let changes: Vec<_> = (0..20).map(change).collect();
        assert_eq!(told(&changes[..1]), "listener A node id 0: a:1 -> none");
        assert!(told(&changes).ends_with("node id 11: a:1 -> none and 8 more"));
        assert_eq!(told(&[]), "no address");
    }
}
