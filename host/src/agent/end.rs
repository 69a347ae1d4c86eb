//! The end of this instance: seen in its metadata, prepared by a drain, then allowed.
//!
//! It must not know how the proxy drains.

use std::future::pending;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use throughway_aws::{Hook, Instance, InstanceError};
use tokio::time::{Instant, sleep};

use crate::admin::{Client, ClientError};

/// How often the metadata is looked at: a spot notice comes two minutes ahead.
const EVERY: Duration = Duration::from_secs(5);
/// How often the proxy is asked whether it has drained.
const LOOK: Duration = Duration::from_millis(500);
/// Beyond the grace time, at whose end the proxy cuts what is left.
const SPARE: Duration = Duration::from_secs(10);
/// Between two tries to let the instance end.
const AGAIN: Duration = Duration::from_secs(15);

/// What it takes.
pub(super) struct End {
    pub(super) instance: Instance,
    pub(super) hook: Option<Hook>,
    pub(super) proxy: Client,
    /// How long a drain takes at most.
    pub(super) grace: Duration,
}

/// Why the proxy is to drain.
enum Notice {
    /// Auto Scaling ends the instance, and waits for the hook.
    Terminated,
    /// Amazon takes it back, and waits for nobody.
    Spot,
}

/// What is looked at of the proxy's status.
#[derive(Deserialize)]
struct Status {
    sessions: usize,
}

impl End {
    /// Never ends: when the instance may end, the instance ends it.
    pub(super) async fn watch(self) {
        let mut drained = false;
        let mut silent = false;
        loop {
            let notice = self.notice(drained).await;
            if let Err(error) = &notice
                && !silent
            {
                tracing::warn!(%error, "whether this instance is to end is not known");
            }
            silent = notice.is_err();
            match notice {
                Ok(Some(Notice::Terminated)) => {
                    if !drained {
                        self.drain().await;
                    }
                    self.complete().await;
                    return pending().await;
                }
                Ok(Some(Notice::Spot)) => {
                    self.drain().await;
                    drained = true;
                }
                Ok(None) | Err(_) => sleep(EVERY).await,
            }
        }
    }

    async fn notice(&self, drained: bool) -> Result<Option<Notice>, InstanceError> {
        if self.instance.is_to_end().await? {
            tracing::info!("Auto Scaling is about to end this instance");
            return Ok(Some(Notice::Terminated));
        }
        if drained {
            return Ok(None);
        }
        let spot = self.instance.spot_notice().await?;
        Ok(spot.map(|notice| {
            let (action, time) = (notice.action, notice.time);
            tracing::warn!(action, time, "this spot instance is about to be taken back");
            Notice::Spot
        }))
    }

    /// Returns when no session is left, or its time is over.
    async fn drain(&self) {
        let deadline = Instant::now() + self.grace + SPARE;
        let mut asked = false;
        let mut said = false;
        while Instant::now() < deadline {
            let answer = match asked {
                false => self
                    .proxy
                    .post::<Value>("/throughway/v1/drain", "{}".to_owned())
                    .await
                    .map(|_| None),
                true => self
                    .proxy
                    .get::<Status>("/throughway/v1/status")
                    .await
                    .map(Some),
            };
            match answer {
                Ok(Some(Status { sessions: 0 })) => {
                    tracing::info!("throughway has drained");
                    return;
                }
                Ok(_) => asked = true,
                Err(ClientError::Connect { .. }) => {
                    tracing::info!("throughway does not run, there is nothing to drain");
                    return;
                }
                Err(error) if !said => {
                    said = true;
                    let error = format!("{:#}", anyhow::Error::from(error));
                    tracing::warn!(error, "throughway does not answer");
                }
                Err(_) => {}
            }
            sleep(LOOK).await;
        }
        tracing::warn!("throughway has not drained in time");
    }

    async fn complete(&self) {
        let Some(hook) = &self.hook else {
            tracing::warn!(
                "GATEWAY_AWS_LIFECYCLE_HOOK is not set: Auto Scaling waits until its hook's time is over"
            );
            return;
        };
        while let Err(error) = self.try_to_complete(hook).await {
            let error = format!("{error:#}");
            tracing::warn!(
                error,
                "Auto Scaling cannot be told that this instance may end"
            );
            sleep(AGAIN).await;
        }
        let (group, hook) = (&hook.group, &hook.name);
        tracing::info!(group, hook, "lifecycle action completed");
    }

    async fn try_to_complete(&self, hook: &Hook) -> anyhow::Result<()> {
        let (id, region) = (self.instance.id().await?, self.instance.region().await?);
        Ok(hook.complete(&id, &region).await?)
    }
}
