//! TLS on a socket, through rustls's calls that leave buffers to their caller (`rustls::unbuffered`).
//!
//! Owns the encrypted bytes on their way; rustls owns handshake, keys and alerts. Records are decrypted
//! where they were read and encrypted into one buffer, for one write. It must not know whose leg it is.

mod buffer;
mod side;

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, UnbufferedStatus, WriteTraffic,
};
use rustls::{CommonState, Error};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

pub(super) use self::buffer::STEP;
pub use self::buffer::{Buffer, Own};
pub use self::side::Side;
use crate::pool::{BUFFER_LEN, Pool, SEALED_LEN, Window};

/// What records and a key update add to the plaintext of a write, at most.
const AROUND: usize = SEALED_LEN - BUFFER_LEN;

/// What a step came to.
enum Step<T> {
    /// The next one may be taken.
    Taken,
    /// The handshake needs more from the peer.
    Blocked,
    /// Nothing is left of what has arrived; the caller may write, and did this.
    Ready(T),
    /// Both sides have closed.
    Closed,
}

/// A socket with TLS on it, and what is on its way there and back.
pub struct Records<S, C, B> {
    socket: S,
    side: C,
    /// Encrypted, from the peer. Every step sees all of it, as rustls keeps places in it.
    arrived: B,
    /// Decrypted, more than there was room for; taken up to `taken`.
    plain: Vec<u8>,
    taken: usize,
    /// Encrypted, for the peer.
    leaving: B,
    /// The peer has said that it will not send any more.
    peer_closed: bool,
    /// We have said so.
    closed: bool,
    /// What it has failed with.
    failed: Option<Error>,
}

impl<S, C, B> fmt::Debug for Records<S, C, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records").finish_non_exhaustive()
    }
}

impl<S, C> Records<S, C, Own>
where
    S: AsyncRead + AsyncWrite + Unpin,
    C: Side + Unpin,
{
    /// Does the handshake; `arrived` has been read before. Not bounded in time, the caller is.
    ///
    /// # Errors
    /// What failed; the alert that rustls has for it has been sent. `UnexpectedEof` when the peer left.
    pub(super) async fn handshake(socket: S, side: C, arrived: Vec<u8>) -> io::Result<Self> {
        let mut records = Self {
            socket,
            side,
            arrived: Own(arrived),
            plain: Vec::new(),
            taken: 0,
            leaving: Own::default(),
            peer_closed: false,
            closed: false,
            failed: None,
        };
        loop {
            match records.step(&mut [], |_, _| ()) {
                Ok((_, Step::Taken)) => {}
                Ok((_, Step::Ready(()))) if !records.side.state().is_handshaking() => {
                    records.flush().await?;
                    return Ok(records);
                }
                Ok((_, Step::Ready(()) | Step::Blocked)) if !records.peer_closed => {
                    records.flush().await?;
                    records.arrive().await?;
                }
                Ok(_) => return Err(left_early()),
                Err(error) => {
                    // A last alert; the error that led to it counts.
                    let _gone = records.flush().await;
                    return Err(error);
                }
            }
        }
    }

    /// Goes on with buffers of `pool`, and reads a buffer at a time: for relaying.
    pub fn read_ahead(self, pool: &Pool) -> Records<S, C, Window> {
        let sealed = |own: Own| Window::sealed(pool.clone()).with(&own.0);
        Records {
            socket: self.socket,
            side: self.side,
            arrived: sealed(self.arrived),
            plain: self.plain,
            taken: self.taken,
            leaving: sealed(self.leaving),
            peer_closed: self.peer_closed,
            closed: self.closed,
            failed: self.failed,
        }
    }

    async fn arrive(&mut self) -> io::Result<()> {
        let read = poll_fn(|cx| self.arrived.poll_fill(cx, &mut self.socket)).await?;
        match read {
            0 => Err(left_early()),
            _ => Ok(()),
        }
    }
}

impl<S, C, B> Records<S, C, B>
where
    S: AsyncRead + AsyncWrite + Unpin,
    C: Side,
    B: Buffer,
{
    /// What was negotiated.
    pub fn state(&self) -> &CommonState {
        self.side.state()
    }

    /// Takes one step of rustls. Decrypted bytes go to `into`, of which the first value says how much
    /// was filled, and what has no room there is kept. `may_write` is called when nothing else is to do.
    fn step<T>(
        &mut self,
        into: &mut [u8],
        may_write: impl FnOnce(WriteTraffic<'_, C::Data>, &mut B) -> T,
    ) -> io::Result<(usize, Step<T>)> {
        if let Some(error) = &self.failed {
            return Err(invalid(error.clone()));
        }
        let UnbufferedStatus { mut discard, state } = self.side.step(self.arrived.bytes_mut());
        let mut filled = 0;
        let step = match state {
            Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                while let Some(record) = traffic.next_record() {
                    let record = record.map_err(invalid)?;
                    discard += record.discard;
                    filled += give(record.payload, into.get_mut(filled..), &mut self.plain);
                }
                Step::Taken
            }
            // It leaves before anything that is written later.
            Ok(ConnectionState::EncodeTlsData(mut message)) => {
                encode(&mut message, &mut self.leaving)?;
                Step::Taken
            }
            Ok(ConnectionState::TransmitTlsData(transmit)) => {
                transmit.done();
                Step::Taken
            }
            Ok(ConnectionState::PeerClosed) => {
                self.peer_closed = true;
                Step::Taken
            }
            Ok(ConnectionState::BlockedHandshake) => Step::Blocked,
            Ok(ConnectionState::WriteTraffic(to)) => Step::Ready(may_write(to, &mut self.leaving)),
            Ok(ConnectionState::Closed) => Step::Closed,
            // Early data is offered to nobody and asked of nobody.
            Ok(_) => return Err(invalid(Error::General("early data".to_owned()))),
            Err(error) => return Err(self.fail(error)),
        };
        self.arrived.consume(discard);
        Ok((filled, step))
    }

    /// Nothing of a connection that has failed is looked at again. rustls has queued an alert, mostly.
    fn fail(&mut self, error: Error) -> io::Error {
        let status = self.side.step(self.arrived.bytes_mut());
        if let Ok(ConnectionState::EncodeTlsData(mut alert)) = status.state {
            let _no_room = encode(&mut alert, &mut self.leaving);
        }
        self.failed = Some(error.clone());
        invalid(error)
    }

    /// Sends what is encrypted.
    fn poll_leave(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.leaving.bytes().is_empty() {
            let socket = Pin::new(&mut self.socket);
            match ready!(socket.poll_write(cx, self.leaving.bytes()))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                sent => self.leaving.consume(sent),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Takes steps until `may_write` was called. `None` when nothing can be written any more.
    fn when_ready<T>(
        &mut self,
        mut may_write: impl FnMut(WriteTraffic<'_, C::Data>, &mut B) -> T,
    ) -> io::Result<Option<T>> {
        loop {
            match self.step(&mut [], &mut may_write)?.1 {
                Step::Taken => {}
                Step::Ready(done) => return Ok(Some(done)),
                Step::Blocked | Step::Closed => return Ok(None),
            }
        }
    }

    /// Decrypts what has arrived into `into`, until that is full or more has to arrive. A failure is
    /// told when what came before it has been taken.
    fn decrypt(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while !self.arrived.bytes().is_empty() && filled < into.len() && !self.peer_closed {
            let space = into.get_mut(filled..).unwrap_or_default();
            match self.step(space, |_, _| ()) {
                Ok((read, Step::Taken)) => filled += read,
                Err(error) if filled == 0 => return Err(error),
                _ => break,
            }
        }
        Ok(filled)
    }
}

/// Copies what there is room for and keeps the rest.
fn give(from: &[u8], into: Option<&mut [u8]>, rest: &mut Vec<u8>) -> usize {
    let into = into.unwrap_or_default();
    // Nothing overtakes what has been kept.
    let n = if rest.is_empty() {
        from.len().min(into.len())
    } else {
        0
    };
    let (now, later) = from.split_at(n);
    if let Some(into) = into.get_mut(..n) {
        into.copy_from_slice(now);
    }
    rest.extend_from_slice(later);
    n
}

fn encode<D>(message: &mut EncodeTlsData<'_, D>, leaving: &mut impl Buffer) -> io::Result<()> {
    let room = match message.encode(&mut []) {
        Err(EncodeError::InsufficientSize(size)) => size.required_size,
        _ => 0,
    };
    leaving
        .append(room, |space| message.encode(space))
        .map_err(io::Error::other)
}

/// The shape that errors of rustls have in `std` and tokio.
pub(super) fn invalid(error: Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// The peer has left amid the handshake.
pub(super) fn left_early() -> io::Error {
    left("tls handshake eof")
}

fn left(how: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, how)
}

impl<S, C, B> AsyncRead for Records<S, C, B>
where
    S: AsyncRead + AsyncWrite + Unpin,
    C: Side + Unpin,
    B: Buffer + Unpin,
{
    /// Gives a record or several; 0 after the peer's close_notify, `UnexpectedEof` without one.
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let records = self.get_mut();
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            let kept = records.plain.get(records.taken..).unwrap_or_default();
            if !kept.is_empty() {
                let n = kept.len().min(buf.remaining());
                buf.put_slice(kept.get(..n).unwrap_or_default());
                records.taken += n;
                if records.taken == records.plain.len() {
                    (records.plain, records.taken) = (Vec::new(), 0);
                }
                return Poll::Ready(Ok(()));
            }
            match records.decrypt(buf.initialize_unfilled()) {
                Ok(0) if !records.plain.is_empty() => continue,
                Ok(0) => {}
                Ok(read) => {
                    buf.advance(read);
                    return Poll::Ready(Ok(()));
                }
                Err(error) => {
                    // A last alert, if it goes at once; the error that led to it counts.
                    let _gone = records.poll_leave(cx);
                    return Poll::Ready(Err(error));
                }
            }
            if records.peer_closed {
                return Poll::Ready(Ok(()));
            }
            if ready!(records.arrived.poll_fill(cx, &mut records.socket))? == 0 {
                return Poll::Ready(Err(left(
                    "peer closed connection without sending TLS close_notify",
                )));
            }
        }
    }
}

impl<S, C, B> AsyncWrite for Records<S, C, B>
where
    S: AsyncRead + AsyncWrite + Unpin,
    C: Side + Unpin,
    B: Buffer + Unpin,
{
    /// Takes up to a window, once all that was taken before has left.
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let records = self.get_mut();
        ready!(records.poll_leave(cx))?;
        let bytes = bytes.get(..bytes.len().min(BUFFER_LEN)).unwrap_or_default();
        let written = records.when_ready(|mut traffic, leaving| {
            leaving.append(bytes.len() + AROUND, |space| traffic.encrypt(bytes, space))
        });
        match written {
            Ok(Some(Ok(()))) => {}
            Ok(Some(Err(error))) => return Poll::Ready(Err(io::Error::other(error))),
            Ok(None) => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            Err(error) => {
                let _gone = records.poll_leave(cx);
                return Poll::Ready(Err(error));
            }
        }
        // They have been taken, whether or not they leave now.
        match records.poll_leave(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(bytes.len())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let records = self.get_mut();
        ready!(records.poll_leave(cx))?;
        Pin::new(&mut records.socket).poll_flush(cx)
    }

    /// Says close_notify, then ends the writing half of the socket.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let records = self.get_mut();
        if !records.closed {
            ready!(records.poll_leave(cx))?;
            records.closed = true;
            // After an error there is nothing to say.
            let _said = records.when_ready(|mut traffic, leaving| {
                leaving.append(AROUND, |space| traffic.queue_close_notify(space))
            });
        }
        ready!(records.poll_leave(cx))?;
        Pin::new(&mut records.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
