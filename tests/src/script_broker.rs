//! A broker that follows a script: for answers that no real broker gives.
//!
//! Owns a port on 127.0.0.1, the framing, and a note of all that arrived; what to answer is the
//! test's closure, with help for what every session begins with.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::metadata_response::MetadataResponseBroker;
use kafka_protocol::messages::{
    ApiKey, ApiVersionsResponse, BrokerId, MetadataResponse, ResponseHeader,
    SaslAuthenticateResponse, SaslHandshakeResponse,
};
use kafka_protocol::protocol::{Encodable, HeaderVersion, StrBytes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

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

/// What to do about a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Send one frame with this payload, header included.
    Frame(Bytes),
    /// Send these bytes as they are: frames cut short, lengths that lie.
    Raw(Bytes),
    /// Do all of these, in order.
    Each(Vec<Self>),
    /// Wait until the test says so.
    Await(Arc<Notify>),
    /// Say nothing.
    Silence,
    /// Close.
    Close,
    /// Reset the connection, as a peer that has crashed does.
    Reset,
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

impl Reply {
    /// The right answer to `request`: header and `message`.
    ///
    /// # Errors
    ///
    /// When `message` has no such version.
    pub fn to<M: Encodable + HeaderVersion>(request: &Received, message: &M) -> Result<Self> {
        Self::in_version(request.api_version, request, message)
    }

    /// Bytes that take the place of a body.
    #[must_use]
    pub fn bytes(request: &Received, body: &[u8]) -> Self {
        Self::Frame(Bytes::from(
            [&request.correlation_id.to_be_bytes(), body].concat(),
        ))
    }

    /// What a broker of Kafka 4.1 says that takes every password: ApiVersions, SaslHandshake and
    /// SaslAuthenticate; anything else meets silence.
    ///
    /// # Panics
    ///
    /// When the request's version does not exist.
    #[must_use]
    pub fn usual(request: &Received) -> Self {
        match ApiKey::try_from(request.api_key) {
            Ok(ApiKey::ApiVersions) => {
                // The layout has not changed since v3.
                let version = request.api_version.min(4);
                Self::in_version(version, request, &ranges())
            }
            Ok(ApiKey::SaslHandshake) => {
                let plain = vec![StrBytes::from_static_str("PLAIN")];
                Self::to(
                    request,
                    &SaslHandshakeResponse::default().with_mechanisms(plain),
                )
            }
            Ok(ApiKey::SaslAuthenticate) => Self::to(request, &SaslAuthenticateResponse::default()),
            _ => Ok(Self::Silence),
        }
        .unwrap()
    }

    /// A Metadata answer (version 2 and up) without topics: id, host and port of each broker.
    ///
    /// # Panics
    ///
    /// When the request's version does not exist.
    #[must_use]
    pub fn metadata(request: &Received, cluster: &str, brokers: &[(i32, String, i32)]) -> Self {
        let broker = |(id, host, port): &(i32, String, i32)| {
            MetadataResponseBroker::default()
                .with_node_id(BrokerId(*id))
                .with_host(StrBytes::from_string(host.clone()))
                .with_port(*port)
        };
        let response = MetadataResponse::default()
            .with_cluster_id(Some(StrBytes::from_string(cluster.to_owned())))
            .with_brokers(brokers.iter().map(broker).collect());
        Self::to(request, &response).unwrap()
    }

    fn in_version<M: Encodable + HeaderVersion>(
        version: i16,
        request: &Received,
        message: &M,
    ) -> Result<Self> {
        let mut payload = BytesMut::new();
        ResponseHeader::default()
            .with_correlation_id(request.correlation_id)
            .encode(&mut payload, M::header_version(version))?;
        message.encode(&mut payload, version)?;
        Ok(Self::Frame(payload.freeze()))
    }
}

fn ranges() -> ApiVersionsResponse {
    let range = |key: ApiKey| {
        let versions = key.valid_versions();
        ApiVersion::default()
            .with_api_key(key as i16)
            .with_min_version(versions.min)
            .with_max_version(versions.max)
    };
    ApiVersionsResponse::default().with_api_keys(ApiKey::iter().map(range).collect())
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
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let noted = Arc::new(Noted::default());
        let mut task = JoinSet::new();
        task.spawn(serve(listener, Arc::new(script), Arc::clone(&noted)));
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

async fn serve(listener: TcpListener, script: Script, noted: Arc<Noted>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (script, noted) = (Arc::clone(&script), Arc::clone(&noted));
        let connection = noted.lock().connections;
        noted.lock().connections += 1;
        connections.spawn(async move {
            // The other side may go at any time: that is what such tests are about.
            let _ = converse(stream, connection, &script, &noted).await;
            noted.lock().ended += 1;
            noted.changed.notify_waiters();
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(
    mut stream: TcpStream,
    connection: usize,
    script: &Script,
    noted: &Noted,
) -> Result<()> {
    stream.set_nodelay(true)?;
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
async fn act(stream: &mut TcpStream, reply: Reply) -> Result<bool> {
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
                stream.set_zero_linger()?;
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
