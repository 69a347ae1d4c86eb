//! A broker that follows a script: for answers that no real broker gives.
//!
//! Owns a port on 127.0.0.1, plaintext or TLS, the framing, and a note of all that arrived; what to answer is the
//! test's closure.

mod reply;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

pub use self::reply::Reply;
use crate::certificates::Identity;
use crate::wire::Stream;

/// Nothing a test waits for takes longer.
const LIMIT: Duration = Duration::from_secs(30);

/// A request as it arrived.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Received {
    /// Which connection, in the order of accepting, from 0.
    pub connection: usize,
    /// Kafka's number of the request.
    pub api_key: i16,
    /// Its version.
    pub api_version: i16,
    /// What the answer must carry.
    pub correlation_id: i32,
    /// The whole frame, without its length.
    pub frame: Bytes,
}

/// A listening script; ends when dropped.
#[derive(Debug)]
pub struct ScriptBroker {
    /// Where it listens.
    pub address: SocketAddr,
    noted: Arc<Noted>,
    _task: JoinSet<()>,
}

/// What has happened so far.
#[derive(Debug, Default)]
struct Noted {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    connections: usize,
    ended: usize,
    received: Vec<Received>,
}

impl ScriptBroker {
    /// Listens on a port of the system's choice and answers each request as `script` says.
    ///
    /// # Errors
    ///
    /// When there is no port.
    pub async fn start(
        script: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Result<Self> {
        Self::listen(None, Arc::new(script)).await
    }

    /// The same by TLS, as `identity`.
    ///
    /// # Errors
    ///
    /// When there is no port, or the identity cannot be read.
    pub async fn start_tls(
        identity: &Identity,
        script: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Result<Self> {
        Self::listen(Some(identity.acceptor()?), Arc::new(script)).await
    }

    async fn listen(tls: Option<TlsAcceptor>, script: Script) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let noted = Arc::new(Noted::default());
        let mut task = JoinSet::new();
        task.spawn(serve(listener, tls, script, Arc::clone(&noted)));
        Ok(Self {
            address,
            noted,
            _task: task,
        })
    }

    /// Every request so far.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.noted.lock().received.clone()
    }

    /// Key and version of every request so far.
    #[must_use]
    pub fn apis(&self) -> Vec<(i16, i16)> {
        let received = self.received();
        received
            .iter()
            .map(|one| (one.api_key, one.api_version))
            .collect()
    }

    /// Forgets what has been received, for tests of very many requests.
    pub fn forget(&self) {
        self.noted.lock().received = Vec::new();
    }

    /// How often it was connected to so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.noted.lock().connections
    }

    /// Waits until so many of them have ended.
    ///
    /// # Errors
    ///
    /// When they do not.
    pub async fn wait_for_ends(&self, connections: usize) -> Result<()> {
        let done = |state: &State| state.ended >= connections;
        let end = self.noted.wait(done).await;
        end.with_context(|| format!("{} of {connections} ended", self.noted.lock().ended))
    }

    /// Waits until what has been received is as the test wants it.
    ///
    /// # Errors
    ///
    /// When it does not become so.
    pub async fn wait_until(&self, done: impl Fn(&[Received]) -> bool) -> Result<()> {
        let end = self.noted.wait(|state| done(&state.received)).await;
        end.with_context(|| format!("received only {:?}", self.apis()))
    }
}

impl Noted {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    async fn wait(&self, done: impl Fn(&State) -> bool) -> Result<()> {
        let waiting = async {
            loop {
                let changed = self.changed.notified();
                if done(&self.lock()) {
                    return;
                }
                changed.await;
            }
        };
        Ok(tokio::time::timeout(LIMIT, waiting).await?)
    }
}

type Script = Arc<dyn Fn(&Received) -> Reply + Send + Sync>;

/// What a conversation runs over, and the connection below it, which may be reset.
trait Leg: Stream {
    fn tcp(&self) -> &TcpStream;
}

impl Leg for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Leg for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, script: Script, noted: Arc<Noted>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, script, noted) = (tls.clone(), Arc::clone(&script), Arc::clone(&noted));
        let connection = noted.lock().connections;
        noted.lock().connections += 1;
        connections.spawn(async move {
            // The other side may go at any time: that is what such tests are about.
            let _ = match tls {
                None => converse(stream, connection, &script, &noted).await,
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => converse(stream, connection, &script, &noted).await,
                    Err(error) => Err(error.into()),
                },
            };
            noted.lock().ended += 1;
            noted.changed.notify_waiters();
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(
    mut stream: impl Leg,
    connection: usize,
    script: &Script,
    noted: &Noted,
) -> Result<()> {
    stream.tcp().set_nodelay(true)?;
    loop {
        let length = stream.read_u32().await?;
        let mut payload = vec![0; length.try_into()?];
        stream.read_exact(&mut payload).await?;
        let frame = Bytes::from(payload);
        let mut head = frame.clone();
        let request = Received {
            connection,
            api_key: head.try_get_i16()?,
            api_version: head.try_get_i16()?,
            correlation_id: head.try_get_i32()?,
            frame,
        };
        noted.lock().received.push(request.clone());
        noted.changed.notify_waiters();
        if !act(&mut stream, script(&request)).await? {
            return Ok(());
        }
    }
}

/// Returns whether the conversation goes on.
async fn act(stream: &mut impl Leg, reply: Reply) -> Result<bool> {
    // In reverse, the next one to do last.
    let mut due = vec![reply];
    while let Some(reply) = due.pop() {
        match reply {
            Reply::Frame(payload) => {
                let mut frame = BytesMut::with_capacity(payload.len() + 4);
                frame.put_u32(payload.len().try_into()?);
                frame.put_slice(&payload);
                stream.write_all(&frame).await?;
            }
            Reply::Raw(bytes) => stream.write_all(&bytes).await?,
            Reply::Each(replies) => due.extend(replies.into_iter().rev()),
            Reply::Await(gate) => gate.notified().await,
            Reply::Silence => {}
            Reply::Close => return Ok(false),
            Reply::Reset => {
                stream.tcp().set_zero_linger()?;
                return Ok(false);
            }
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};

    use super::{Reply, ScriptBroker};
    use crate::wire::{Connection, Door};

    #[tokio::test]
    async fn answers_as_told_and_closes() {
        let broker = ScriptBroker::start(|request| match request.correlation_id {
            1 => Reply::to(request, &ApiVersionsResponse::default().with_error_code(35)).unwrap(),
            _ => Reply::Close,
        });
        let broker = broker.await.unwrap();
        let door = Door {
            address: broker.address.to_string(),
            tls: None,
        };
        let mut connection = Connection::open(&door).await.unwrap();
        let request = ApiVersionsRequest::default();
        assert_eq!(connection.call(3, &request).await.unwrap().error_code, 35);
        connection.send(3, &request).await.unwrap();
        assert!(connection.is_closed().await.unwrap());
        let keys: Vec<_> = broker
            .received()
            .iter()
            .map(|r| (r.api_key, r.api_version))
            .collect();
        assert_eq!(keys, [(18, 3), (18, 3)]);
    }
}
