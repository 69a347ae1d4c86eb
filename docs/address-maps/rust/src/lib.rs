//! An address map for throughway: four schemes, of which the configuration chooses one.
//!
//! Keep the module of the scheme you want and change it; `Scheme` is all a scheme has to answer.

mod config;
mod forwarded;
mod managed;
mod names;
mod racks;
mod zones;

use std::sync::OnceLock;

use self::config::Config;
use self::exports::throughway::addrmap::address_map::{
    self, Advertised, Broker, Client, ConfigError, Error, Guest, Inbound, Plan, Target,
};

wit_bindgen::generate!({ path: "wit", world: "addrmap" });

export!(AddressMap);

struct AddressMap;

/// One way to give brokers addresses. All answers depend on the arguments and the configuration alone.
trait Scheme: Send + Sync {
    /// What throughway has to listen on, and what DNS and certificates have to cover.
    fn plan(&self) -> Plan;

    /// The address that clients are told for a broker.
    fn advertise(&self, broker: &Broker, client: &Client) -> Result<Advertised, Error>;

    /// What a connection is for. It leads back from every address that `advertise` gives.
    fn route(&self, inbound: &Inbound) -> Result<Target, Error>;
}

/// throughway configures each instance once, before anything else is asked.
static SCHEME: OnceLock<Box<dyn Scheme>> = OnceLock::new();

impl Guest for AddressMap {
    fn describe() -> address_map::Scheme {
        address_map::Scheme {
            name: "schemes".into(),
            version: "0.1.0".into(),
            summary: "racks, zones, a managed service or forwarded ports".into(),
            config_help: "lines of key = value; scheme = racks, zones, managed or forwarded".into(),
        }
    }

    fn configure(text: String) -> Result<Plan, ConfigError> {
        let config = Config::parse(&text)?;
        let scheme: Box<dyn Scheme> = match config.text("scheme")? {
            "racks" => Box::new(racks::Racks::new(&config)?),
            "zones" => Box::new(zones::Zones::new(&config)?),
            "managed" => Box::new(managed::Managed::new(&config)?),
            "forwarded" => Box::new(forwarded::Forwarded::new(&config)?),
            _ => {
                return Err(config::error(
                    "scheme",
                    "must be racks, zones, managed or forwarded",
                ));
            }
        };
        Ok(SCHEME.get_or_init(|| scheme).plan())
    }

    fn advertise(broker: Broker, client: Client) -> Result<Advertised, Error> {
        if broker.node_id < 0 {
            return Err(Error::NotMapped("no broker has this id".into()));
        }
        configured()?.advertise(&broker, &client)
    }

    fn route(inbound: Inbound) -> Result<Target, Error> {
        configured()?.route(&inbound)
    }
}

fn configured() -> Result<&'static dyn Scheme, Error> {
    let scheme = SCHEME.get();
    scheme
        .map(AsRef::as_ref)
        .ok_or_else(|| Error::Internal("called before configure".into()))
}
