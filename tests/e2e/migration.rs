//! What people have who come from the replaced product: its published `.env`, unchanged but for the
//! licence, starts throughway and serves a real client.

use std::fs;

use throughway_tests::clients::{Action, Library, Security, Task};
use throughway_tests::cluster::{self, Listener, NODE_IDS, USER};
use throughway_tests::files::TemporaryFolder;
use throughway_tests::ports;
use throughway_tests::proxy::{Settings, Upstream};

/// As its quickstart has it, line by line; the licence stands in the test's environment.
const PUBLISHED: &str = "\
KAFKA_BOOTSTRAP_SERVERS=kafka:9092
KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT
KAFKA_SASL_MECHANISM=PLAIN
KAFKA_SASL_JAAS_CONFIG=org.apache.kafka.common.security.plain.PlainLoginModule required username=\"admin\" password=\"admin-secret\";
GATEWAY_SECURITY_PROTOCOL=SASL_PLAINTEXT
GATEWAY_SECURITY_MODE=KAFKA_MANAGED
GATEWAY_ADVERTISED_HOST=localhost
GATEWAY_MIN_BROKERID=1
GATEWAY_FEATURE_FLAGS_AUDIT=false
GATEWAY_TOPIC_STORE_KCACHE_REPLICATION_FACTOR=1
GATEWAY_DATA_QUALITY_TOPIC_REPLICATION_FACTOR=1
GATEWAY_CLUSTER_ID=conduktor-passthrough-gateway
LOG4J2_IO_CONDUKTOR_PROXY_REBUILDER_COMPONENTS_LEVEL=debug
";

/// Brokers 1 to 12 and two spare.
const PORTS: u16 = 14;

#[tokio::test(flavor = "multi_thread")]
async fn the_published_env_file_serves_a_real_client() {
    let cluster = cluster::shared().await;
    let folder = TemporaryFolder::new("throughway-migration-").unwrap();
    let file = folder.path().join("gateway.env");
    fs::write(&file, PUBLISHED).unwrap();
    let mut settings = Settings::new(&cluster, Upstream::Plaintext);
    // The file wins over what the harness says of these.
    settings.unset("KAFKA_BOOTSTRAP_SERVERS");
    settings.unset("KAFKA_SECURITY_PROTOCOL");
    settings.set("GATEWAY_ENV_FILE", file.display().to_string());
    // Where the test's brokers are, and ports that nobody else has: the file says nothing of them.
    let first_broker = format!("127.0.0.1:{}", cluster.port(1, Listener::SaslPlain));
    let map = format!("kafka:9092={first_broker},{}", cluster.address_map());
    settings.set("GATEWAY_UPSTREAM_ADDRESS_MAP", map);
    settings.set("GATEWAY_UPSTREAM_ALLOWED", ".internal.test,kafka");
    let first = ports::reserve(PORTS);
    settings.set("GATEWAY_PORT_START", first.to_string());
    settings.set("GATEWAY_PORT_COUNT", PORTS.to_string());
    settings.tolerate("deprecated");
    let mut proxy = settings.start().unwrap();

    let security = Security::sasl_plaintext(USER);
    let bootstrap = format!("localhost:{first}");
    let task = Task::new(Action::RoundTrip, &bootstrap, security, "migration");
    let report = Library::Rust.run(&task, None).await.unwrap();
    assert!(report.is_complete(task.records), "{report:?}");
    let expected = NODE_IDS.map(|id| {
        let port = first + u16::try_from(id).unwrap() - 1;
        (id, format!("localhost:{port}"))
    });
    assert_eq!(Vec::from_iter(report.brokers), expected);
    assert_eq!(proxy.stop().unwrap(), Some(0));
}
