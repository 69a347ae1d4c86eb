//! The service manager's side: tells it how we fare (`sd_notify(3)`), and leaves it our listening
//! sockets, so that nobody is refused while we restart.
//!
//! Owns the datagrams and the kept sockets. Without a service manager everything here does nothing.
//! It must not know what the sockets are for or how a drain is done.

mod kept;
mod pulse;
#[cfg(test)]
mod tests;

use std::ffi::{OsStr, OsString};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixDatagram;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::net::{
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix, sendmsg_addr,
};
use rustix::time::{ClockId, clock_gettime};
use tokio::time::sleep;

pub use self::kept::inherited;
pub use self::pulse::{Pulse, Pulses, beat};

use self::kept::Kept;

/// While draining, the manager is asked for this much more time, three times as often.
const EXTENSION: Duration = Duration::from_secs(30);

/// Pings within one watchdog time, and a worker's beats between two pings: a few may be late.
const PINGS: u32 = 4;
const BEATS: u32 = 2;

/// A manager that does not read must not hold us: its watchdog will tell it.
const SEND_TIMEOUT: Duration = Duration::from_secs(1);

/// What the manager put into our environment.
#[derive(Debug, Default)]
pub struct Manager {
    to: Option<(UnixDatagram, SocketAddrUnix)>,
    watchdog: Option<Duration>,
    kept: Mutex<Kept>,
}

impl Manager {
    /// From `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`; `sockets` are those it kept for us.
    pub fn new(variable: impl Fn(&str) -> Option<OsString>, sockets: Vec<TcpListener>) -> Self {
        let to = variable("NOTIFY_SOCKET").and_then(|name| match connect(&name) {
            Ok(to) => Some(to),
            Err(error) => {
                tracing::warn!(%error, "the service manager cannot be told anything");
                None
            }
        });
        let number = |name| variable(name)?.to_str()?.parse::<u64>().ok();
        let ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|micros| ours && *micros > 0);
        Self {
            watchdog: watchdog.filter(|_| to.is_some()).map(Duration::from_micros),
            to,
            kept: Mutex::new(Kept::new(sockets)),
        }
    }

    /// Started; or done with a reload.
    pub fn ready(&self) {
        self.send("READY=1\nSTATUS=running", None);
    }

    /// Reads files again; `ready` ends it.
    pub fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let now = Duration::try_from(now).unwrap_or_default().as_micros();
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={now}"), None);
    }

    /// Ends, for which the manager allows more time as long as this runs. Never returns. Cancel safe.
    pub async fn stopping(&self, sessions: usize) {
        self.send(
            &format!("STOPPING=1\nSTATUS=draining {sessions} sessions"),
            None,
        );
        loop {
            let micros = EXTENSION.as_micros();
            self.send(&format!("EXTEND_TIMEOUT_USEC={micros}"), None);
            sleep(EXTENSION / 3).await;
        }
    }

    /// How often each event loop has to beat, when there is a watchdog.
    #[must_use]
    pub fn beat_every(&self) -> Option<Duration> {
        self.watchdog.map(|time| time / PINGS / BEATS)
    }

    /// Tells the watchdog that all event loops run, as long as they do. Runs on the control loop,
    /// which so is one of them. Never returns. Cancel safe.
    pub async fn watch(&self, mut pulses: Pulses) {
        let Some(watchdog) = self.watchdog else {
            return std::future::pending().await;
        };
        loop {
            sleep(watchdog / PINGS).await;
            match pulses.stopped() {
                None => self.send("WATCHDOG=1", None),
                Some(worker) => {
                    tracing::error!(
                        worker,
                        "a worker's event loop does not run; watchdog not told"
                    );
                }
            }
        }
    }

    /// The socket that was kept for this address, else the one that `bind` makes; the manager keeps
    /// it from now on.
    ///
    /// # Errors
    /// Those of `bind`.
    pub fn listen(
        &self,
        address: SocketAddr,
        bind: impl FnOnce(SocketAddr) -> io::Result<TcpListener>,
    ) -> io::Result<TcpListener> {
        if let Some(socket) = self.kept().take(address) {
            return Ok(socket);
        }
        let socket = bind(address)?;
        // Port 0 would be another port next time.
        if address.port() != 0 {
            let name = kept::name_of(address);
            self.send(&format!("FDSTORE=1\nFDNAME={name}"), Some(socket.as_fd()));
        }
        Ok(socket)
    }

    /// Closes the sockets that nobody asked for: ports that are configured no more.
    pub fn forget_the_rest(&self) {
        for name in self.kept().drain() {
            self.send(&format!("FDSTOREREMOVE=1\nFDNAME={name}"), None);
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, message: &str, socket: Option<BorrowedFd<'_>>) {
        let Some((from, to)) = &self.to else {
            return;
        };
        let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut room);
        let sockets = socket.as_slice();
        if !sockets.is_empty() {
            control.push(SendAncillaryMessage::ScmRights(sockets));
        }
        let text = [IoSlice::new(message.as_bytes())];
        let sent = sendmsg_addr(from, to, &text, &mut control, SendFlags::NOSIGNAL);
        if let Err(error) = sent {
            tracing::warn!(%error, message, "service manager not told");
        }
    }
}

/// A path, or with a leading `@` a name in the abstract space.
fn connect(name: &OsStr) -> io::Result<(UnixDatagram, SocketAddrUnix)> {
    let to = match name.as_bytes().split_first() {
        Some((b'@', name)) => SocketAddrUnix::new_abstract_name(name)?,
        _ => SocketAddrUnix::new(name)?,
    };
    let from = UnixDatagram::unbound()?;
    from.set_write_timeout(Some(SEND_TIMEOUT))?;
    Ok((from, to))
}
