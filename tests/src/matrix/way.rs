//! One way of a client to the brokers: through a throughway of its own, or without any.
//!
//! Owns what a client must be told and what it must be told by brokers. It must not know outcomes.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};

use super::plan::Edge;
use crate::certificates::Authority;
use crate::clients::{Action, Failure, Hosts, Library, Report, Security, Task};
use crate::cluster::{Cluster, Listener, NODE_IDS, USER, advertised_host};
use crate::files::TemporaryFolder;
use crate::ports;
use crate::proxy::{BOOTSTRAP_NAME, PORT_COUNT, Proxy, Settings, broker_name};

pub(super) struct Way {
    pub(super) name: String,
    bootstrap: String,
    security: Security,
    hosts: Hosts,
    /// What a client may learn, and nothing else.
    brokers: BTreeMap<i32, String>,
    cluster_id: String,
    proxy: Option<Proxy>,
    _certificates: Option<TemporaryFolder>,
}

impl Way {
    /// Starts a throughway.
    pub(super) fn through(cluster: &Cluster, edge: Edge) -> Result<Self> {
        if edge.by_name {
            Self::by_name(cluster, edge)
        } else {
            Self::by_port(cluster, edge)
        }
    }

    /// To the brokers themselves, whose names this client alone can resolve.
    pub(super) fn direct(cluster: &Cluster, tls: bool) -> Result<Self> {
        let (listener, security) = if tls {
            let ca = cluster.authority.certificate();
            (Listener::SaslTls, Security::sasl_tls(USER, ca))
        } else {
            (Listener::SaslPlain, Security::sasl_plaintext(USER))
        };
        let at = |id| format!("{}:{}", advertised_host(id), cluster.port(id, listener));
        Ok(Self {
            name: "direct".to_owned(),
            bootstrap: cluster.advertised(listener),
            security,
            hosts: hosts(NODE_IDS.map(advertised_host))?,
            brokers: NODE_IDS.map(|id| (id, at(id))).into(),
            cluster_id: cluster.id.clone(),
            proxy: None,
            _certificates: None,
        })
    }

    fn by_port(cluster: &Cluster, edge: Edge) -> Result<Self> {
        let mut settings = Settings::new(cluster, edge.upstream);
        let first = ports::reserve(PORT_COUNT);
        settings.listen_by_port(first, first);
        let at = |id| format!("127.0.0.1:{}", i32::from(first) + id);
        Ok(Self {
            name: edge.name(),
            // No broker has the id 0: this port only ever serves as bootstrap.
            bootstrap: at(0),
            security: Security::sasl_plaintext(USER),
            hosts: hosts([])?,
            brokers: NODE_IDS.map(|id| (id, at(id))).into(),
            cluster_id: cluster.id.clone(),
            proxy: Some(settings.start()?),
            _certificates: None,
        })
    }

    fn by_name(cluster: &Cluster, edge: Edge) -> Result<Self> {
        let mut settings = Settings::new(cluster, edge.upstream);
        let folder = TemporaryFolder::new("throughway-matrix-")?;
        let authority = Authority::new(folder.path(), "downstream")?;
        let identity = authority.issue("throughway", &["*.kafka.test"])?;
        let port = ports::reserve(1);
        settings.listen_by_sni(port, port, &identity);
        let names = NODE_IDS.map(broker_name).into_iter();
        Ok(Self {
            name: edge.name(),
            bootstrap: format!("{BOOTSTRAP_NAME}:{port}"),
            security: Security::sasl_tls(USER, authority.certificate()),
            hosts: hosts(names.chain([BOOTSTRAP_NAME.to_owned()]))?,
            brokers: NODE_IDS
                .map(|id| (id, format!("{}:{port}", broker_name(id))))
                .into(),
            cluster_id: cluster.id.clone(),
            proxy: Some(settings.start()?),
            _certificates: Some(folder),
        })
    }

    /// Whether clients speak TLS.
    pub(super) fn has_tls(&self) -> bool {
        self.security.ca.is_some()
    }

    /// Has a client write and read; in one line why it has not come through.
    pub(super) async fn attempt(
        &self,
        library: &Library,
        topic: &str,
        records: usize,
    ) -> Result<(), String> {
        let security = self.security.clone();
        let mut task = Task::new(Action::RoundTrip, &self.bootstrap, security, topic);
        task.records = records;
        let report = library.run(&task, Some(&self.hosts)).await;
        let report = report.map_err(|error| {
            crate::say(&format!("{}: {error:#}", self.name));
            match error.downcast_ref::<Failure>() {
                Some(failure) => failure.words.clone(),
                None => format!("{error:#}"),
            }
        })?;
        self.check(&report, records)
    }

    fn check(&self, report: &Report, records: usize) -> Result<(), String> {
        if report.brokers != self.brokers {
            return Err(format!("was told of {:?}", report.brokers));
        }
        if let Some(id) = &report.cluster_id
            && *id != self.cluster_id
        {
            return Err(format!("was told of the cluster {id}"));
        }
        if !report.is_complete(records) {
            let (written, read, wrong) = (report.written, report.read, report.wrong);
            return Err(format!("{written} written, {read} read, {wrong} wrong"));
        }
        Ok(())
    }

    /// Ends throughway, which must not have had anything to complain about.
    pub(super) fn end(self) -> Result<()> {
        let Some(mut proxy) = self.proxy else {
            return Ok(());
        };
        let code = proxy.stop().with_context(|| self.name.clone())?;
        ensure!(
            code == Some(0),
            "{}: throughway ended with {code:?}",
            self.name
        );
        Ok(())
    }
}

fn hosts(names: impl IntoIterator<Item = String>) -> Result<Hosts> {
    let names = Vec::from_iter(names);
    Hosts::new(names.iter().map(String::as_str))
}
