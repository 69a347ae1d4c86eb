//! Rows of the table for names of the product that throughway replaces: those that still describe a
//! listener, those that are refused, those without effect.
//!
//! Data only.

use super::Asked::{self, Excluded, Other};
use super::Preset::{Follows, Is};
use super::{Variable, ignored, legacy, refused};
use crate::excluded::Feature;

pub(super) const LEGACY: &[Variable] = &[
    legacy(
        "GATEWAY_ROUTING_MECHANISM",
        Is("port"),
        "port or host",
        "`host` is sni routing",
    ),
    legacy(
        "GATEWAY_ADVERTISED_HOST",
        Follows("the machine's host name"),
        "a host name, or with port routing an IP address",
        "the host that clients are told; with `host` routing also the name of first contact",
    ),
    legacy(
        "GATEWAY_BIND_HOST",
        Is("0.0.0.0"),
        "an IP address of this machine",
        "what to bind",
    ),
    legacy(
        "GATEWAY_PORT_START",
        Is("6969"),
        "a port from 1 to 65535",
        "the first port",
    ),
    legacy(
        "GATEWAY_PORT_COUNT",
        Follows("100 bound at start, more as higher ids are learned, at most 1000"),
        "a number from 1 to 65535; start + count must stay within 65535",
        "exactly so many ports; set it where firewalls or load balancers must know the range",
    ),
    legacy(
        "GATEWAY_ADVERTISED_SNI_PORT",
        Follows("`GATEWAY_PORT_START`"),
        "a port from 1 to 65535",
        "the port that clients are told with `host` routing",
    ),
    legacy(
        "GATEWAY_ADVERTISED_HOST_PREFIX",
        Is("broker"),
        "the beginning of a host name",
        "brokers are `<prefix>main<id><separator><advertised host>` with `host` routing",
    ),
    legacy(
        "GATEWAY_SNI_HOST_SEPARATOR",
        Is("-"),
        "`-`, `.` or other signs of host names",
        "",
    ),
    legacy(
        "GATEWAY_SECURITY_PROTOCOL",
        Follows("`KAFKA_SECURITY_PROTOCOL`"),
        "SASL_PLAINTEXT or SASL_SSL (DELEGATED_SASL_PLAINTEXT and DELEGATED_SASL_SSL mean the same)",
        "what clients speak",
    ),
];

const USAGE: Asked = Other("switching usage reporting off");

/// Names that speak of an excluded feature, whatever comes behind.
const fn speaks_of(family: &'static str, feature: Feature) -> Variable {
    refused(family, Excluded(feature), &["false", "[]"], "not set")
}

pub(super) const REFUSED: &[Variable] = &[
    refused(
        "GATEWAY_INTERCEPTOR_CONFIG_LOCATION",
        Excluded(Feature::Interceptors),
        &[],
        "a readable file that contains `[]`, or not set",
    ),
    speaks_of("GATEWAY_INTERCEPTOR*", Feature::Interceptors),
    speaks_of("GATEWAY_TOPIC_VIEW*", Feature::TopicViews),
    speaks_of("GATEWAY_ALIAS_TOPIC*", Feature::AliasTopics),
    refused(
        "GATEWAY_FEATURE_FLAGS_MANDATORY_VCLUSTER",
        Excluded(Feature::VirtualClusters),
        &["false"],
        "false, or not set",
    ),
    refused(
        "GATEWAY_FEATURE_FLAGS_MULTI_TENANCY",
        Excluded(Feature::VirtualClusters),
        &["false"],
        "false, or not set",
    ),
    refused(
        "GATEWAY_MODE",
        Excluded(Feature::VirtualClusters),
        &["KAFKA_SECURITY"],
        "not set",
    ),
    refused(
        "GATEWAY_ACL_STORE_ENABLED",
        Excluded(Feature::VirtualClusters),
        &["false"],
        "false, or not set; the brokers hold the ACLs",
    ),
    speaks_of("GATEWAY_VCLUSTER*", Feature::VirtualClusters),
    speaks_of("GATEWAY_VIRTUAL_CLUSTER*", Feature::VirtualClusters),
    refused(
        "GATEWAY_SECURITY_MODE",
        Excluded(Feature::GatewayServiceAccounts),
        &["KAFKA_MANAGED"],
        "KAFKA_MANAGED, or not set",
    ),
    refused(
        "GATEWAY_ACL_ENABLED",
        Excluded(Feature::GatewayServiceAccounts),
        &["false"],
        "false, or not set; the brokers hold the ACLs",
    ),
    refused(
        "GATEWAY_OAUTH_*",
        Excluded(Feature::GatewayServiceAccounts),
        &[],
        "not set; the brokers check tokens",
    ),
    speaks_of("GATEWAY_SERVICE_ACCOUNT*", Feature::GatewayServiceAccounts),
    speaks_of("GATEWAY_GROUP*", Feature::GatewayGroups),
    speaks_of("GATEWAY_TOPIC_CONCENTRATION*", Feature::TopicConcentration),
    speaks_of("GATEWAY_CONCENTRAT*", Feature::TopicConcentration),
    refused(
        "GATEWAY_BACKEND_KAFKA_SELECTOR",
        Excluded(Feature::Failover),
        &[],
        ONE_CLUSTER,
    ),
    refused(
        "KAFKA_<ID>_BOOTSTRAP_SERVERS",
        Excluded(Feature::Failover),
        &[],
        ONE_CLUSTER,
    ),
    refused(
        "KAFKA_<ID>_GATEWAY_ROLES",
        Excluded(Feature::Failover),
        &["upstream"],
        ONE_CLUSTER,
    ),
    speaks_of("GATEWAY_FAILOVER*", Feature::Failover),
    refused(
        "GATEWAY_FEATURE_FLAGS_ANALYTICS",
        USAGE,
        &["true"],
        "true, or not set",
    ),
    refused("GATEWAY_ANALYTICS*", USAGE, &["true"], "true, or not set"),
    refused("GATEWAY_TELEMETRY*", USAGE, &["true"], "true, or not set"),
    refused(
        "GATEWAY_USAGE_*",
        USAGE,
        &[],
        "only GATEWAY_USAGE_ENDPOINT, GATEWAY_USAGE_CA_PATH and GATEWAY_USAGE_FORWARD_PROXY",
    ),
    refused(
        "GATEWAY_UPSTREAM_CONNECTION_POOL_TYPE",
        Other("sharing upstream connections"),
        &["NONE"],
        "NONE, or not set",
    ),
];

const ONE_CLUSTER: &str = "not set; the one cluster is named by KAFKA_BOOTSTRAP_SERVERS";

const STORE: &str = "there are no internal topics";
const AUDIT: &str = "there is no audit topic; see `GATEWAY_ACCESS_LOG`";
const JVM: &str = "there is no JVM";
const LOGS: &str = "see `GATEWAY_LOG`";

pub(super) const IGNORED: &[Variable] = &[
    ignored(
        "KAFKA_SASL_*",
        "throughway keeps no Kafka account of its own",
    )
    .secret(),
    ignored(
        "KAFKA_AWS_*",
        "throughway keeps no Kafka account of its own",
    )
    .secret(),
    ignored("KAFKA_*", "only the variables of `Upstream` count"),
    ignored(
        "GATEWAY_OAUTH_USE_CC_POOL_ID",
        "clients' tokens pass unread",
    ),
    ignored(
        "GATEWAY_UPSTREAM_NUM_CONNECTION",
        "one upstream connection per client connection",
    ),
    ignored("GATEWAY_DOWNSTREAM_THREAD", "see `GATEWAY_WORKER_THREADS`"),
    ignored(
        "GATEWAY_SSL_UPDATE_CONTEXT_INTERVAL_MINUTES",
        "files are compared every 10 seconds",
    ),
    ignored(
        "GATEWAY_SSL_PRINCIPAL_MAPPING_RULES",
        "the brokers name the principal",
    ),
    ignored("GATEWAY_SUPER_USERS", "the brokers hold the ACLs"),
    ignored("GATEWAY_AUTO_CREATE_TOPICS_ENABLED", "the brokers decide"),
    ignored(
        "GATEWAY_USER_POOL_SECRET_KEY",
        "there are no local accounts",
    )
    .secret(),
    ignored(
        "GATEWAY_USER_POOL_SERVICE_ACCOUNT_REQUIRED",
        "there are no local accounts",
    ),
    ignored(
        "GATEWAY_AUTHENTICATION_CONNECTION_MAX_REAUTH_MS",
        "the brokers decide",
    ),
    ignored("GATEWAY_SECURITY_PROVIDER", JVM),
    ignored("GATEWAY_CLUSTER_ID", STORE),
    ignored("GATEWAY_GROUP_ID", STORE),
    ignored("GATEWAY_RACK_ID", "every instance serves every broker"),
    ignored(
        "GATEWAY_FEATURE_FLAGS_INTERNAL_LOAD_BALANCING",
        "every instance serves every broker",
    ),
    ignored("GATEWAY_STORE_TTL_MS", STORE),
    ignored("GATEWAY_TOPIC_STORE_KCACHE_REPLICATION_FACTOR", STORE),
    ignored("GATEWAY_LICENSE_TOPIC", STORE),
    ignored("GATEWAY_TOPIC_MAPPINGS_TOPIC", STORE),
    ignored("GATEWAY_USER_MAPPINGS_TOPIC", STORE),
    ignored("GATEWAY_CONSUMER_OFFSETS_TOPIC", STORE),
    ignored("GATEWAY_INTERCEPTOR_CONFIGS_TOPIC", STORE),
    ignored("GATEWAY_ENCRYPTION_CONFIGS_TOPIC", STORE),
    ignored("GATEWAY_ACLS_TOPIC", STORE),
    ignored("GATEWAY_AUDIT_LOG_TOPIC", STORE),
    ignored("GATEWAY_VCLUSTERS_TOPIC", STORE),
    ignored("GATEWAY_GROUPS_TOPIC", STORE),
    ignored("GATEWAY_ENCRYPTION_KEYS_TOPIC", STORE),
    ignored("GATEWAY_DATA_QUALITY_TOPIC", STORE),
    ignored("GATEWAY_DATA_QUALITY_TOPIC_*", STORE),
    ignored("GATEWAY_FEATURE_FLAGS_AUDIT", AUDIT),
    ignored("GATEWAY_AUDIT_*", AUDIT),
    ignored("LOG4J2_*", LOGS),
    ignored("JAVA_TOOL_OPTIONS", JVM),
];
