//! How every request is made: limits, retries, credentials.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};

/// Until there is a connection, TLS included.
pub(crate) const CONNECT: Duration = Duration::from_secs(2);
/// From the request to the first byte of its answer.
pub(crate) const READ: Duration = Duration::from_secs(4);
/// One attempt.
const ATTEMPT: Duration = Duration::from_secs(5);
/// All attempts.
const OPERATION: Duration = Duration::from_secs(15);
/// The first one included.
const ATTEMPTS: u32 = 3;

/// By the environment, the profile, or the instance: whatever has credentials. `region` wins over
/// all of them.
pub(crate) async fn config(region: Option<&str>) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .read_timeout(READ)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(OPERATION)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS));
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    loader.load().await
}
