//! Hostile bytes from both sides, beside a client that does no wrong: nothing falls over, nothing
//! grows, nothing is dialled that should not be, and that client notices nothing.

mod bombs;
mod dns;
mod mutants;
mod random;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use throughway_tests::proxy::Settings;
use throughway_tests::script_broker::{Received, Reply, ScriptBroker};
use throughway_tests::wire::{Connection, raw_request};
use throughway_tests::{leaks, soak, usage};
use tokio::task::JoinHandle;

use crate::edge::{Edge, settings, upstream_name};

/// What hostile bytes may add to the highest memory.
const GROWTH: u64 = 32 << 20;

/// Correlation ids from here on are the healthy client's.
const HEALTHY: i32 = 0x7000_0000;

/// May be complained about in a log here.
const COMPLAINTS: [&str; 4] = [
    "answer of the broker refused",
    "outside GATEWAY_UPSTREAM_ALLOWED",
    "the address map has no address for it here",
    "broker not reached",
];

/// Settings before this broker, in which complaints are no fault, and nothing waits for long.
fn tolerant(broker: &ScriptBroker) -> (Settings, u16) {
    let (mut settings, port) = settings(broker);
    for complaint in COMPLAINTS {
        settings.tolerate(complaint);
    }
    settings.set("GATEWAY_HALF_CLOSE_TIMEOUT_MS", "100");
    settings.set("GATEWAY_FETCH_LEADER_HINTS", "true");
    (settings, port)
}

/// The right answer for the healthy client, if it is that one who asks.
fn for_the_healthy(request: &Received) -> Option<Reply> {
    let brokers = [(1, upstream_name(1), 9092)];
    (request.api_key == 3 && request.correlation_id >= HEALTHY)
        .then(|| Reply::metadata(request, "c", &brokers))
}

/// A throughway, and what it used before anything hostile came.
struct Watched {
    edge: Arc<Edge>,
    memory: u64,
    files: usize,
}

impl Watched {
    async fn start(settings: &Settings, first_port: u16) -> Self {
        let edge = Arc::new(Edge::start(settings, first_port));
        // Whatever is made on first use is made now.
        for _ in 0..20 {
            healthy_round(&mut edge.log_in(1).await, HEALTHY, &edge).await;
        }
        let process = edge.process().id();
        let files = settled_files(&edge, usize::MAX);
        let memory = usage::peak_memory(process).unwrap();
        Self {
            edge,
            memory,
            files,
        }
    }

    fn grown(&self) -> u64 {
        usage::peak_memory(self.edge.process().id()).unwrap() - self.memory
    }

    /// Nothing has fallen over, grown or been left open.
    fn assert_unharmed(&self, test: &str, what: &str) {
        let (grown, files) = (self.grown(), settled_files(&self.edge, self.files));
        let panics = self.edge.metric("throughway_panics_total", &[]);
        let result = format!(
            "{what}: {panics} panics, memory +{}, {} files left open",
            soak::mebibytes(grown),
            files.saturating_sub(self.files)
        );
        soak::note(test, &result);
        assert_eq!(panics, 0, "{result}");
        assert!(grown <= GROWTH, "{result}");
        assert!(files <= self.files, "{result}");
    }
}

/// Open files once there are no more than so many, or once they do not become fewer.
fn settled_files(edge: &Edge, wanted: usize) -> usize {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let files = usage::open_files(edge.process().id()).unwrap();
        let open = edge.metric("throughway_sessions", &[]);
        if (files <= wanted && open == 0) || Instant::now() > deadline {
            return files;
        }
        edge.process().wait_for_news(Duration::from_millis(50));
    }
}

/// Asks for Metadata, and gets the advertised address and nothing else.
async fn healthy_round(connection: &mut Connection, correlation_id: i32, edge: &Edge) {
    let request = raw_request((3, 12), correlation_id, &[0; 12]);
    connection.send_frame(&request).await.unwrap();
    let answer = connection.receive_frame().await.unwrap();
    assert_eq!(answer[..4], correlation_id.to_be_bytes());
    let port = u32::from(edge.first_port + 1).to_be_bytes();
    let advertised = [b"\x0a127.0.0.1", &port[..]].concat();
    assert!(answer.windows(advertised.len()).any(|w| w == advertised));
    assert_eq!(leaks::find(&answer, &[9092]), [""; 0]);
}

/// A client that does no wrong, asking one question after the other.
struct Healthy {
    enough: Arc<AtomicBool>,
    rounds: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Healthy {
    #[expect(
        clippy::disallowed_methods,
        reason = "no drain here: the test waits for it"
    )]
    async fn start(edge: &Arc<Edge>) -> Self {
        let (enough, rounds) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let mut connection = edge.log_in(1).await;
        let (edge, stop, done) = (Arc::clone(edge), Arc::clone(&enough), Arc::clone(&rounds));
        let task = tokio::spawn(async move {
            let done: Arc<AtomicUsize> = done;
            let mut correlation_id = HEALTHY;
            while !stop.load(Ordering::Relaxed) {
                healthy_round(&mut connection, correlation_id, &edge).await;
                correlation_id = HEALTHY + (correlation_id + 1) % 0x0fff_ffff;
                done.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self {
            enough,
            rounds,
            task,
        }
    }

    /// How often it has asked; each time it got the right answer.
    async fn stop(self) -> usize {
        self.enough.store(true, Ordering::Relaxed);
        self.task.await.unwrap();
        self.rounds.load(Ordering::Relaxed)
    }
}
