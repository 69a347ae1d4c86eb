//! Tests of refused, ignored and unknown variables.

use super::*;

#[test]
fn variables_of_excluded_features_are_refused_by_feature() {
    use crate::excluded::Feature::*;
    for (name, value, feature) in [
        ("GATEWAY_INTERCEPTORS", "[{}]", Interceptors),
        ("GATEWAY_TOPIC_VIEWS_ENABLED", "true", TopicViews),
        ("GATEWAY_ALIAS_TOPICS", "a=b", AliasTopics),
        (
            "GATEWAY_FEATURE_FLAGS_MANDATORY_VCLUSTER",
            "true",
            VirtualClusters,
        ),
        (
            "GATEWAY_FEATURE_FLAGS_MULTI_TENANCY",
            "true",
            VirtualClusters,
        ),
        ("GATEWAY_MODE", "VCLUSTER", VirtualClusters),
        ("GATEWAY_ACL_STORE_ENABLED", "true", VirtualClusters),
        (
            "GATEWAY_SECURITY_MODE",
            "GATEWAY_MANAGED",
            GatewayServiceAccounts,
        ),
        ("GATEWAY_ACL_ENABLED", "true", GatewayServiceAccounts),
        (
            "GATEWAY_OAUTH_JWKS_URL",
            "https://x",
            GatewayServiceAccounts,
        ),
        ("GATEWAY_SERVICE_ACCOUNTS", "x", GatewayServiceAccounts),
        ("GATEWAY_GROUPS", "x", GatewayGroups),
        ("GATEWAY_TOPIC_CONCENTRATION_RULES", "x", TopicConcentration),
        ("GATEWAY_CONCENTRATED_TOPICS", "x", TopicConcentration),
        (
            "GATEWAY_BACKEND_KAFKA_SELECTOR",
            "file: {path: /c}",
            Failover,
        ),
        ("KAFKA_MAIN_BOOTSTRAP_SERVERS", "a:1", Failover),
        ("KAFKA_FAILOVER_BOOTSTRAP_SERVERS", "a:1", Failover),
        ("KAFKA_FAILOVER_SASL_MECHANISM", "PLAIN", Failover),
        ("KAFKA_B_GATEWAY_ROLES", "failover", Failover),
    ] {
        let told = format!(
            "{name}={value}: {}: excluded by the licence",
            feature.name()
        );
        refuses(&[(name, value)], &[&told]);
    }
}

#[test]
fn variables_that_ask_for_what_throughway_does_not_do_are_refused() {
    for (name, value, what) in [
        (
            "GATEWAY_FEATURE_FLAGS_ANALYTICS",
            "false",
            "usage reporting",
        ),
        ("GATEWAY_USAGE_ENABLED", "false", "usage reporting"),
        ("GATEWAY_USAGE_INTERVAL_HOURS", "100000", "usage reporting"),
        ("GATEWAY_ANALYTICS_ENABLED", "false", "usage reporting"),
        ("GATEWAY_TELEMETRY", "off", "usage reporting"),
        (
            "GATEWAY_UPSTREAM_CONNECTION_POOL_TYPE",
            "ROUND_ROBIN",
            "sharing upstream connections",
        ),
    ] {
        let told = [&format!("{name}={value}"), what, "not part of throughway"];
        refuses(&[(name, value)], &told);
    }
}

#[test]
fn harmless_values_of_the_same_variables_pass() {
    let parsed = accepted(&[
        ("GATEWAY_SECURITY_MODE", "kafka_managed"),
        ("GATEWAY_ACL_ENABLED", "false"),
        ("GATEWAY_FEATURE_FLAGS_ANALYTICS", "true"),
        ("GATEWAY_UPSTREAM_CONNECTION_POOL_TYPE", "NONE"),
        ("KAFKA_MAIN_GATEWAY_ROLES", "upstream"),
        ("GATEWAY_OAUTH_JWKS_URL", ""),
    ]);
    assert_eq!(notices(&parsed), Vec::<String>::new());
    let mode = value_of(&parsed, "GATEWAY_SECURITY_MODE");
    assert_eq!(mode, Some(("kafka_managed", "environment".to_owned())));
}

#[test]
fn an_interceptor_file_may_hold_an_empty_list_only() {
    let mut given = with(&[("GATEWAY_INTERCEPTOR_CONFIG_LOCATION", "/i.json")]);
    let named = given.files_named();
    assert_eq!(
        named,
        [(
            "GATEWAY_INTERCEPTOR_CONFIG_LOCATION",
            PathBuf::from("/i.json")
        )]
    );
    let mut said = |text: Result<&str, &str>| {
        let text = text.map(str::to_owned).map_err(str::to_owned);
        let file = FileText {
            path: PathBuf::from("/i.json"),
            text,
        };
        given.files = BTreeMap::from([("GATEWAY_INTERCEPTOR_CONFIG_LOCATION".to_owned(), file)]);
        parse(&given)
            .err()
            .map(|refused| refused.to_string())
            .unwrap_or_default()
    };
    assert_eq!(said(Ok(" []\n")), "");
    assert_eq!(said(Ok("")), "");
    assert!(said(Ok("[{}]")).contains("Interceptors: excluded by the licence; the file has 1"));
    assert!(said(Ok("{}")).contains("not a JSON list"));
    assert!(said(Ok("[")).contains("not JSON"));
    assert!(said(Err("gone")).contains("cannot be read: gone"));
}

#[test]
fn variables_without_effect_are_named_in_one_line() {
    let parsed = accepted(&[
        ("GATEWAY_CLUSTER_ID", "gateway"),
        ("GATEWAY_USER_POOL_SECRET_KEY", "hush"),
        ("GATEWAY_AUDIT_LOG_NUM_PARTITIONS_OF_TOPIC", "3"),
        ("GATEWAY_OAUTH_USE_CC_POOL_ID", "true"),
        ("LOG4J2_IO_CONDUKTOR_LEVEL", "debug"),
        ("KAFKA_CLIENT_ID", "x"),
        ("KAFKA_SASL_MECHANISM", "PLAIN"),
        ("KAFKA_SASL_JAAS_CONFIG", "hush"),
    ]);
    let account = "note: throughway keeps no Kafka account of its own, no effect: \
                   KAFKA_SASL_JAAS_CONFIG, KAFKA_SASL_MECHANISM";
    let ignored = "note: accepted without effect: GATEWAY_AUDIT_LOG_NUM_PARTITIONS_OF_TOPIC, \
                   GATEWAY_CLUSTER_ID, GATEWAY_OAUTH_USE_CC_POOL_ID, GATEWAY_USER_POOL_SECRET_KEY, \
                   KAFKA_CLIENT_ID, LOG4J2_IO_CONDUKTOR_LEVEL";
    assert_eq!(notices(&parsed), [account, ignored]);
}

#[test]
fn unknown_variables_are_warnings_with_the_nearest_name() {
    let parsed = accepted(&[
        ("GATEWAY_HTTP_PROT", "1"),
        ("GATEWAY_XYZZY_PLUGH_FROBNICATE", "1"),
        ("KAFKA_SSL_TRUSTORE_LOCATION", "/t"),
        ("PATH", "/bin"),
    ]);
    let said = notices(&parsed);
    for expected in [
        "warning: unknown variable GATEWAY_HTTP_PROT, did you mean GATEWAY_HTTP_PORT?",
        "warning: unknown variable GATEWAY_XYZZY_PLUGH_FROBNICATE",
        "warning: KAFKA_SSL_TRUSTORE_LOCATION has no effect, \
         did you mean KAFKA_SSL_TRUSTSTORE_LOCATION?",
    ] {
        assert!(
            said.iter().any(|line| line == expected),
            "{expected} in {said:#?}"
        );
    }
}

#[test]
fn warnings_come_with_the_errors_they_may_explain() {
    let pairs = [
        ("KAFKA_BOOTSTRAP_SERVER", "a:1"),
        ("KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT"),
    ];
    let said = parse(&given(&pairs)).unwrap_err().to_string();
    let expected = "warning: KAFKA_BOOTSTRAP_SERVER has no effect, \
                    did you mean KAFKA_BOOTSTRAP_SERVERS?";
    assert!(said.contains(expected), "{said}");
}

#[test]
fn variables_of_other_owners_are_kept_for_them() {
    let parsed = accepted(&[
        ("GATEWAY_LICENSE_FILE", "/l"),
        ("GATEWAY_USAGE_FORWARD_PROXY", "http://u:hush@proxy:3128"),
    ]);
    assert_eq!(notices(&parsed), [""; 0]);
    assert_eq!(
        parsed.later.keys().collect::<Vec<_>>(),
        ["GATEWAY_LICENSE_FILE"]
    );
    let proxy = value_of(&parsed, "GATEWAY_USAGE_FORWARD_PROXY");
    assert_eq!(
        proxy,
        Some(("http://[redacted]@proxy:3128", "environment".to_owned()))
    );
    let stage = value_of(&parsed, "GATEWAY_LICENSE_SECRET_STAGE");
    assert_eq!(stage, Some(("AWSCURRENT", "default".to_owned())));
}

#[test]
fn an_endpoint_that_is_none_switches_no_reporting_off() {
    for value in [
        "off",
        "none",
        "false",
        "/dev/null",
        "http://sink.test",
        "https://",
    ] {
        let error = format!("GATEWAY_USAGE_ENDPOINT={value}: ");
        refuses(&[("GATEWAY_USAGE_ENDPOINT", value)], &[&error, "https://"]);
    }
    let parsed = accepted(&[("GATEWAY_USAGE_ENDPOINT", " ")]);
    assert_eq!(parsed.config.usage.endpoint, None);
}
