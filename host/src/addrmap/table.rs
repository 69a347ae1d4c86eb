//! The published table: answers that were computed and checked. Immutable; it must not know the
//! guest.

use std::collections::HashMap;
use std::sync::Arc;

use super::name::is_dns_name;
use super::named::{ByName, Named};
use super::settings::zone_of;
use super::{Inbound, Target};
use crate::config::Cidr;
use crate::kafka::{Endpoint, NodeId};

/// One immutable answer table.
#[derive(Debug)]
pub struct Table {
    pub(super) topology_version: u64,
    /// Rows by what the map's answers depend on; fields it does not depend on are left out.
    pub(super) answers: HashMap<View, HashMap<NodeId, Answer>>,
    pub(super) by_zone: bool,
    pub(super) by_local_port: bool,
    /// Only where answers depend on server names.
    pub(super) by_name: Option<ByName>,
    pub(super) zones: Arc<[(String, Cidr)]>,
    pub(super) routes: Routes,
    pub(super) local_ports: Vec<(usize, u16)>,
}

/// What an answer depends on.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct View {
    pub(super) listener: usize,
    /// Index into the zones.
    pub(super) zone: Option<usize>,
    /// 0 when the map does not depend on it.
    pub(super) local_port: u16,
}

/// What clients are told for one broker.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Answer {
    /// This address, whose connections arrive on the local port.
    Advertised { public: Endpoint, local_port: u16 },
    /// Nothing, for this reason: the guest's text, escaped.
    NotMapped(String),
}

/// Where connections go, as far as it is known without asking.
#[derive(Clone, Debug, Default)]
pub(super) struct Routes {
    /// For listeners that need no server name.
    pub(super) by_port: HashMap<(usize, u16), Target>,
    /// For those that do: names of known brokers and of bootstrap.
    pub(super) by_name: HashMap<(usize, u16), HashMap<String, Target>>,
    /// By listener index.
    pub(super) needs_server_name: Vec<bool>,
}

impl Table {
    /// What a client that came in this way is told for a broker; `None` = not mapped.
    #[must_use]
    pub fn advertise(&self, inbound: &Inbound, node_id: NodeId) -> Option<&Endpoint> {
        match self.answer(inbound, node_id)? {
            Answer::Advertised { public, .. } => Some(public),
            Answer::NotMapped(_) => None,
        }
    }

    /// Local ports this table needs bound, as (listener index, port), beyond those bound at start.
    #[must_use]
    pub fn local_ports(&self) -> &[(usize, u16)] {
        &self.local_ports
    }

    /// The topology version it was computed from.
    #[must_use]
    pub fn topology_version(&self) -> u64 {
        self.topology_version
    }

    pub(super) fn answer(&self, inbound: &Inbound, node_id: NodeId) -> Option<&Answer> {
        self.answers.get(&self.view(inbound))?.get(&node_id)
    }

    /// For clients whose addresses depend on their server name: where their rows are.
    pub(super) fn named(&self, inbound: &Inbound) -> Option<(&ByName, Named)> {
        let server_name = inbound.server_name.as_ref()?;
        let by_name = self.by_name.as_ref()?;
        let named = Named {
            view: self.view(inbound),
            server_name: server_name.clone(),
        };
        is_dns_name(server_name).then_some((by_name, named))
    }

    fn view(&self, inbound: &Inbound) -> View {
        let zone = if self.by_zone {
            zone_of(&self.zones, inbound.client)
        } else {
            None
        };
        let local_port = if self.by_local_port {
            inbound.local_port
        } else {
            0
        };
        View {
            listener: inbound.listener,
            zone,
            local_port,
        }
    }

    /// All brokers' answers for these clients, whatever of the view this table looks at.
    pub(super) fn rows(&self, view: View) -> Option<&HashMap<NodeId, Answer>> {
        self.answers.get(&View {
            listener: view.listener,
            zone: view.zone.filter(|_| self.by_zone),
            local_port: if self.by_local_port {
                view.local_port
            } else {
                0
            },
        })
    }
}

impl Routes {
    /// The target, or `None` where only the guest can tell.
    pub(super) fn find(&self, inbound: &Inbound) -> Option<Target> {
        let place = (inbound.listener, inbound.local_port);
        if self.needs_server_name.get(inbound.listener) != Some(&true) {
            return Some(
                self.by_port
                    .get(&place)
                    .cloned()
                    .unwrap_or(Target::NotRoutable),
            );
        }
        let Some(name) = inbound.server_name.as_deref() else {
            return Some(Target::NotRoutable);
        };
        self.by_name.get(&place)?.get(name).cloned()
    }
}
