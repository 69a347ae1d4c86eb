//! One client connection under load: requests kept in flight at a fixed depth.
//!
//! Owns the bytes of requests. It must not know what stands between it and the broker.

use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::{BufMut, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Semaphore;

use super::sink::{FETCH, HEADER_BYTES, PRODUCE, PRODUCE_ANSWER};
use crate::wire::{Connection, Door, Stream};

/// What one connection sends and asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Load {
    api: (i16, i16),
    request: usize,
    response: usize,
    depth: usize,
}

/// Enough for a Fetch request.
const SMALL: usize = 64;

impl Load {
    /// Large requests, small answers.
    #[must_use]
    pub const fn produce(request: usize, depth: usize) -> Self {
        Self {
            api: PRODUCE,
            request,
            response: PRODUCE_ANSWER,
            depth,
        }
    }

    /// Small requests, large answers.
    #[must_use]
    pub const fn fetch(response: usize, depth: usize) -> Self {
        Self::asks(SMALL, response, depth)
    }

    /// Both of one size.
    #[must_use]
    pub const fn both(size: usize, depth: usize) -> Self {
        Self::asks(size, size, depth)
    }

    const fn asks(request: usize, response: usize, depth: usize) -> Self {
        Self {
            api: FETCH,
            request,
            response,
            depth,
        }
    }

    /// Of a request and its answer, sizes included.
    #[must_use]
    pub const fn frame_bytes(&self) -> usize {
        self.request + self.response + 8
    }

    /// A request with its size; the correlation id is at bytes 8 to 11.
    fn frame(&self) -> BytesMut {
        let mut frame = BytesMut::with_capacity(self.request + 4);
        frame.put_u32(u32::try_from(self.request).expect("a frame is below 4 GiB"));
        frame.put_i16(self.api.0);
        frame.put_i16(self.api.1);
        frame.put_i32(0);
        frame.put_i16(-1);
        if self.api == PRODUCE {
            // No tags in the header, no transaction, acks of all replicas, 30 s.
            frame.put_slice(&[0, 0]);
            frame.put_i16(-1);
            frame.put_i32(30_000);
        }
        frame.resize(self.request, 0);
        // How long an answer the sink shall give.
        frame.put_u32(u32::try_from(self.response).expect("a frame is below 4 GiB"));
        frame
    }
}

/// A connection that has authenticated.
#[derive(Debug)]
pub struct Client {
    connection: Connection,
}

impl Client {
    /// Connects and authenticates.
    ///
    /// # Errors
    ///
    /// When the candidate or the sink behind it refuses.
    pub async fn open(door: &Door) -> Result<Self> {
        Self::over(Connection::open(door).await?).await
    }

    /// Authenticates on a connection that is open.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub async fn over(mut connection: Connection) -> Result<Self> {
        connection.authenticate(("bench", "bench")).await?;
        Ok(Self { connection })
    }

    /// Sends `requests` and receives their answers; returns the bytes of both.
    ///
    /// # Errors
    ///
    /// When the connection ends early or an answer has another id or size.
    pub async fn run(self, load: Load, requests: u64) -> Result<u64> {
        let (client, bytes) = self.run_and_stay(load, requests).await?;
        drop(client);
        Ok(bytes)
    }

    /// The same, and hands the open stream back.
    ///
    /// # Errors
    ///
    /// As [`Self::run`].
    pub async fn run_and_stay(self, load: Load, requests: u64) -> Result<(Box<dyn Stream>, u64)> {
        let (mut reader, mut writer) = tokio::io::split(self.connection.into_stream());
        let free = Rc::new(Semaphore::new(load.depth));
        let sending = send(&mut writer, load, requests, Rc::clone(&free));
        let receiving = receive(&mut reader, load, requests, &free);
        let ((), ()) = tokio::try_join!(sending, receiving)?;
        let frame_bytes = u64::try_from(load.frame_bytes())?;
        Ok((reader.unsplit(writer), requests * frame_bytes))
    }
}

/// Sends one request at a time and tells how long each took.
///
/// # Errors
///
/// As [`Client::run`].
pub async fn ping_pong(client: Client, load: Load, requests: u64) -> Result<Vec<Duration>> {
    let (mut reader, mut writer) = tokio::io::split(client.connection.into_stream());
    let mut took = Vec::new();
    for _ in 0..requests {
        let free = Rc::new(Semaphore::new(1));
        let began = Instant::now();
        send(&mut writer, load, 1, Rc::clone(&free)).await?;
        receive(&mut reader, load, 1, &free).await?;
        took.push(began.elapsed());
    }
    Ok(took)
}

/// Sends what the depth allows, several requests at a time where it does.
async fn send(
    writer: &mut (impl AsyncWrite + Unpin),
    load: Load,
    requests: u64,
    free: Rc<Semaphore>,
) -> Result<()> {
    let template = load.frame();
    let mut batch = BytesMut::new();
    let mut sent = 0;
    while sent < requests {
        free.acquire().await?.forget();
        let mut room = 1;
        while sent + room < requests {
            let Ok(permit) = free.try_acquire() else {
                break;
            };
            permit.forget();
            room += 1;
        }
        batch.clear();
        for id in sent..sent + room {
            let at = batch.len();
            batch.extend_from_slice(&template);
            batch[at + 8..at + 12].copy_from_slice(&u32::try_from(id)?.to_be_bytes());
        }
        writer.write_all(&batch).await.context("send")?;
        writer.flush().await.context("send")?;
        sent += room;
    }
    Ok(())
}

async fn receive(
    reader: &mut (impl AsyncRead + Unpin),
    load: Load,
    requests: u64,
    free: &Semaphore,
) -> Result<()> {
    let mut buffer = vec![0; 256 << 10];
    let (mut filled, mut received, mut in_frame) = (0, 0, 0);
    while received < requests {
        let read = reader
            .read(&mut buffer[filled..])
            .await
            .context("receive")?;
        ensure!(read > 0, "closed after {received} of {requests} answers");
        filled += read;
        let mut at = 0;
        loop {
            let skipped = in_frame.min(filled - at);
            at += skipped;
            in_frame -= skipped;
            if skipped > 0 && in_frame == 0 {
                received += 1;
                free.add_permits(1);
            }
            let Some(header) = buffer[at..filled].first_chunk::<HEADER_BYTES>() else {
                break;
            };
            let [a, b, c, d, e, f, g, h] = *header;
            let (size, id) = (
                u32::from_be_bytes([a, b, c, d]),
                u32::from_be_bytes([e, f, g, h]),
            );
            ensure!(
                usize::try_from(size)? == load.response,
                "an answer of {size}"
            );
            ensure!(u64::from(id) == received, "answer to {id}, not {received}");
            at += HEADER_BYTES;
            in_frame = load.response - 4;
        }
        buffer.copy_within(at..filled, 0);
        filled -= at;
    }
    Ok(())
}
