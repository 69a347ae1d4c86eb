//! A relay between clients and throughway that keeps what clients send and receive.
//!
//! Owns its ports and the recording. It must not understand Kafka: [`crate::leaks`] searches what
//! it has kept, [`crate::exchanges`] reads it. Over TLS it ends the client's TLS and begins its own with the same server name,
//! so that it keeps plaintext.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::certificates::Identity;
use crate::exchanges::Exchange;
use crate::wire::client_config;

/// What the recorder shows to clients, and whom it trusts on the other side.
#[derive(Clone, Debug)]
pub struct RecorderTls {
    /// Shown to clients; as good as throughway's own.
    pub identity: Identity,
    /// The authority of throughway's certificate, PEM.
    pub ca: PathBuf,
}

/// A recording relay; ends when dropped.
#[derive(Debug)]
pub struct Recorder {
    kept: Kept,
    _tasks: JoinSet<()>,
}

/// One connection, in the order of accepting.
type Kept = Arc<Mutex<Vec<Conversation>>>;

/// What the client of a connection has sent and received.
#[derive(Clone, Debug, Default)]
struct Conversation {
    sent: Vec<u8>,
    received: Vec<u8>,
}

/// Whose words.
#[derive(Clone, Copy)]
enum Side {
    Client,
    Server,
}

#[derive(Clone)]
struct Tls {
    acceptor: TlsAcceptor,
    connector: TlsConnector,
}

impl Recorder {
    /// Listens on `count` ports from `from` on 127.0.0.1, each of which leads to the port with the
    /// same place in the row that begins at `to`.
    ///
    /// # Errors
    ///
    /// When a port is taken, or a certificate cannot be read.
    pub async fn start(from: u16, to: u16, count: u16, tls: Option<&RecorderTls>) -> Result<Self> {
        let kept = Kept::default();
        let tls = tls.map(Tls::new).transpose()?;
        let mut tasks = JoinSet::new();
        for index in 0..count {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, from + index)).await?;
            let target = SocketAddr::from((Ipv4Addr::LOCALHOST, to + index));
            tasks.spawn(serve(listener, target, tls.clone(), Arc::clone(&kept)));
        }
        Ok(Self {
            kept,
            _tasks: tasks,
        })
    }

    /// What clients have received so far, by connection.
    #[must_use]
    pub fn received(&self) -> Vec<Vec<u8>> {
        let kept = self.kept.lock().unwrap();
        kept.iter().map(|one| one.received.clone()).collect()
    }

    /// What clients have asked so far, and what was answered, by connection.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Vec<Exchange>> {
        let kept = self.kept.lock().unwrap();
        let all = |one: &Conversation| Exchange::all(&one.sent, &one.received);
        kept.iter().map(all).collect()
    }
}

impl Tls {
    fn new(files: &RecorderTls) -> Result<Self> {
        let client = client_config(&files.ca, None)?;
        Ok(Self {
            acceptor: files.identity.acceptor()?,
            connector: Arc::new(client).into(),
        })
    }
}

async fn serve(listener: TcpListener, target: SocketAddr, tls: Option<Tls>, kept: Kept) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let slot = {
            let mut kept = kept.lock().unwrap();
            kept.push(Conversation::default());
            kept.len() - 1
        };
        let (tls, kept) = (tls.clone(), Arc::clone(&kept));
        // A connection that fails is the test's business, which sees it from the client's side.
        connections.spawn(async move {
            let _ = connect(client, target, tls, |side, bytes| {
                let one = &mut kept.lock().unwrap()[slot];
                let words = match side {
                    Side::Client => &mut one.sent,
                    Side::Server => &mut one.received,
                };
                words.extend_from_slice(bytes);
            })
            .await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn connect(
    client: TcpStream,
    target: SocketAddr,
    tls: Option<Tls>,
    keep: impl Fn(Side, &[u8]),
) -> Result<()> {
    let server = TcpStream::connect(target).await?;
    server.set_nodelay(true)?;
    client.set_nodelay(true)?;
    let Some(tls) = tls else {
        return relay(client, server, keep).await;
    };
    let client = tls.acceptor.accept(client).await?;
    let name = client
        .get_ref()
        .1
        .server_name()
        .context("no server name")?
        .to_owned();
    let server = tls
        .connector
        .connect(ServerName::try_from(name)?, server)
        .await?;
    relay(client, server, keep).await
}

async fn relay(
    client: impl AsyncRead + AsyncWrite,
    server: impl AsyncRead + AsyncWrite,
    keep: impl Fn(Side, &[u8]),
) -> Result<()> {
    let (from_client, to_client) = tokio::io::split(client);
    let (from_server, to_server) = tokio::io::split(server);
    let up = pump(from_client, to_server, |bytes| keep(Side::Client, bytes));
    let down = pump(from_server, to_client, |bytes| keep(Side::Server, bytes));
    tokio::try_join!(up, down)?;
    Ok(())
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    keep: impl Fn(&[u8]),
) -> std::io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return to.shutdown().await;
        }
        keep(&buffer[..count]);
        to.write_all(&buffer[..count]).await?;
        to.flush().await?;
    }
}
