//! AWS as an instance sees it: Secrets Manager by an emulator with faults before it, the metadata
//! service, and the one action of Auto Scaling that no emulator knows.
//!
//! Owns one HTTP address for all of them, and a note of what was asked. It must not know throughway's
//! code: only the protocols' documentation.

mod http;
mod moto;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;

pub use self::moto::{Moto, REGION};

/// Longer than the longest pause between two looks at anything.
const LIMIT: Duration = Duration::from_secs(90);

/// The role of the instance.
const ROLE: &str = "throughway-node";

/// How Secrets Manager answers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Manner {
    /// By the emulator.
    Usual,
    /// With this status, code and message.
    Refuses(u16, &'static str, &'static str),
    /// With something that is no answer of its.
    Garbage,
    /// Nothing ever comes back.
    Hang,
    /// The connection is closed before any answer.
    Down,
}

/// What the metadata service tells; `None` is answered by 404.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    /// `autoscaling/target-lifecycle-state`.
    pub lifecycle_state: Option<&'static str>,
    /// `spot/instance-action`.
    pub spot_action: Option<&'static str>,
}

/// Serves until dropped.
#[derive(Debug)]
pub struct Cloud {
    address: SocketAddr,
    shared: Arc<Shared>,
    _task: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    moto: SocketAddr,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    manner: Manner,
    metadata: Metadata,
    /// Form of the last lifecycle action, and whether it is refused.
    completed: Vec<String>,
    refuses_actions: bool,
    asked: usize,
}

impl Cloud {
    /// With everything as usual, and an instance that is to stay.
    ///
    /// # Errors
    ///
    /// When there is no port, or no emulator.
    pub async fn start() -> Result<Self> {
        let moto = tokio::task::spawn_blocking(|| Moto::shared().map(Moto::address)).await??;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            moto,
            state: Mutex::new(State {
                manner: Manner::Usual,
                metadata: Metadata {
                    lifecycle_state: Some("InService"),
                    spot_action: None,
                },
                completed: Vec::new(),
                refuses_actions: false,
                asked: 0,
            }),
            changed: Notify::new(),
        });
        let mut task = JoinSet::new();
        task.spawn(http::serve(listener, Arc::clone(&shared)));
        Ok(Self {
            address,
            shared,
            _task: task,
        })
    }

    /// What makes a process see this and nothing else of AWS. Its credentials are the instance's.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let url = format!("http://{}", self.address);
        vec![
            ("AWS_ENDPOINT_URL", url.clone()),
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", url),
            ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
        ]
    }

    /// How Secrets Manager answers from now on.
    pub fn answer(&self, manner: Manner) {
        self.shared.lock().manner = manner;
    }

    /// What the metadata service tells from now on.
    pub fn tell(&self, metadata: Metadata) {
        self.shared.lock().metadata = metadata;
    }

    /// Whether lifecycle actions are refused from now on.
    pub fn refuse_actions(&self, refuse: bool) {
        self.shared.lock().refuses_actions = refuse;
    }

    /// The forms of the lifecycle actions that were taken, refused ones included.
    #[must_use]
    pub fn actions(&self) -> Vec<String> {
        self.shared.lock().completed.clone()
    }

    /// Waits for so many lifecycle actions.
    ///
    /// # Errors
    ///
    /// When they do not come.
    pub async fn wait_for_actions(&self, count: usize) -> Result<()> {
        self.wait(|state| state.completed.len() >= count).await
    }

    /// Waits until Secrets Manager was asked so many times from now on.
    ///
    /// # Errors
    ///
    /// When it is not.
    pub async fn wait_for_requests(&self, count: usize) -> Result<()> {
        let before = self.shared.lock().asked;
        self.wait(|state| state.asked >= before + count).await
    }

    async fn wait(&self, holds: impl Fn(&State) -> bool) -> Result<()> {
        let waiting = async {
            loop {
                let changed = self.shared.changed.notified();
                if holds(&self.shared.lock()) {
                    return;
                }
                changed.await;
            }
        };
        let end = tokio::time::timeout(LIMIT, waiting).await;
        end.context("AWS was not asked for what it should be")
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}
