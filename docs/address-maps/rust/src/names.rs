//! What the schemes that go by server name have in common.

use crate::config::Config;
use crate::exports::throughway::addrmap::address_map::{
    Advertised, BrokerTarget, ClientFields, ConfigError, Endpoint, Error, Inbound, ListenerPlan,
    Plan, PortRange, Target,
};

/// The listener of a map whose addresses differ in the name alone.
pub struct Listener {
    name: String,
    /// What clients dial.
    port: u16,
    /// Where throughway listens.
    local_port: u16,
}

impl Listener {
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        Ok(Self {
            name: config.text("listener")?.into(),
            port: config.port("port")?,
            local_port: config.port("local-port")?,
        })
    }

    pub fn at(&self, host: String) -> Advertised {
        Advertised {
            public: Endpoint {
                host,
                port: self.port,
            },
            local_port: self.local_port,
        }
    }

    pub fn plan(
        &self,
        depends_on: ClientFields,
        bootstrap: Vec<String>,
        names: Vec<String>,
    ) -> Plan {
        let listener = ListenerPlan {
            name: self.name.clone(),
            needs_server_name: true,
            bootstrap: bootstrap.into_iter().map(|host| self.at(host)).collect(),
            local_ports: vec![PortRange {
                first: self.local_port,
                last: self.local_port,
            }],
            server_names: names,
        };
        Plan {
            depends_on,
            listeners: vec![listener],
        }
    }

    /// The name that a connection asks for.
    pub fn name_in<'a>(&self, inbound: &'a Inbound) -> Result<&'a str, Error> {
        if inbound.listener != self.name {
            return Err(Error::NotRoutable("not a listener of this map".into()));
        }
        let name = inbound.server_name.as_deref();
        name.ok_or_else(|| Error::NotRoutable("no server name".into()))
    }
}

/// What stands before `.domain`.
pub fn below<'a>(name: &'a str, domain: &str) -> Option<&'a str> {
    name.strip_suffix(domain)?.strip_suffix('.')
}

/// The id in `b5` when the prefix is `b`, as it is written and no other way.
pub fn node_id(label: &str, prefix: &str) -> Option<i32> {
    let digits = label.strip_prefix(prefix)?;
    let id: i32 = digits.parse().ok()?;
    (id.to_string() == digits && id >= 0).then_some(id)
}

pub fn broker(node_id: i32, upstream_hint: Option<Endpoint>) -> Target {
    Target::Broker(BrokerTarget {
        node_id,
        upstream_hint,
    })
}

pub fn no_such_name() -> Error {
    Error::NotRoutable("no broker has this name".into())
}
