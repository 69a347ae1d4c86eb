//! Tests of the ledger: nothing is reported twice and nothing is lost.

use super::*;
use crate::usage::testing::facts;

fn bytes(incoming: u64, outgoing: u64) -> Bytes {
    Bytes { incoming, outgoing }
}

fn seal(ledger: &mut Ledger, now: i64) -> Report {
    let report = ledger.report(("i", "k"), "r", UnixTime(now)).unwrap();
    ledger.apply(&report, format!("sha of {}", report.seq));
    report
}

#[test]
fn what_was_reported_and_the_remainder_are_what_was_relayed() {
    let mut ledger = Ledger::new(UnixTime(1000));
    let (mut relayed, mut reported) = (Bytes::default(), Bytes::default());
    let mut state: u64 = 1;
    for step in 0..2000 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let more = bytes(state >> (state % 61), state >> 40);
        relayed = relayed.plus(more);
        ledger.add(more, &Counted::default(), &facts());
        if state.is_multiple_of(3) {
            let report = seal(&mut ledger, 1000 + step);
            reported = reported.plus(report.bytes);
        }
        assert_eq!(ledger.relayed, relayed);
        assert_eq!(ledger.reported, reported);
        assert_eq!(reported.plus(ledger.remainder()), relayed);
        if ledger.relayed.incoming > 1 << 62 {
            break;
        }
    }
    // A remainder is small against what it was left out of, and never negative.
    let last = seal(&mut ledger, 5000);
    assert!(ledger.remainder().incoming <= last.bytes.incoming.max(1) / 5);
}

#[test]
fn a_clock_that_is_set_back_makes_no_negative_or_double_window() {
    let mut ledger = Ledger::new(UnixTime(1000));
    ledger.add(bytes(10, 20), &Counted::default(), &facts());
    let ends = [90_000, 3_600, 90_000, 180_000].map(|now| seal(&mut ledger, now).window);
    let windows = ends.map(|window| (window.start.0, window.end.0));
    let expected = [
        (1000, 90_000),
        (90_000, 90_000),
        (90_000, 90_000),
        (90_000, 180_000),
    ];
    assert_eq!(windows, expected);
}

#[test]
fn counts_are_of_their_window_and_peaks_do_not_add_up() {
    let mut ledger = Ledger::new(UnixTime(0));
    let counted = Counted {
        up_ms: 10_500,
        brokers: 3,
        peak_connections: 5,
        connections_opened: 3,
        errors: Errors {
            upstream_connect: 1,
            ..Errors::default()
        },
    };
    ledger.add(bytes(0, 0), &counted, &facts());
    ledger.add(bytes(0, 0), &counted, &facts());
    let report = seal(&mut ledger, 60);
    assert_eq!(
        (report.uptime_s, report.counts.brokers.as_str()),
        (21, "2-3")
    );
    assert_eq!(report.counts.peak_connections, 8);
    assert_eq!(report.counts.connections_opened, 8);
    assert_eq!(report.errors.upstream_connect, 2);
    let next = seal(&mut ledger, 120);
    assert_eq!(
        (next.uptime_s, next.counts.connections_opened, next.seq),
        (0, 0, 1)
    );
    assert_eq!(next.prev_sha256.as_deref(), Some("sha of 0"));
}

#[test]
fn is_overdue_after_so_many_days_of_silence() {
    let day = crate::licence::time::DAY;
    let mut ledger = Ledger::new(UnixTime(0));
    assert!(!ledger.is_overdue(180, UnixTime(180 * day)));
    assert!(ledger.is_overdue(180, UnixTime(180 * day + 1)));
    ledger.delivered(UnixTime(100 * day));
    ledger.delivered(UnixTime(90 * day));
    assert!(!ledger.is_overdue(180, UnixTime(280 * day)));
    assert!(ledger.is_overdue(180, UnixTime(281 * day)));
}

#[test]
fn nothing_is_reported_before_anything_ran() {
    let ledger = Ledger::new(UnixTime(0));
    assert_eq!(ledger.report(("i", "k"), "r", UnixTime(9)), None);
}
