//! The whole API over real sockets: what each way in gives, and what hostile peers meet.

mod hostile;
mod matrix;
mod own;
mod recorded;
mod sessions;
mod ways;

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use base64ct::{Base64, Encoding as _};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::gate::Access;
use super::users::Users;
use super::*;
use crate::addrmap::Ground;
use crate::config::{self, AdminUser, Cidr, Given, Secret};
use crate::licence::{self, Source};
use crate::tls::testing::Authority;
use crate::topology::store::Remembered;

/// Authorization of a user who may do everything, one who may read, and nobody.
pub(super) const ADMIN: &str = "root:secret";
pub(super) const READER: &str = "bob:secret";
pub(super) const WRONG: &str = "root:wrong";

/// A configuration with these variables beside what every one needs.
pub(super) fn config(variables: &[(&str, &str)]) -> Config {
    let needed = [
        ("KAFKA_BOOTSTRAP_SERVERS", "b1.kafka.internal:9092"),
        ("KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT"),
        ("GATEWAY_SECURITY_PROTOCOL", "SASL_PLAINTEXT"),
        ("GATEWAY_SECURITY_MODE", "KAFKA_MANAGED"),
        ("GATEWAY_UPSTREAM_BROKERS", "1=b1.kafka.internal:9092"),
        ("GATEWAY_ADVERTISED_HOST", "kafka.example.com"),
    ];
    let set = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let given = Given {
        environment: needed.iter().chain(variables).map(set).collect(),
        cores: 1,
        ..Given::default()
    };
    config::parse(&given).unwrap().config
}

/// One for all tests: compiling it takes a while.
static ADDRESS_MAP: LazyLock<AddressMap> = LazyLock::new(|| {
    let config = config(&[]);
    let topology = Topology::new(Arc::new(config.upstream.clone()), Remembered::default());
    AddressMap::start(&config, topology.snapshot().map_brokers()).unwrap()
});

/// What the routes are given, with a licence or without.
pub(super) fn state(licensed: bool, folder: &TempDir) -> AdminState {
    let config = Arc::new(config(&[]));
    let source = match licensed {
        true => Source::Key(Secret(licence::testing::token_of_today())),
        false => Source::AgentFile(folder.path().join("nothing-here")),
    };
    let now = std::time::SystemTime::now().into();
    let licence = Guard::start(source, folder.path(), now).unwrap();
    let (reload_licence, mut asked) = mpsc::channel::<oneshot::Sender<()>>(1);
    std::thread::spawn(move || {
        while let Some(asked) = asked.blocking_recv() {
            asked.send(()).unwrap();
        }
    });
    let usage = Store::new(folder.path());
    drop(usage.open(now).unwrap());
    AdminState {
        shown_config: "{}".into(),
        metrics: Metrics::new(&["DEFAULT".to_owned()]),
        readiness: Arc::default(),
        topology: Arc::new(Topology::new(
            Arc::new(config.upstream.clone()),
            Remembered::default(),
        )),
        address_map: ADDRESS_MAP.clone(),
        maps: maps(&config),
        licence: Arc::new(licence),
        drain: Arc::default(),
        debugging: Debugging::default(),
        usage,
        legs: Arc::new(Legs::new(Vec::new(), None)),
        reload_licence,
        started: Instant::now(),
        config,
    }
}

/// Swaps of the one map; a test must not let any come into effect, for it is everybody's.
fn maps(config: &Config) -> Arc<Maps> {
    let topology = Topology::new(Arc::new(config.upstream.clone()), Remembered::default());
    let ground = Ground {
        brokers: Box::new(move || (topology.snapshot().map_brokers(), 0)),
        bind: Box::new(|_| Ok(())),
        metrics: Metrics::new(&["DEFAULT".to_owned()]),
    };
    Arc::new(Maps::new(ADDRESS_MAP.clone(), ground, config))
}

pub(super) fn access(secured_metrics: bool) -> Access {
    let user = |credentials: &str, admin| {
        let (name, password) = credentials.split_once(':').unwrap();
        AdminUser {
            name: name.to_owned(),
            password: Secret(password.to_owned()),
            admin,
        }
    };
    let users = [user(ADMIN, true), user(READER, false)];
    Access {
        users: Users::new(&users).unwrap(),
        secured_metrics,
    }
}

/// A served API, and what its clients trust.
struct Running {
    address: SocketAddr,
    authority: Authority,
    state: AdminState,
    shutdown: CancellationToken,
    served: JoinSet<()>,
    _folder: TempDir,
}

/// How a test differs from the usual.
#[derive(Clone, Default)]
struct Unusual {
    open_metrics: bool,
    trusted: Vec<Cidr>,
}

impl Running {
    async fn start() -> Self {
        Self::start_with(Unusual::default()).await
    }

    async fn start_with(unusual: Unusual) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("admin");
        let front = Front {
            tls: Arc::new(authority.server("localhost")),
            access: access(!unusual.open_metrics),
            trusted: unusual.trusted,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut state = state(true, &folder);
        state.legs = Arc::new(Legs::new(vec![("Admin API".to_owned(), front.tls())], None));
        let shutdown = CancellationToken::new();
        let mut served = JoinSet::new();
        served.spawn(serve(listener, front, state.clone(), shutdown.clone()));
        Self {
            address,
            authority,
            state,
            shutdown,
            served,
            _folder: folder,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// TLS on a connection that may have said something already.
    async fn secure(
        &self,
        stream: TcpStream,
    ) -> std::io::Result<impl AsyncRead + AsyncWrite + Unpin> {
        let connector = tokio_rustls::TlsConnector::from(self.authority.client());
        let name = rustls_pki_types::ServerName::try_from("localhost").unwrap();
        connector.connect(name, stream).await
    }

    /// One request over TLS.
    async fn ask(&self, credentials: &str, request: &str) -> Answer {
        let stream = self.secure(self.connect().await).await.unwrap();
        exchange(stream, &with_credentials(request, credentials)).await
    }

    async fn get(&self, credentials: &str, path: &str) -> Answer {
        self.ask(credentials, &format!("GET {path} HTTP/1.1\r\n\r\n"))
            .await
    }

    /// One request without TLS.
    async fn ask_plainly(&self, path: &str) -> Answer {
        let request = format!("GET {path} HTTP/1.1\r\n\r\n");
        exchange(self.connect().await, &with_credentials(&request, ADMIN)).await
    }
}

/// Adds what every request has, and the user if there is one.
pub(super) fn with_credentials(request: &str, credentials: &str) -> String {
    let mut headers = "\r\nhost: t\r\nconnection: close\r\n".to_owned();
    if !credentials.is_empty() {
        let token = Base64::encode_string(credentials.as_bytes());
        headers.push_str(&format!("authorization: Basic {token}\r\n"));
    }
    request.replacen("\r\n", &headers, 1)
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// That it is an error as all are.
    #[track_caller]
    fn is_problem(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        let body = self.json();
        let fields: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
        assert_eq!(fields, ["cause", "msg", "title"]);
        body
    }
}

/// Sends and reads until the end.
async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> Answer {
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let mut answer = Vec::new();
    let _cut = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Answer {
        status: status.unwrap_or_default(),
        head: head.to_ascii_lowercase(),
        body: body.to_owned(),
    }
}
