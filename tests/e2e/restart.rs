//! throughway killed and drained, again and again, under load of every kind: nothing acknowledged is
//! lost, nothing comes twice, and every client goes on by itself.

use std::fs;
use std::time::Duration;

use throughway_tests::cluster;
use throughway_tests::load::{Load, Way};
use throughway_tests::proxy::{PORT_COUNT, Proxy, Settings, Upstream};
use throughway_tests::{ports, soak};

/// Every client goes on within this time; and on a machine that is busy with other tests.
const BACK: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(120));

/// A grace time that is over before clients lose patience.
const GRACE_MS: &str = "5000";

/// Ends throughway in some way and starts it again, under load, with `between` done to what it left.
async fn again_and_again(name: &str, end: impl Fn(&mut Proxy), between: impl Fn(&Proxy)) {
    let cluster = cluster::shared().await;
    let first = ports::reserve(PORT_COUNT);
    let mut settings = Settings::new(&cluster, Upstream::Plaintext);
    settings.listen_by_port(first, first);
    settings.set("GATEWAY_SHUTDOWN_GRACE_MS", GRACE_MS);
    // A member waits for the others to join, which may take longer than that.
    settings.tolerate("sessions cut at the end of GATEWAY_SHUTDOWN_GRACE_MS");
    let mut proxy = settings.start().unwrap();
    let through = Way::plain(format!("127.0.0.1:{first}"));
    let topic = name.replace(' ', "-");
    let load = Load::start(&through, &topic).await.unwrap();

    let rounds = soak::times(2, 20);
    let back = if soak::is_on() { BACK.0 } else { BACK.1 };
    let mut longest = Duration::ZERO;
    for _ in 0..rounds {
        end(&mut proxy);
        between(&proxy);
        proxy.start_again(&settings).unwrap();
        longest = longest.max(load.wait_for_all(back).unwrap());
    }
    let summary = load.stop_and_check(&Way::direct(&cluster)).unwrap();
    assert_eq!(proxy.stop().unwrap(), Some(0));
    let result = format!(
        "{rounds} times: {summary}; every client went on within {:.1} s of the new start",
        longest.as_secs_f64()
    );
    soak::note(name, &result);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_under_load_it_loses_nothing() {
    let kill = |proxy: &mut Proxy| proxy.kill().unwrap();
    let remembers = |proxy: &Proxy| assert!(proxy.state().join("topology.json").exists());
    again_and_again("killed under load", kill, remembers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drained_under_load_it_loses_nothing() {
    let drain = |proxy: &mut Proxy| assert_eq!(proxy.stop().unwrap(), Some(0));
    again_and_again("drained under load", drain, |_| {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_state_directory_it_loses_nothing_either() {
    let kill = |proxy: &mut Proxy| proxy.kill().unwrap();
    let delete = |proxy: &Proxy| fs::remove_dir_all(proxy.state()).unwrap();
    again_and_again("killed and its state deleted", kill, delete).await;
}
