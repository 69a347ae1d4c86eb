//! How many may come, and what becomes of the others: caps, silent connections, few files, floods.

mod flood;

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use throughway_tests::bench::usage::cpu_of;
use throughway_tests::certificates::Authority;
use throughway_tests::cluster::USER;
use throughway_tests::files::TemporaryFolder;
use throughway_tests::wire::{Connection, Door};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::edge::{Edge, quiet_broker, settings};

const LIMIT: Duration = Duration::from_secs(60);

async fn from(source: Ipv4Addr, port: u16) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((source, 0).into()).unwrap();
    socket
        .connect((Ipv4Addr::LOCALHOST, port).into())
        .await
        .unwrap()
}

/// Whether a client from there gets in.
async fn gets_in(edge: &Edge, source: Ipv4Addr) -> Option<Connection> {
    let mut connection = Connection::over(from(source, edge.first_port + 1).await);
    connection
        .authenticate(USER)
        .await
        .ok()
        .map(|()| connection)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_cap_turns_away_and_lets_in_again() {
    let broker = quiet_broker().await;
    let [one, other] = [2, 3].map(|last| Ipv4Addr::new(127, 0, 0, last));
    for (cap, other_gets_in) in [
        ("GATEWAY_MAX_CONNECTIONS", false),
        ("GATEWAY_MAX_CONNECTIONS_PER_LISTENER", false),
        ("GATEWAY_MAX_CONNECTIONS_PER_SOURCE", true),
    ] {
        let (mut settings, port) = settings(&broker);
        settings.set(cap, "2");
        let edge = Edge::start(&settings, port);
        let (first, _second) = (
            gets_in(&edge, one).await.unwrap(),
            gets_in(&edge, one).await.unwrap(),
        );
        assert!(gets_in(&edge, one).await.is_none(), "{cap}");
        assert_eq!(
            gets_in(&edge, other).await.is_some(),
            other_gets_in,
            "{cap}"
        );
        let refused = if other_gets_in { 1 } else { 2 };
        let kind = [("kind", "limit")];
        assert_eq!(
            edge.metric("throughway_accept_errors_total", &kind),
            refused,
            "{cap}"
        );
        drop(first);
        let deadline = Instant::now() + LIMIT;
        while gets_in(&edge, one).await.is_none() {
            assert!(Instant::now() < deadline, "{cap}: nobody is let in again");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_make_room_for_each_other_and_for_nobody_else() {
    let broker = quiet_broker().await;
    let (mut settings, port) = settings(&broker);
    // Ten of them may be silent.
    settings.set("GATEWAY_MAX_CONNECTIONS", "40");
    settings.set("GATEWAY_FIRST_BYTE_TIMEOUT_MS", "600000");
    let edge = Edge::start(&settings, port);
    let mut healthy = edge.log_in(1).await;
    let mut silent = Vec::new();
    for _ in 0..30 {
        silent.push(edge.connect().await);
    }
    for (nth, displaced) in silent[..20].iter_mut().enumerate() {
        assert_eq!(displaced.read_to_end().await.unwrap(), b"", "{nth}");
    }
    edge.wait_for_ends(20).unwrap();
    let kind = [("kind", "silent")];
    assert_eq!(edge.metric("throughway_accept_errors_total", &kind), 20);
    // Those that are left may still speak, and newcomers too.
    silent[20].authenticate(USER).await.unwrap();
    let _newcomer = edge.log_in(1).await;
    healthy.ask_identity("c", 1).await.unwrap();
    assert_eq!(edge.metric("throughway_panics_total", &[]), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_over_the_rate_wait_their_turn() {
    const PER_SECOND: u32 = 5;
    const AT_ONCE: u32 = 20;
    let broker = quiet_broker().await;
    let folder = TemporaryFolder::new("throughway-tls-").unwrap();
    let authority = Authority::new(folder.path(), "downstream").unwrap();
    let identity = authority.issue("edge", &["edge.test"]).unwrap();
    let (mut settings, port) = settings(&broker);
    settings.speak_tls(&identity);
    settings.set("GATEWAY_MAX_HANDSHAKES_PER_SECOND", PER_SECOND.to_string());
    let edge = Edge::start(&settings, port);
    let door = Door {
        tls: Some(("edge.test".to_owned(), authority.certificate())),
        ..edge.door(1)
    };
    let began = Instant::now();
    let mut connecting = JoinSet::new();
    for _ in 0..AT_ONCE {
        let door = door.clone();
        connecting.spawn(async move { Connection::open(&door).await.unwrap() });
    }
    let open = connecting.join_all().await;
    // A second's worth may be made up for, and the one that is due.
    let waiting = AT_ONCE - PER_SECOND - 1;
    let least = Duration::from_secs(1) / PER_SECOND * waiting - Duration::from_millis(300);
    assert!(began.elapsed() >= least, "{:?}", began.elapsed());
    assert_eq!(open.len(), 20);
}

/// So many files in all, for throughway alone.
const FILES: usize = 256;

#[tokio::test(flavor = "multi_thread")]
async fn without_a_file_left_it_waits_and_is_back_at_once() {
    let broker = quiet_broker().await;
    let (mut settings, port) = settings(&broker);
    let few = format!("ulimit -n {FILES} && exec \"$@\"");
    settings.launched_by(["sh", "-c", &few, "sh"].map(Into::into));
    // More than there are files for, so that they do run out.
    settings.set("GATEWAY_MAX_CONNECTIONS", "4000");
    settings.set("GATEWAY_FIRST_BYTE_TIMEOUT_MS", "600000");
    settings.tolerate("accept failed");
    settings.tolerate("accept admin connection");
    let edge = Edge::start(&settings, port);
    let process = edge.process().id();
    let mut crowd = Vec::new();
    for _ in 0..FILES + 100 {
        crowd.push(edge.connect().await);
    }
    edge.wait_for_lines("accept failed", 1).unwrap();
    let (began, before) = (Instant::now(), cpu_of(process, "").unwrap());
    // Whatever it does about it, for this long.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let used = cpu_of(process, "").unwrap() - before;
    let share = used.as_secs_f64() / began.elapsed().as_secs_f64();
    assert!(share < 0.2, "{share:.2} of a processor for waiting");

    drop(crowd);
    let freed = Instant::now();
    let client = tokio::time::timeout(LIMIT, edge.log_in(1)).await.unwrap();
    let back = freed.elapsed();
    throughway_tests::soak::note(
        "few files",
        &format!(
            "{} connections with {FILES} files: {:.1} % of a processor while none was left, back after {:.2} s",
            FILES + 100,
            share * 100.0,
            back.as_secs_f64()
        ),
    );
    // The pause is half a second at most; the rest is a busy machine's, which soak tests do not have.
    let bar = if throughway_tests::soak::is_on() {
        Duration::from_secs(2)
    } else {
        LIMIT
    };
    assert!(back < bar, "{back:?}");
    drop(client);
    let kind = [("kind", "out_of_files")];
    assert!(edge.metric("throughway_accept_errors_total", &kind) > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn few_files_carry_fewer_connections_and_do_not_run_out() {
    let broker = quiet_broker().await;
    let (mut settings, port) = settings(&broker);
    let few = format!("ulimit -n {FILES} && exec \"$@\"");
    settings.launched_by(["sh", "-c", &few, "sh"].map(Into::into));
    let edge = Edge::start(&settings, port);
    let mut open = Vec::new();
    let mut refused = 0;
    for _ in 0..FILES {
        match gets_in(&edge, Ipv4Addr::LOCALHOST).await {
            Some(client) => open.push(client),
            None => refused += 1,
        }
    }
    assert_eq!(open.len(), FILES / 4);
    let accept_errors = |kind| edge.metric("throughway_accept_errors_total", &[("kind", kind)]);
    assert_eq!(accept_errors("limit"), refused);
    assert_eq!(accept_errors("out_of_files"), 0);
}
