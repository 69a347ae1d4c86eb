//! Usage is reported: exactly, signed, delivered by receipts only, and whatever the clock, the disk,
//! the endpoint or a kill does, traffic goes on.

mod delivery;
mod ledger;
mod tally;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use throughway_tests::clock::Clock;
use throughway_tests::collector::Collector;
use throughway_tests::files::TemporaryFolder;
use throughway_tests::proxy::{Licence, Settings, binary};
use throughway_tests::script_broker::{Reply, ScriptBroker};

use self::tally::Tally;
use crate::edge::{Edge, broker, settings};

/// More than the proxy waits for anything by itself, not counting days.
const LIMIT: Duration = Duration::from_secs(90);

const HEARTBEAT: i16 = 12;

/// What a flush that comes late on a busy machine may take beyond its 10 seconds.
const SLACK: Duration = Duration::from_secs(2);

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A broker that answers heartbeats, an installation whose state outlives its process, and what was
/// relayed.
struct Site {
    broker: ScriptBroker,
    settings: Settings,
    port: u16,
    state: TemporaryFolder,
    tally: Tally,
}

impl Site {
    async fn new() -> Self {
        let broker = broker(|request| match request.api_key {
            HEARTBEAT => Reply::bytes(request, &[7; 700]),
            _ => Reply::usual(request),
        })
        .await;
        let (mut settings, port) = settings(&broker);
        let state = TemporaryFolder::new("throughway-usage-").unwrap();
        let directory = state.path().display().to_string();
        settings.set("GATEWAY_STATE_DIRECTORY", directory);
        // No report leaves the machine, whatever a build has for an endpoint.
        settings.set("GATEWAY_USAGE_ENDPOINT", "https://127.0.0.1:1/");
        Self {
            broker,
            settings,
            port,
            state,
            tally: Tally::default(),
        }
    }

    fn report_to(&mut self, collector: &Collector) {
        self.settings.set("GATEWAY_USAGE_ENDPOINT", collector.url());
        let ca = collector.ca().display().to_string();
        self.settings.set("GATEWAY_USAGE_CA_PATH", ca);
    }

    /// A licence that outlives even what clocks are set to.
    fn licensed_for_long(&mut self) {
        let licence = Licence {
            begins: -40 * DAY,
            days: 2000,
            grace_days: 30,
        };
        let token = licence.issue().unwrap();
        self.settings.set("GATEWAY_LICENSE_KEY", token);
        // It is said when the clock goes back.
        self.settings.tolerate("the clock is behind");
    }

    fn start(&self) -> Edge {
        Edge::start(&self.settings, self.port)
    }

    /// So many requests and answers in a session of their own.
    async fn relay(&self, edge: &Edge, exchanges: usize) {
        let mut session = self.tally.log_in(&edge.door(1)).await;
        for _ in 0..exchanges {
            self.tally.exchange(&mut session).await.unwrap();
        }
    }

    /// Until the ledger has all that was relayed.
    fn wait_for_flush(&self, edge: &Edge) {
        wait_until(edge, "a flush", || {
            self.ledger("relayed") == self.tally.sums()
        });
    }

    /// `throughway usage …` with the state directory: its exit code and standard output.
    fn command(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = Command::new(binary().unwrap())
            .arg("usage")
            .args(arguments)
            .arg("--state-directory")
            .arg(self.state.path())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), said)
    }

    fn show(&self) -> Value {
        let (code, shown) = self.command(&["show", "--json"]);
        assert_eq!(code, Some(0), "{shown}");
        serde_json::from_str(&shown).unwrap()
    }

    /// Bytes in and out that the ledger has.
    fn ledger(&self, part: &str) -> (u64, u64) {
        let shown = self.show();
        let number = |way: &str| shown["ledger"][part][way].as_u64().unwrap();
        (number("in"), number("out"))
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        Path::new(self.state.path()).join("usage").join(name)
    }

    fn chain_is_whole(&self) {
        let (code, said) = self.command(&["verify"]);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("one chain"), "{said}");
    }

    /// Ends it politely: from here on the ledger must be what was relayed, exactly.
    fn stop(&self, mut edge: Edge) {
        assert_eq!(edge.stop().unwrap(), Some(0));
        drop(edge);
        assert_eq!(self.ledger("relayed"), self.tally.sums());
    }
}

fn wait_until(edge: &Edge, what: &str, holds: impl Fn() -> bool) {
    edge.wait_until(LIMIT, what, holds);
}

fn kill(mut edge: Edge) {
    edge.signal(Signal::KILL);
    edge.wait_for_end().unwrap();
}

/// A clock for these settings.
fn clock(site: &mut Site) -> Clock {
    let clock = Clock::new().unwrap();
    clock.rule(&mut site.settings).unwrap();
    site.licensed_for_long();
    clock
}
