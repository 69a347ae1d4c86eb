//! The rules of the built-in address map: a broker's public address from its node id, and back.
//!
//! Pure and without `std`, so that the same code runs natively under test and inside the guest. It
//! must not know WebAssembly, the proxy or any upstream address: every answer follows from the
//! configuration text and a node id alone.
//!
//! - `config`  the configuration text (JSON, version 1), parsed into `Listener`s
//! - `port`    routing by local port
//! - `sni`     routing by server name

#![no_std]

extern crate alloc;

mod config;
mod name;
mod port;
mod sni;

use alloc::string::String;
use alloc::vec::Vec;

pub use config::ConfigError;
use config::{Listener, Routing};

/// A configured map.
#[derive(Clone, Debug)]
pub struct AddressRules {
    listeners: Vec<Listener>,
}

/// Where clients are told to go, and the local port on which they arrive.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Advertised {
    /// DNS name or IP literal, lower case.
    pub host: String,
    /// Never 0.
    pub port: u16,
    /// Never 0.
    pub local_port: u16,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Target {
    /// Any broker will do.
    Bootstrap,
    /// The broker of this node id. Never negative.
    Broker(i32),
}

/// Why there is no answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// No public address for this broker.
    NotMapped(String),
    /// The connection is not for anything this map serves.
    NotRoutable(String),
}

/// What the map needs of one proxy listener.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ListenerPlan {
    /// As configured.
    pub name: String,
    /// True if connections cannot be told apart without a server name.
    pub needs_server_name: bool,
    /// Empty if every broker address serves as bootstrap.
    pub bootstrap: Vec<Advertised>,
    /// Inclusive ranges.
    pub local_ports: Vec<(u16, u16)>,
    /// Names and `*.` wildcards that certificates and DNS must cover.
    pub server_names: Vec<String>,
}

impl AddressRules {
    /// Reads the configuration text.
    ///
    /// # Errors
    /// On anything that is not valid JSON of version 1, names the offending key or line.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        config::parse(text).map(|listeners| Self { listeners })
    }

    /// What every configured listener must provide.
    #[must_use]
    pub fn plan(&self) -> Vec<ListenerPlan> {
        self.listeners
            .iter()
            .map(|listener| match &listener.routing {
                Routing::Port(rules) => rules.plan(&listener.name),
                Routing::Sni(rules) => rules.plan(&listener.name),
            })
            .collect()
    }

    /// The public address of a broker for clients of this listener.
    ///
    /// # Errors
    /// `NotMapped` when the listener is unknown or has no place for this id.
    pub fn advertise(&self, listener: &str, node_id: i32) -> Result<Advertised, Refusal> {
        let found = self.find(listener).ok_or_else(|| {
            Refusal::NotMapped(alloc::format!(
                "no listener named {listener:.64} is configured"
            ))
        })?;
        match &found.routing {
            Routing::Port(rules) => rules.advertise(node_id),
            Routing::Sni(rules) => rules.advertise(node_id),
        }
        .map_err(Refusal::NotMapped)
    }

    /// What a connection is for. The server name is lower case and without a trailing dot.
    ///
    /// # Errors
    /// `NotRoutable` when it is for nothing that this map serves.
    pub fn route(
        &self,
        listener: &str,
        server_name: Option<&str>,
        local_port: u16,
    ) -> Result<Target, Refusal> {
        let found = self.find(listener).ok_or_else(|| {
            Refusal::NotRoutable(alloc::format!(
                "no listener named {listener:.64} is configured"
            ))
        })?;
        match &found.routing {
            Routing::Port(rules) => rules.route(local_port),
            Routing::Sni(rules) => rules.route(server_name, local_port),
        }
        .map_err(Refusal::NotRoutable)
    }

    fn find(&self, listener: &str) -> Option<&Listener> {
        self.listeners.iter().find(|one| one.name == listener)
    }
}

#[cfg(test)]
mod tests;
