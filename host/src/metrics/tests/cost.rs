//! What counting and rendering take. Prints figures for `docs/metrics.md`; nothing is judged, as a
//! busy machine would be.

#![expect(
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "real time is what is measured, and printing it is the purpose"
)]

use std::hint::black_box;
use std::time::Instant;

use super::*;

const REQUESTS: u32 = 5_000_000;
const RENDERINGS: u32 = 50;
/// The median of so many is told.
const ROUNDS: usize = 7;

fn median_nanoseconds(times: u32, mut once: impl FnMut()) -> u128 {
    let mut took: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            (0..times).for_each(|_| once());
            began.elapsed().as_nanos() / u128::from(times)
        })
        .collect();
    took.sort_unstable();
    took[ROUNDS / 2]
}

#[test]
#[ignore = "measures; run with --nocapture on an otherwise idle machine"]
fn what_a_request_and_a_scrape_cost() {
    let metrics = two_listeners();
    let listener = metrics.listener(0).clone();
    let broker = metrics.broker(Some(NodeId(1)));
    let fetch = prefix(1, 12);
    let took = Duration::from_micros(400);
    // All that is counted for a request and its answer that arrive in one read each.
    let request = median_nanoseconds(REQUESTS, || {
        metrics.request(black_box(&fetch));
        broker.request();
        listener.add_bytes(0, black_box(100));
        broker.add_bytes(0, black_box(100));
        listener.add_bytes(black_box(1_000), 0);
        broker.add_bytes(black_box(1_000), 0);
        metrics.answered(fetch.api_key, black_box(took));
    });
    println!("a request and its answer: {request} ns");
    for brokers in [3, 1_000] {
        metrics.set_topology_brokers((0..brokers).map(NodeId));
        let render = median_nanoseconds(RENDERINGS, || drop(black_box(metrics.render())));
        let (micros, bytes) = (render / 1_000, metrics.render().len());
        println!("/metrics of two listeners and {brokers} brokers: {micros} µs, {bytes} bytes");
    }
}
