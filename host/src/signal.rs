//! Signals of the operating system, as what they ask of throughway.
//!
//! SIGTERM and SIGINT ask for a drain, a second one for an exit at once; SIGHUP asks for a reload
//! of files. It must not know how any of these is done.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Request {
    /// First SIGTERM or SIGINT.
    Drain,
    /// Any further SIGTERM or SIGINT: see `exit_at_once`.
    ExitAtOnce,
    /// SIGHUP.
    Reload,
}

/// The signals that have not been taken yet.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    draining: bool,
}

impl Signals {
    /// Takes the three signals over from their default action, for good. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            draining: false,
        })
    }

    /// The next request. Signals of one kind that arrive together may count once. Cancel safe.
    pub async fn next(&mut self) -> Request {
        tokio::select! {
            _ = self.terminate.recv() => self.ended(),
            _ = self.interrupt.recv() => self.ended(),
            _ = self.hang_up.recv() => Request::Reload,
        }
    }

    fn ended(&mut self) -> Request {
        if std::mem::replace(&mut self.draining, true) {
            Request::ExitAtOnce
        } else {
            Request::Drain
        }
    }
}

/// Leaves with that code, whatever other threads are doing. Nothing is waited for and no exit handler
/// runs: AWS-LC's takes its random numbers away from threads that still draw some, which aborts the
/// process (`rand.c` and `tree_drbg_jitter_entropy.c` of AWS-LC) and hides the code.
pub fn exit_at_once(code: u8) -> ! {
    signal_hook::low_level::exit(code.into())
}

#[cfg(test)]
mod tests {
    use rustix::process::{Signal as Raised, getpid, kill_process};

    use super::*;

    // One test for all: signals are the whole process's.
    #[tokio::test]
    async fn a_second_termination_asks_for_an_exit_and_a_hang_up_for_a_reload() {
        let mut signals = Signals::listen().unwrap();
        for (raised, request) in [
            (Raised::HUP, Request::Reload),
            (Raised::TERM, Request::Drain),
            (Raised::HUP, Request::Reload),
            (Raised::INT, Request::ExitAtOnce),
            (Raised::TERM, Request::ExitAtOnce),
        ] {
            kill_process(getpid(), raised).unwrap();
            assert_eq!(signals.next().await, request);
        }
    }
}
