//! Questions to the guest and its answers, translated. It must not judge an answer beyond its form.

use std::collections::BTreeMap;

use super::conform::Answers;
use super::map::Map;
use super::table::{Answer, View};
use super::{AddrMapError, MapBroker, Target, name};
use crate::kafka::{Endpoint, NodeId};
use crate::wasm::bindings::{self, Advertised, Client, Error};
use crate::wasm::{Guest, shown};

/// What was asked, by view and index of the broker, and the answer as it came.
pub(super) type Row = (View, usize, Result<Advertised, Error>);

impl Map {
    pub(super) fn route_of(
        &self,
        guest: &mut Guest,
        listener: usize,
        name: Option<&str>,
        port: u16,
    ) -> Result<Target, AddrMapError> {
        match guest.route(&self.inbound(listener, name, port))? {
            Ok(bindings::Target::Bootstrap) => Ok(Target::Bootstrap),
            Ok(bindings::Target::Broker(target)) if target.node_id >= 0 => Ok(Target::Broker {
                node_id: NodeId(target.node_id),
                upstream_hint: self.hint(target.upstream_hint),
            }),
            Ok(bindings::Target::Broker(_)) | Err(Error::NotMapped(_) | Error::NotRoutable(_)) => {
                Ok(Target::NotRoutable)
            }
            Err(Error::Internal(detail)) => Err(AddrMapError::Trapped {
                call: "route",
                detail: shown(&detail),
            }),
        }
    }

    fn hint(&self, hint: Option<bindings::Endpoint>) -> Option<Endpoint> {
        hint.filter(|hint| {
            self.settings.upstream_hints && hint.port != 0 && name::is_host(&hint.host)
        })
        .map(|hint| Endpoint {
            host: hint.host,
            port: hint.port,
        })
    }

    fn listener_name(&self, listener: usize) -> String {
        self.settings
            .listeners
            .get(listener)
            .map_or_else(String::new, |facts| facts.name.clone())
    }

    /// A field that the plan does not depend on arrives empty.
    pub(super) fn client(&self, view: View, server_name: Option<&str>) -> Client {
        let zone = view.zone.and_then(|zone| self.settings.zones.get(zone));
        Client {
            listener: if self.plan.by_listener {
                self.listener_name(view.listener)
            } else {
                String::new()
            },
            server_name: server_name
                .filter(|_| self.plan.by_server_name)
                .map(str::to_owned),
            local_port: view.local_port,
            zone: zone.map(|(name, _)| name.clone()),
        }
    }

    pub(super) fn inbound(
        &self,
        listener: usize,
        name: Option<&str>,
        port: u16,
    ) -> bindings::Inbound {
        bindings::Inbound {
            listener: self.listener_name(listener),
            server_name: name.map(str::to_owned),
            local_port: port,
        }
    }
}

/// One broker as the guest sees it.
pub(super) fn told(broker: &MapBroker) -> bindings::Broker {
    bindings::Broker {
        node_id: broker.node_id.0,
        upstream: bindings::Endpoint {
            host: broker.upstream.host.clone(),
            port: broker.upstream.port,
        },
        rack: broker.rack.clone(),
    }
}

/// Sorts a guest's answers by what they depend on.
pub(super) fn answers(rows: Vec<Row>, brokers: &[MapBroker]) -> Result<Answers, AddrMapError> {
    let mut answers: Answers = BTreeMap::new();
    for (view, index, answer) in rows {
        let Some(broker) = brokers.get(index) else {
            continue;
        };
        let answer = match answer {
            Ok(address) => Answer::Advertised {
                public: Endpoint {
                    host: address.public.host,
                    port: address.public.port,
                },
                local_port: address.local_port,
            },
            Err(Error::NotMapped(reason) | Error::NotRoutable(reason)) => {
                Answer::NotMapped(shown(&reason))
            }
            Err(Error::Internal(detail)) => {
                return Err(AddrMapError::Trapped {
                    call: "advertise",
                    detail: shown(&detail),
                });
            }
        };
        answers
            .entry(view)
            .or_default()
            .insert(broker.node_id, answer);
    }
    Ok(answers)
}
