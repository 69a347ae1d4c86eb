//! Clients whose sessions the log tells in full, whatever its filter says, for a while.
//!
//! A filter beside the configured one. While no client is on the list it lets nothing pass and costs
//! nothing: callsites it could let pass are asked again only when the list changes.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::callsite::rebuild_interest_cache;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::registry::LookupSpan;

/// At a time.
const MOST_CLIENTS: usize = 32;

/// How often the list is looked at for what is over.
const EVERY: Duration = Duration::from_secs(5);

/// The span of a session and, in it, whose it is.
const SPAN: &str = "session";
const CLIENT: &str = "client_addr";

/// No client more: so many are on the list.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TooMany(pub usize);

/// The list. Cheap to clone, all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Debugging {
    list: Arc<List>,
}

#[derive(Debug, Default)]
struct List {
    clients: Mutex<BTreeMap<IpAddr, Instant>>,
    active: AtomicBool,
}

impl Debugging {
    /// Tells this client's sessions in full from now on, for so long; not at all for no time.
    ///
    /// # Errors
    /// When there is no place for one more.
    pub fn set(&self, client: IpAddr, lasts: Duration) -> Result<(), TooMany> {
        let client = client.to_canonical();
        let mut clients = self.clients();
        if lasts.is_zero() {
            clients.remove(&client);
        } else if clients.len() >= MOST_CLIENTS && !clients.contains_key(&client) {
            return Err(TooMany(MOST_CLIENTS));
        } else {
            clients.insert(client, Instant::now() + lasts);
        }
        self.changed(clients);
        Ok(())
    }

    /// Takes clients off the list as their time is over. Never ends.
    pub async fn watch(self) {
        loop {
            sleep(EVERY).await;
            let mut clients = self.clients();
            let before = clients.len();
            let now = Instant::now();
            clients.retain(|_, until| *until > now);
            if clients.len() != before {
                self.changed(clients);
            }
        }
    }

    fn clients(&self) -> MutexGuard<'_, BTreeMap<IpAddr, Instant>> {
        let clients = self.list.clients.lock();
        clients.unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self, clients: MutexGuard<'_, BTreeMap<IpAddr, Instant>>) {
        self.list
            .active
            .store(!clients.is_empty(), Ordering::Release);
        // The filter is asked about every callsite now, and must find the lock free.
        drop(clients);
        rebuild_interest_cache();
    }

    fn is_active(&self) -> bool {
        self.list.active.load(Ordering::Acquire)
    }
}

/// Whose session a span is.
struct Client(IpAddr);

/// Looks for the client's address among a span's fields.
#[derive(Default)]
struct Search(Option<IpAddr>);

impl Visit for Search {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == CLIENT {
            let address = format!("{value:?}").parse::<SocketAddr>();
            self.0 = address.ok().map(|address| address.ip().to_canonical());
        }
    }
}

impl<S> Filter<S> for Debugging
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn enabled(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool {
        if !self.is_active() || *metadata.level() > LevelFilter::DEBUG {
            return false;
        }
        if metadata.is_span() {
            return metadata.name() == SPAN;
        }
        let current = context.lookup_current();
        let mut spans = current.iter().flat_map(|span| span.scope());
        spans.any(|span| match span.extensions().get::<Client>() {
            Some(Client(client)) => self.clients().contains_key(client),
            None => false,
        })
    }

    fn callsite_enabled(&self, _metadata: &'static Metadata<'static>) -> Interest {
        match self.is_active() {
            true => Interest::sometimes(),
            false => Interest::never(),
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(match self.is_active() {
            true => LevelFilter::DEBUG,
            false => LevelFilter::OFF,
        })
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().name() == SPAN {
            let mut search = Search::default();
            attributes.record(&mut search);
            note(search, id, &context);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let mut search = Search::default();
        values.record(&mut search);
        note(search, id, &context);
    }
}

fn note<S>(found: Search, id: &Id, context: &Context<'_, S>)
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    if let (Some(client), Some(span)) = (found.0, context.span(id)) {
        span.extensions_mut().replace(Client(client));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_is_on_the_list_until_its_time_is_over() {
        let debugging = Debugging::default();
        assert!(!debugging.is_active());
        debugging.set(client(1), Duration::from_secs(60)).unwrap();
        let mapped = IpAddr::from([0, 0, 0, 0, 0, 0xffff, 0x0a00, 2]);
        debugging.set(mapped, Duration::from_secs(600)).unwrap();
        debugging.set(client(3), Duration::from_secs(600)).unwrap();
        debugging.set(client(3), Duration::ZERO).unwrap();
        let _endless =
            tokio::time::timeout(Duration::from_secs(70), debugging.clone().watch()).await;
        let left: Vec<_> = debugging.clients().keys().copied().collect();
        assert_eq!(left, [client(2)]);
        let _endless =
            tokio::time::timeout(Duration::from_secs(600), debugging.clone().watch()).await;
        assert!(!debugging.is_active());
    }

    #[test]
    fn the_list_has_an_end() {
        let debugging = Debugging::default();
        let minute = Duration::from_secs(60);
        for last in 0..32 {
            debugging.set(client(last), minute).unwrap();
        }
        assert_eq!(debugging.set(client(99), minute), Err(TooMany(32)));
        debugging.set(client(31), minute).unwrap();
    }
}
