//! What clients meet: the address map, and the names it tells them, in DNS and in certificates.

use std::time::SystemTime;

use tokio::net::lookup_host;

use super::Finding;
use crate::addrmap::explain::{Explained, explain};
use crate::config::{Config, ServerTlsConfig};
use crate::licence::UnixTime;
use crate::tls::{CertificateSummary, ServerTls};

const MAP: &str = "address map";
const DNS: &str = "names";
const CERTIFICATE: &str = "certificate";

/// How many days before its end a certificate is said to end.
const SOON: i64 = 30;

const DAY: i64 = 86_400;

pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let explained = match explain(config, &[], None) {
        Ok(explained) => explained,
        Err(error) => {
            let remedy = "`throughway map check` says the same; mend the map or its configuration";
            let mut findings = vec![Finding::fail(
                MAP,
                format!("{:#}", anyhow::Error::from(error)),
                remedy,
            )];
            findings.extend(certificates(config, None));
            return findings;
        }
    };
    let mut findings = vec![Finding::pass(MAP, format!("{} conforms", explained.map()))];
    for name in explained.hosts() {
        findings.extend(resolves(&name).await);
    }
    findings.extend(certificates(config, Some(&explained)));
    findings
}

/// Clients may ask another DNS than this machine does: nothing here is a failure for certain.
async fn resolves(name: &str) -> Option<Finding> {
    if name.parse::<std::net::IpAddr>().is_ok() {
        return None;
    }
    Some(match lookup_host((name, 0)).await {
        Ok(found) => {
            let addresses: Vec<_> = found.map(|address| address.ip().to_string()).collect();
            Finding::pass(DNS, format!("{name} is {}", addresses.join(", ")))
        }
        Err(error) => Finding::warn(
            DNS,
            format!("{name} does not resolve on this machine: {error}"),
            "it must, where clients are, lead to this proxy or the balancer before it",
        ),
    })
}

fn certificates(config: &Config, explained: Option<&Explained>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for listener in &config.listeners {
        if let Some(tls) = &listener.tls {
            let names = explained.map(|explained| explained.names(&listener.name));
            let whose = format!("listener {}", listener.name);
            findings.push(certificate(&whose, tls, names.unwrap_or_default()));
        }
    }
    let https = &config.admin.https;
    if let Some(identity) = https.identity.clone() {
        let tls = ServerTlsConfig {
            identity,
            trust: https.trust.clone(),
            client_auth: https.client_auth,
        };
        findings.push(certificate("Admin API", &tls, &[]));
    }
    findings
}

fn certificate(whose: &str, tls: &ServerTlsConfig, names: &[String]) -> Finding {
    match ServerTls::load(tls) {
        Ok(loaded) => judge(whose, &loaded.describe(), names, SystemTime::now().into()),
        Err(error) => Finding::fail(
            CERTIFICATE,
            format!("{whose}: {error}"),
            "mend the key store or PEM files it names",
        ),
    }
}

pub(super) fn judge(
    whose: &str,
    shown: &CertificateSummary,
    names: &[String],
    now: UnixTime,
) -> Finding {
    let missing: Vec<_> = names.iter().filter(|name| !shown.covers(name)).collect();
    let missing: Vec<_> = missing.into_iter().map(String::as_str).collect();
    let left = UnixTime(shown.not_after).since(now);
    let until = &shown.not_after_text;
    if left < 0 {
        let detail = format!("{whose}: ended {until}");
        return Finding::fail(
            CERTIFICATE,
            detail,
            "put a renewed one there; it is taken while running",
        );
    }
    if !missing.is_empty() {
        return Finding::fail(
            CERTIFICATE,
            format!("{whose}: does not cover {}", missing.join(", ")),
            "have it issued for every name that `throughway explain` lists",
        );
    }
    if left < SOON * DAY {
        let detail = format!("{whose}: ends in {} days, {until}", left / DAY);
        return Finding::warn(
            CERTIFICATE,
            detail,
            "put a renewed one there; it is taken while running",
        );
    }
    let covers = match names {
        [] => String::new(),
        names => format!("covers {}, ", names.join(", ")),
    };
    Finding::pass(CERTIFICATE, format!("{whose}: {covers}until {until}"))
}
