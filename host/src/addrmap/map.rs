//! The map itself, as its thread holds it: a component, its plan, and what is asked of it.
//!
//! Every computation runs on fresh instances, so nothing a guest remembers can matter. It must not
//! know threads or what is published.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::ask::{Row, answers, told};
use super::conform::{self, Answers};
use super::named::ByName;
use super::plan::{self, CheckedPlan};
use super::settings::Settings;
use super::table::{Answer, Routes, Table, View};
use super::unknown::Question;
use super::{AddrMapError, MapBroker, Target, name};
use crate::config::LimitsProfile;
use crate::kafka::{Endpoint, NodeId};
use crate::wasm::bindings::{Plan, Scheme};
use crate::wasm::{Guest, GuestComponent, shown};

/// Server names that no map may trap on; 253 bytes come on top.
const ODD_NAMES: [&str; 6] = [
    "",
    ".",
    "UPPER.CASE",
    "trailing.dot.",
    "b\u{fc}cher.example",
    "\0",
];

/// A configured map.
pub(super) struct Map {
    component: GuestComponent,
    pub(super) settings: Settings,
    pub(super) scheme: Scheme,
    said: Plan,
    pub(super) plan: CheckedPlan,
    /// Pure, so each port is asked for once.
    port_routes: HashMap<(usize, u16), Target>,
    /// Kept for questions between computations.
    asking: Option<Guest>,
}

impl Map {
    /// Admits, compiles and configures a component.
    pub(super) fn load(
        bytes: &[u8],
        profile: LimitsProfile,
        settings: Settings,
    ) -> Result<Self, AddrMapError> {
        let component = GuestComponent::load_keeping(bytes, profile, settings.code.as_deref())?;
        let mut guest = component.instantiate()?;
        let scheme = guest.describe()?;
        let said = guest.configure(&settings.text)?.map_err(|error| {
            let at = error
                .at
                .map_or_else(String::new, |at| format!(" at {}", shown(&at)));
            refused(format!("its configuration{at}: {}", shown(&error.message)))
        })?;
        let plan = plan::check(&said, &settings).map_err(refused)?;
        let port_routes = HashMap::new();
        Ok(Self {
            component,
            settings,
            scheme,
            said,
            plan,
            port_routes,
            asking: None,
        })
    }

    /// Computes and checks a table for these brokers.
    pub(super) fn compute(
        &mut self,
        brokers: &[MapBroker],
        topology_version: u64,
    ) -> Result<Table, AddrMapError> {
        let mut one = self.fresh()?;
        let mut two = self.fresh()?;
        let clients: Vec<_> = self.views().into_iter().map(|view| (view, None)).collect();
        let rows = self.ask(&mut one, &clients, brokers)?;
        self.same(&rows, &mut two, None, brokers)?;
        self.same(&rows, &mut one, None, brokers)?;
        self.probe(&mut two, brokers)?;
        let answers = answers(rows, brokers)?;
        conform::check(&answers, &self.plan, &self.settings, brokers).map_err(refused)?;
        let local_ports = self.needed_ports(&answers);
        conform::check_ports(&local_ports, &self.settings).map_err(refused)?;
        let routes = self.routes(&mut one, &answers, &local_ports)?;
        Ok(Table {
            topology_version,
            answers: answers
                .into_iter()
                .map(|(view, rows)| (view, rows.into_iter().collect()))
                .collect(),
            by_zone: self.plan.by_zone,
            by_local_port: self.plan.by_local_port,
            by_name: self.plan.by_server_name.then(|| ByName::new(brokers)),
            zones: Arc::clone(&self.settings.zones),
            routes,
            local_ports,
        })
    }

    /// Asks for one server name that no table knows.
    pub(super) fn route(&mut self, question: &Question) -> Result<Target, AddrMapError> {
        let mut guest = match self.asking.take() {
            Some(guest) => guest,
            None => self.fresh()?,
        };
        let target = self.route_of(
            &mut guest,
            question.listener,
            Some(&question.server_name),
            question.local_port,
        )?;
        self.asking = Some(guest);
        Ok(target)
    }

    /// A configured instance; its plan must be the one that was checked.
    pub(super) fn fresh(&self) -> Result<Guest, AddrMapError> {
        let mut guest = self.component.instantiate()?;
        if guest.configure(&self.settings.text)?.as_ref() != Ok(&self.said) {
            return Err(refused("its plan differs between two instances".into()));
        }
        Ok(guest)
    }

    /// One view for everything that the answers depend on.
    fn views(&self) -> Vec<View> {
        let zones = if self.plan.by_zone {
            self.settings.zones.len()
        } else {
            0
        };
        let zones = || std::iter::once(None).chain((0..zones).map(Some));
        let mut views = Vec::new();
        for (listener, plan) in self.plan.listeners.iter().enumerate() {
            let ports: Vec<u16> = if self.plan.by_local_port {
                plan.ports().collect()
            } else {
                vec![0]
            };
            for zone in zones() {
                views.extend(ports.iter().map(|port| View {
                    listener,
                    zone,
                    local_port: *port,
                }));
            }
        }
        views
    }

    /// Asks about every broker, for each of these clients.
    pub(super) fn ask(
        &self,
        guest: &mut Guest,
        clients: &[(View, Option<&str>)],
        brokers: &[MapBroker],
    ) -> Result<Vec<Row>, AddrMapError> {
        let mut rows = Vec::new();
        for (view, server_name) in clients {
            for (index, broker) in brokers.iter().enumerate() {
                let client = self.client(*view, *server_name);
                rows.push((*view, index, guest.advertise(&told(broker), &client)?));
            }
        }
        Ok(rows)
    }

    /// Equal answers to equal questions, on another instance and in another order.
    pub(super) fn same(
        &self,
        rows: &[Row],
        guest: &mut Guest,
        server_name: Option<&str>,
        brokers: &[MapBroker],
    ) -> Result<(), AddrMapError> {
        for (view, index, before) in rows.iter().rev() {
            let Some(broker) = brokers.get(*index) else {
                continue;
            };
            if guest.advertise(&told(broker), &self.client(*view, server_name))? != *before {
                return Err(refused(format!(
                    "it gives two answers for node id {} when asked twice",
                    broker.node_id
                )));
            }
        }
        Ok(())
    }

    /// What no map may trap on, whatever it answers.
    fn probe(&self, guest: &mut Guest, brokers: &[MapBroker]) -> Result<(), AddrMapError> {
        let largest = brokers
            .iter()
            .map(|broker| broker.node_id.0)
            .max()
            .unwrap_or(0);
        let ids: BTreeSet<i32> = [-1, 0, 1, largest, i32::MAX].into();
        let longest = format!("{}.example", "a.".repeat(123).trim_end_matches('.'));
        let ports = self
            .settings
            .listeners
            .iter()
            .map(|one| one.ports.first().copied());
        for (listener, port) in ports.enumerate() {
            let view = View {
                listener,
                zone: None,
                local_port: 0,
            };
            for id in &ids {
                let upstream = Endpoint {
                    host: "unknown.invalid".into(),
                    port: 9092,
                };
                let broker = MapBroker {
                    node_id: NodeId(*id),
                    upstream,
                    rack: None,
                };
                let _ = guest.advertise(&told(&broker), &self.client(view, None))?;
            }
            for name in ODD_NAMES.iter().copied().chain([longest.as_str()]) {
                let _ = guest.route(&self.inbound(listener, Some(name), port.unwrap_or(0)))?;
            }
        }
        Ok(())
    }

    /// Ports of answers, of bootstrap addresses, and where every address serves as bootstrap the
    /// first of the plan: as many as the listener was to begin with.
    pub(super) fn needed_ports(&self, answers: &Answers) -> Vec<(usize, u16)> {
        let mut needed = BTreeSet::new();
        for (view, rows) in answers {
            needed.extend(rows.values().filter_map(|answer| match answer {
                Answer::Advertised { local_port, .. } => Some((view.listener, *local_port)),
                Answer::NotMapped(_) => None,
            }));
        }
        for (index, plan) in self.plan.listeners.iter().enumerate() {
            needed.extend(plan.bootstrap.iter().map(|(_, port)| (index, *port)));
            let first = self
                .settings
                .listeners
                .get(index)
                .map_or(0, |facts| facts.bound_at_start);
            if plan.bootstrap.is_empty() {
                needed.extend(plan.ports().take(first).map(|port| (index, port)));
            }
        }
        needed.retain(|(index, port)| {
            self.settings
                .listeners
                .get(*index)
                .is_none_or(|facts| !facts.is_bound_at_start(*port))
        });
        needed.into_iter().collect()
    }

    /// Every address must lead back to where it came from.
    fn routes(
        &mut self,
        guest: &mut Guest,
        answers: &Answers,
        needed: &[(usize, u16)],
    ) -> Result<Routes, AddrMapError> {
        self.ask_ports(guest, needed)?;
        let mut routes = Routes {
            by_port: self.port_routes.clone(),
            by_name: HashMap::new(),
            needs_server_name: self
                .plan
                .listeners
                .iter()
                .map(|one| one.needs_server_name)
                .collect(),
        };
        for (listener, whose, public, port) in conform::addresses(answers, &self.plan) {
            let name = Some(public.host.as_str()).filter(|host| name::is_dns_name(host));
            let target = self.route_of(guest, listener, name, port)?;
            leads_back(&target, whose, public)?;
            if let (Some(name), Some(true)) = (name, routes.needs_server_name.get(listener)) {
                let names = routes.by_name.entry((listener, port)).or_default();
                names.insert(name.to_owned(), target);
            } else {
                let target = routes.by_port.get(&(listener, port));
                leads_back(target.unwrap_or(&Target::NotRoutable), whose, public)?;
            }
        }
        Ok(routes)
    }

    /// Fills in the targets of local ports of listeners that need no server name.
    fn ask_ports(
        &mut self,
        guest: &mut Guest,
        needed: &[(usize, u16)],
    ) -> Result<(), AddrMapError> {
        let configured = self
            .settings
            .listeners
            .iter()
            .enumerate()
            .flat_map(|(index, facts)| facts.ports.iter().map(move |port| (index, *port)));
        let places: BTreeSet<_> = configured.chain(needed.iter().copied()).collect();
        for (listener, port) in places {
            let by_port = self
                .plan
                .listeners
                .get(listener)
                .is_some_and(|p| !p.needs_server_name);
            if by_port && !self.port_routes.contains_key(&(listener, port)) {
                let target = self.route_of(guest, listener, None, port)?;
                self.port_routes.insert((listener, port), target);
            }
        }
        Ok(())
    }
}

pub(super) fn refused(found: String) -> AddrMapError {
    AddrMapError::Refused(found)
}

pub(super) fn leads_back(
    target: &Target,
    whose: Option<NodeId>,
    public: &Endpoint,
) -> Result<(), AddrMapError> {
    let same = match (target, whose) {
        (Target::Bootstrap, None) => true,
        (Target::Broker { node_id, .. }, Some(meant)) => *node_id == meant,
        _ => false,
    };
    if same {
        return Ok(());
    }
    let meant = whose.map_or_else(
        || "bootstrap".into(),
        |node_id| format!("node id {node_id}"),
    );
    Err(refused(format!(
        "a connection to {} is not routed back to {meant}",
        shown(&public.to_string())
    )))
}
