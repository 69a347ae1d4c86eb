//! The ledger against what was relayed: kills, full disks, clocks that are set.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use throughway_tests::soak;

use super::{DAY, HOUR, SLACK, Site, clock, kill, wait_until};

/// What a process that is killed may lose.
const FLUSH: Duration = Duration::from_secs(10);

/// Anything below `most`, another number each time.
fn random(most: u64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::from(now.subsec_nanos()) / 1000 % most
}

/// Relays until the proxy is killed at some moment within a flush and a half.
async fn relay_until_killed(site: &Site) -> (u64, u64) {
    let edge = site.start();
    let mut session = site.tally.log_in(&edge.door(1)).await;
    let relaying = async {
        while site.tally.exchange(&mut session).await.is_ok() {
            // A busy machine has other tests to run.
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let ending = async {
        // The moment is the point of the test, not something that is waited for.
        tokio::time::sleep(Duration::from_millis(random(15_000))).await;
        kill(edge);
        Instant::now()
    };
    let ((), killed) = tokio::join!(relaying, ending);
    site.tally.within(FLUSH + SLACK, killed)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_loses_one_flush_at_most_and_counts_nothing_twice() {
    let mut site = Site::new().await;
    site.licensed_for_long();
    let mut may_be_lost = (0, 0);
    let rounds = soak::times(4, 200);
    for round in 0..rounds {
        let lost = relay_until_killed(&site).await;
        may_be_lost = (may_be_lost.0 + lost.0, may_be_lost.1 + lost.1);
        // Sealed in between: neither a kill nor a report changes a sum.
        if round % 2 == 1 {
            assert_eq!(site.command(&["export"]).0, Some(0));
        }
        let (ledger, relayed) = (site.ledger("relayed"), site.tally.sums());
        assert!(
            ledger.0 <= relayed.0 && ledger.1 <= relayed.1,
            "{ledger:?} of {relayed:?}"
        );
        assert!(
            relayed.0 - ledger.0 <= may_be_lost.0 && relayed.1 - ledger.1 <= may_be_lost.1,
            "{ledger:?} of {relayed:?}, and only {may_be_lost:?} may be lost in {round} kills"
        );
        let (reported, remainder) = (site.ledger("reported"), site.ledger("remainder"));
        let sum = (reported.0 + remainder.0, reported.1 + remainder.1);
        assert_eq!(sum, ledger);
    }
    site.chain_is_whole();
    let (ledger, relayed) = (site.ledger("relayed"), site.tally.sums());
    assert!(ledger.0 > 0);
    let (less, lost) = (relayed.0 - ledger.0, may_be_lost.0);
    soak::note(
        "usage and kills",
        &format!(
            "{rounds} kills: {} of {} bytes in the ledger, {less} less, {lost} may be",
            ledger.0, relayed.0
        ),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_costs_neither_traffic_nor_a_byte_of_the_ledger() {
    let mut site = Site::new().await;
    site.settings.tolerate("usage cannot be kept");
    let edge = site.start();
    site.relay(&edge, 10).await;
    wait_until(&edge, "a flush", || site.ledger("relayed").0 > 0);
    let before = site.ledger("relayed");
    // Whatever is written there meets ENOSPC, as on a full disk.
    symlink("/dev/full", site.file("ledger.new")).unwrap();
    site.relay(&edge, 10).await;
    wait_until(&edge, "a flush that fails", || {
        edge.metric("throughway_usage_flush_failures", &[]) > 0
    });
    assert_eq!(site.ledger("relayed"), before);
    site.relay(&edge, 10).await;
    fs::remove_file(site.file("ledger.new")).unwrap();
    site.wait_for_flush(&edge);
    site.stop(edge);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_starts_on_a_full_disk_and_catches_up() {
    let mut site = Site::new().await;
    site.settings.tolerate("usage cannot be kept");
    fs::create_dir(site.file("")).unwrap();
    symlink("/dev/full", site.file("identity.new")).unwrap();
    let edge = site.start();
    site.relay(&edge, 10).await;
    fs::remove_file(site.file("identity.new")).unwrap();
    wait_until(&edge, "a ledger", || site.file("ledger.json").exists());
    site.relay(&edge, 10).await;
    site.stop(edge);
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_are_set_change_no_sum_and_make_no_double_window() {
    let mut site = Site::new().await;
    let clock = clock(&mut site);
    // The endpoint is not there, and a clock far ahead finds that out.
    site.settings.tolerate("usage report not delivered");
    let edge = site.start();
    let steps = [HOUR, -30 * DAY, DAY, DAY + 2 * HOUR, -DAY, 0];
    for (step, offset) in steps.into_iter().take(soak::times(4, 6)).enumerate() {
        site.relay(&edge, 5).await;
        clock.set(offset).unwrap();
        site.relay(&edge, 5).await;
        if step % 2 == 0 {
            let before = site.ledger("relayed");
            wait_until(&edge, "a flush", || site.ledger("relayed") != before);
        }
    }
    site.stop(edge);
    // By the right clock again: what was sealed until now, and what is open.
    let (code, bundle) = site.command(&["export"]);
    assert_eq!(code, Some(0));
    let reports: Vec<_> = bundle
        .lines()
        .map(|line| throughway_tests::collector::Report::open(line).unwrap())
        .collect();
    throughway_tests::collector::check_chain(&reports).unwrap();
    let sum = |path: &str| {
        reports
            .iter()
            .map(|report| report.number(path))
            .sum::<u64>()
    };
    let (remainder, relayed) = (site.ledger("remainder"), site.tally.sums());
    assert_eq!(sum("/bytes/in") + remainder.0, relayed.0);
    assert_eq!(sum("/bytes/out") + remainder.1, relayed.1);
    site.chain_is_whole();
}
