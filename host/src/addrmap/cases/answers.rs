//! Questions and answers of cases, between JSON and the guest's types.

use std::fmt;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::addrmap::AddrMapError;
use crate::wasm::Guest;
use crate::wasm::bindings::{
    self, Advertised, Broker, Client, ClientFields, Error, Inbound, ListenerPlan, Plan,
};

/// What is asked.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Asked {
    Advertise(Advertise),
    Route(Route),
}

/// A broker, and the client it is advertised to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Advertise {
    node_id: i32,
    #[serde(default)]
    upstream: Endpoint,
    rack: Option<String>,
    #[serde(default)]
    listener: String,
    server_name: Option<String>,
    #[serde(default)]
    local_port: u16,
    zone: Option<String>,
}

/// A connection.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Route {
    listener: String,
    server_name: Option<String>,
    #[serde(default)]
    local_port: u16,
}

/// `host:port`.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Endpoint(bindings::Endpoint);

impl Default for Endpoint {
    /// A broker that no cluster has.
    fn default() -> Self {
        Self(bindings::Endpoint {
            host: "broker.invalid".into(),
            port: 9092,
        })
    }
}

impl TryFrom<String> for Endpoint {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parsed = text.rsplit_once(':').and_then(|(host, port)| {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            Some(bindings::Endpoint {
                host: host.to_owned(),
                port: port.parse().ok()?,
            })
        });
        parsed
            .map(Self)
            .ok_or_else(|| format!("upstream {text:?}, accepted is host:port"))
    }
}

impl Asked {
    /// The guest's answer. A field of the client that the map does not depend on arrives empty, as it
    /// does in service.
    pub(super) fn of(&self, guest: &mut Guest, known: ClientFields) -> Result<Value, AddrMapError> {
        match self {
            Self::Advertise(asked) => {
                let answer = guest.advertise(&asked.broker(), &asked.client(known))?;
                Ok(answer.map_or_else(|error| refusal(&error), |told| advertised(&told)))
            }
            Self::Route(asked) => {
                let inbound = Inbound {
                    listener: asked.listener.clone(),
                    server_name: asked.server_name.clone(),
                    local_port: asked.local_port,
                };
                let answer = guest.route(&inbound)?;
                Ok(answer.map_or_else(|error| refusal(&error), target))
            }
        }
    }
}

impl Advertise {
    fn broker(&self) -> Broker {
        Broker {
            node_id: self.node_id,
            upstream: self.upstream.0.clone(),
            rack: self.rack.clone(),
        }
    }

    fn client(&self, known: ClientFields) -> Client {
        let mut client = Client {
            listener: String::new(),
            server_name: None,
            local_port: 0,
            zone: None,
        };
        if known.contains(ClientFields::LISTENER) {
            client.listener.clone_from(&self.listener);
        }
        if known.contains(ClientFields::SERVER_NAME) {
            client.server_name.clone_from(&self.server_name);
        }
        if known.contains(ClientFields::LOCAL_PORT) {
            client.local_port = self.local_port;
        }
        if known.contains(ClientFields::ZONE) {
            client.zone.clone_from(&self.zone);
        }
        client
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Advertise(asked) => {
                write!(f, "advertise node {}", asked.node_id)?;
                let known = [("rack", &asked.rack), ("zone", &asked.zone)];
                for (name, value) in known {
                    if let Some(value) = value {
                        write!(f, ", {name} {value:?}")?;
                    }
                }
                Ok(())
            }
            Self::Route(asked) => {
                write!(f, "route {:?}", asked.listener)?;
                if let Some(name) = &asked.server_name {
                    write!(f, ", name {name:?}")?;
                }
                write!(f, ", local port {}", asked.local_port)
            }
        }
    }
}

/// As a case's `plan` is written.
pub(super) fn plan(plan: &Plan) -> Value {
    let listener = |one: &ListenerPlan| {
        json!({
            "name": one.name,
            "needs_server_name": one.needs_server_name,
            "bootstrap": one.bootstrap.iter().map(advertised).collect::<Vec<_>>(),
            "local_ports": one.local_ports.iter().map(|r| [r.first, r.last]).collect::<Vec<_>>(),
            "server_names": one.server_names,
        })
    };
    let names = [
        (ClientFields::LISTENER, "listener"),
        (ClientFields::SERVER_NAME, "server_name"),
        (ClientFields::LOCAL_PORT, "local_port"),
        (ClientFields::ZONE, "zone"),
    ];
    let depends_on = names
        .iter()
        .filter(|(field, _)| plan.depends_on.contains(*field));
    json!({
        "depends_on": depends_on.map(|(_, name)| *name).collect::<Vec<_>>(),
        "listeners": plan.listeners.iter().map(listener).collect::<Vec<_>>(),
    })
}

fn advertised(told: &Advertised) -> Value {
    json!({ "public": endpoint(&told.public), "local_port": told.local_port })
}

fn target(target: bindings::Target) -> Value {
    let bindings::Target::Broker(broker) = target else {
        return json!("bootstrap");
    };
    match broker.upstream_hint {
        None => json!({ "node_id": broker.node_id }),
        Some(hint) => json!({ "node_id": broker.node_id, "upstream_hint": endpoint(&hint) }),
    }
}

fn refusal(error: &Error) -> Value {
    match error {
        Error::NotMapped(text) => json!({ "not_mapped": text }),
        Error::NotRoutable(text) => json!({ "not_routable": text }),
        Error::Internal(text) => json!({ "internal": text }),
    }
}

/// `host:port`, an IPv6 host in brackets.
fn endpoint(endpoint: &bindings::Endpoint) -> String {
    let bindings::Endpoint { host, port } = endpoint;
    if host.contains(':') {
        return format!("[{host}]:{port}");
    }
    format!("{host}:{port}")
}

/// Every value that holds no others, with the way to it, such as `listeners[0].name: `.
pub(super) fn pairs(value: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    leaves(String::new(), value, &mut all);
    all
}

fn leaves(path: String, value: &Value, to: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (key, value) in members {
                let dot = if path.is_empty() { "" } else { "." };
                leaves(format!("{path}{dot}{key}"), value, to);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, value) in items.iter().enumerate() {
                leaves(format!("{path}[{index}]"), value, to);
            }
        }
        leaf if path.is_empty() => to.push((path, leaf.clone())),
        leaf => to.push((format!("{path}: "), leaf.clone())),
    }
}
