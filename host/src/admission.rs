//! Who is let in: caps on live connections, in all, per listener and per source, and on those that
//! have not said anything yet.
//!
//! Owns the counting; it must not know sockets or sessions.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::slots::{Slot, Slots};

/// File descriptors kept for everything that is not a session: ports, logs, state, Admin API.
const RESERVED_FILES: u64 = 256;

/// Of all connections, so many in a hundred may be silent: whoever opens connections and says nothing
/// leaves the rest to those who speak.
const SILENT_PERCENT: usize = 25;

/// Counts live connections against their caps.
#[derive(Debug)]
pub struct Admission {
    most: usize,
    most_per_listener: usize,
    most_per_source: usize,
    silent: Slots,
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
    /// `None` until a PROXY header has told it.
    source: Option<IpAddr>,
    /// `None` once it has spoken.
    silent: Option<Slot>,
}

impl Admission {
    /// The caps of the configuration; without one for all connections, what the file limit carries.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let limits = &config.limits;
        Self::with(
            limits.max_connections.unwrap_or_else(most_connections),
            limits.max_connections_per_listener.unwrap_or(usize::MAX),
            limits.max_connections_per_source.unwrap_or(usize::MAX),
        )
    }

    fn with(most: usize, most_per_listener: usize, most_per_source: usize) -> Self {
        let silent = most.saturating_mul(SILENT_PERCENT) / 100;
        Self {
            most,
            most_per_listener,
            most_per_source,
            silent: Slots::new(silent.max(1)),
            live: Mutex::default(),
        }
    }

    /// Lets a connection in, unless a cap is reached. Without a source it counts for none until
    /// `Pass::comes_from`.
    #[must_use]
    pub fn admit(this: &Arc<Self>, listener: usize, source: Option<IpAddr>) -> Option<Pass> {
        let mut live = this.live();
        let of_listener = live.listeners.get(&listener).copied().unwrap_or(0);
        if live.all >= this.most || of_listener >= this.most_per_listener {
            return None;
        }
        let source = source.map(network);
        if source.is_some_and(|source| !live.count(source, this.most_per_source)) {
            return None;
        }
        live.all += 1;
        live.listeners.insert(listener, of_listener + 1);
        Some(Pass {
            admission: Arc::clone(this),
            listener,
            source,
            silent: this.silent.enter(),
        })
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    /// False when this source has its share.
    fn count(&mut self, source: IpAddr, most: usize) -> bool {
        let of_source = self.sources.get(&source).copied().unwrap_or(0);
        let fits = of_source < most;
        if fits {
            self.sources.insert(source, of_source + 1);
        }
        fits
    }
}

impl Pass {
    /// The source that a PROXY header tells; false when it has its share already.
    #[must_use]
    pub fn comes_from(&mut self, source: IpAddr) -> bool {
        let source = network(source);
        let counted = self
            .admission
            .live()
            .count(source, self.admission.most_per_source);
        if counted {
            self.source = Some(source);
        }
        counted
    }

    /// Cancelled when a newer connection needs the place of this one, which is still silent.
    #[must_use]
    pub fn displaced(&self) -> CancellationToken {
        let silent = self.silent.as_ref();
        silent.map_or_else(CancellationToken::new, |slot| slot.displaced.clone())
    }

    /// Its first request has begun: it keeps its place from now on.
    pub fn speaks(&mut self) {
        self.silent = None;
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut live = self.admission.live();
        live.all = live.all.saturating_sub(1);
        if let Some(count) = live.listeners.get_mut(&self.listener) {
            *count = count.saturating_sub(1);
        }
        if let Some(source) = self.source
            && let Some(count) = live.sources.get_mut(&source)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                live.sources.remove(&source);
            }
        }
    }
}

/// What a client's address counts as. One customer has a whole /64, so single IPv6 addresses would
/// bound nothing.
#[must_use]
pub fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// What this process's file limit carries: two descriptors for each connection.
#[must_use]
pub fn most_connections() -> usize {
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    carried_by(files.current.unwrap_or(u64::MAX))
}

/// Connections that fit under a limit of open files, two each. Half of a low limit stays reserved, so
/// that some fit whatever it is.
fn carried_by(files: u64) -> usize {
    let reserved = RESERVED_FILES.min(files / 2);
    let connections = (files - reserved).max(2) / 2;
    usize::try_from(connections).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    fn admission(most: usize, per_listener: usize, per_source: usize) -> Arc<Admission> {
        Arc::new(Admission::with(most, per_listener, per_source))
    }

    #[test]
    fn turns_away_at_each_cap_and_lets_in_again() {
        for (caps, second_in, third_in) in [
            (admission(1, 9, 9), false, false),
            (admission(9, 1, 9), false, false),
            (admission(9, 9, 1), false, true),
        ] {
            let first = Admission::admit(&caps, 0, Some(A)).expect("room");
            assert_eq!(Admission::admit(&caps, 0, Some(A)).is_some(), second_in);
            assert_eq!(Admission::admit(&caps, 0, Some(B)).is_some(), third_in);
            drop(first);
            assert!(Admission::admit(&caps, 0, Some(A)).is_some());
        }
    }

    #[test]
    fn behind_a_load_balancer_the_clients_own_address_counts() {
        let caps = admission(9, 9, 1);
        let mut first = Admission::admit(&caps, 0, None).unwrap();
        let mut second = Admission::admit(&caps, 0, None).unwrap();
        let mut third = Admission::admit(&caps, 0, None).unwrap();
        assert!(first.comes_from(A) && !second.comes_from(A) && third.comes_from(B));
        // One that was turned away takes nothing with it.
        drop(second);
        assert!(Admission::admit(&caps, 0, Some(A)).is_none());
        drop(first);
        assert!(Admission::admit(&caps, 0, Some(A)).is_some());
    }

    #[test]
    fn a_64_is_one_source() {
        let caps = admission(9, 9, 1);
        let [first, same, other] =
            ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"].map(|ip| ip.parse().ok());
        let _first = Admission::admit(&caps, 0, first).unwrap();
        assert!(Admission::admit(&caps, 0, same).is_none());
        assert!(Admission::admit(&caps, 0, other).is_some());
    }

    #[test]
    fn the_silent_displace_each_other_and_nobody_who_speaks() {
        let caps = admission(8, 9, 9);
        let mut passes: Vec<_> = (0..4)
            .map(|_| Admission::admit(&caps, 0, Some(A)).unwrap())
            .collect();
        let displaced: Vec<_> = passes.iter().map(Pass::displaced).collect();
        let gone = |nth: usize| displaced[nth].is_cancelled();
        // Two of eight may be silent.
        assert!(gone(0) && gone(1) && !gone(2) && !gone(3));
        passes[2].speaks();
        let _more: Vec<_> = (0..2)
            .map(|_| Admission::admit(&caps, 0, Some(A)).unwrap())
            .collect();
        assert!(!gone(2) && gone(3));
    }

    #[test]
    fn a_low_limit_of_files_still_carries_connections() {
        assert_eq!(carried_by(20_000), 9_872);
        assert_eq!(carried_by(256), 64);
        assert_eq!(carried_by(0), 1);
    }
}
