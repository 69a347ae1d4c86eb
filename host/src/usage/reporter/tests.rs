//! Tests of keeping and sealing in time, whatever the clocks and the disk do.

use std::fs;
use std::os::unix::fs::symlink;

use super::*;
use crate::usage::testing::facts;

const START: i64 = 1_798_761_600;

struct Place {
    directory: tempfile::TempDir,
    reporter: Reporter,
}

fn reading(wall: i64, up: u64, relayed: u64) -> Reading {
    Reading {
        now: Now {
            wall: UnixTime(wall),
            up: Duration::from_secs(up),
        },
        totals: Totals {
            bytes: Bytes {
                incoming: relayed,
                outgoing: relayed,
            },
            ..Totals::default()
        },
        facts: facts(),
        reporting: Reporting::default(),
        licence_fails: false,
    }
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let reporter = Reporter::start(directory.path(), reading(START, 0, 0).now).unwrap();
        Self {
            directory,
            reporter,
        }
    }

    /// As if the process had been killed and started again.
    fn restart(self, wall: i64) -> Self {
        let reporter = Reporter::start(self.directory.path(), reading(wall, 0, 0).now).unwrap();
        Self { reporter, ..self }
    }

    fn books(&self) -> Books {
        self.reporter
            .store()
            .open_existing(UnixTime(START))
            .unwrap()
    }

    fn sealed(&self) -> u64 {
        self.books().next_seq()
    }
}

#[test]
fn the_ledger_has_what_was_flushed_over_any_restart() {
    let mut place = Place::new();
    let mut expected = 0;
    for restart in 0..5 {
        for step in 1..4 {
            place
                .reporter
                .flush(&reading(START + step, 1, u64::try_from(step).unwrap() * 10));
        }
        expected += 30;
        assert_eq!(place.books().relayed().incoming, expected);
        place = place.restart(START + restart);
    }
}

#[test]
fn a_disk_that_fills_up_costs_nothing_once_it_has_room() {
    let place = Place::new();
    place.reporter.flush(&reading(START, 10, 100));
    let beside = place.directory.path().join("usage/ledger.new");
    symlink("/dev/full", &beside).unwrap();
    for step in 2..5 {
        let status = place.reporter.flush(&reading(START, step * 10, step * 100));
        assert_eq!(status.flush_failures, step - 1);
    }
    assert_eq!(place.books().relayed().incoming, 100);
    fs::remove_file(beside).unwrap();
    place.reporter.flush(&reading(START, 50, 450));
    assert_eq!(place.books().relayed().incoming, 450);
}

#[test]
fn starts_with_a_full_disk_but_not_without_a_place() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("usage");
    fs::create_dir(&folder).unwrap();
    symlink("/dev/full", folder.join("identity.new")).unwrap();
    let reporter = Reporter::start(directory.path(), reading(START, 0, 0).now).unwrap();
    assert_eq!(reporter.flush(&reading(START, 10, 100)).flush_failures, 1);
    fs::remove_file(folder.join("identity.new")).unwrap();
    reporter.flush(&reading(START, 20, 200));
    let books = reporter.store().open_existing(UnixTime(START)).unwrap();
    assert_eq!(books.relayed().incoming, 200);

    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("usage"), "a file").unwrap();
    assert!(Reporter::start(directory.path(), reading(START, 0, 0).now).is_err());
}

#[test]
fn the_first_report_is_sealed_soon_and_the_next_a_day_later() {
    let place = Place::new();
    place.reporter.flush(&reading(START, 0, 1));
    place.reporter.flush(&reading(START + 299, 299, 2));
    assert_eq!(place.sealed(), 0);
    assert_eq!(
        place
            .reporter
            .flush(&reading(START + 900, 900, 3))
            .undelivered,
        1
    );
    place.reporter.flush(&reading(START + 80_000, 80_000, 4));
    assert_eq!(place.sealed(), 1);
    place.reporter.flush(&reading(START + 91_000, 91_000, 4));
    assert_eq!(place.sealed(), 2);
}

#[test]
fn a_clock_that_is_set_cannot_put_a_report_off_nor_count_anything_twice() {
    let place = Place::new();
    place.reporter.flush(&reading(START, 0, 0));
    // A month back: the clock that cannot be set goes on.
    place
        .reporter
        .flush(&reading(START - 30 * 86_400, 900, 1000));
    assert_eq!(place.sealed(), 1);
    // A day forward and back again.
    place.reporter.flush(&reading(START + 86_400, 910, 2000));
    place.reporter.flush(&reading(START - 86_400, 920, 3000));
    place.reporter.flush(&reading(START, 930, 3000));
    let books = place.books();
    assert_eq!(books.relayed().incoming, 3000);
    let mut end = None;
    for item in books.items().unwrap() {
        let window = books.open_item(&item).unwrap().report.window;
        assert!(window.start <= window.end);
        assert!(end.is_none_or(|end| end == window.start), "{window:?}");
        end = Some(window.end);
    }
}

#[test]
fn restarts_do_not_make_more_reports() {
    let mut place = Place::new();
    place.reporter.flush(&reading(START, 0, 1));
    place.reporter.flush(&reading(START + 900, 900, 1));
    for hour in 1..20 {
        let began = START + hour * 3600;
        place = place.restart(began);
        place.reporter.flush(&reading(began, 0, 0));
        place.reporter.flush(&reading(began + 1000, 1000, 1));
    }
    assert_eq!(place.sealed(), 1);
    place = place.restart(START + 95_000);
    place.reporter.flush(&reading(START + 95_000, 0, 0));
    place.reporter.flush(&reading(START + 95_900, 900, 0));
    assert_eq!(place.sealed(), 2);
}

#[test]
fn says_when_reporting_is_overdue() {
    let place = Place::new();
    assert!(!place.reporter.flush(&reading(START, 0, 1)).overdue);
    assert!(
        place
            .reporter
            .flush(&reading(START + 181 * 86_400, 10, 1))
            .overdue
    );
    assert!(place.reporter.status().overdue);
}
