//! Names by rack: broker 5 in rack `eu-west-1a` is `b5.eu-west-1a.kafka.example.com`.
//!
//! A name tells where its broker is, so DNS can lead clients of each place a way of their own.

use crate::Scheme;
use crate::config::Config;
use crate::exports::throughway::addrmap::address_map::{
    Advertised, Broker, Client, ClientFields, ConfigError, Error, Inbound, Plan, Target,
};
use crate::names::{self, Listener};

pub struct Racks {
    listener: Listener,
    domain: String,
    racks: Vec<String>,
}

impl Racks {
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        Ok(Self {
            listener: Listener::new(config)?,
            domain: config.text("domain")?.into(),
            racks: config.words("racks")?.map(Into::into).collect(),
        })
    }

    fn knows(&self, rack: &str) -> bool {
        self.racks.iter().any(|known| known == rack)
    }
}

impl Scheme for Racks {
    fn plan(&self) -> Plan {
        let bootstrap = format!("bootstrap.{}", self.domain);
        let mut names = vec![bootstrap.clone()];
        names.extend(
            self.racks
                .iter()
                .map(|rack| format!("*.{rack}.{}", self.domain)),
        );
        self.listener
            .plan(ClientFields::empty(), vec![bootstrap], names)
    }

    fn advertise(&self, broker: &Broker, _: &Client) -> Result<Advertised, Error> {
        let rack = broker.rack.as_deref().filter(|rack| self.knows(rack));
        let rack =
            rack.ok_or_else(|| Error::NotMapped("its rack is not in the configuration".into()))?;
        Ok(self
            .listener
            .at(format!("b{}.{rack}.{}", broker.node_id, self.domain)))
    }

    fn route(&self, inbound: &Inbound) -> Result<Target, Error> {
        let name = self.listener.name_in(inbound)?;
        let below = names::below(name, &self.domain).ok_or_else(names::no_such_name)?;
        if below == "bootstrap" {
            return Ok(Target::Bootstrap);
        }
        let found = below.split_once('.').filter(|(_, rack)| self.knows(rack));
        let id = found.and_then(|(label, _)| names::node_id(label, "b"));
        Ok(names::broker(id.ok_or_else(names::no_such_name)?, None))
    }
}
