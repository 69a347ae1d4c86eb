//! The box around an address map: compiled in a child with limits, its code kept where nobody else
//! can write, and never a page that is writable and executable.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use throughway_tests::cluster::{self, USER};
use throughway_tests::crate_folder;
use throughway_tests::files::TemporaryFolder;
use throughway_tests::ports;
use throughway_tests::proxy::{PORT_COUNT, Settings, Upstream, binary};
use throughway_tests::wire::{Door, brokers_told};

use crate::guests::good;

const LIMIT: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn everything_works_where_memory_can_never_become_code() {
    let cluster = cluster::shared().await;
    let first = ports::reserve(PORT_COUNT);
    let folder = TemporaryFolder::new("throughway-box-").unwrap();
    let file = folder.path().join("map.wasm");
    fs::write(&file, good(first, "127.0.0.1").component()).unwrap();
    let mut settings = Settings::new(&cluster, Upstream::Plaintext);
    settings.listen_by_port(first, first);
    settings.set("GATEWAY_ADDRESS_MAP", file.display().to_string());
    let launcher = crate_folder().join("launchers/no_new_code.py");
    settings.launched_by(["/usr/bin/env".into(), "python3".into(), launcher.into()]);
    let mut proxy = settings.start().unwrap();
    let door = Door::plain(first);
    let told = brokers_told(&door, USER).await.unwrap();
    assert_eq!(told[&5], format!("127.0.0.1:{}", first + 5));
    // Compiled and run once more, under another name.
    fs::write(&file, good(first, "127.0.0.9").component()).unwrap();
    proxy.signal(Signal::HUP);
    proxy
        .process()
        .wait_for_line("address map changed", LIMIT)
        .unwrap();
    let told = brokers_told(&door, USER).await.unwrap();
    assert_eq!(told[&5], format!("127.0.0.9:{}", first + 5));
    assert_eq!(proxy.stop().unwrap(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn compiled_code_is_kept_where_nobody_else_can_write() {
    let first = ports::reserve(PORT_COUNT);
    let mut settings = Settings::upstream_at("broker1.internal.test:9092");
    settings.listen_by_port(first, first);
    let mut proxy = settings.start().unwrap();
    let folder = proxy.state().join("address-map");
    assert_eq!(
        fs::metadata(&folder).unwrap().permissions().mode() & 0o777,
        0o700
    );
    let kept: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let [code] = kept.as_slice() else {
        panic!("{kept:?}");
    };
    let about = fs::metadata(code).unwrap();
    assert_eq!(
        (about.mode() & 0o777, about.uid()),
        (0o600, rustix::process::geteuid().as_raw())
    );
    assert_eq!(proxy.stop().unwrap(), Some(0));
}

/// The soft limit of a process, by its name in `/proc`.
fn limit(pid: u32, name: &str) -> String {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
    let rest = line.strip_prefix(name).unwrap();
    rest.split_whitespace().next().unwrap().to_owned()
}

#[test]
fn the_compiler_runs_within_limits_of_its_own() {
    for (profile, seconds, memory) in [
        ("small", "30", "1073741824"),
        ("runtime", "240", "4294967296"),
    ] {
        let mut child = Command::new(binary().unwrap())
            .args(["compile-address-map", profile])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + LIMIT;
        // It sets them before it reads a byte, and we have written none.
        while limit(child.id(), "Max cpu time") != seconds {
            assert!(Instant::now() < deadline && child.try_wait().unwrap().is_none());
            std::thread::yield_now();
        }
        let limits = ["Max address space", "Max cpu time"].map(|name| limit(child.id(), name));
        assert_eq!(limits, [memory, seconds]);
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(b"no component").unwrap();
        drop(stdin);
        let mut words = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut words)
            .unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(1));
        assert!(!words.is_empty());
    }
}
