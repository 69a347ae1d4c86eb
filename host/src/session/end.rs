//! The end of a session: counted, told at DEBUG, and, where asked for, in the access log.
//!
//! Owns what the access log says: who used which broker, and never a password or token.

use std::time::SystemTime;

use super::Edge;
use super::error::SessionError;
use crate::close::CloseReason;
use crate::in_full::in_full;
use crate::inventory::Entry;
use crate::licence::UnixTime;

/// Counts and tells the end of a session, once.
pub(super) fn close(edge: &Edge, entry: &Entry, ended: Result<CloseReason, SessionError>) {
    let (reason, error) = match ended {
        Ok(reason) => (reason, None),
        Err(error) => (error.close_reason(), Some(error)),
    };
    let (down, up) = entry.bytes();
    edge.metrics.listener(entry.listener).closed(reason);
    if let Some(error) = &error {
        error.tell(edge, entry.listener);
    }
    // A load balancer's health check is no session that anybody looks for.
    let silent = matches!(error, Some(SessionError::GoneSilently));
    let close_reason = reason.label();
    match error {
        Some(error) => {
            let error = in_full(&error);
            tracing::debug!(
                close_reason,
                error,
                bytes_downstream = down,
                bytes_upstream = up,
                "session closed"
            );
        }
        None => tracing::debug!(
            close_reason,
            bytes_downstream = down,
            bytes_upstream = up,
            "session closed"
        ),
    }
    if edge.config.access_log && !silent {
        access(edge, entry, close_reason);
    }
}

/// A line of its own, not one of the session's span: that may be filtered out. Texts of the client go
/// in as strings, which both formats quote: it must not be able to write fields of its own.
fn access(edge: &Edge, entry: &Entry, close_reason: &'static str) {
    let listener = edge.config.listeners.get(entry.listener);
    let route = entry.route();
    let (bytes_downstream, bytes_upstream) = entry.bytes();
    let who = entry.who();
    let (software, version) = who.software.unzip();
    let lasted = SystemTime::now().duration_since(entry.since);
    tracing::info!(
        target: "access",
        parent: None,
        connection_id = entry.id,
        listener = listener.map(|listener| listener.name.as_str()),
        client_addr = %entry.client(),
        sni = entry.server_name(),
        node_id = route.and_then(|route| route.node_id).map(|node_id| node_id.0),
        upstream_addr = route.map(|route| route.upstream.to_string()),
        since = %UnixTime::from(entry.since),
        duration_ms = u64::try_from(lasted.unwrap_or_default().as_millis()).unwrap_or(u64::MAX),
        close_reason,
        bytes_downstream,
        bytes_upstream,
        tls_version = entry.tls_version(),
        sasl_mechanism = who.mechanism.as_deref(),
        user = who.user.as_deref(),
        login = who.login.label(),
        software_name = software.as_deref(),
        software_version = version.as_deref(),
        "session"
    );
}
