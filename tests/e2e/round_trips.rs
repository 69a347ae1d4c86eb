//! What others feel: how long requests of clients take that have no part in what a test does.
//!
//! Owns the clock of round trips. It must not know what else goes on.

use std::time::{Duration, Instant};

use throughway_tests::soak;
use throughway_tests::wire::{Connection, raw_request};
use tokio::task::JoinSet;

use crate::edge::Edge;

/// Key and version; a broker is to answer with six bytes.
pub(crate) const HEARTBEAT: (i16, i16) = (12, 0);

/// Between two requests of one client.
const PAUSE: Duration = Duration::from_millis(5);

/// One request and its answer.
pub(crate) async fn round_trip(connection: &mut Connection) -> Duration {
    let began = Instant::now();
    connection
        .send_frame(&raw_request(HEARTBEAT, 9, &[0; 8]))
        .await
        .unwrap();
    let answer = connection.receive_frame().await.unwrap();
    assert_eq!(answer[..4], 9_i32.to_be_bytes());
    began.elapsed()
}

/// What 99 % of round trips stay below, where so many new clients make so many each.
pub(crate) async fn nearly_all(edge: &Edge, clients: usize, each: usize) -> Duration {
    let mut open = Vec::new();
    for _ in 0..clients {
        open.push(edge.log_in(1).await);
    }
    let mut tasks = JoinSet::new();
    for mut client in open {
        tasks.spawn(async move {
            let mut took = Vec::new();
            for _ in 0..each {
                took.push(round_trip(&mut client).await);
                tokio::time::sleep(PAUSE).await;
            }
            took
        });
    }
    let mut all = tasks.join_all().await.concat();
    all.sort_unstable();
    all[all.len() * 99 / 100]
}

/// Slower than before by so much at most, but not starved: on a machine that does other things too, a
/// bare factor would now and then be the machine's.
pub(crate) fn assert_not_starved(before: Duration, beside: Duration, percent: u32, what: &str) {
    let least = if soak::is_on() { 250 } else { 5_000 };
    let bar = (before * percent / 100).max(Duration::from_millis(least));
    assert!(beside <= bar, "{what}: {beside:?} instead of {before:?}");
}
