//! A managed service whose brokers have names that can be computed: broker 5 is `b-5.kafka.example.com`
//! for clients and `b-5.demo.a1b2c3.c2.kafka.eu-west-1.amazonaws.com` for throughway.
//!
//! With `GATEWAY_ADDRESS_MAP_UPSTREAM_HINTS=true` a client that comes back after a restart reaches its
//! broker before the cluster has told where that broker is.

use crate::Scheme;
use crate::config::Config;
use crate::exports::throughway::addrmap::address_map::{
    Advertised, Broker, Client, ClientFields, ConfigError, Endpoint, Error, Inbound, Plan, Target,
};
use crate::names::{self, Listener};

pub struct Managed {
    listener: Listener,
    domain: String,
    upstream_domain: String,
    upstream_port: u16,
}

impl Managed {
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        Ok(Self {
            listener: Listener::new(config)?,
            domain: config.text("domain")?.into(),
            upstream_domain: config.text("upstream-domain")?.into(),
            upstream_port: config.port("upstream-port")?,
        })
    }
}

impl Scheme for Managed {
    fn plan(&self) -> Plan {
        let bootstrap = vec![format!("bootstrap.{}", self.domain)];
        let names = vec![format!("*.{}", self.domain)];
        self.listener.plan(ClientFields::empty(), bootstrap, names)
    }

    fn advertise(&self, broker: &Broker, _: &Client) -> Result<Advertised, Error> {
        Ok(self
            .listener
            .at(format!("b-{}.{}", broker.node_id, self.domain)))
    }

    fn route(&self, inbound: &Inbound) -> Result<Target, Error> {
        let name = self.listener.name_in(inbound)?;
        let label = names::below(name, &self.domain).ok_or_else(names::no_such_name)?;
        if label == "bootstrap" {
            return Ok(Target::Bootstrap);
        }
        let id = names::node_id(label, "b-").ok_or_else(names::no_such_name)?;
        let hint = Endpoint {
            host: format!("b-{id}.{}", self.upstream_domain),
            port: self.upstream_port,
        };
        Ok(names::broker(id, Some(hint)))
    }
}
