//! The vendor's side of usage reports: an HTTPS server that takes them and gives receipts, or not.
//!
//! Owns faults, and its own way to verify what it is sent. It must not know throughway's code: what
//! a report is, it knows from the documentation alone. Receipts are by the development key.

mod vendor;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

pub use self::vendor::{Report, Vendor, check_chain};
use crate::certificates::Authority;
use crate::files::TemporaryFolder;

/// Longer than the pauses that the proxy makes by itself, not counting those of days.
const LIMIT: Duration = Duration::from_secs(90);

/// How reports are answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Manner {
    /// 200 and the receipt.
    Receipts,
    /// 200 and nothing: a sink.
    Sink,
    /// 200 and a receipt for another report.
    OtherReport,
    /// 200 and a receipt by a key that nobody knows.
    UnknownKey,
    /// This status.
    Status(u16),
    /// The connection is closed before TLS.
    Down,
    /// Nothing ever comes back.
    Hang,
}

/// A running collector; ends when dropped.
#[derive(Debug)]
pub struct Collector {
    address: SocketAddr,
    authority: Authority,
    shared: Arc<Shared>,
    _folder: TemporaryFolder,
    _task: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    vendor: Vendor,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    manner: Manner,
    connections: usize,
    received: Vec<Received>,
}

/// A report as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its signed form.
    pub token: String,
    /// How it was answered.
    pub answered: Manner,
}

impl Collector {
    /// Listens on a port of the system's choice and gives receipts.
    ///
    /// # Errors
    ///
    /// When there is no port or no certificate.
    pub async fn start() -> Result<Self> {
        let folder = TemporaryFolder::new("throughway-collector-")?;
        let authority = Authority::new(folder.path(), "collector")?;
        let identity = authority.issue("collector", &["localhost", "127.0.0.1"])?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            vendor: Vendor::new()?,
            state: Mutex::new(State {
                manner: Manner::Receipts,
                connections: 0,
                received: Vec::new(),
            }),
            changed: Notify::new(),
        });
        let mut task = JoinSet::new();
        task.spawn(serve(listener, identity.acceptor()?, Arc::clone(&shared)));
        Ok(Self {
            address,
            authority,
            shared,
            _folder: folder,
            _task: task,
        })
    }

    /// Where reports are to go.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://localhost:{}/v1/reports", self.address.port())
    }

    /// What verifies it.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.authority.certificate()
    }

    /// From now on.
    pub fn answer(&self, manner: Manner) {
        self.shared.lock().manner = manner;
    }

    /// Everything that arrived so far, in order.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.shared.lock().received.clone()
    }

    /// Reports that got their receipts, each once, verified.
    ///
    /// # Errors
    ///
    /// When one is not signed by its own key.
    pub fn delivered(&self) -> Result<Vec<Report>> {
        let mut reports: Vec<Report> = Vec::new();
        for received in self.received() {
            if received.answered == Manner::Receipts {
                let report = Report::open(&received.token)?;
                if !reports.contains(&report) {
                    reports.push(report);
                }
            }
        }
        Ok(reports)
    }

    /// Waits for something that was answered in this manner, or for a connection where none is.
    ///
    /// # Errors
    ///
    /// When it does not come.
    pub async fn wait_for(&self, manner: Manner, count: usize) -> Result<()> {
        let seen = |state: &State| match manner {
            Manner::Down => state.connections,
            manner => {
                let answered = state.received.iter().filter(|one| one.answered == manner);
                answered.count()
            }
        };
        let waiting = async {
            loop {
                let changed = self.shared.changed.notified();
                if seen(&self.shared.lock()) >= count {
                    return;
                }
                changed.await;
            }
        };
        let end = tokio::time::timeout(LIMIT, waiting).await;
        end.with_context(|| format!("nothing for {manner:?}"))
    }

    /// Connections so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.lock().connections
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, shared) = (tls.clone(), Arc::clone(&shared));
        connections.spawn(async move {
            // The other side may go at any time.
            let _ = converse(stream, &tls, &shared).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(stream: TcpStream, tls: &TlsAcceptor, shared: &Shared) -> Result<()> {
    let manner = {
        let mut state = shared.lock();
        state.connections += 1;
        state.manner
    };
    if manner == Manner::Down {
        shared.changed.notify_waiters();
        return Ok(());
    }
    let mut stream = BufReader::new(tls.accept(stream).await?);
    let token = read_report(&mut stream).await?;
    let answer = answer(&shared.vendor, manner, &token)?;
    shared.lock().received.push(Received {
        token,
        answered: manner,
    });
    shared.changed.notify_waiters();
    match answer {
        None => std::future::pending().await,
        Some(answer) => {
            stream.write_all(answer.as_bytes()).await?;
            stream.shutdown().await?;
            Ok(())
        }
    }
}

/// The body of a POST that is as the documentation says.
async fn read_report(
    stream: &mut BufReader<impl AsyncRead + AsyncWrite + Unpin>,
) -> Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    if line != "POST /v1/reports HTTP/1.1\r\n" {
        bail!("not the right request: {line}");
    }
    let (mut length, mut jose) = (None, false);
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        let header = line.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = Some(value.trim().parse()?);
        }
        jose |= header == "content-type: application/jose";
    }
    let length = length.filter(|_| jose).context("no length or no type")?;
    if length > 16 * 1024 {
        bail!("{length} bytes are too many");
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(String::from_utf8(body)?)
}

/// None when nothing is to be answered.
fn answer(vendor: &Vendor, manner: Manner, token: &str) -> Result<Option<String>> {
    let report = Report::open(token)?;
    let (status, body) = match manner {
        Manner::Receipts => (200, vendor.receipt(&report)?),
        Manner::Sink => (200, "thank you".to_owned()),
        Manner::OtherReport => (200, vendor.receipt_for("another", &report.sha256)?),
        Manner::UnknownKey => (200, Vendor::stranger()?.receipt(&report)?),
        Manner::Status(status) => (status, String::new()),
        Manner::Down | Manner::Hang => return Ok(None),
    };
    let length = body.len();
    Ok(Some(format!(
        "HTTP/1.1 {status} Said\r\nContent-Length: {length}\r\nLocation: https://localhost/elsewhere\r\n\
         Connection: close\r\n\r\n{body}"
    )))
}
