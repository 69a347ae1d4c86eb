//! The PROXY protocol with Debian's HAProxy as its sender, in front of a listener and of the Admin API.
//!
//! HAProxy arrives from an address of its own, the only one that is trusted; clients come from others.

mod headers;

use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream as StdStream};
use std::time::Duration;

use serde_json::Value;
use throughway_tests::certificates::Authority;
use throughway_tests::clients::{Action, Library, Security, Task};
use throughway_tests::cluster::{self, NODE_IDS, USER};
use throughway_tests::files::{TemporaryFolder, log_file};
use throughway_tests::process::Process;
use throughway_tests::proxy::{PORT_COUNT, Proxy, Settings, Upstream};
use throughway_tests::script_broker::{Received, Reply};
use throughway_tests::wire::{Connection, client_config};
use throughway_tests::{crate_folder, ports};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;

use crate::edge::{Edge, broker, quiet_broker, settings, upstream_name};

/// Where HAProxy connects from.
const BALANCER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 8);

/// How HAProxy says it: version 1, and version 2.
const SENDERS: [&str; 2] = ["send-proxy", "send-proxy-v2"];

const LIMIT: Duration = Duration::from_secs(60);

/// Debian's HAProxy before one row of ports, whose health checks speak for themselves (`LOCAL`).
struct HaProxy {
    first: u16,
    _process: Process,
    _folder: TemporaryFolder,
}

impl HaProxy {
    /// Before `count` ports from `to` on, of which each is at the same place in a row of its own.
    fn start(sender: &str, first: u16, to: u16, count: u16) -> Self {
        let offset = i32::from(to) - i32::from(first);
        let text = format!(
            "global\n    maxconn 500\n\
             defaults\n    mode tcp\n    timeout connect 10s\n    timeout client 5m\n    timeout server 5m\n\
             frontend edge\n    bind 127.0.0.1:{first}-{last}\n    default_backend throughway\n\
             backend throughway\n    \
             server one 127.0.0.1:{offset:+} {sender} source {BALANCER} \
             check port {to} inter 100ms check-send-proxy\n",
            last = first + count - 1,
        );
        let folder = TemporaryFolder::new("throughway-haproxy-").unwrap();
        let file = folder.path().join("haproxy.cfg");
        fs::write(&file, text).unwrap();
        let command = ["haproxy", "-db", "-f"].map(OsString::from);
        let command: Vec<_> = command.into_iter().chain([file.into()]).collect();
        let process = Process::start(&command, &[], &log_file("haproxy")).unwrap();
        let haproxy = Self {
            first,
            _process: process,
            _folder: folder,
        };
        // It has no other word for being there.
        for _ in 0..600 {
            if StdStream::connect(("127.0.0.1", first)).is_ok() {
                return haproxy;
            }
            haproxy._process.wait_for_news(Duration::from_millis(100));
        }
        panic!(
            "HAProxy does not listen; see {}",
            haproxy._process.log().display()
        );
    }

    /// A client that comes from `source`.
    async fn connect(&self, nth: u16, source: Ipv4Addr) -> TcpStream {
        connect(source, self.first + nth).await
    }
}

async fn connect(source: Ipv4Addr, port: u16) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((source, 0).into()).unwrap();
    socket
        .connect((Ipv4Addr::LOCALHOST, port).into())
        .await
        .unwrap()
}

fn trusting(settings: &mut Settings) {
    let balancer = format!("{BALANCER}/32");
    settings.set("GATEWAY_LISTENER_MAIN_PROXY_PROTOCOL", &balancer);
    settings.set("GATEWAY_HTTP_PROXY_PROTOCOL", &balancer);
    settings.set("GATEWAY_ACCESS_LOG", "true");
}

/// Addresses that the access log tells of.
fn clients_told(proxy: &Proxy) -> Vec<SocketAddr> {
    let lines = proxy.process().lines();
    let parsed = lines
        .iter()
        .filter_map(|line| serde_json::from_str(line).ok());
    parsed
        .filter(|line: &Value| line["target"] == "access")
        .map(|line| line["client_addr"].as_str().unwrap().parse().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_client_behind_haproxy_is_seen_where_it_is() {
    let cluster = cluster::shared().await;
    for sender in SENDERS {
        let (front, local) = (ports::reserve(PORT_COUNT), ports::reserve(PORT_COUNT));
        let mut settings = Settings::new(&cluster, Upstream::Plaintext);
        settings.listen_by_port(front, local);
        trusting(&mut settings);
        let mut proxy = settings.start().unwrap();
        let haproxy = HaProxy::start(sender, front, local, PORT_COUNT);
        let bootstrap = format!("127.0.0.1:{front}");
        let security = Security::sasl_plaintext(USER);
        let topic = format!("behind-{sender}");
        let task = Task::new(Action::RoundTrip, &bootstrap, security, &topic);
        let report = Library::Rust.run(&task, None).await.unwrap();
        assert!(report.is_complete(task.records), "{sender}: {report:?}");
        let told = NODE_IDS.map(|id| {
            let port = front + u16::try_from(id).unwrap();
            (id, format!("127.0.0.1:{port}"))
        });
        assert_eq!(Vec::from_iter(report.brokers), told);
        // Its health checks are no sessions, unless a drain finds one under way.
        drop(haproxy);
        assert_eq!(proxy.stop().unwrap(), Some(0));
        let clients = clients_told(&proxy);
        assert!(clients.len() >= NODE_IDS.len(), "{sender}: {clients:?}");
        assert!(
            clients
                .iter()
                .all(|client| client.ip() == Ipv4Addr::LOCALHOST),
            "{clients:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_client_behind_haproxy_counts_by_its_own_address() {
    let broker = quiet_broker().await;
    for sender in SENDERS {
        let (mut settings, port) = settings(&broker);
        trusting(&mut settings);
        settings.set("GATEWAY_MAX_CONNECTIONS_PER_SOURCE", "2");
        let mut edge = Edge::start(&settings, port);
        let haproxy = HaProxy::start(sender, ports::reserve(PORT_COUNT), port, PORT_COUNT);
        let [one, other] = [2, 3].map(|last| Ipv4Addr::new(127, 0, 0, last));
        let mut open = Vec::new();
        for source in [one, one, other] {
            let stream = haproxy.connect(1, source).await;
            let local = stream.local_addr().unwrap();
            let mut connection = Connection::over(stream);
            connection.authenticate(USER).await.unwrap();
            open.push((local, connection));
        }
        let mut third = Connection::over(haproxy.connect(1, one).await);
        assert_eq!(third.read_to_end().await.unwrap(), b"", "{sender}");
        let limit = [("kind", "limit")];
        let refused = || edge.metric("throughway_accept_errors_total", &limit);
        // Closed a moment before it is counted.
        edge.wait_until(LIMIT, "refused", || refused() > 0);
        // Health checks go on meanwhile, and none of them is an error or a client.
        let silent = [("close_reason", "client_closed")];
        edge.wait_until(LIMIT, "health checks", || {
            edge.metric("throughway_sessions_closed_total", &silent) >= 5
        });
        assert_eq!(refused(), 1);
        assert_eq!(edge.metric("throughway_wrong_protocol_total", &[]), 0);
        assert_eq!(edge.stop().unwrap(), Some(0));
        let mut told = clients_told(&edge);
        // The one that was refused, which is told as well, and those that stayed.
        told.retain(|client| open.iter().any(|(local, _)| local == client));
        assert_eq!(told.len(), 3, "{sender}");
    }
}

/// Asks for brokers through HAProxy, by TLS and by name.
async fn told_to(haproxy: &HaProxy, ca: &Authority, (source, name): (Ipv4Addr, &str)) -> String {
    let config = client_config(&ca.certificate(), None).unwrap();
    let connector = TlsConnector::from(std::sync::Arc::new(config));
    let stream = haproxy.connect(0, source).await;
    let name = name.to_owned().try_into().unwrap();
    let stream = connector.connect(name, stream).await.unwrap();
    let mut connection = Connection::over(stream);
    connection.authenticate(USER).await.unwrap();
    let request = kafka_protocol::messages::MetadataRequest::default();
    let answer = connection.call(12, &request).await.unwrap();
    answer.brokers[0].host.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_map_is_given_the_zone_of_the_client_behind_haproxy() {
    let broker = broker(|request: &Received| match request.api_key {
        3 => Reply::metadata(request, "c", &[(1, upstream_name(1), 9092)]),
        _ => Reply::usual(request),
    })
    .await;
    let folder = TemporaryFolder::new("throughway-zones-").unwrap();
    let authority = Authority::new(folder.path(), "downstream").unwrap();
    let identity = authority
        .issue("edge", &["*.office.test", "*.partner.test"])
        .unwrap();
    let (mut settings, port) = settings(&broker);
    settings.unset("GATEWAY_LISTENER_MAIN_ADVERTISED_HOST");
    settings.listen_by_sni(port, port, &identity);
    trusting(&mut settings);
    let map = crate_folder().join("guests/schemes-rust.wasm");
    settings.set("GATEWAY_ADDRESS_MAP", map.display().to_string());
    let scheme = format!(
        "scheme = zones\nlistener = MAIN\nport = {port}\nlocal-port = {port}\n\
         zones = office=office.test partner=partner.test"
    );
    settings.set("GATEWAY_ADDRESS_MAP_CONFIG", scheme);
    settings.set("GATEWAY_ZONES", "office=127.0.0.2/32;partner=127.0.0.3/32");
    let mut edge = Edge::start(&settings, port);
    for sender in SENDERS {
        let haproxy = HaProxy::start(sender, ports::reserve(1), port, 1);
        for (last, zone) in [(2, "office"), (3, "partner")] {
            let name = format!("bootstrap.{zone}.test");
            let client = (Ipv4Addr::new(127, 0, 0, last), &*name);
            let told = told_to(&haproxy, &authority, client).await;
            assert_eq!(told, format!("b1.{zone}.test"), "{sender}");
        }
    }
    assert_eq!(edge.stop().unwrap(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_api_is_reached_through_haproxy_and_its_health_checks() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let broker = quiet_broker().await;
    let (mut settings, port) = settings(&broker);
    trusting(&mut settings);
    let edge = Edge::start(&settings, port);
    for sender in SENDERS {
        let haproxy = HaProxy::start(sender, ports::reserve(1), edge.admin_port, 1);
        let mut stream = haproxy.connect(0, Ipv4Addr::LOCALHOST).await;
        let request = "GET /health/ready HTTP/1.1\r\nHost: l\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let read = stream.read_to_string(&mut answer);
        tokio::time::timeout(LIMIT, read).await.unwrap().unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{sender}: {answer}");
    }
    // The same header from anybody else ends the connection.
    let mut stream = connect(Ipv4Addr::LOCALHOST, edge.admin_port).await;
    let spoofed = b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2\r\nGET /health/ready HTTP/1.1\r\n\r\n";
    stream.write_all(spoofed).await.unwrap();
    let mut answer = Vec::new();
    let _reset = tokio::time::timeout(LIMIT, stream.read_to_end(&mut answer))
        .await
        .unwrap();
    assert_eq!(answer, b"");
}
