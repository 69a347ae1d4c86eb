//! Delivers sealed reports: one POST each, oldest first, and again later where that fails.
//!
//! Owns when to try and what an answer means; `post` owns HTTPS. A task of its own that nothing waits
//! for. A report is delivered only by a receipt that the vendor signed.

mod post;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use self::post::{Answer, Post};
pub use self::post::{PostError, Route};
use super::error::UsageError;
use super::schedule::{self, Due, Now};
use super::spool::Item;
use super::store::{Books, Store};
use super::{identity, payload};

/// The longest that a server may put us off.
const MOST_PUT_OFF: Duration = Duration::from_secs(24 * 3600);

/// What became of one report.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Delivery {
    /// There is a receipt.
    Delivered,
    /// To be tried again.
    Failed,
    /// The server does not want this one: passed over until the next start.
    Refused,
}

/// Sends what is in the spool.
#[derive(Debug)]
pub struct Sender {
    store: Store,
    post: Arc<Post>,
    due: Due,
    failures: u32,
    refused: BTreeSet<u64>,
    said: Option<String>,
}

/// Why a report was not delivered, and when to try again if the server has said so.
struct Trouble {
    why: String,
    put_off: Option<Duration>,
    refused: bool,
}

impl Sender {
    /// For this spool and along this route, the first time some minutes from now.
    ///
    /// # Errors
    /// When there are no random numbers, or the route's certificates cannot be used.
    pub fn new(store: Store, route: Route, now: Now) -> Result<Self, UsageError> {
        let soon = schedule::first(identity::random_u32()?);
        Ok(Self {
            store,
            post: Arc::new(Post::new(route)),
            due: Due::after(now, soon),
            failures: 0,
            refused: BTreeSet::new(),
            said: None,
        })
    }

    /// Sends what waits, if it is time to; `count` is told what became of each. Cancel safe: what was
    /// under way is sent again.
    pub async fn step(&mut self, now: Now, count: impl Fn(Delivery)) {
        if !self.due.is_reached(now) {
            return;
        }
        loop {
            match self.next(now).await {
                Ok(None) => return,
                Ok(Some(item)) => {
                    let Some(delivery) = self.deliver(item, now).await else {
                        return;
                    };
                    count(delivery);
                    if delivery == Delivery::Failed {
                        return;
                    }
                }
                Err(error) => return self.failed(&error.in_full(), None, now),
            }
        }
    }

    async fn next(&self, now: Now) -> Result<Option<Item>, UsageError> {
        let refused = self.refused.clone();
        self.with_books(now, move |books| {
            let pending = books.pending()?;
            match pending.into_iter().find(|seq| !refused.contains(seq)) {
                Some(seq) => books.pending_item(seq),
                None => Ok(None),
            }
        })
        .await
        .unwrap_or(Ok(None))
    }

    /// None when the process is about to end.
    async fn deliver(&mut self, item: Item, now: Now) -> Option<Delivery> {
        let seq = item.seq;
        // The whole of what is sent, where whoever runs the proxy can see it.
        let report = report_of(&item);
        tracing::info!(seq, report, endpoint = %self.post.route.endpoint, "sending usage report");
        let trouble = match self.post.send(&item.token).await {
            Ok(answer) => match judge(&answer) {
                Ok(receipt) => match self
                    .with_books(now, move |books| books.deliver(&receipt))
                    .await?
                {
                    Ok(delivered) if delivered == seq => {
                        tracing::info!(seq, "usage report delivered");
                        self.failures = 0;
                        self.said = None;
                        return Some(Delivery::Delivered);
                    }
                    Ok(_) => Trouble::plain("the receipt is for another report".to_owned()),
                    Err(error) => Trouble::plain(error.in_full()),
                },
                Err(trouble) => trouble,
            },
            Err(error) => Trouble::plain(error.in_full()),
        };
        if trouble.refused {
            self.refused.insert(seq);
            tracing::warn!(
                seq,
                error = trouble.why,
                "the usage endpoint refuses this report: it is passed over until the next start; it stays in \
                 `throughway usage export`"
            );
            return Some(Delivery::Refused);
        }
        self.failed(&trouble.why, trouble.put_off, now);
        Some(Delivery::Failed)
    }

    fn failed(&mut self, why: &str, put_off: Option<Duration>, now: Now) {
        self.failures = self.failures.saturating_add(1);
        // Without random numbers the longest wait will do.
        let random = identity::random_u32().unwrap_or(u32::MAX);
        let wait = schedule::back_off(self.failures, random);
        let wait = wait.max(put_off.unwrap_or_default().min(MOST_PUT_OFF));
        self.due = Due::after(now, wait);
        let next = self.due.wall();
        if self.said.as_deref() == Some(why) {
            tracing::debug!(error = why, %next, "usage report not delivered");
        } else {
            tracing::warn!(error = why, %next, "usage report not delivered: it will be sent again");
            self.said = Some(why.to_owned());
        }
    }

    /// Files may be slow. None when the runtime is ending.
    async fn with_books<T: Send + 'static>(
        &self,
        now: Now,
        job: impl FnOnce(&mut Books) -> Result<T, UsageError> + Send + 'static,
    ) -> Option<Result<T, UsageError>> {
        let store = self.store.clone();
        let job = move || job(&mut store.open(now.wall)?);
        tokio::task::spawn_blocking(job).await.ok()
    }
}

impl Trouble {
    fn plain(why: String) -> Self {
        Self {
            why,
            put_off: None,
            refused: false,
        }
    }
}

/// What a signed report says, as text; it was verified when it was sealed.
fn report_of(item: &Item) -> String {
    payload::text_of(&item.token).unwrap_or_default()
}

/// The receipt in an answer, not verified yet.
fn judge(answer: &Answer) -> Result<String, Trouble> {
    let Answer {
        status,
        retry_after,
        body,
    } = answer;
    match status {
        200 => String::from_utf8(body.clone())
            .map(|text| text.trim().to_owned())
            .map_err(|_bytes| Trouble::plain("the answer is no receipt".to_owned())),
        429 | 503 => Err(Trouble {
            why: format!("the answer is {status}"),
            put_off: *retry_after,
            refused: false,
        }),
        300..400 => Err(Trouble::plain(format!(
            "the answer is {status}, and redirects are not followed"
        ))),
        400..500 => Err(Trouble {
            why: format!("the answer is {status}"),
            put_off: None,
            refused: true,
        }),
        _ => Err(Trouble::plain(format!("the answer is {status}"))),
    }
}

/// Says whether this route could be used: names the certificate file that cannot.
///
/// # Errors
/// `PostError::Trust`.
pub fn check(route: &Route) -> Result<(), PostError> {
    post::check(route)
}

/// Connects along this route and sends nothing: whether reports could be delivered.
///
/// # Errors
/// Why not, in one line.
pub async fn reach(route: Route) -> Result<(), String> {
    let reached = Post::new(route).reach().await;
    reached.map_err(|error| error.in_full())
}

#[cfg(test)]
mod tests;
