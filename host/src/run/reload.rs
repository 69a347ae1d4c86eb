//! Compares certificates, keys and trust of all legs with their files, again and again.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::tls::Legs;

/// How often files are read.
const EVERY: Duration = Duration::from_secs(10);

/// Never ends.
pub(super) async fn run(legs: Arc<Legs>) {
    loop {
        sleep(EVERY).await;
        now(&legs).await;
    }
}

/// Compares once.
pub(super) async fn now(legs: &Arc<Legs>) {
    let legs = Arc::clone(legs);
    // Files may be slow; the control runtime has health checks to answer.
    if tokio::task::spawn_blocking(move || legs.reload())
        .await
        .is_err()
    {
        tracing::error!("reloading certificates panicked");
    }
}
