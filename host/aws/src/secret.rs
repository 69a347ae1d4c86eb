//! One secret of Secrets Manager: how it is named, fetched, and where in it the token is.

use std::thread;
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;
use tokio::runtime::Builder;
use tokio::time::timeout;
use tracing::subscriber::{NoSubscriber, with_default};

use crate::MOST_BYTES;
use crate::error::FetchError;
use crate::request;

/// The field of a JSON object, unless another is asked for.
const FIELD: &str = "license";

/// The longest name or ARN that the service takes (its `GetSecretValue` reference).
const LONGEST_ID: usize = 2048;

/// For all of it, finding credentials and region included: above the SDK's own limits, in case one
/// of its steps has none.
const WHOLE: Duration = Duration::from_secs(20);

/// A text that names no secret.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0:?} is not a secret's name, of letters, digits and /_+=.@-, nor an ARN, \
     arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME"
)]
pub struct InvalidSecretId(String);

/// Which secret, and where in it the token is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SecretSource {
    id: String,
    region: Option<String>,
    stage: String,
    field: Option<String>,
}

impl SecretSource {
    /// `field` names one of a JSON object; without it, the token is the whole text or, where that is
    /// an object, in `license`.
    ///
    /// # Errors
    /// When `id` cannot be a secret's name or ARN.
    pub fn new(id: &str, stage: &str, field: Option<&str>) -> Result<Self, InvalidSecretId> {
        let invalid = || InvalidSecretId(id.chars().take(LONGEST_ID).collect());
        let sign = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-:".contains(c);
        if id.is_empty() || id.len() > LONGEST_ID || !id.chars().all(sign) {
            return Err(invalid());
        }
        let parts: Vec<_> = id.splitn(7, ':').collect();
        let region = match parts.as_slice() {
            [_name] => None,
            ["arn", _, "secretsmanager", region, _, "secret", _] if !region.is_empty() => {
                Some((*region).to_owned())
            }
            _ => return Err(invalid()),
        };
        Ok(Self {
            id: id.to_owned(),
            region,
            stage: stage.to_owned(),
            field: field.map(str::to_owned),
        })
    }

    /// The token as it is there now. Blocks, for 20 s at most.
    ///
    /// # Errors
    /// `FetchError` says whether it may pass.
    pub fn fetch(&self) -> Result<String, FetchError> {
        // A thread of its own, since whoever asks may be on an event loop. Everything anew each time:
        // there is one call an hour, and credentials, trust and the environment's region may have
        // changed since the last.
        let fetched = thread::scope(|scope| scope.spawn(|| self.fetch_here()).join());
        fetched.unwrap_or_else(|_panicked| Err(self.failed("NoRuntime", "the request panicked")))
    }

    fn fetch_here(&self) -> Result<String, FetchError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| self.failed("NoRuntime", &error.to_string()))?;
        with_default(NoSubscriber::new(), || {
            runtime.block_on(async {
                match timeout(WHOLE, self.ask()).await {
                    Ok(answered) => answered,
                    Err(_elapsed) => Err(FetchError::timed_out(&self.id, self.region.as_deref())),
                }
            })
        })
    }

    async fn ask(&self) -> Result<String, FetchError> {
        let config = request::config(self.region.as_deref()).await;
        let Some(region) = config.region().map(ToString::to_string) else {
            return Err(FetchError::no_region(&self.id));
        };
        let asked = Client::new(&config)
            .get_secret_value()
            .secret_id(&self.id)
            // Always: without one, what is current is the service's to guess.
            .version_stage(&self.stage);
        let output = asked
            .send()
            .await
            .map_err(|error| FetchError::of(&error, &self.id, &region, &self.stage))?;
        self.token_in(content(&output))
            .map_err(|why| FetchError::no_token(&self.id, &region, why))
    }

    fn token_in(&self, content: &[u8]) -> Result<String, &'static str> {
        if content.len() > MOST_BYTES {
            return Err("it is longer than 8 KiB");
        }
        let text = std::str::from_utf8(content)
            .map_err(|_not_said| "it is binary and no text")?
            .trim();
        let field = match (&self.field, text.starts_with('{')) {
            (Some(field), _) => field.as_str(),
            (None, true) => FIELD,
            (None, false) => return non_empty(text),
        };
        let object: serde_json::Value = serde_json::from_str(text)
            .map_err(|_would_tell_some_of_it| "it is not the JSON object it should be")?;
        match object.get(field).and_then(serde_json::Value::as_str) {
            Some(token) => non_empty(token.trim()),
            None => Err("its JSON has no text in the field of GATEWAY_LICENSE_SECRET_FIELD"),
        }
    }

    fn failed(&self, code: &str, why: &str) -> FetchError {
        FetchError::local(code, &self.id, self.region.as_deref(), why)
    }
}

fn content(output: &GetSecretValueOutput) -> &[u8] {
    match (output.secret_string(), output.secret_binary()) {
        (Some(text), _) => text.as_bytes(),
        (None, Some(bytes)) => bytes.as_ref(),
        (None, None) => &[],
    }
}

fn non_empty(token: &str) -> Result<String, &'static str> {
    match token {
        "" => Err("it is empty"),
        token => Ok(token.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str =
        "arn:aws:secretsmanager:eu-central-1:123456789012:secret:throughway/licence-AbCdEf";

    fn source(field: Option<&str>) -> SecretSource {
        SecretSource::new(ARN, "AWSCURRENT", field).unwrap()
    }

    #[test]
    fn the_region_is_the_arns() {
        assert_eq!(source(None).region.as_deref(), Some("eu-central-1"));
        let named = SecretSource::new("throughway/licence", "AWSCURRENT", None).unwrap();
        assert_eq!(named.region, None);
    }

    #[test]
    fn refuses_what_names_no_secret() {
        let long = "a".repeat(LONGEST_ID + 1);
        for id in [
            "",
            "a b",
            "arn:aws:s3:::bucket",
            "arn:aws:secretsmanager::1:secret:a",
            "arn:aws:secretsmanager:eu-central-1:1:secret",
            "name:with:colons",
            &long,
        ] {
            let error = SecretSource::new(id, "AWSCURRENT", None).unwrap_err();
            assert!(error.to_string().contains("nor an ARN"), "{error}");
        }
    }

    #[test]
    fn takes_a_token_as_text_in_json_and_as_bytes() {
        for (field, content) in [
            (None, " a.b.c\n"),
            (None, r#"{"license":"a.b.c"}"#),
            (Some("key"), r#"{"license":"no","key":" a.b.c "}"#),
        ] {
            let token = source(field).token_in(content.as_bytes());
            assert_eq!(token.as_deref(), Ok("a.b.c"), "{content}");
        }
    }

    #[test]
    fn says_why_a_secret_holds_no_token_and_never_what_it_holds() {
        let long = "a".repeat(MOST_BYTES + 1);
        for (field, content, why) in [
            (None, long.as_bytes(), "8 KiB"),
            (None, b"\xff\xfe".as_slice(), "binary"),
            (None, b" \n", "empty"),
            (None, br#"{"license":""}"#, "empty"),
            (None, b"{hush", "not the JSON object"),
            (None, br#"{"licence":"hush"}"#, "no text in the field"),
            (None, br#"{"license":7}"#, "no text in the field"),
            (Some("key"), b"a.b.c", "not the JSON object"),
        ] {
            let error = source(field).token_in(content).unwrap_err();
            assert!(error.contains(why) && !error.contains("hush"), "{error}");
        }
    }
}
