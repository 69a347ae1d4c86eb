//! What a report says about the installation, taken from the configuration without any of its words.
//!
//! Pure. Names, addresses and paths are counted or turned into yes and no, never copied.

use serde::{Deserialize, Serialize};

use super::payload::{Deployment, Features};
use crate::build_info;
use crate::config::{ClientAuth, Config, Routing};

/// About the installation. Kept with the ledger, so that a report can be made while nothing runs.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Facts {
    /// The licence's own id.
    pub license_jti: Option<String>,
    pub(super) version: String,
    pub(super) commit: String,
    pub(super) target: String,
    pub(super) os_family: String,
    pub(super) deployment: Deployment,
    pub(super) clusters: u64,
    pub(super) listeners: u64,
    pub(super) features: Features,
}

/// What the configuration does not say.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Inside a container.
    pub container: bool,
    /// A build that believes development keys.
    pub dev_build: bool,
    /// The licence comes through an agent.
    pub license_agent: bool,
}

impl Facts {
    /// Of this configuration, without a licence.
    #[must_use]
    pub fn new(config: &Config, setup: Setup) -> Self {
        let listeners = &config.listeners;
        let mut routings = listeners.iter().map(|listener| &listener.routing);
        let features = Features {
            downstream_tls: listeners.iter().any(|listener| listener.tls.is_some()),
            client_certificates: listeners
                .iter()
                .filter_map(|listener| listener.tls.as_ref())
                .any(|tls| tls.client_auth != ClientAuth::None),
            upstream_tls: config.upstream.tls.is_some(),
            upstream_certificate: config
                .upstream
                .tls
                .as_ref()
                .is_some_and(|tls| tls.identity.is_some()),
            port_routing: routings
                .clone()
                .any(|routing| matches!(routing, Routing::Port { .. })),
            sni_routing: routings.any(|routing| matches!(routing, Routing::Sni { .. })),
            proxy_protocol: listeners
                .iter()
                .any(|listener| !listener.proxy_protocol.is_empty()),
            custom_address_map: config.address_map.component.is_some(),
            zones: !config.address_map.zones.is_empty(),
            access_log: config.access_log,
            license_agent: setup.license_agent,
        };
        Self {
            license_jti: None,
            version: build_info::VERSION.to_owned(),
            commit: build_info::COMMIT.to_owned(),
            target: build_info::TARGET.to_owned(),
            os_family: std::env::consts::OS.to_owned(),
            deployment: deployment(config.usage.deployed_by.as_deref(), setup),
            clusters: 1,
            listeners: u64::try_from(listeners.len()).unwrap_or(u64::MAX),
            features,
        }
    }
}

/// What was told counts by its first word alone; the rest of it may be anything.
fn deployment(told: Option<&str>, setup: Setup) -> Deployment {
    const WORDS: &[(&str, Deployment)] = &[
        ("ami", Deployment::Ami),
        ("deb", Deployment::Deb),
        ("helm", Deployment::Container),
        ("container", Deployment::Container),
        ("docker", Deployment::Container),
        ("kubernetes", Deployment::Container),
    ];
    let told = told.unwrap_or_default().to_ascii_lowercase();
    let known = WORDS.iter().find(|(word, _)| told.starts_with(word));
    match known {
        Some(&(_, deployment)) => deployment,
        None if setup.container => Deployment::Container,
        None if setup.dev_build => Deployment::Dev,
        None => Deployment::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_never_copied() {
        let setup = |container, dev_build| Setup {
            container,
            dev_build,
            license_agent: false,
        };
        for (told, setup, expected) in [
            (
                Some("HelmChart/3.2.1-secret"),
                setup(false, true),
                Deployment::Container,
            ),
            (Some("AMI ami-0123"), setup(true, true), Deployment::Ami),
            (Some("deb"), setup(false, false), Deployment::Deb),
            (
                Some("bob@example.com"),
                setup(false, false),
                Deployment::Other,
            ),
            (None, setup(true, true), Deployment::Container),
            (None, setup(false, true), Deployment::Dev),
        ] {
            assert_eq!(deployment(told, setup), expected, "{told:?}");
        }
    }
}
