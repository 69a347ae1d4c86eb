//! The table of states in `docs/licence.md`, row by row, by one running proxy before a real cluster:
//! its clock is moved from outside, and a real client says whether it is served.

use std::fs;

use kafka_protocol::messages::MetadataRequest;
use throughway_tests::clients::{Action, Library, Security, Task};
use throughway_tests::clock::Clock;
use throughway_tests::cluster::{self, USER};
use throughway_tests::ports;
use throughway_tests::proxy::{PORT_COUNT, Upstream};

use super::*;

/// A proxy whose clock and licence a test changes.
struct Site {
    edge: Edge,
    clock: Clock,
    file: PathBuf,
    _folder: TemporaryFolder,
}

impl Site {
    /// With a licence for 60 days from tomorrow on, and 10 days of grace.
    async fn start() -> Self {
        let cluster = cluster::shared().await;
        let mut settings = Settings::new(&cluster, Upstream::Plaintext);
        let port = ports::reserve(PORT_COUNT);
        settings.listen_by_port(port, port);
        settings.set("GATEWAY_SECURED_METRICS", "false");
        settings.unset(KEY);
        let folder = TemporaryFolder::new("throughway-licence-").unwrap();
        let file = folder.path().join("license.jwt");
        put(&file, &issue(DAY, 60, 10));
        settings.set(FILE, file.display().to_string());
        let clock = Clock::new().unwrap();
        clock.rule(&mut settings).unwrap();
        for expected in ["the licence", "the clock", "new session refused", "usage"] {
            settings.tolerate(expected);
        }
        Self {
            edge: Edge::start_unready(&settings, port),
            clock,
            file,
            _folder: folder,
        }
    }

    /// So many days from now on: the proxy looks at the clock, and at the licence's file.
    fn on_day(&self, days: i64) {
        self.clock.set(days * DAY).unwrap();
        self.edge.signal(Signal::HUP);
    }

    /// Waits for this state, and for what everybody else is told of it.
    fn is(&self, state: &str, ready: u16) {
        wait_until(&self.edge, |edge| states(edge, state) == 1);
        assert_eq!(readiness(&self.edge), ready, "{state}");
        // They stay, whatever the licence is.
        assert_eq!(self.edge.get("/health/live").unwrap().0, 200);
    }

    /// A real client finds the cluster through the proxy.
    async fn serves(&self) {
        let bootstrap = format!("127.0.0.1:{}", self.edge.first_port);
        let security = Security::sasl_plaintext(USER).by("PLAIN");
        let task = Task::new(Action::Describe, &bootstrap, security, "licence-states");
        let report = Library::Rust.run(&task, None).await.unwrap();
        assert_eq!(report.brokers.len(), 3, "{report:?}");
    }

    /// Whoever comes is closed before a byte.
    async fn refuses(&self) {
        let mut late = Connection::open(&self.edge.door(0)).await.unwrap();
        assert_eq!(late.read_to_end().await.unwrap(), b"");
    }

    fn told(&self, level: &str, words: &str) -> bool {
        let lines = self.edge.process().lines();
        let level = format!(r#""level":"{level}""#);
        lines
            .iter()
            .any(|line| line.contains(&level) && line.contains(words))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_state_does_to_clients_what_the_table_says() {
    let site = Site::start().await;
    site.is("not_yet_valid", 503);
    site.refuses().await;

    site.on_day(2);
    site.is("valid", 200);
    site.serves().await;
    let mut session = Connection::open(&site.edge.door(0)).await.unwrap();
    session.authenticate(USER).await.unwrap();

    site.on_day(40);
    site.is("expiring", 200);
    site.serves().await;
    assert!(site.told("WARN", "the licence"));

    site.on_day(63);
    site.is("grace", 200);
    site.serves().await;
    assert!(site.told("ERROR", "its grace is running"));
    let (_, metrics) = site.edge.get("/metrics").unwrap();
    assert!(
        metrics.contains("gateway_license_remaining_days -"),
        "{metrics}"
    );

    // What is no licence does not replace one that counts.
    let good = fs::read_to_string(&site.file).unwrap();
    put(&site.file, &good.replace('.', ","));
    site.edge.signal(Signal::HUP);
    wait_until(&site.edge, |_| site.told("WARN", "no valid licence"));
    site.is("grace", 200);
    site.serves().await;
    put(&site.file, &good);

    site.on_day(72);
    site.is("expired", 503);
    site.refuses().await;
    let answer = session.call(12, &MetadataRequest::default()).await.unwrap();
    assert_eq!(answer.brokers.len(), 3);
    assert!(site.told("ERROR", "its grace have expired"));

    // Back to a day on which it was valid: a clock does not bring it back.
    site.on_day(2);
    site.is("expired", 503);
    site.refuses().await;

    site.on_day(72);
    put(&site.file, &issue(71 * DAY, 365, 10));
    site.edge.signal(Signal::HUP);
    site.is("valid", 200);
    site.serves().await;
}
