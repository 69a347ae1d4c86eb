//! Keeps usage: into the ledger every 10 seconds and at the end, and out to the vendor now and then.
//!
//! It must not know what is reported, nor what a receipt is.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::config::Config;
use crate::licence::anchors;
use crate::licence::keep::now as wall_clock;
use crate::session::Edge;
use crate::usage::sender::{self, Sender};
use crate::usage::{Facts, Now, Reading, Reporter, Route, Setup, Store};

/// How often the ledger is brought up to date: what a killed process loses at most.
const EVERY: Duration = Duration::from_secs(10);

/// What is ready before a port is bound.
#[derive(Debug)]
pub(super) struct Prepared {
    reporter: Reporter,
    route: Route,
    facts: Facts,
    began: Instant,
}

impl Prepared {
    /// Where it is kept.
    pub(super) fn store(&self) -> Store {
        self.reporter.store().clone()
    }
}

/// Opens the ledger and checks the way to the vendor.
pub(super) fn prepare(config: &Config, license_agent: bool) -> anyhow::Result<Prepared> {
    let began = Instant::now();
    let now = Now {
        wall: wall_clock(),
        up: Duration::ZERO,
    };
    let reporter = Reporter::start(&config.state_directory, now).with_context(|| {
        format!(
            "GATEWAY_STATE_DIRECTORY={}",
            config.state_directory.display()
        )
    })?;
    let route = Route::of(&config.usage).map_err(|why| anyhow!(why))?;
    sender::check(&route).context("GATEWAY_USAGE_CA_PATH")?;
    let container = [
        "/.dockerenv",
        "/run/.containerenv",
        "/var/run/secrets/kubernetes.io",
    ];
    let facts = Facts::new(
        config,
        Setup {
            container: container.iter().any(|sign| Path::new(sign).exists()),
            dev_build: anchors::kind() == "dev",
            license_agent,
        },
    );
    Ok(Prepared {
        reporter,
        route,
        facts,
        began,
    })
}

/// Counts and reports.
#[derive(Debug)]
pub(super) struct Usage {
    edge: Arc<Edge>,
    reporter: Reporter,
    route: Route,
    facts: Facts,
    began: Instant,
}

impl Usage {
    pub(super) fn new(edge: Arc<Edge>, prepared: Prepared) -> Arc<Self> {
        let Prepared {
            reporter,
            route,
            facts,
            began,
        } = prepared;
        Arc::new(Self {
            edge,
            reporter,
            route,
            facts,
            began,
        })
    }

    /// Keeps the ledger and delivers reports. Never ends.
    pub(super) async fn run(self: Arc<Self>) {
        // Beside each other: no slow endpoint may hold up the ledger.
        tokio::join!(Arc::clone(&self).keep(), self.deliver());
    }

    /// Keeps the ledger. Never ends.
    async fn keep(self: Arc<Self>) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            Arc::clone(&self).flush().await;
        }
    }

    /// Delivers reports. Never ends, unless it cannot begin.
    async fn deliver(self: Arc<Self>) {
        let store: Store = self.reporter.store().clone();
        let mut sender = match Sender::new(store, self.route.clone(), self.now()) {
            Ok(sender) => sender,
            Err(error) => {
                let error = error.in_full();
                tracing::error!(error, "no usage report can be sent");
                return;
            }
        };
        loop {
            sleep(EVERY).await;
            let count = |delivery| self.edge.metrics.usage_delivery(delivery);
            sender.step(self.now(), count).await;
        }
    }

    /// Brings the ledger up to date.
    pub(super) async fn flush(self: Arc<Self>) {
        // A disk may be slow; the control runtime has health checks to answer.
        let flush = move || {
            let status = self.reporter.flush(&self.reading());
            self.edge.metrics.set_usage(&status);
        };
        if tokio::task::spawn_blocking(flush).await.is_err() {
            tracing::error!("keeping usage panicked");
        }
    }

    fn now(&self) -> Now {
        Now {
            wall: wall_clock(),
            up: self.began.elapsed(),
        }
    }

    fn reading(&self) -> Reading {
        let now = self.now();
        let licence = self.edge.licence.status(now.wall);
        let claims = licence.licence.map(|licence| licence.claims);
        let mut facts = self.facts.clone();
        facts.license_jti = claims.as_ref().map(|claims| claims.jti.clone());
        Reading {
            now,
            totals: self.edge.metrics.totals(),
            facts,
            reporting: claims.map(|claims| claims.reporting).unwrap_or_default(),
            licence_fails: licence.candidate_error.is_some(),
        }
    }
}
