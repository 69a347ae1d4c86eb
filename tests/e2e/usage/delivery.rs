//! How reports reach the vendor: by HTTPS, by hand, or visibly not at all.

use std::fs;

use throughway_tests::collector::{Collector, Manner, Report, Vendor, check_chain};
use throughway_tests::soak;

use super::tally::WORD;
use super::{DAY, HOUR, MINUTE, Site, clock, wait_until};
use crate::edge::Edge;

/// More than the first report waits.
const SOON: i64 = 16 * MINUTE;

fn metric(edge: &Edge, name: &str) -> u64 {
    edge.metric(&format!("throughway_usage_{name}"), &[])
}

fn sent(edge: &Edge, outcome: &str) -> u64 {
    let labels = [("outcome", outcome)];
    edge.metric("throughway_usage_deliveries_total", &labels)
}

/// Nothing that a client, a broker or the configuration named may be in a report.
fn holds_no_name(report: &Report, site: &Site) {
    let text = report.fields.to_string().to_ascii_lowercase();
    let state = site.state.path().display().to_string();
    let broker = site.broker.address.port().to_string();
    for name in [
        WORD,
        "internal.test",
        "127.0.0.1",
        "localhost",
        "main",
        &state,
        &broker,
    ] {
        let found = text.contains(&name.to_ascii_lowercase());
        assert!(!found, "{name} in {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_delivered_and_its_receipt_kept() {
    let collector = Collector::start().await.unwrap();
    let mut site = Site::new().await;
    site.report_to(&collector);
    site.settings.set("DEPLOYED_BY", format!("deb {WORD}"));
    let clock = clock(&mut site);
    let edge = site.start();
    site.relay(&edge, 40).await;
    site.wait_for_flush(&edge);
    assert!(collector.received().is_empty());
    clock.set(SOON).unwrap();
    collector.wait_for(Manner::Receipts, 1).await.unwrap();
    wait_until(&edge, "delivered", || sent(&edge, "delivered") == 1);
    wait_until(&edge, "known to be", || {
        metric(&edge, "last_receipt_timestamp_seconds") > 0
    });

    let reports = collector.delivered().unwrap();
    check_chain(&reports).unwrap();
    let report = &reports[0];
    let remainder = site.ledger("remainder");
    let (up, down) = site.tally.sums();
    assert_eq!(report.number("/bytes/in") + remainder.0, up);
    assert_eq!(report.number("/bytes/out") + remainder.1, down);
    assert!(report.number("/bytes/in") >= 20_000, "{}", report.fields);
    assert_eq!(report.fields["deployment"], "deb");
    assert_eq!(report.fields["counts"]["brokers"], "1");
    assert_eq!(report.fields["features"]["port_routing"], true);
    holds_no_name(report, &site);
    // Who runs the proxy sees what was sent, to the last byte.
    let lines = edge.logged("sending usage report");
    let logged: serde_json::Value =
        serde_json::from_str(lines[0]["report"].as_str().unwrap()).unwrap();
    assert_eq!(logged, report.fields);
    assert_eq!(metric(&edge, "reports_undelivered"), 0);
    assert!(site.file("sent/00000000.receipt").exists());

    // A day later the next one follows it.
    site.relay(&edge, 1).await;
    clock.set(SOON + DAY + 2 * HOUR).unwrap();
    collector.wait_for(Manner::Receipts, 2).await.unwrap();
    check_chain(&collector.delivered().unwrap()).unwrap();
    site.chain_is_whole();
    site.stop(edge);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_delivers_nothing_and_overdue_is_seen() {
    let collector = Collector::start().await.unwrap();
    collector.answer(Manner::Sink);
    let mut site = Site::new().await;
    site.report_to(&collector);
    let clock = clock(&mut site);
    site.settings.tolerate("usage report not delivered");
    site.settings.tolerate("usage reporting is overdue");
    let edge = site.start();
    site.relay(&edge, 5).await;
    // From which on the first report becomes due.
    site.wait_for_flush(&edge);
    clock.set(SOON).unwrap();
    wait_until(&edge, "a failure", || sent(&edge, "failed") > 0);
    wait_until(&edge, "undelivered", || {
        metric(&edge, "reports_undelivered") == 1
    });
    assert_eq!(metric(&edge, "reporting_overdue"), 0);

    clock.set(181 * DAY).unwrap();
    wait_until(&edge, "overdue", || metric(&edge, "reporting_overdue") == 1);
    assert_eq!(edge.logged("usage reporting is overdue: let the proxy reach the usage endpoint, or carry reports by hand with `throughway usage export` and `import-receipt`").len(), 1);
    assert_eq!(
        (
            sent(&edge, "delivered"),
            metric(&edge, "last_receipt_timestamp_seconds")
        ),
        (0, 0)
    );
    // Traffic does not care.
    assert_eq!(edge.get("/health/ready").unwrap().0, 200);
    site.relay(&edge, 5).await;
    clock.set(0).unwrap();
    site.stop(edge);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_fails_in_every_way_gets_it_once_in_the_end() {
    let collector = Collector::start().await.unwrap();
    let mut site = Site::new().await;
    site.report_to(&collector);
    let clock = clock(&mut site);
    site.settings.tolerate("usage report not delivered");
    let edge = site.start();
    site.relay(&edge, 20).await;
    site.wait_for_flush(&edge);
    let faults = [
        Manner::Status(500),
        Manner::UnknownKey,
        Manner::Down,
        Manner::OtherReport,
        Manner::Hang,
        Manner::Status(503),
        Manner::Status(307),
        Manner::Sink,
    ];
    // Later than any back-off, sooner than the next report.
    let mut offset = SOON;
    for (failed, fault) in faults.into_iter().take(soak::times(4, 8)).enumerate() {
        collector.answer(fault);
        clock.set(offset).unwrap();
        let failed = u64::try_from(failed).unwrap();
        wait_until(&edge, &format!("{fault:?}"), || {
            sent(&edge, "failed") > failed
        });
        assert_eq!(edge.get("/health/ready").unwrap().0, 200);
        offset += 6 * HOUR / 4 + MINUTE;
    }
    assert_eq!((sent(&edge, "delivered"), sent(&edge, "refused")), (0, 0));
    collector.answer(Manner::Receipts);
    clock.set(offset).unwrap();
    wait_until(&edge, "delivered", || sent(&edge, "delivered") == 1);
    assert_eq!(collector.delivered().unwrap().len(), 1);
    let tokens = collector.received();
    assert!(
        tokens.iter().all(|one| one.token == tokens[0].token),
        "sealed once"
    );
    site.chain_is_whole();
    site.stop(edge);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_endpoint_refuses_stays_to_be_carried_by_hand() {
    let collector = Collector::start().await.unwrap();
    collector.answer(Manner::Status(400));
    let mut site = Site::new().await;
    site.report_to(&collector);
    let clock = clock(&mut site);
    site.settings
        .tolerate("the usage endpoint refuses this report");
    let edge = site.start();
    site.relay(&edge, 5).await;
    // From which on the first report becomes due.
    site.wait_for_flush(&edge);
    clock.set(SOON).unwrap();
    wait_until(&edge, "refused", || sent(&edge, "refused") == 1);
    wait_until(&edge, "undelivered", || {
        metric(&edge, "reports_undelivered") == 1
    });
    // Nor does it come back by itself.
    clock.set(SOON + 7 * HOUR).unwrap();
    site.relay(&edge, 5).await;
    site.wait_for_flush(&edge);
    assert_eq!(collector.received().len(), 1);
    carry_by_hand(&site, &edge, 2);
    site.stop(edge);
}

/// Bundle out, receipts in, beside the running proxy.
fn carry_by_hand(site: &Site, edge: &Edge, expected: usize) {
    let (code, bundle) = site.command(&["export"]);
    assert_eq!(code, Some(0), "{bundle}");
    let reports: Vec<_> = bundle
        .lines()
        .map(|line| Report::open(line).unwrap())
        .collect();
    assert_eq!(reports.len(), expected);
    check_chain(&reports).unwrap();
    wait_until(edge, "undelivered", || {
        metric(edge, "reports_undelivered") == u64::try_from(expected).unwrap()
    });
    let vendor = Vendor::new().unwrap();
    let receipts: Vec<_> = reports
        .iter()
        .map(|report| vendor.receipt(report).unwrap())
        .collect();
    let file = site.state.path().join("receipts.jws");
    let path = file.display().to_string();
    // Somebody else's are no good.
    let stranger = Vendor::stranger().unwrap();
    fs::write(&file, stranger.receipt(&reports[0]).unwrap()).unwrap();
    assert_eq!(site.command(&["import-receipt", &path]).0, Some(1));
    fs::write(&file, receipts.join("\n")).unwrap();
    let (code, said) = site.command(&["import-receipt", &path]);
    assert_eq!(
        (code, said),
        (
            Some(0),
            format!("{expected} receipts taken, 0 reports without one\n")
        )
    );
    wait_until(edge, "all delivered", || {
        metric(edge, "reports_undelivered") == 0
    });
    assert!(metric(edge, "last_receipt_timestamp_seconds") > 0);
    site.chain_is_whole();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_way_out_a_bundle_and_its_receipts_are_carried() {
    let site = Site::new().await;
    let edge = site.start();
    site.relay(&edge, 5).await;
    site.wait_for_flush(&edge);
    carry_by_hand(&site, &edge, 1);
    site.stop(edge);
}
