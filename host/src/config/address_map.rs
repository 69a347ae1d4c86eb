//! The address map's settings, and the JSON that the listeners become for it.
//!
//! Pure. Whether a component accepts its configuration is not known here.

use std::path::PathBuf;

use serde::Serialize;

use super::reader::Reader;
use super::value::{self, Outcome};
use super::{AddressMapConfig, Cidr, LimitsProfile, ListenerConfig, PortPair, Routing};

const CONFIG: &str = "GATEWAY_ADDRESS_MAP_CONFIG";

/// Version of the JSON; `docs/address-map-config.schema.json` describes it.
const VERSION: u32 = 1;

pub(super) fn read(r: &mut Reader<'_>, listeners: &[ListenerConfig]) -> AddressMapConfig {
    let component = r.string("GATEWAY_ADDRESS_MAP").map(PathBuf::from);
    let given = text(r);
    let decided_by = given.is_some().then_some(CONFIG);
    let text = given.unwrap_or_else(|| json(listeners));
    let choices = [
        ("small", LimitsProfile::Small),
        ("runtime", LimitsProfile::Runtime),
    ];
    let limits = r.value("GATEWAY_ADDRESS_MAP_LIMITS", |text| {
        value::one_of(text, &choices)
    });
    let zones = r.value("GATEWAY_ZONES", zones).unwrap_or_default();
    let hints = r.value("GATEWAY_ADDRESS_MAP_UPSTREAM_HINTS", value::boolean);
    AddressMapConfig {
        component,
        text,
        decided_by,
        limits: limits.unwrap_or(LimitsProfile::Small),
        zones,
        upstream_hints: hints.unwrap_or(false),
    }
}

fn text(r: &mut Reader<'_>) -> Option<String> {
    let text = r.string(CONFIG)?;
    if !text.starts_with('@') {
        return Some(text);
    }
    match r.given.files.get(CONFIG).map(|file| &file.text) {
        Some(Ok(text)) => return Some(text.clone()),
        Some(Err(cause)) => r.reject(CONFIG, format!("the file cannot be read: {cause}")),
        None => r.reject(CONFIG, "the file was not read"),
    }
    None
}

fn zones(text: &str) -> Outcome<Vec<(String, Cidr)>> {
    let mut zones = Vec::new();
    for part in text
        .split(';')
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        let (name, networks) = part
            .split_once('=')
            .ok_or_else(|| format!("`{part}` is not name=network,network"))?;
        let name = name.trim();
        let sign = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if !(1..=64).contains(&name.len()) || !name.bytes().all(sign) {
            return Err(format!(
                "`{}` is not a zone's name: 1 to 64 letters, digits, `-`, `_`, `.`",
                name.escape_debug()
            ));
        }
        zones.extend(
            value::cidrs(networks)?
                .into_iter()
                .map(|network| (name.to_owned(), network)),
        );
    }
    Ok(zones)
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    listeners: Vec<Listener<'a>>,
}

#[derive(Serialize)]
struct Listener<'a> {
    name: &'a str,
    routing: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    advertised_host: Option<&'a str>,
    ports: Vec<Port>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_broker_id: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host_pattern: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bootstrap_host: Option<&'a str>,
}

#[derive(Serialize)]
struct Port {
    advertised: u16,
    local: u16,
}

impl From<&PortPair> for Port {
    fn from(pair: &PortPair) -> Self {
        Self {
            advertised: pair.advertised,
            local: pair.local,
        }
    }
}

/// What the built-in address map is configured with.
pub(super) fn json(listeners: &[ListenerConfig]) -> String {
    let listeners = listeners.iter().map(listener).collect();
    // Plain structs of strings and numbers: there is nothing in them that could fail.
    serde_json::to_string(&Document {
        version: VERSION,
        listeners,
    })
    .unwrap_or_default()
}

fn listener(config: &ListenerConfig) -> Listener<'_> {
    let name = &config.name;
    match &config.routing {
        Routing::Port {
            advertised_host,
            ports,
            min_broker_id,
            ..
        } => Listener {
            name,
            routing: "port",
            advertised_host: Some(advertised_host),
            ports: ports.iter().map(Port::from).collect(),
            min_broker_id: Some(*min_broker_id),
            host_pattern: None,
            bootstrap_host: None,
        },
        Routing::Sni {
            port,
            host_pattern,
            bootstrap_host,
        } => Listener {
            name,
            routing: "sni",
            advertised_host: None,
            ports: vec![Port::from(port)],
            min_broker_id: None,
            host_pattern: Some(host_pattern),
            bootstrap_host: Some(bootstrap_host),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn config(routing: Routing) -> ListenerConfig {
        let bind = "0.0.0.0".parse().unwrap();
        ListenerConfig {
            name: "A".to_owned(),
            routing,
            tls: None,
            bind,
            proxy_protocol: Vec::new(),
            decided_by: Vec::new(),
        }
    }

    fn both() -> Vec<ListenerConfig> {
        let pair = PortPair {
            advertised: 443,
            local: 9092,
        };
        vec![
            config(Routing::Port {
                advertised_host: "proxy".to_owned(),
                ports: vec![pair],
                bound_at_start: 1,
                min_broker_id: 5,
            }),
            config(Routing::Sni {
                port: pair,
                host_pattern: "b{{nodeId}}.x".to_owned(),
                bootstrap_host: "bootstrap.x".to_owned(),
            }),
        ]
    }

    #[test]
    fn listeners_become_version_1_json() {
        let expected = concat!(
            r#"{"version":1,"listeners":["#,
            r#"{"name":"A","routing":"port","advertised_host":"proxy","#,
            r#""ports":[{"advertised":443,"local":9092}],"min_broker_id":5},"#,
            r#"{"name":"A","routing":"sni","ports":[{"advertised":443,"local":9092}],"#,
            r#""host_pattern":"b{{nodeId}}.x","bootstrap_host":"bootstrap.x"}]}"#,
        );
        assert_eq!(json(&both()), expected);
    }

    #[test]
    fn the_schema_knows_every_field_and_requires_those_of_its_routing() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../docs/address-map-config.schema.json"
        );
        let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert_eq!(schema["properties"]["version"]["const"], VERSION);
        let document: Value = serde_json::from_str(&json(&both())).unwrap();
        let variants = schema["properties"]["listeners"]["items"]["oneOf"]
            .as_array()
            .unwrap();
        for (listener, variant) in document["listeners"]
            .as_array()
            .unwrap()
            .iter()
            .zip(variants)
        {
            assert_eq!(
                variant["properties"]["routing"]["const"],
                listener["routing"]
            );
            let mut fields: Vec<_> = listener.as_object().unwrap().keys().cloned().collect();
            let required = variant["required"].as_array().unwrap();
            let mut required: Vec<_> = required
                .iter()
                .map(|field| field.as_str().unwrap().to_owned())
                .collect();
            fields.sort();
            required.sort();
            assert_eq!(fields, required);
            for field in &fields {
                assert!(variant["properties"].get(field).is_some(), "{field}");
            }
        }
    }

    #[test]
    fn zones_keep_their_order() {
        let found = zones("a=10.0.0.0/8, 2001:db8::/32; b=0.0.0.0/0;").unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|(name, net)| format!("{name} {net}"))
            .collect();
        assert_eq!(found, ["a 10.0.0.0/8", "a 2001:db8::/32", "b 0.0.0.0/0"]);
        for text in ["a", "=10.0.0.0/8", "a b=10.0.0.0/8", "a=10.0.0.1/8", "a="] {
            assert!(zones(text).is_err(), "{text}");
        }
    }
}
