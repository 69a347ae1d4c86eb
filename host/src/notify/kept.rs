//! Listening sockets that the service manager kept over a restart (`sd_listen_fds(3)`).
//!
//! Owns taking them over, and the names they are kept by. It must not know what is listened for.

use std::ffi::OsString;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::sockopt::socket_acceptconn;

/// The manager passes them on from this number (`SD_LISTEN_FDS_START`).
const FIRST: RawFd = 3;

/// Sockets by the address they are bound to. What they are called does not count: an address cannot
/// be wrong.
#[derive(Debug, Default)]
pub(super) struct Kept {
    sockets: Vec<(SocketAddr, TcpListener)>,
}

impl Kept {
    pub(super) fn new(sockets: Vec<TcpListener>) -> Self {
        let addressed = |socket: TcpListener| Some((socket.local_addr().ok()?, socket));
        Self {
            sockets: sockets.into_iter().filter_map(addressed).collect(),
        }
    }

    pub(super) fn take(&mut self, address: SocketAddr) -> Option<TcpListener> {
        let at = self.sockets.iter().position(|(at, _)| *at == address)?;
        Some(self.sockets.swap_remove(at).1)
    }

    /// Closes all that is left; returns the names.
    pub(super) fn drain(&mut self) -> Vec<String> {
        let rest = self.sockets.drain(..);
        rest.map(|(address, _closed)| name_of(address)).collect()
    }
}

/// What a socket is kept by: no colon, which separates names in `LISTEN_FDNAMES`.
pub(super) fn name_of(address: SocketAddr) -> String {
    format!("tcp-{}-{}", address.ip(), address.port()).replace(':', "_")
}

/// The listening sockets that were passed to this process. To be called once, at the start, before
/// anything else opens files.
pub fn inherited(variable: impl Fn(&str) -> Option<OsString>) -> Vec<TcpListener> {
    let number = |name| variable(name)?.to_str()?.parse::<u32>().ok();
    // Meant for another process when the number is not ours: a parent passed its environment on.
    if number("LISTEN_PID") != Some(std::process::id()) {
        return Vec::new();
    }
    let count = number("LISTEN_FDS").and_then(|count| RawFd::try_from(count).ok());
    let numbers = FIRST..FIRST.saturating_add(count.unwrap_or(0));
    numbers
        .filter_map(|number| adopt(take_over(number)))
        .collect()
}

#[expect(
    unsafe_code,
    reason = "the service manager's protocol passes ownership of descriptors by number alone"
)]
fn take_over(number: RawFd) -> OwnedFd {
    // SAFETY: LISTEN_PID and LISTEN_FDS say that this descriptor is open and ours; this runs once
    // for each number, before anything else could have opened or owns it.
    unsafe { OwnedFd::from_raw_fd(number) }
}

/// A listening TCP socket, made ready for our use; anything else is closed.
fn adopt(descriptor: OwnedFd) -> Option<TcpListener> {
    if !socket_acceptconn(&descriptor).unwrap_or(false) {
        return None;
    }
    // Passed on without it, or `exec` could not have passed it on.
    fcntl_setfd(&descriptor, FdFlags::CLOEXEC).ok()?;
    let socket = TcpListener::from(descriptor);
    socket.set_nonblocking(true).ok()?;
    Some(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_colon() {
        for (address, name) in [
            ("0.0.0.0:9093", "tcp-0.0.0.0-9093"),
            ("[::]:8888", "tcp-__-8888"),
        ] {
            assert_eq!(name_of(address.parse().unwrap()), name);
        }
    }

    #[test]
    fn takes_nothing_that_is_for_another_process() {
        let theirs = (std::process::id() + 1).to_string();
        let variable = |name: &str| match name {
            "LISTEN_PID" => Some(OsString::from(&theirs)),
            "LISTEN_FDS" => Some(OsString::from("1000")),
            _ => None,
        };
        assert!(inherited(variable).is_empty());
    }

    #[test]
    fn adopts_what_listens_and_closes_the_rest() {
        let listening = TcpListener::bind("127.0.0.1:0").unwrap();
        let connected = std::net::TcpStream::connect(listening.local_addr().unwrap()).unwrap();
        assert!(adopt(OwnedFd::from(listening)).is_some());
        assert!(adopt(OwnedFd::from(connected)).is_none());
    }
}
