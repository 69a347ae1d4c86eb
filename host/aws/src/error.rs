//! Why a secret was not fetched: one line with a code, the secret, the region and what to do, and
//! never anything that came in an answer but its code and request id.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::RequestId;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

/// How long a right that is missing may be on its way: a new role takes a while to be known
/// everywhere.
const RIGHTS_ARRIVE: Duration = Duration::from_secs(120);

/// Whether asking again may help.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Trouble {
    /// The network's or the service's: it passes.
    Passing,
    /// A right that is missing: it may be on its way.
    Denied,
    /// Somebody has to change something.
    Lasting,
}

/// Why a secret was not fetched.
#[derive(Debug)]
pub struct FetchError {
    trouble: Trouble,
    code: Box<str>,
    secret: Box<str>,
    region: Option<Box<str>>,
    remedy: Box<str>,
    request_id: Option<Box<str>>,
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let region = self.region.as_deref().unwrap_or("no region");
        write!(f, "{} for {} in {region}", self.code, self.secret)?;
        if let Some(id) = &self.request_id {
            write!(f, " (request id {id})")?;
        }
        write!(f, ": {}", self.remedy)
    }
}

impl Error for FetchError {}

impl FetchError {
    /// Whether asking again may help somebody who has been asking for so long.
    #[must_use]
    pub fn may_pass(&self, asking_since: Duration) -> bool {
        match self.trouble {
            Trouble::Passing => true,
            Trouble::Denied => asking_since < RIGHTS_ARRIVE,
            Trouble::Lasting => false,
        }
    }

    /// AWS's own name for what went wrong, or one in its manner: the same for the same trouble, while
    /// each message has a request id of its own.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    pub(crate) fn of(
        error: &SdkError<GetSecretValueError, HttpResponse>,
        secret: &str,
        region: &str,
        stage: &str,
    ) -> Self {
        let (trouble, code, remedy) = match error {
            SdkError::ServiceError(answer) => match answer.err().code() {
                Some(code) => {
                    let status = answer.raw().status().as_u16();
                    let kms = answer.err().message().is_some_and(|m| m.contains("KMS"));
                    let (trouble, remedy) = remedy(code, status, kms);
                    (trouble, code, remedy)
                }
                None => (Trouble::Passing, NO_ANSWER.0, NO_ANSWER.1),
            },
            SdkError::TimeoutError(_) => (Trouble::Passing, TIMED_OUT, HANGS),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => {
                (Trouble::Passing, TIMED_OUT, HANGS)
            }
            SdkError::DispatchFailure(_) if lacks_credentials(error) => {
                (Trouble::Passing, "NoCredentials", NO_CREDENTIALS)
            }
            SdkError::DispatchFailure(_) => (Trouble::Passing, "NoConnection", NO_CONNECTION),
            _ => (Trouble::Passing, NO_ANSWER.0, NO_ANSWER.1),
        };
        Self {
            trouble,
            code: word(code),
            remedy: remedy.replace("{stage}", stage).into(),
            request_id: error.request_id().map(word),
            ..Self::local("", secret, Some(region), "")
        }
    }

    pub(crate) fn timed_out(secret: &str, region: Option<&str>) -> Self {
        Self::local(TIMED_OUT, secret, region, HANGS)
    }

    pub(crate) fn no_region(secret: &str) -> Self {
        let remedy = "name the secret by its ARN, or set AWS_REGION";
        Self::local("NoRegion", secret, None, remedy)
    }

    pub(crate) fn no_token(secret: &str, region: &str, why: &str) -> Self {
        let remedy = format!("{why}: put the licence's token there");
        Self {
            trouble: Trouble::Lasting,
            ..Self::local("NoToken", secret, Some(region), &remedy)
        }
    }

    /// Of this machine's making.
    pub(crate) fn local(code: &str, secret: &str, region: Option<&str>, remedy: &str) -> Self {
        Self {
            trouble: Trouble::Passing,
            code: code.into(),
            secret: secret.into(),
            region: region.map(Box::from),
            remedy: remedy.into(),
            request_id: None,
        }
    }
}

/// What came in an answer and is to stand in a line of ours.
pub(crate) fn word(text: &str) -> Box<str> {
    let shown = text.chars().filter(char::is_ascii_graphic);
    shown.take(64).collect()
}

const TIMED_OUT: &str = "TimedOut";
const HANGS: &str = "no answer in time: check the route to Secrets Manager (NAT or VPC endpoint, \
                     security groups)";
const NO_CONNECTION: &str = "no connection: check name resolution, the route to Secrets Manager and \
                             its certificate";
const NO_CREDENTIALS: &str = "no credentials: attach a role to this instance, task or pod, or set \
                              AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
const NO_ANSWER: (&str, &str) = (
    "NoAnswer",
    "the answer cannot be read: check what answers instead of Secrets Manager",
);
const KMS: &str =
    "allow the role kms:Decrypt on the secret's key, and check that the key is enabled";
const WAIT: &str = "the service's own trouble: it is asked again";

/// What to do about an error by its code; `kms` where its text speaks of the key.
fn remedy(code: &str, status: u16, kms: bool) -> (Trouble, &'static str) {
    match code {
        "ResourceNotFoundException" => (
            Trouble::Lasting,
            "no such secret in this region, or no version of it with stage {stage}: check name, region \
             and GATEWAY_LICENSE_SECRET_STAGE",
        ),
        "AccessDeniedException" if kms => (Trouble::Denied, KMS),
        "AccessDeniedException" => (
            Trouble::Denied,
            "allow the role secretsmanager:GetSecretValue on this secret",
        ),
        "DecryptionFailure" => (Trouble::Lasting, KMS),
        "InvalidRequestException" => (
            Trouble::Lasting,
            "the secret is scheduled for deletion: restore it, or name another",
        ),
        "InvalidParameterException" | "ValidationException" => (
            Trouble::Lasting,
            "the service does not take this name or stage: check both",
        ),
        "ExpiredTokenException" => (
            Trouble::Passing,
            "the credentials have expired: renew them, and check the clock",
        ),
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch" => (
            Trouble::Denied,
            "the credentials are not valid: check them, and the clock",
        ),
        "ThrottlingException" | "TooManyRequestsException" => (
            Trouble::Passing,
            "asked too often, by everyone in this account: it is asked again",
        ),
        _ if status >= 500 || status == 429 => (Trouble::Passing, WAIT),
        _ => (
            Trouble::Denied,
            "look the code up in the reference of GetSecretValue",
        ),
    }
}

/// Whether what failed was finding credentials.
fn lacks_credentials(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<CredentialsError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_right_may_arrive_for_two_minutes() {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        let with = |trouble| FetchError {
            trouble,
            ..FetchError::timed_out("s", None)
        };
        assert!(with(Trouble::Passing).may_pass(minutes(600)));
        assert!(with(Trouble::Denied).may_pass(minutes(1)));
        assert!(!with(Trouble::Denied).may_pass(minutes(2)));
        assert!(!with(Trouble::Lasting).may_pass(minutes(0)));
    }

    #[test]
    fn each_code_has_its_remedy() {
        for (code, status, kms, trouble, says) in [
            (
                "AccessDeniedException",
                400,
                false,
                Trouble::Denied,
                "GetSecretValue",
            ),
            (
                "AccessDeniedException",
                400,
                true,
                Trouble::Denied,
                "kms:Decrypt",
            ),
            (
                "DecryptionFailure",
                400,
                false,
                Trouble::Lasting,
                "kms:Decrypt",
            ),
            (
                "InternalServiceError",
                500,
                false,
                Trouble::Passing,
                "asked again",
            ),
            ("Unheard", 429, false, Trouble::Passing, "asked again"),
            ("Unheard", 418, false, Trouble::Denied, "reference"),
        ] {
            let (found, text) = remedy(code, status, kms);
            assert_eq!(found, trouble, "{code}");
            assert!(text.contains(says), "{code}: {text}");
        }
    }

    #[test]
    fn one_line_names_code_secret_region_and_remedy() {
        let error = FetchError::no_token("name", "eu-west-1", "it is empty");
        assert_eq!(
            error.to_string(),
            "NoToken for name in eu-west-1: it is empty: put the licence's token there"
        );
        let error = FetchError::no_region("name");
        assert!(
            error
                .to_string()
                .starts_with("NoRegion for name in no region: ")
        );
    }
}
