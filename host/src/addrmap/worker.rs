//! The thread that owns the guest, and the questions it takes. A hostile or slow map can stall this
//! thread and nothing else.

use std::sync::mpsc;
use std::thread;

use tokio::sync::{mpsc as queue, oneshot};

use super::map::Map;
use super::named::{NamedQuestion, Rows};
use super::settings::Settings;
use super::table::Table;
use super::unknown::Question;
use super::{AddrMapError, MapBroker, Target};
use crate::config::LimitsProfile;
use crate::wasm::bindings::Scheme;

/// Questions that wait; more are turned away rather than kept.
const MOST_WAITING: usize = 256;
/// Compiling recurses deeper than a thread's usual 2 MiB in unoptimised builds.
pub(super) const STACK: usize = 8 * 1024 * 1024;

/// What the thread is asked.
#[derive(Debug)]
pub(super) enum Request {
    /// A table for these brokers.
    Compute {
        brokers: Vec<MapBroker>,
        topology_version: u64,
        reply: oneshot::Sender<Result<Table, AddrMapError>>,
    },
    /// A server name that no table knows.
    Route {
        question: Question,
        reply: oneshot::Sender<Result<Target, AddrMapError>>,
    },
    /// What clients are told who came in under this name.
    Rows {
        question: NamedQuestion,
        reply: oneshot::Sender<Result<Rows, AddrMapError>>,
    },
}

/// What a map starts from.
pub(super) struct Start {
    pub(super) profile: LimitsProfile,
    pub(super) settings: Settings,
    pub(super) brokers: Vec<MapBroker>,
    pub(super) topology_version: u64,
}

/// What it comes to.
pub(super) struct First {
    pub(super) scheme: Scheme,
    pub(super) table: Table,
}

/// Starts the thread and waits for the first table.
pub(super) fn start(
    bytes: Vec<u8>,
    from: Start,
) -> Result<(queue::Sender<Request>, First), AddrMapError> {
    let (requests, taken) = queue::channel(MOST_WAITING);
    let (tell, first) = mpsc::sync_channel(1);
    let run = move || {
        let loaded = Map::load(&bytes, from.profile, from.settings).and_then(|mut map| {
            let table = map.compute(&from.brokers, from.topology_version)?;
            Ok((map, table))
        });
        drop(bytes);
        match loaded {
            Ok((map, table)) => {
                let scheme = map.scheme.clone();
                let _ = tell.send(Ok(First { scheme, table }));
                serve(map, taken);
            }
            Err(error) => {
                let _ = tell.send(Err(error));
            }
        }
    };
    thread::Builder::new()
        .name("address-map".into())
        .stack_size(STACK)
        .spawn(run)
        .map_err(|error| AddrMapError::Refused(format!("its thread cannot start: {error}")))?;
    let first = first.recv().map_err(|_gone| ended("its start"))??;
    Ok((requests, first))
}

/// Ends when every handle is gone.
fn serve(mut map: Map, mut requests: queue::Receiver<Request>) {
    while let Some(request) = requests.blocking_recv() {
        match request {
            Request::Compute {
                brokers,
                topology_version,
                reply,
            } => {
                let _ = reply.send(map.compute(&brokers, topology_version));
            }
            // Whoever gave up waiting needs no guest call.
            Request::Route { reply, .. } if reply.is_closed() => {}
            Request::Route { question, reply } => {
                let _ = reply.send(map.route(&question));
            }
            Request::Rows { reply, .. } if reply.is_closed() => {}
            Request::Rows { question, reply } => {
                let _ = reply.send(map.rows_of(&question));
            }
        }
    }
}

/// What is said when the thread is gone.
pub(super) fn ended(call: &'static str) -> AddrMapError {
    AddrMapError::Trapped {
        call,
        detail: "the address map's thread has ended".into(),
    }
}
