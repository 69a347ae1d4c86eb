//! The file of `GATEWAY_ADDRESS_MAP`, compared with what is in effect again and again.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::Maps;
use crate::addrmap::component::{Component, Origin};

/// How often the file is looked at.
const EVERY: Duration = Duration::from_secs(10);

/// What was last seen, so that one bad file is refused once.
#[derive(Debug, Default)]
pub(super) struct Watched {
    stamp: Option<Stamp>,
    /// Digest of the content last refused, or the error of a file that cannot be read.
    refused: Option<String>,
}

/// Changes whenever the content does: the time of a change cannot be set by anyone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    changed: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let about = fs::metadata(path).ok()?;
        Some(Self {
            device: about.dev(),
            inode: about.ino(),
            bytes: about.size(),
            changed: (about.ctime(), about.ctime_nsec()),
        })
    }
}

impl Maps {
    /// Never ends.
    pub async fn watch(self: Arc<Self>) {
        loop {
            sleep(EVERY).await;
            self.look(false).await;
        }
    }

    /// Compares at once, and tries a content again that was refused: what was wrong may have been
    /// a port or a broker.
    pub async fn reload(self: Arc<Self>) {
        self.look(true).await;
    }

    async fn look(&self, again: bool) {
        let Some(path) = self.variable.clone() else {
            return;
        };
        let mut watched = self.watched.lock().await;
        let profile = self.map.profile();
        let before = watched.stamp.filter(|_| !again);
        // Files may be slow; the control runtime has health checks to answer.
        let read = tokio::task::spawn_blocking(move || {
            let stamp = Stamp::of(&path);
            if stamp.is_some() && stamp == before {
                return None;
            }
            Some((stamp, Component::from(Origin::File(path), profile)))
        });
        let Ok(Some((stamp, component))) = read.await else {
            return;
        };
        watched.stamp = stamp;
        let component = match component {
            Ok(component) => component,
            Err(error) => {
                let error = error.to_string();
                if watched.refused.as_ref() != Some(&error) {
                    self.ground.metrics.addrmap_refused();
                    tracing::warn!(error, "address map not changed; the last good one stays");
                    watched.refused = Some(error);
                }
                return;
            }
        };
        if component.sha256 == self.in_effect().sha256 {
            watched.refused = None;
            return;
        }
        if !again && watched.refused.as_ref() == Some(&component.sha256) {
            return;
        }
        let swapped = self.swap(&component, false).await;
        self.tell(&component, &swapped);
        watched.refused = swapped.is_err().then(|| component.sha256.clone());
    }
}
