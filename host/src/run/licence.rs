//! Keeps the licence up to date: reads its source again and again, and passes on what that came to.
//!
//! It must not know what makes a licence count.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;

use crate::admin::Readiness;
use crate::licence::UnixTime;
use crate::session::Edge;

/// How often the source is read and the clock looked at.
const EVERY: Duration = Duration::from_secs(10);

/// The one who tells the guard the time, and everybody else what follows.
#[derive(Debug)]
pub(super) struct Watch {
    edge: Arc<Edge>,
    readiness: Arc<Readiness>,
}

/// What the system's clock shows.
pub(super) fn now() -> UnixTime {
    SystemTime::now().into()
}

impl Watch {
    pub(super) fn new(edge: Arc<Edge>, readiness: Arc<Readiness>) -> Arc<Self> {
        let watch = Self { edge, readiness };
        watch.publish(now());
        Arc::new(watch)
    }

    /// Never ends. Who asks is told when it was done.
    pub(super) async fn run(self: Arc<Self>, mut asked: mpsc::Receiver<oneshot::Sender<()>>) {
        loop {
            let asked = tokio::select! {
                () = sleep(EVERY) => None,
                Some(asked) = asked.recv() => Some(asked),
            };
            Arc::clone(&self).now().await;
            if let Some(asked) = asked {
                let _gone_meanwhile = asked.send(());
            }
        }
    }

    /// Reads and decides once.
    pub(super) async fn now(self: Arc<Self>) {
        // Files may be slow; the control runtime has health checks to answer.
        if tokio::task::spawn_blocking(move || self.read())
            .await
            .is_err()
        {
            tracing::error!("reading the licence panicked");
        }
    }

    fn read(&self) {
        let now = now();
        // The guard says in the log what came of it.
        let _told = self.edge.licence.refresh(now);
        self.edge.licence.tick(now);
        self.publish(now);
    }

    fn publish(&self, now: UnixTime) {
        let guard = &self.edge.licence;
        self.readiness.set_licensed(guard.allows_new_sessions());
        self.edge.metrics.set_licence(&guard.status(now));
    }
}
