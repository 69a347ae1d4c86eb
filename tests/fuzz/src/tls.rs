//! TLS of both legs, before a peer whose bytes arrive in pieces, damaged, twice or not at all.

mod ground;

use std::io::{Read as _, Write as _};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use rustls::{ClientConnection, Connection, ServerConnection};
use throughway::pool::Pool;
use throughway::tls::Hello;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use self::ground::{GROUND, NAME};
use crate::Choices;
use crate::route::Route;

/// Plaintext of one direction: which byte stands where is known to both.
#[derive(Default)]
struct Plain {
    written: usize,
    read: usize,
}

impl Plain {
    fn next(&self, len: usize) -> Vec<u8> {
        let at = |i: usize| u8::try_from((self.written + i) % 251).unwrap();
        (0..len).map(at).collect()
    }

    /// Nothing is read that was not written, in its place.
    fn see(&mut self, bytes: &[u8]) {
        for byte in bytes {
            assert_eq!(usize::from(*byte), self.read % 251, "at {}", self.read);
            self.read += 1;
        }
        assert!(self.read <= self.written);
    }
}

trait Duplex: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Duplex for T {}

type Handshake = Pin<Box<dyn Future<Output = Option<Box<dyn Duplex>>>>>;

enum Us {
    Begun(Handshake),
    Ready(Box<dyn Duplex>),
    Over,
}

fn as_server(route: Route) -> Handshake {
    Box::pin(async {
        let hello = Hello::read(route).await.ok()?;
        let leg = hello.accept(GROUND.server.current()).await.ok()?;
        Some(Box::new(leg.read_ahead(&Pool::default())) as Box<dyn Duplex>)
    })
}

fn as_client(route: Route) -> Handshake {
    Box::pin(async {
        let leg = GROUND.client.connect(NAME, route).await.ok()?;
        Some(Box::new(leg.read_ahead(&Pool::default())) as Box<dyn Duplex>)
    })
}

struct Case {
    route: Route,
    us: Us,
    peer: Connection,
    /// What the peer has sent and is not on its way yet.
    leaving: Vec<u8>,
    to_us: Plain,
    from_us: Plain,
    /// How often the peer has changed its keys.
    updates: u8,
    /// The peer has said close_notify.
    closed: bool,
    /// We have.
    shut: bool,
    /// Nothing was damaged or cut off.
    whole: bool,
    /// The peer has given up.
    broken: bool,
}

/// A byte of choice, and what happens, one after the other.
pub fn tls(input: &[u8]) {
    let mut choices = Choices(input);
    let mut case = Case::new(choices.byte());
    // Each is a poll or two; a handful is enough for a fault.
    for _ in 0..200 {
        if choices.is_over() {
            break;
        }
        case.act(&mut choices);
        case.poll();
    }
    case.finish();
}

impl Case {
    fn new(kind: u8) -> Self {
        let variant = usize::from(kind / 2 % 2);
        let route = Route::default();
        let name = NAME.try_into().unwrap();
        let (us, peer): (_, Connection) = if kind.is_multiple_of(2) {
            let peer = ClientConnection::new(Arc::clone(&GROUND.clients[variant]), name).unwrap();
            (as_server(route.clone()), peer.into())
        } else {
            let peer = ServerConnection::new(Arc::clone(&GROUND.servers[variant])).unwrap();
            (as_client(route.clone()), peer.into())
        };
        Self {
            route,
            us: Us::Begun(us),
            peer,
            leaving: Vec::new(),
            to_us: Plain::default(),
            from_us: Plain::default(),
            updates: 0,
            closed: false,
            shut: false,
            whole: true,
            broken: false,
        }
    }

    fn act(&mut self, choices: &mut Choices<'_>) {
        let (what, n) = (choices.below(12), usize::from(choices.byte()));
        match what {
            0 => self.deliver(n),
            1 => self.deliver(n * 97),
            2 => self.deliver(usize::MAX),
            3 => self.allow(1 + n * n),
            4 => self.peer_writes(n * 97),
            5 => self.write(n * 311),
            // More with nothing between them are refused.
            6 if self.updates < 30 => {
                self.updates += 1;
                _ = self.peer.refresh_traffic_keys();
            }
            // Not before it has sent what it was given meanwhile.
            7 if n < 32 && !self.peer.is_handshaking() => {
                self.peer.send_close_notify();
                self.closed = true;
            }
            7 if n < 64 => self.shut = true,
            7 if n < 96 => {
                self.whole = false;
                self.route.0.borrow_mut().ended = true;
            }
            8.. => self.damage(what, n, choices),
            _ => {}
        }
    }

    /// Changes, adds, leaves out or repeats bytes of the peer that are not on their way yet.
    fn damage(&mut self, how: usize, n: usize, choices: &mut Choices<'_>) {
        let front = n.min(self.leaving.len());
        match how {
            8 if !self.leaving.is_empty() => {
                let at = n * 31 % self.leaving.len();
                self.leaving[at] ^= 1 << choices.below(8);
            }
            9 => _ = self.leaving.splice(..0, [choices.byte(), choices.byte()]),
            10 if front > 0 => _ = self.leaving.drain(..front),
            11 if front > 0 => {
                let again = self.leaving[..front].to_vec();
                self.leaving.splice(..0, again);
            }
            _ => return,
        }
        self.whole = false;
    }

    fn deliver(&mut self, n: usize) {
        let n = n.min(self.leaving.len());
        let bytes = self.leaving.drain(..n);
        self.route.0.borrow_mut().to_us.extend(bytes);
    }

    fn allow(&self, n: usize) {
        self.route.0.borrow_mut().room = n;
    }

    fn peer_writes(&mut self, n: usize) {
        if !self.closed {
            let bytes = self.to_us.next(n);
            self.to_us.written += self.peer.writer().write(&bytes).unwrap_or(0);
        }
    }

    fn write(&mut self, n: usize) {
        let Us::Ready(leg) = &mut self.us else {
            return;
        };
        if n == 0 || self.shut {
            return;
        }
        let bytes = self.from_us.next(n);
        let mut cx = Context::from_waker(Waker::noop());
        match Pin::new(leg).poll_write(&mut cx, &bytes) {
            Poll::Ready(Ok(n)) => self.from_us.written += n,
            Poll::Ready(Err(_)) => assert!(!self.whole),
            Poll::Pending => {}
        }
    }

    /// Lets both go as far as they can.
    fn poll(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        if let Us::Begun(handshake) = &mut self.us
            && let Poll::Ready(done) = handshake.as_mut().poll(&mut cx)
        {
            assert!(done.is_some() || !self.whole || self.closed);
            self.us = done.map_or(Us::Over, Us::Ready);
        }
        if let Us::Ready(leg) = &mut self.us {
            _ = Pin::new(&mut *leg).poll_flush(&mut cx);
            if self.shut {
                _ = Pin::new(&mut *leg).poll_shutdown(&mut cx);
            }
        }
        self.read();
        self.answer();
    }

    fn read(&mut self) {
        let Us::Ready(leg) = &mut self.us else {
            return;
        };
        let mut cx = Context::from_waker(Waker::noop());
        let mut space = [0; 5000];
        loop {
            let mut buf = ReadBuf::new(&mut space);
            match Pin::new(&mut *leg).poll_read(&mut cx, &mut buf) {
                Poll::Pending => return,
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => self.to_us.see(buf.filled()),
                // An end is the peer's own, and behind all that it has written.
                Poll::Ready(Ok(())) => {
                    assert!(self.closed && self.to_us.read == self.to_us.written);
                    return;
                }
                Poll::Ready(Err(_)) => {
                    assert!(!self.whole);
                    let again = Pin::new(&mut *leg).poll_read(&mut cx, &mut buf);
                    assert!(!matches!(again, Poll::Ready(Ok(()))));
                    self.us = Us::Over;
                    return;
                }
            }
        }
    }

    /// The peer takes what we have sent, which nobody damages.
    fn answer(&mut self) {
        let bytes = std::mem::take(&mut self.route.0.borrow_mut().from_us);
        let mut rest = &bytes[..];
        while !rest.is_empty() && !self.broken {
            let taken = self.peer.read_tls(&mut rest);
            if matches!(taken, Ok(0)) {
                // Behind our close_notify nothing counts.
                assert!(self.shut);
                break;
            }
            self.broken = taken.is_err() || self.peer.process_new_packets().is_err();
            let mut plain = Vec::new();
            // Until nothing is there, which is an error of its own.
            _ = self.peer.reader().read_to_end(&mut plain);
            self.from_us.see(&plain);
        }
        assert!(!self.broken || !self.whole || self.closed);
        while self.peer.wants_write() {
            self.peer.write_tls(&mut self.leaving).unwrap();
        }
    }

    /// Where nothing was damaged, everything gets there.
    fn finish(mut self) {
        if !self.whole {
            return;
        }
        let mut before = None;
        loop {
            let now = (self.to_us.read, self.from_us.read, self.leaving.len());
            if before.replace(now) == Some(now) && self.leaving.is_empty() {
                break;
            }
            self.allow(usize::MAX);
            self.deliver(usize::MAX);
            self.poll();
        }
        if let Us::Ready(_) = self.us {
            assert_eq!(self.to_us.read, self.to_us.written);
            assert_eq!(self.from_us.read, self.from_us.written);
        } else {
            assert!(self.closed, "an undamaged handshake ends well");
        }
    }
}
