//! The instance this runs on, by its metadata service (IMDSv2 alone): what it is, and whether it is
//! to end.

use aws_config::imds;
use aws_config::imds::client::error::ImdsError;
use tracing::instrument::WithSubscriber as _;
use tracing::subscriber::NoSubscriber;

/// The metadata service did not answer.
#[derive(Debug, thiserror::Error)]
#[error("the instance metadata service does not tell {path}")]
pub struct InstanceError {
    path: &'static str,
    #[source]
    source: ImdsError,
}

/// A spot instance is about to be taken back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SpotNotice {
    /// `terminate`, `stop` or `hibernate`.
    pub action: String,
    /// When.
    pub time: String,
}

/// The metadata service. It keeps the session token that IMDSv2 wants.
#[derive(Debug)]
pub struct Instance(imds::Client);

impl Instance {
    /// `None` where `AWS_EC2_METADATA_DISABLED` says so.
    #[must_use]
    pub fn this() -> Option<Self> {
        let disabled = std::env::var_os("AWS_EC2_METADATA_DISABLED")
            .is_some_and(|value| value.eq_ignore_ascii_case("true"));
        // Two attempts: whoever watches asks again soon anyway.
        (!disabled).then(|| Self(imds::Client::builder().max_attempts(2).build()))
    }

    /// Its id.
    ///
    /// # Errors
    /// When the service does not answer.
    pub async fn id(&self) -> Result<String, InstanceError> {
        self.known("instance-id").await
    }

    /// Its region.
    ///
    /// # Errors
    /// When the service does not answer.
    pub async fn region(&self) -> Result<String, InstanceError> {
        self.known("placement/region").await
    }

    /// Whether Auto Scaling is about to end it. Outside a group nothing ever is.
    ///
    /// # Errors
    /// When the service does not answer.
    pub async fn is_to_end(&self) -> Result<bool, InstanceError> {
        let state = self.tell("autoscaling/target-lifecycle-state").await?;
        Ok(state.is_some_and(|state| state.trim() == "Terminated"))
    }

    /// The notice that comes two minutes before a spot instance is taken back.
    ///
    /// # Errors
    /// When the service does not answer.
    pub async fn spot_notice(&self) -> Result<Option<SpotNotice>, InstanceError> {
        let Some(text) = self.tell("spot/instance-action").await? else {
            return Ok(None);
        };
        let notice: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        let word = |name: &str| {
            let word = notice.get(name).and_then(serde_json::Value::as_str);
            word.unwrap_or("unknown").to_owned()
        };
        // A notice that cannot be read is one all the same.
        Ok(Some(SpotNotice {
            action: word("action"),
            time: word("time"),
        }))
    }

    async fn known(&self, path: &'static str) -> Result<String, InstanceError> {
        Ok(self.tell(path).await?.unwrap_or_default().trim().to_owned())
    }

    /// `None` for what this instance does not have.
    async fn tell(&self, path: &'static str) -> Result<Option<String>, InstanceError> {
        let asked = self.0.get(format!("/latest/meta-data/{path}"));
        match asked.with_subscriber(NoSubscriber::new()).await {
            Ok(text) => Ok(Some(text.into())),
            Err(ImdsError::ErrorResponse(answer)) if answer.response().status().as_u16() == 404 => {
                Ok(None)
            }
            Err(source) => Err(InstanceError { path, source }),
        }
    }
}
