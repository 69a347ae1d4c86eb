//! Routing by server name: a pattern with `{{nodeId}}`, and one name for bootstrap.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec;
use alloc::vec::Vec;

use crate::port::PortPair;
use crate::{Advertised, ListenerPlan, Target};

/// One server-name-routed listener. The pattern is split at the placeholder; everything is lower
/// case, and no node id makes the bootstrap host.
#[derive(Clone, Debug)]
pub(crate) struct SniRules {
    pub(crate) port: PortPair,
    pub(crate) before: String,
    pub(crate) after: String,
    pub(crate) bootstrap_host: String,
}

impl SniRules {
    pub(crate) fn plan(&self, listener: &str) -> ListenerPlan {
        ListenerPlan {
            name: listener.to_string(),
            needs_server_name: true,
            bootstrap: vec![self.at(self.bootstrap_host.clone())],
            local_ports: vec![(self.port.local, self.port.local)],
            server_names: self.server_names(),
        }
    }

    pub(crate) fn advertise(&self, node_id: i32) -> Result<Advertised, String> {
        if node_id < 0 {
            return Err(format!("node id {node_id} is not a broker"));
        }
        Ok(self.at(self.host(node_id)))
    }

    pub(crate) fn route(&self, server_name: Option<&str>, local: u16) -> Result<Target, String> {
        if local != self.port.local {
            return Err(format!("local port {local} is not served"));
        }
        let name = server_name.ok_or_else(|| "the client sent no server name".to_string())?;
        if name == self.bootstrap_host {
            return Ok(Target::Bootstrap);
        }
        self.node_id(name)
            .map(Target::Broker)
            .ok_or_else(|| "the server name is neither bootstrap nor a broker's".to_string())
    }

    /// The name of a broker. Never negative ids.
    pub(crate) fn host(&self, node_id: i32) -> String {
        format!("{}{node_id}{}", self.before, self.after)
    }

    /// The inverse of `host`: exactly one name for each id, so `007` and `+7` are nobody's.
    pub(crate) fn node_id(&self, name: &str) -> Option<i32> {
        let digits = name
            .strip_prefix(&*self.before)?
            .strip_suffix(&*self.after)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit())
            || (digits.len() > 1 && digits.starts_with('0'))
        {
            return None;
        }
        digits.parse().ok()
    }

    /// A wildcard in place of every label up to the one that holds the node id, and the bootstrap
    /// host. `*` alone when that label is the last: nothing narrower covers it.
    fn server_names(&self) -> Vec<String> {
        let brokers = match self.after.split_once('.') {
            Some((_, parent)) => format!("*.{parent}"),
            None => "*".to_string(),
        };
        vec![brokers, self.bootstrap_host.clone()]
    }

    fn at(&self, host: String) -> Advertised {
        Advertised {
            host,
            port: self.port.advertised,
            local_port: self.port.local,
        }
    }
}
