//! The lifecycle hook that holds an instance which is to end: telling Auto Scaling that it may.
//!
//! One action, as a signed request of its own: the SDK of Auto Scaling would be the second largest
//! crate of the whole build, and everything this needs is there by the SDK of the secret.

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::{HttpConnector as _, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_types::service_config::ServiceConfigKey;
use http_body_util::{BodyExt as _, Limited};
use tokio::time::timeout;
use tracing::instrument::WithSubscriber as _;
use tracing::subscriber::NoSubscriber;

use crate::error::word;
use crate::request::{self, CONNECT, READ};

/// For one request, finding credentials included.
const WHOLE: Duration = Duration::from_secs(20);
/// What is looked at of an answer.
const MOST_ANSWER: usize = 16 * 1024;

/// A text that names no hook.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not GROUP:HOOK, the names of an Auto Scaling group and of its lifecycle hook")]
pub struct InvalidHook(String);

/// Why the action was not taken.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// Nothing came back in time.
    #[error("TimedOut: no answer from Auto Scaling in {} s", WHOLE.as_secs())]
    TimedOut,
    /// No credentials.
    #[error("NoCredentials: attach a role to this instance")]
    NoCredentials,
    /// The request could not be made or sent.
    #[error("NoConnection: {0}")]
    NoConnection(&'static str),
    /// The service refused it.
    #[error(
        "{code}: allow the role autoscaling:CompleteLifecycleAction on the group, and check both names"
    )]
    Refused {
        /// Auto Scaling's own code, or the HTTP status.
        code: Box<str>,
    },
}

/// A lifecycle hook by name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hook {
    /// The Auto Scaling group.
    pub group: String,
    /// The hook.
    pub name: String,
}

impl std::str::FromStr for Hook {
    type Err = InvalidHook;

    /// `GROUP:HOOK`. Neither has a colon in its name.
    fn from_str(text: &str) -> Result<Self, InvalidHook> {
        match text.split_once(':') {
            Some((group, name)) if !group.is_empty() && !name.is_empty() && !name.contains(':') => {
                Ok(Self {
                    group: group.to_owned(),
                    name: name.to_owned(),
                })
            }
            _ => Err(InvalidHook(text.to_owned())),
        }
    }
}

impl Hook {
    /// Lets this instance end.
    ///
    /// # Errors
    /// `HookError`: worth another try, until the hook's own time is over.
    pub async fn complete(&self, instance: &str, region: &str) -> Result<(), HookError> {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("Action", "CompleteLifecycleAction")
            .append_pair("Version", "2011-01-01")
            .append_pair("AutoScalingGroupName", &self.group)
            .append_pair("LifecycleHookName", &self.name)
            .append_pair("LifecycleActionResult", "CONTINUE")
            .append_pair("InstanceId", instance)
            .finish();
        let asked = async {
            let config = request::config(Some(region)).await;
            let request = signed(&config, region, &form).await?;
            send(request).await
        };
        timeout(WHOLE, asked.with_subscriber(NoSubscriber::new()))
            .await
            .map_err(|_elapsed| HookError::TimedOut)?
    }
}

async fn signed(config: &SdkConfig, region: &str, form: &str) -> Result<HttpRequest, HookError> {
    const UNSENT: HookError = HookError::NoConnection("the request cannot be made");
    let endpoint = endpoint(config, region);
    let Some(provider) = config.credentials_provider() else {
        return Err(HookError::NoCredentials);
    };
    let credentials = provider.provide_credentials().await;
    let identity = credentials
        .map_err(|_long| HookError::NoCredentials)?
        .into();
    let kind = ("content-type", "application/x-www-form-urlencoded");
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("autoscaling")
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .map_err(|_never| UNSENT)?
        .into();
    let body = SignableBody::Bytes(form.as_bytes());
    let signable = SignableRequest::new("POST", &endpoint, [kind].into_iter(), body);
    let (instructions, _signature) = signable
        .and_then(|signable| sign(signable, &params))
        .map_err(|_of_the_endpoint| UNSENT)?
        .into_parts();
    let mut request = http::Request::post(&endpoint)
        .header(kind.0, kind.1)
        .body(SdkBody::from(form))
        .map_err(|_of_the_endpoint| UNSENT)?;
    instructions.apply_to_request_http1x(&mut request);
    HttpRequest::try_from(request).map_err(|_never| UNSENT)
}

/// As the SDK would find it: `AWS_ENDPOINT_URL_AUTO_SCALING`, `AWS_ENDPOINT_URL`, the same in the
/// profile, else the region's own.
fn endpoint(config: &SdkConfig, region: &str) -> String {
    let key = ServiceConfigKey::builder()
        .service_id("Auto Scaling")
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build();
    let own = key
        .ok()
        .and_then(|key| config.service_config()?.load_config(key));
    let suffix = match region.starts_with("cn-") {
        true => "amazonaws.com.cn",
        false => "amazonaws.com",
    };
    let own = own.or_else(|| config.endpoint_url().map(str::to_owned));
    let mut endpoint = own.unwrap_or_else(|| format!("https://autoscaling.{region}.{suffix}"));
    if !endpoint.ends_with('/') {
        endpoint.push('/');
    }
    endpoint
}

async fn send(request: HttpRequest) -> Result<(), HookError> {
    let settings = HttpConnectorSettings::builder()
        .connect_timeout(CONNECT)
        .read_timeout(READ)
        .build();
    // The same as the SDK's own.
    let connector = Connector::builder()
        .connector_settings(settings)
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .proxy_config(ProxyConfig::from_env())
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .build();
    let answer = connector
        .call(request)
        .await
        .map_err(|_says_little| HookError::NoConnection("check the route to Auto Scaling"))?;
    match answer.status().is_success() {
        true => Ok(()),
        false => Err(HookError::Refused {
            code: code_of(answer).await,
        }),
    }
}

/// What stands in the answer's `<Code>`.
async fn code_of(answer: HttpResponse) -> Box<str> {
    let status = answer.status().as_u16();
    let body = Limited::new(answer.into_body(), MOST_ANSWER)
        .collect()
        .await;
    let body = body.map(|body| body.to_bytes()).unwrap_or_default();
    let text = String::from_utf8_lossy(&body);
    let code = text
        .split_once("<Code>")
        .and_then(|(_, rest)| rest.split_once("</Code>"))
        .map(|(code, _)| word(code));
    code.unwrap_or_else(|| format!("HTTP status {status}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_is_named_with_its_group() {
        let hook: Hook = "my group:drain".parse().unwrap();
        assert_eq!(
            (hook.group.as_str(), hook.name.as_str()),
            ("my group", "drain")
        );
        for text in ["", "drain", ":drain", "group:", "a:b:c"] {
            assert!(text.parse::<Hook>().is_err(), "{text}");
        }
    }

    #[test]
    fn regions_have_their_own_endpoint() {
        let config = SdkConfig::builder().build();
        for (region, url) in [
            ("eu-west-1", "https://autoscaling.eu-west-1.amazonaws.com/"),
            (
                "cn-north-1",
                "https://autoscaling.cn-north-1.amazonaws.com.cn/",
            ),
        ] {
            assert_eq!(endpoint(&config, region), url);
        }
    }

    #[tokio::test]
    async fn a_refusal_is_told_by_its_code() {
        let body = "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>";
        let status = |n: u16| n.try_into().unwrap();
        let answer = HttpResponse::new(status(403), SdkBody::from(body));
        assert_eq!(&*code_of(answer).await, "AccessDenied");
        let answer = HttpResponse::new(status(502), SdkBody::from("<html>"));
        assert_eq!(&*code_of(answer).await, "HTTP status 502");
    }
}
