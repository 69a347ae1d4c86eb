//! Every path and method of the Admin API, one row each. A route that is not here fails a test.
//!
//! Data only.

use super::super::features::Feature;
use super::Who::{Admin, Everyone, Nobody, Reader};
use super::{Operation, Who};

const fn row(
    method: &'static str,
    path: &'static str,
    who: Who,
    summary: &'static str,
) -> Operation {
    Operation {
        method,
        path,
        who,
        summary,
        query: &[],
        tag: "throughway",
    }
}

/// A kind of the replaced product, under the tag that its CLI looks for.
const fn kind(
    method: &'static str,
    path: &'static str,
    who: Who,
    tag: &'static str,
    query: &'static [(&'static str, &'static str)],
) -> Operation {
    let summary = match who {
        Nobody(_) => "refused",
        _ => "finds nothing",
    };
    Operation {
        method,
        path,
        who,
        summary,
        query,
        tag,
    }
}

impl Operation {
    const fn query(self, query: &'static [(&'static str, &'static str)]) -> Self {
        Self { query, ..self }
    }
}

const DRY: &[(&str, &str)] = &[("dryMode", "boolean")];
const BY_NAME: &[(&str, &str)] = &[
    ("name", "string"),
    ("vcluster", "string"),
    ("showDefaults", "boolean"),
];
const BY_SCOPE: &[(&str, &str)] = &[
    ("name", "string"),
    ("global", "boolean"),
    ("vcluster", "string"),
    ("group", "string"),
    ("username", "string"),
];
const BY_TYPE: &[(&str, &str)] = &[
    ("name", "string"),
    ("vcluster", "string"),
    ("type", "string"),
    ("showDefaults", "boolean"),
];
const SESSIONS: &[(&str, &str)] = &[
    ("listener", "string"),
    ("broker", "integer"),
    ("client", "string"),
    ("after", "integer"),
    ("limit", "integer"),
];
const DEFAULTS: &[(&str, &str)] = &[("showDefaults", "boolean")];

const VIRTUAL: Who = Nobody(Feature::VirtualClusters);
const ALIAS: Who = Nobody(Feature::AliasTopics);
const CONCENTRATION: Who = Nobody(Feature::TopicConcentration);
const INTERCEPTORS: Who = Nobody(Feature::Interceptors);
const ACCOUNTS: Who = Nobody(Feature::ServiceAccounts);
const GROUPS: Who = Nobody(Feature::Groups);
const VIEWS: Who = Nobody(Feature::TopicViews);

const VIRTUAL_TAG: &str = "cli_virtual-cluster_gateway_v2_7";
const ALIAS_TAG: &str = "cli_alias-topic_gateway_v2_8";
const RULE_TAG: &str = "cli_concentration-rule_gateway_v2_9";
const ACCOUNT_TAG: &str = "cli_gateway-service-account_gateway_v2_10";
const GROUP_TAG: &str = "cli_gateway-group_gateway_v2_11";
const INTERCEPTOR_TAG: &str = "cli_interceptor_gateway_v2_12";

/// All of them.
#[rustfmt::skip]
pub(in super::super) const OPERATIONS: &[Operation] = &[
    row("GET", "/health", Everyone, "version and commit, in the check `buildInfo`"),
    row("GET", "/health/live", Everyone, "200 while the process is up"),
    row("GET", "/health/ready", Everyone, "200 when new connections should be sent here, else 503"),
    row("GET", "/metrics", Reader, "OpenMetrics text; for everyone with `GATEWAY_SECURED_METRICS=false`"),
    row("GET", "/", Reader, "the status page, for browsers"),
    row("GET", "/throughway/v1/status", Reader, "how the process is: readiness, sessions, licence, topology"),
    row("GET", "/throughway/v1/config", Reader, "the computed configuration, as `throughway config --json` prints it"),
    row("GET", "/throughway/v1/topology", Reader, "what was learned of the cluster"),
    row("DELETE", "/throughway/v1/topology/{node_id}", Admin, "forgets a broker that has left the cluster, until an answer tells of it again"),
    row("GET", "/throughway/v1/explain", Reader, "what a client at this address is told for each broker now, and why: rule, component, configuration keys").query(&[("clientIp", "string")]),
    row("GET", "/throughway/v1/address-map", Reader, "the map in effect (name, version, hash) and what it tells"),
    row("PUT", "/throughway/v1/address-map", Admin, "puts the component in the body (at most 64 MiB) into effect and keeps it over restarts; a dry run only says what would change").query(DRY),
    row("DELETE", "/throughway/v1/address-map", Admin, "goes back to the built-in map").query(DRY),
    row("GET", "/throughway/v1/connections", Reader, "who is connected to which broker, since when, bytes each way; in pages, `after` the `next` of the one before").query(SESSIONS),
    row("POST", "/throughway/v1/connections/{id}/drain", Admin, "asks one session to end politely"),
    row("POST", "/throughway/v1/drain", Admin, "not ready, no new sessions, and those there are asked to end: all (`{}`), a listener's (`{\"listener\": \"MAIN\"}`) or a broker's (`{\"broker\": 5}`); the process stays"),
    row("DELETE", "/throughway/v1/drain", Admin, "lets new sessions in again"),
    row("PUT", "/throughway/v1/debug", Admin, "logs in full what happens to one client's sessions: `{\"client\": \"10.1.2.3\", \"minutes\": 10}`; 0 minutes end it"),
    row("GET", "/throughway/v1/usage/next", Reader, "the next usage report as it would be sealed now, and the oldest one that waits to be sent, byte by byte"),
    row("GET", "/throughway/v1/usage/history", Reader, "the sealed usage reports that are kept, delivered or not"),
    row("GET", "/throughway/v1/license", Reader, "what the licence amounts to"),
    row("POST", "/throughway/v1/license/reload", Admin, "reads the licence's source again"),
    row("GET", "/throughway/v1/certificates", Reader, "the certificates that listeners and this API show, and until when"),
    row("POST", "/throughway/v1/certificates/reload", Admin, "compares certificates, keys and trust with their files now"),
    row("GET", "/gateway/v2/docs", Reader, "this API as an OpenAPI document"),
    row("GET", "/gateway/v2/analytics/lived", Reader, "a usage snapshot in the replaced product's form"),
    kind("GET", "/gateway/v2/virtual-cluster", Reader, VIRTUAL_TAG, &[]),
    kind("PUT", "/gateway/v2/virtual-cluster", VIRTUAL, VIRTUAL_TAG, DRY),
    kind("GET", "/gateway/v2/virtual-cluster/{name}", Reader, VIRTUAL_TAG, &[]),
    kind("DELETE", "/gateway/v2/virtual-cluster/{name}", VIRTUAL, VIRTUAL_TAG, &[]),
    kind("GET", "/gateway/v2/alias-topic", Reader, ALIAS_TAG, BY_NAME),
    kind("PUT", "/gateway/v2/alias-topic", ALIAS, ALIAS_TAG, DRY),
    kind("DELETE", "/gateway/v2/alias-topic", ALIAS, ALIAS_TAG, &[]),
    kind("GET", "/gateway/v2/concentrated-topic", Reader, "cli_concentrated-topic_gateway_v2_0", BY_NAME),
    kind("GET", "/gateway/v2/concentration-rule", Reader, RULE_TAG, BY_NAME),
    kind("PUT", "/gateway/v2/concentration-rule", CONCENTRATION, RULE_TAG, DRY),
    kind("DELETE", "/gateway/v2/concentration-rule", CONCENTRATION, RULE_TAG, &[]),
    kind("GET", "/gateway/v2/interceptor", Reader, INTERCEPTOR_TAG, BY_SCOPE),
    kind("PUT", "/gateway/v2/interceptor", INTERCEPTORS, INTERCEPTOR_TAG, DRY),
    kind("DELETE", "/gateway/v2/interceptor/{name}", INTERCEPTORS, INTERCEPTOR_TAG, &[]),
    kind("POST", "/gateway/v2/interceptor/resolve", Reader, "interceptor", &[]),
    kind("GET", "/gateway/v2/plugin", Reader, "plugin", &[]),
    kind("GET", "/gateway/v2/service-account", Reader, ACCOUNT_TAG, BY_TYPE),
    kind("PUT", "/gateway/v2/service-account", ACCOUNTS, ACCOUNT_TAG, DRY),
    kind("DELETE", "/gateway/v2/service-account", ACCOUNTS, ACCOUNT_TAG, &[]),
    kind("GET", "/gateway/v2/group", Reader, GROUP_TAG, DEFAULTS),
    kind("PUT", "/gateway/v2/group", GROUPS, GROUP_TAG, DRY),
    kind("GET", "/gateway/v2/group/{name}", Reader, GROUP_TAG, DEFAULTS),
    kind("DELETE", "/gateway/v2/group/{name}", GROUPS, GROUP_TAG, &[]),
    kind("POST", "/gateway/v2/token", ACCOUNTS, "token", &[]),
    kind("GET", "/gateway/v2/topic-view", Reader, "topic-view", &[]),
    kind("PUT", "/gateway/v2/topic-view", VIEWS, "topic-view", DRY),
    kind("DELETE", "/gateway/v2/topic-view", VIEWS, "topic-view", &[]),
    kind("POST", "/admin/pclusters/v1/pcluster/{name}/switch", Nobody(Feature::Failover), "v1", &[("to", "string")]),
];
