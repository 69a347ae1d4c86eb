//! The four functions of the world, in terms of `addrmap-rules`. It must not decide anything.

use alloc::boxed::Box;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use addrmap_rules::{self as rules, AddressRules, Refusal};
use once_cell::race::OnceBox;

use crate::bindings::Component;
use crate::bindings::exports::throughway::addrmap::address_map::{
    Advertised, Broker, BrokerTarget, Client, ClientFields, ConfigError, Endpoint, Error, Guest,
    Inbound, ListenerPlan, Plan, PortRange, Scheme, Target,
};

const CONFIG_HELP: &str = r#"JSON: {"version":1,"listeners":[{"name":"…","routing":"port","advertised_host":"…","ports":[{"advertised":1,"local":1}],"min_broker_id":0},{"name":"…","routing":"sni","ports":[{"advertised":1,"local":1}],"host_pattern":"b-{{nodeId}}.…","bootstrap_host":"…"}]}"#;

/// The map of this instance; the host configures each instance once.
static CONFIGURED: OnceBox<AddressRules> = OnceBox::new();

impl Guest for Component {
    fn describe() -> Scheme {
        Scheme {
            name: crate::NAME.to_string(),
            version: env!("CARGO_PKG_VERSION").to_string(),
            summary: crate::SUMMARY.to_string(),
            config_help: CONFIG_HELP.to_string(),
        }
    }

    fn configure(config: String) -> Result<Plan, ConfigError> {
        let map = crate::rules_from(&config).map_err(|error| ConfigError {
            at: error.at,
            message: error.message,
        })?;
        let plan = map.plan();
        CONFIGURED.set(Box::new(map)).map_err(|_| ConfigError {
            at: None,
            message: "this instance is configured already".to_string(),
        })?;
        Ok(Plan {
            depends_on: ClientFields::LISTENER,
            listeners: plan.into_iter().map(listener_plan).collect(),
        })
    }

    fn advertise(broker: Broker, client: Client) -> Result<Advertised, Error> {
        configured()?
            .advertise(&client.listener, broker.node_id)
            .map(advertised)
            .map_err(refusal)
    }

    fn route(inbound: Inbound) -> Result<Target, Error> {
        let target = configured()?
            .route(
                &inbound.listener,
                inbound.server_name.as_deref(),
                inbound.local_port,
            )
            .map_err(refusal)?;
        Ok(match target {
            rules::Target::Bootstrap => Target::Bootstrap,
            rules::Target::Broker(node_id) => Target::Broker(BrokerTarget {
                node_id,
                upstream_hint: None,
            }),
        })
    }
}

fn configured() -> Result<&'static AddressRules, Error> {
    CONFIGURED
        .get()
        .ok_or_else(|| Error::Internal("called before configure".to_string()))
}

fn refusal(refusal: Refusal) -> Error {
    match refusal {
        Refusal::NotMapped(reason) => Error::NotMapped(reason),
        Refusal::NotRoutable(reason) => Error::NotRoutable(reason),
    }
}

fn advertised(address: rules::Advertised) -> Advertised {
    Advertised {
        public: Endpoint {
            host: address.host,
            port: address.port,
        },
        local_port: address.local_port,
    }
}

fn listener_plan(plan: rules::ListenerPlan) -> ListenerPlan {
    ListenerPlan {
        name: plan.name,
        needs_server_name: plan.needs_server_name,
        bootstrap: plan.bootstrap.into_iter().map(advertised).collect(),
        local_ports: ranges(&plan.local_ports),
        server_names: plan.server_names,
    }
}

fn ranges(ranges: &[(u16, u16)]) -> Vec<PortRange> {
    ranges
        .iter()
        .map(|&(first, last)| PortRange { first, last })
        .collect()
}
