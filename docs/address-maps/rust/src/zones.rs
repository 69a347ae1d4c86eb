//! A name for each client zone: broker 5 is `b5.office.example.com` for clients in zone `office`, and
//! `b5.partner.example.net` for those in zone `partner`.
//!
//! The zones are those of `GATEWAY_ZONES`. Clients elsewhere are told no broker at all.

use crate::Scheme;
use crate::config::{self, Config};
use crate::exports::throughway::addrmap::address_map::{
    Advertised, Broker, Client, ClientFields, ConfigError, Error, Inbound, Plan, Target,
};
use crate::names::{self, Listener};

pub struct Zones {
    listener: Listener,
    /// Zone and its domain.
    zones: Vec<(String, String)>,
}

impl Zones {
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        let zone = |word: &str| {
            let pair = word
                .split_once('=')
                .filter(|(zone, domain)| !zone.is_empty() && !domain.is_empty());
            let (zone, domain) =
                pair.ok_or_else(|| config::error("zones", "must be words of zone=domain"))?;
            Ok((zone.to_owned(), domain.to_owned()))
        };
        Ok(Self {
            listener: Listener::new(config)?,
            zones: config.words("zones")?.map(zone).collect::<Result<_, _>>()?,
        })
    }
}

impl Scheme for Zones {
    fn plan(&self) -> Plan {
        let domains = || self.zones.iter().map(|(_, domain)| domain);
        let bootstrap = domains()
            .map(|domain| format!("bootstrap.{domain}"))
            .collect();
        let names = domains().map(|domain| format!("*.{domain}")).collect();
        self.listener.plan(ClientFields::ZONE, bootstrap, names)
    }

    fn advertise(&self, broker: &Broker, client: &Client) -> Result<Advertised, Error> {
        let zone = client.zone.as_deref();
        let found = self
            .zones
            .iter()
            .find(|(name, _)| zone == Some(name.as_str()));
        let (_, domain) =
            found.ok_or_else(|| Error::NotMapped("nothing for clients of this zone".into()))?;
        Ok(self.listener.at(format!("b{}.{domain}", broker.node_id)))
    }

    fn route(&self, inbound: &Inbound) -> Result<Target, Error> {
        let name = self.listener.name_in(inbound)?;
        let label = self
            .zones
            .iter()
            .find_map(|(_, domain)| names::below(name, domain));
        match label.ok_or_else(names::no_such_name)? {
            "bootstrap" => Ok(Target::Bootstrap),
            label => {
                let id = names::node_id(label, "b").ok_or_else(names::no_such_name)?;
                Ok(names::broker(id, None))
            }
        }
    }
}
