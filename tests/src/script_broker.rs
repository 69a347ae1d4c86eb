//! A broker that follows a script: for answers that no real broker gives.
//!
//! Owns a port on 127.0.0.1 and the framing; what to answer is the test's closure.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use anyhow::Result;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::ResponseHeader;
use kafka_protocol::protocol::{Encodable, HeaderVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

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
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reply {
    /// Send one frame with this payload, header included.
    Frame(Bytes),
    /// Send these bytes as they are: frames cut short, lengths that lie.
    Raw(Bytes),
    /// Send these bytes, then close.
    RawThenClose(Bytes),
    /// Say nothing.
    Silence,
    /// Close.
    Close,
}

/// A listening script; ends when dropped.
#[derive(Debug)]
pub struct ScriptBroker {
    /// Where it listens.
    pub address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    _task: JoinSet<()>,
}

impl Reply {
    /// The right answer to `request`: header and `message`.
    ///
    /// # Errors
    ///
    /// When `message` has no such version.
    pub fn to<M: Encodable + HeaderVersion>(request: &Received, message: &M) -> Result<Self> {
        let version = request.api_version;
        let mut payload = BytesMut::new();
        ResponseHeader::default()
            .with_correlation_id(request.correlation_id)
            .encode(&mut payload, M::header_version(version))?;
        message.encode(&mut payload, version)?;
        Ok(Self::Frame(payload.freeze()))
    }
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
        let received = Arc::new(Mutex::new(Vec::new()));
        let mut task = JoinSet::new();
        task.spawn(serve(listener, Arc::new(script), Arc::clone(&received)));
        Ok(Self {
            address,
            received,
            _task: task,
        })
    }

    /// Every request so far.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

type Script = Arc<dyn Fn(&Received) -> Reply + Send + Sync>;

async fn serve(listener: TcpListener, script: Script, received: Arc<Mutex<Vec<Received>>>) {
    let mut connections = JoinSet::new();
    let mut number = 0;
    while let Ok((stream, _)) = listener.accept().await {
        let (script, received) = (Arc::clone(&script), Arc::clone(&received));
        let connection = number;
        number += 1;
        connections.spawn(async move {
            // The other side may go at any time: that is what such tests are about.
            let _ = converse(stream, connection, &script, &received).await;
        });
    }
}

async fn converse(
    mut stream: TcpStream,
    connection: usize,
    script: &Script,
    received: &Mutex<Vec<Received>>,
) -> Result<()> {
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
        let reply = script(&request);
        received.lock().unwrap().push(request);
        match reply {
            Reply::Frame(payload) => {
                let mut frame = BytesMut::with_capacity(payload.len() + 4);
                frame.put_u32(payload.len().try_into()?);
                frame.put_slice(&payload);
                stream.write_all(&frame).await?;
            }
            Reply::Raw(bytes) => stream.write_all(&bytes).await?,
            Reply::RawThenClose(bytes) => return Ok(stream.write_all(&bytes).await?),
            Reply::Silence => {}
            Reply::Close => return Ok(()),
        }
    }
}
