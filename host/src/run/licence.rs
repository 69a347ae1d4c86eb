//! What follows from the licence for everybody else, whenever it was looked at.
//!
//! It must not know what makes a licence count.

use crate::admin::Readiness;
use crate::licence::UnixTime;
use crate::session::Edge;

/// Readiness and metrics, as of now.
pub(super) fn publish(edge: &Edge, readiness: &Readiness, now: UnixTime) {
    readiness.set_licensed(edge.licence.allows_new_sessions());
    edge.metrics.set_licence(&edge.licence.status(now));
}
