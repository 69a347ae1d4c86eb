//! Who is let in: caps on live connections, in all, per listener and per source address.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::config::Config;

/// File descriptors kept for everything that is not a session: ports, logs, state, Admin API.
const RESERVED_FILES: u64 = 256;

/// Counts live connections against their caps.
#[derive(Debug)]
pub struct Admission {
    most: usize,
    most_per_listener: usize,
    most_per_source: usize,
    live: Mutex<Live>,
}

#[derive(Debug, Default)]
struct Live {
    all: usize,
    listeners: BTreeMap<usize, usize>,
    sources: BTreeMap<IpAddr, usize>,
}

/// One admitted connection; its place is free again when this is dropped.
#[derive(Debug)]
pub struct Pass {
    admission: Arc<Admission>,
    listener: usize,
    source: IpAddr,
}

/// What this process's file limit carries: two descriptors for each connection.
#[must_use]
pub fn most_connections() -> usize {
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let files = files.current.unwrap_or(u64::MAX);
    let fits = files.saturating_sub(RESERVED_FILES).max(2) / 2;
    usize::try_from(fits).unwrap_or(usize::MAX)
}

impl Admission {
    /// The caps of the configuration; without one for all connections, what the file limit carries.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let limits = &config.limits;
        Self {
            most: limits.max_connections.unwrap_or_else(most_connections),
            most_per_listener: limits.max_connections_per_listener.unwrap_or(usize::MAX),
            most_per_source: limits.max_connections_per_source.unwrap_or(usize::MAX),
            live: Mutex::default(),
        }
    }

    /// Lets a connection in, unless a cap is reached.
    #[must_use]
    pub fn admit(this: &Arc<Self>, listener: usize, source: IpAddr) -> Option<Pass> {
        let mut live = this.live.lock().unwrap_or_else(PoisonError::into_inner);
        let of_listener = live.listeners.get(&listener).copied().unwrap_or(0);
        let of_source = live.sources.get(&source).copied().unwrap_or(0);
        if live.all >= this.most
            || of_listener >= this.most_per_listener
            || of_source >= this.most_per_source
        {
            return None;
        }
        live.all += 1;
        live.listeners.insert(listener, of_listener + 1);
        live.sources.insert(source, of_source + 1);
        Some(Pass {
            admission: Arc::clone(this),
            listener,
            source,
        })
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut live = self
            .admission
            .live
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        live.all = live.all.saturating_sub(1);
        if let Some(count) = live.listeners.get_mut(&self.listener) {
            *count = count.saturating_sub(1);
        }
        if let Some(count) = live.sources.get_mut(&self.source) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                live.sources.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(most: usize, per_listener: usize, per_source: usize) -> Arc<Admission> {
        Arc::new(Admission {
            most,
            most_per_listener: per_listener,
            most_per_source: per_source,
            live: Mutex::default(),
        })
    }

    #[test]
    fn turns_away_at_each_cap_and_lets_in_again() {
        let [a, b] = [IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2])];
        for (caps, second_in, third_in) in [
            (admission(1, 9, 9), false, false),
            (admission(9, 1, 9), false, false),
            (admission(9, 9, 1), false, true),
        ] {
            let first = Admission::admit(&caps, 0, a).expect("room");
            assert_eq!(Admission::admit(&caps, 0, a).is_some(), second_in);
            assert_eq!(Admission::admit(&caps, 0, b).is_some(), third_in);
            drop(first);
            assert!(Admission::admit(&caps, 0, a).is_some());
        }
    }
}
