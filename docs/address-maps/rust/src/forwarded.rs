//! Ports behind a balancer that forwards a row of public ports to a row of throughway's: the first is
//! for bootstrap, and broker n has the one n + 1 further, so that another broker moves nobody.

use crate::Scheme;
use crate::config::{self, Config};
use crate::exports::throughway::addrmap::address_map::{
    Advertised, Broker, Client, ClientFields, ConfigError, Endpoint, Error, Inbound, ListenerPlan,
    Plan, PortRange, Target,
};
use crate::names;

pub struct Forwarded {
    listener: String,
    host: String,
    public_first: u16,
    local_first: u16,
    /// How far the last port is from the first.
    last: u16,
}

impl Forwarded {
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        let (public_first, local_first) =
            (config.port("public-first")?, config.port("local-first")?);
        let last = config.port("count")? - 1;
        if public_first.max(local_first).checked_add(last).is_none() {
            return Err(config::error("count", "goes beyond port 65535"));
        }
        Ok(Self {
            listener: config.text("listener")?.into(),
            host: config.text("host")?.into(),
            public_first,
            local_first,
            last,
        })
    }

    fn at(&self, offset: u16) -> Advertised {
        Advertised {
            public: Endpoint {
                host: self.host.clone(),
                port: self.public_first + offset,
            },
            local_port: self.local_first + offset,
        }
    }
}

impl Scheme for Forwarded {
    fn plan(&self) -> Plan {
        let listener = ListenerPlan {
            name: self.listener.clone(),
            needs_server_name: false,
            bootstrap: vec![self.at(0)],
            local_ports: vec![PortRange {
                first: self.local_first,
                last: self.local_first + self.last,
            }],
            server_names: vec![self.host.clone()],
        };
        Plan {
            depends_on: ClientFields::empty(),
            listeners: vec![listener],
        }
    }

    fn advertise(&self, broker: &Broker, _: &Client) -> Result<Advertised, Error> {
        let offset = broker
            .node_id
            .checked_add(1)
            .and_then(|offset| u16::try_from(offset).ok());
        let offset = offset.filter(|offset| *offset <= self.last);
        let offset = offset.ok_or_else(|| Error::NotMapped("no port for this id".into()))?;
        Ok(self.at(offset))
    }

    fn route(&self, inbound: &Inbound) -> Result<Target, Error> {
        if inbound.listener != self.listener {
            return Err(Error::NotRoutable("not a listener of this map".into()));
        }
        let offset = inbound.local_port.checked_sub(self.local_first);
        match offset.filter(|offset| *offset <= self.last) {
            None => Err(Error::NotRoutable("no broker has this port".into())),
            Some(0) => Ok(Target::Bootstrap),
            Some(offset) => Ok(names::broker(i32::from(offset) - 1, None)),
        }
    }
}
