//! Addresses that depend on the server name a client sends. They cannot be computed ahead: the client
//! chooses the key. So the map is asked once for each name and table, within bounds.
//!
//! It must not know sessions or who may ask how often.

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, oneshot};

use super::ask::answers;
use super::conform::{self, Answers};
use super::map::{Map, leads_back, refused};
use super::table::{Answer, Table, View};
use super::unknown::Generations;
use super::worker::{self, Request};
use super::{AddrMapError, Inbound, MapBroker, name};
use crate::kafka::{Endpoint, NodeId};

/// Names kept with a table, and answers in all of them: a table of many brokers keeps fewer names.
const MOST_NAMES: usize = 10_000;
const MOST_ANSWERS: usize = 1_000_000;

/// Clients that came in this way under this name.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Named {
    pub(super) view: View,
    pub(super) server_name: String,
}

/// One row for each broker.
pub(super) type Rows = HashMap<NodeId, Answer>;

/// What is asked of the map's thread: for whom, and what the table it belongs to was computed from.
#[derive(Debug)]
pub(super) struct NamedQuestion {
    pub(super) named: Named,
    pub(super) brokers: Arc<[MapBroker]>,
    /// Bound already; a session cannot have another port bound for it.
    pub(super) bound: Arc<[(usize, u16)]>,
}

/// Of one table: what its map depends on names for.
#[derive(Debug)]
pub(super) struct ByName {
    brokers: Arc<[MapBroker]>,
    rows: Mutex<Generations<Named, Arc<Rows>>>,
}

impl ByName {
    pub(super) fn new(brokers: &[MapBroker]) -> Self {
        let names = MOST_ANSWERS / brokers.len().max(1);
        Self {
            brokers: brokers.into(),
            rows: Mutex::new(Generations::new(names.clamp(2, MOST_NAMES))),
        }
    }

    pub(super) fn find(&self, named: &Named) -> Option<Arc<Rows>> {
        self.lock().find(named).cloned()
    }

    pub(super) fn keep(&self, named: Named, rows: Rows) {
        self.lock().keep(named, Arc::new(rows));
    }

    /// Asks the map's thread for the rows of one name.
    pub(super) async fn ask(
        &self,
        requests: &mpsc::Sender<Request>,
        named: Named,
        bound: Arc<[(usize, u16)]>,
    ) -> Result<Rows, AddrMapError> {
        let (reply, answer) = oneshot::channel();
        let question = NamedQuestion {
            named,
            brokers: Arc::clone(&self.brokers),
            bound,
        };
        let sent = requests.send(Request::Rows { question, reply }).await;
        sent.map_err(|_gone| worker::ended("advertise"))?;
        answer.await.map_err(|_gone| worker::ended("advertise"))?
    }

    fn lock(&self) -> MutexGuard<'_, Generations<Named, Arc<Rows>>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one client is told.
#[derive(Clone, Debug)]
pub struct Told {
    table: Arc<Table>,
    by: By,
}

#[derive(Clone, Debug)]
enum By {
    Table,
    /// `None` = there is nothing to tell.
    Name(Option<Arc<Rows>>),
}

impl Told {
    pub(super) fn by_table(table: Arc<Table>) -> Self {
        Self {
            table,
            by: By::Table,
        }
    }

    pub(super) fn by_name(table: Arc<Table>, rows: Option<Arc<Rows>>) -> Self {
        Self {
            table,
            by: By::Name(rows),
        }
    }

    /// The table it belongs to.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// False where there is nothing to tell.
    pub(super) fn is_known(&self) -> bool {
        !matches!(self.by, By::Name(None))
    }

    /// The address of a broker; `None` = not mapped.
    #[must_use]
    pub fn advertise(&self, inbound: &Inbound, node_id: NodeId) -> Option<&Endpoint> {
        match &self.by {
            By::Table => self.table.advertise(inbound, node_id),
            By::Name(rows) => match rows.as_ref()?.get(&node_id)? {
                Answer::Advertised { public, .. } => Some(public),
                Answer::NotMapped(_) => None,
            },
        }
    }
}

impl Map {
    /// The rows of one name, checked as a table is: pure, in order, and leading back.
    pub(super) fn rows_of(&self, asked: &NamedQuestion) -> Result<Rows, AddrMapError> {
        let (view, name) = (asked.named.view, Some(asked.named.server_name.as_str()));
        let (mut one, mut two) = (self.fresh()?, self.fresh()?);
        let clients = [(view, name)];
        let rows = self.ask(&mut one, &clients, &asked.brokers)?;
        self.same(&rows, &mut two, name, &asked.brokers)?;
        let mut answers: Answers = answers(rows, &asked.brokers)?;
        conform::check(&answers, &self.plan, &self.settings, &asked.brokers).map_err(refused)?;
        self.is_bound(&answers, asked)?;
        for (listener, whose, public, port) in conform::addresses(&answers, &self.plan) {
            let name = Some(public.host.as_str()).filter(|host| name::is_dns_name(host));
            let target = self.route_of(&mut one, listener, name, port)?;
            leads_back(&target, whose, public)?;
        }
        let rows = answers.remove(&view).unwrap_or_default();
        Ok(rows.into_iter().collect())
    }

    fn is_bound(&self, answers: &Answers, asked: &NamedQuestion) -> Result<(), AddrMapError> {
        let needed: BTreeSet<_> = self.needed_ports(answers).into_iter().collect();
        match needed.iter().find(|port| !asked.bound.contains(port)) {
            None => Ok(()),
            Some((_, port)) => Err(refused(format!(
                "it needs local port {port} for a server name, and no table has had it bound"
            ))),
        }
    }
}
