//! Each bootstrap server: a connection as sessions make it, and one question that needs no login.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::Finding;
use crate::config::Config;
use crate::in_full::in_full;
use crate::kafka::Endpoint;
use crate::kafka::greeting::{self, Greeting};
use crate::tls::ClientTls;
use crate::tls::stream::Stream;
use crate::upstream::{DialError, Upstream};

const CHECK: &str = "upstream";

/// For the answer, once there is a connection.
const ANSWER: Duration = Duration::from_secs(10);

pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let tls = config
        .upstream
        .tls
        .as_ref()
        .map(ClientTls::load)
        .transpose();
    let tls = match tls {
        Ok(tls) => tls.map(Arc::new),
        Err(error) => {
            let remedy = "mend what KAFKA_SSL_* name";
            return vec![Finding::fail(CHECK, in_full(&error), remedy)];
        }
    };
    let upstream = Upstream::new(
        Arc::new(config.upstream.clone()),
        tls,
        config.tcp,
        config.timeouts.dial,
    );
    let mut findings = Vec::new();
    for server in &config.upstream.bootstrap_servers {
        findings.push(server_answers(&upstream, server).await);
    }
    findings
}

async fn server_answers(upstream: &Upstream, server: &Endpoint) -> Finding {
    let mut stream = match upstream.dial(server).await {
        Ok(stream) => stream,
        Err(error) => return Finding::fail(CHECK, in_full(&error), remedy(&error)),
    };
    let over = stream.tls_version().unwrap_or("no TLS");
    let silent = |why: &str| {
        let remedy = "is it a Kafka broker, and does KAFKA_SECURITY_PROTOCOL fit that port's?";
        Finding::fail(
            CHECK,
            format!("{server} is connected ({over}) and {why}"),
            remedy,
        )
    };
    match timeout(ANSWER, greet(&mut stream)).await {
        Err(_elapsed) => silent("does not answer ApiVersions"),
        Ok(Err(error)) => silent(&format!("answers ApiVersions wrongly: {error}")),
        Ok(Ok(Greeting { apis, sasl: true })) => {
            Finding::pass(CHECK, format!("{server} answers ({over}, {apis} APIs)"))
        }
        Ok(Ok(Greeting { sasl: false, .. })) => Finding::fail(
            CHECK,
            format!("{server} answers ({over}) and offers no SASL, so clients could not log in"),
            "name a port whose listener is SASL_PLAINTEXT or SASL_SSL",
        ),
    }
}

async fn greet(stream: &mut Stream) -> io::Result<Greeting> {
    stream.write_all(&greeting::request()).await?;
    stream.flush().await?;
    let long = || io::Error::other("it is too long to be one");
    let length = usize::try_from(stream.read_i32().await?).map_err(|_negative| long())?;
    if length > greeting::MOST_BYTES {
        return Err(long());
    }
    let mut frame = vec![0; length];
    stream.read_exact(&mut frame).await?;
    greeting::read(&frame).map_err(io::Error::other)
}

fn remedy(error: &DialError) -> &'static str {
    match error {
        DialError::Resolve { .. } => "mend the name in KAFKA_BOOTSTRAP_SERVERS, or DNS",
        DialError::NotAllowed { .. } => "add it to GATEWAY_UPSTREAM_ALLOWED if it is right",
        DialError::OwnListener { .. } => "KAFKA_BOOTSTRAP_SERVERS must lead to the brokers",
        DialError::Connect { .. } | DialError::Deadline { .. } => {
            "is the broker up, and do firewalls and routes let this machine reach it?"
        }
        DialError::Tls { .. } => {
            "KAFKA_SSL_TRUSTSTORE_* must hold who signed the broker's certificate, which must bear that name"
        }
    }
}
