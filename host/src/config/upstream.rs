//! The upstream side: bootstrap servers, what brokers speak, where they may be.
//!
//! Pure. It must not know listeners.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::allow;
use super::listeners::{self, Protocol};
use super::reader::Reader;
use super::server_tls::STORE_TYPES;
use super::value::{self, Outcome};
use super::{ClientTlsConfig, DialInstead, KeySource, TrustSource, UpstreamConfig};
use crate::kafka::{Endpoint, NodeId};

const PROTOCOL: &str = "KAFKA_SECURITY_PROTOCOL";
const NAME_CHECK: &str = "KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM";

/// What brokers speak, once it is known.
pub(super) fn protocol(r: &mut Reader<'_>) -> Option<Protocol> {
    if r.text(PROTOCOL).is_some() {
        return r.value(PROTOCOL, listeners::protocol);
    }
    let problem = "is required: Kafka's default, PLAINTEXT, carries no SASL, so clients could not \
                   authenticate";
    r.reject(PROTOCOL, problem);
    None
}

/// Everything about the cluster. With errors on record, the result is only good to go on checking.
pub(super) fn read(r: &mut Reader<'_>, protocol: Option<Protocol>) -> UpstreamConfig {
    let bootstrap = r.required("KAFKA_BOOTSTRAP_SERVERS", |text| {
        value::list(text, value::endpoint)
    });
    let bootstrap_servers = bootstrap.unwrap_or_default();
    let allowed = match r.value("GATEWAY_UPSTREAM_ALLOWED", allow::rules) {
        Some(rules) => rules,
        None => {
            let rules = allow::derived(&bootstrap_servers);
            if r.text("GATEWAY_UPSTREAM_ALLOWED").is_none() {
                let texts: Vec<String> = rules.iter().map(ToString::to_string).collect();
                r.computed("GATEWAY_UPSTREAM_ALLOWED", &texts.join(","));
            }
            rules
        }
    };
    let seeds = r
        .value("GATEWAY_UPSTREAM_BROKERS", seeds)
        .unwrap_or_default();
    let dial_instead = r
        .value("GATEWAY_UPSTREAM_ADDRESS_MAP", |text| {
            value::list(text, dial_instead)
        })
        .unwrap_or_default();
    let tls = match protocol {
        Some(Protocol::SaslSsl) => Some(client_tls(r)),
        Some(Protocol::SaslPlaintext) => {
            warn_idle_tls(r);
            None
        }
        None => None,
    };
    UpstreamConfig {
        bootstrap_servers,
        tls,
        allowed,
        seeds,
        dial_instead,
    }
}

fn seeds(text: &str) -> Outcome<BTreeMap<NodeId, Endpoint>> {
    let mut seeds = BTreeMap::new();
    let entries = value::list(text, |entry| {
        let (id, endpoint) = entry
            .split_once('=')
            .ok_or_else(|| format!("`{entry}` is not id=host:port"))?;
        let id = value::number(id.trim(), 0..=i32::MAX)
            .map_err(|problem| format!("broker id of `{entry}` is {problem}"))?;
        Ok((NodeId(id), value::endpoint(endpoint.trim())?))
    })?;
    for (id, endpoint) in entries {
        if seeds.insert(id, endpoint).is_some() {
            return Err(format!("broker {id} is there twice"));
        }
    }
    Ok(seeds)
}

fn dial_instead(entry: &str) -> Outcome<DialInstead> {
    let (from, to) = entry
        .split_once('=')
        .ok_or_else(|| format!("`{entry}` is not host=ip or host:port=ip:port"))?;
    let (host, port) = value::host_and_port(from.trim())?;
    let (target, to_port) = value::host_and_port(to.trim())?;
    Ok(DialInstead {
        host,
        port,
        ip: value::ip(&target)?,
        to_port,
    })
}

fn client_tls(r: &mut Reader<'_>) -> ClientTlsConfig {
    let trust = trust(r);
    let identity = identity(r);
    ClientTlsConfig {
        trust,
        identity,
        verify_host_name: verify_host_name(r),
    }
}

/// The one variable whose empty value means something, as it does in Kafka.
fn verify_host_name(r: &mut Reader<'_>) -> bool {
    let setting = r.sources.settings.get(NAME_CHECK);
    if setting.is_some_and(|setting| setting.value.trim().is_empty()) {
        r.record_set(NAME_CHECK);
        r.warn(format!(
            "{NAME_CHECK} is empty: the names in brokers' certificates are not checked"
        ));
        return false;
    }
    r.value(NAME_CHECK, |text| value::one_of(text, &[("https", ())]));
    true
}

fn trust(r: &mut Reader<'_>) -> Option<TrustSource> {
    const LOCATION: &str = "KAFKA_SSL_TRUSTSTORE_LOCATION";
    const INLINE: &str = "KAFKA_SSL_TRUSTSTORE_CERTIFICATES";
    let inline = r.value(INLINE, pem);
    let Some(path) = r.string(LOCATION) else {
        return inline.map(TrustSource::InlinePem);
    };
    if r.text(INLINE).is_some() {
        r.reject(INLINE, format!("is set together with {LOCATION}"));
    }
    r.value("KAFKA_SSL_TRUSTSTORE_TYPE", |text| {
        value::one_of(text, STORE_TYPES)
    });
    let password = r.secret("KAFKA_SSL_TRUSTSTORE_PASSWORD");
    Some(TrustSource::Store {
        path: PathBuf::from(path),
        password,
    })
}

fn identity(r: &mut Reader<'_>) -> Option<KeySource> {
    const LOCATION: &str = "KAFKA_SSL_KEYSTORE_LOCATION";
    const KEY: &str = "KAFKA_SSL_KEYSTORE_KEY";
    const CHAIN: &str = "KAFKA_SSL_KEYSTORE_CERTIFICATE_CHAIN";
    let key_password = r.secret("KAFKA_SSL_KEY_PASSWORD");
    for name in [KEY, CHAIN] {
        if r.text(name).is_some() && r.text(LOCATION).is_some() {
            r.reject(name, format!("is set together with {LOCATION}"));
        }
    }
    if let Some(path) = r.string(LOCATION) {
        r.value("KAFKA_SSL_KEYSTORE_TYPE", |text| {
            value::one_of(text, STORE_TYPES)
        });
        let password = r.secret("KAFKA_SSL_KEYSTORE_PASSWORD");
        return Some(KeySource::Store {
            path: PathBuf::from(path),
            password,
            key_password,
        });
    }
    match (r.text(KEY), r.text(CHAIN)) {
        (None, None) => return None,
        (Some(_), None) => r.reject(CHAIN, format!("is required beside {KEY}")),
        (None, Some(_)) => r.reject(KEY, format!("is required beside {CHAIN}")),
        (Some(key), Some(_)) => {
            if let Err(problem) = pem(key) {
                r.reject(KEY, problem);
            }
        }
    }
    let chain = r.value(CHAIN, pem)?;
    Some(KeySource::InlinePem {
        chain,
        key: r.secret(KEY)?,
        key_password,
    })
}

fn pem(text: &str) -> Outcome<String> {
    match text.contains("-----BEGIN") {
        true => Ok(text.to_owned()),
        false => Err("not PEM text".to_owned()),
    }
}

fn warn_idle_tls(r: &mut Reader<'_>) {
    let settings = r.sources.settings.keys();
    let idle: Vec<&str> = settings
        .filter(|name| name.starts_with("KAFKA_SSL_"))
        .map(String::as_str)
        .collect();
    if !idle.is_empty() {
        r.warn(format!(
            "no effect with {PROTOCOL}=SASL_PLAINTEXT: {}",
            idle.join(", ")
        ));
    }
}
