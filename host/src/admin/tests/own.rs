//! `/throughway/v1/*`: what each subject says.

use super::*;
use crate::build_info;
use crate::kafka::NodeId;

#[tokio::test]
async fn status_tells_how_the_process_is() {
    let running = Running::start().await;
    let body = running.get(READER, "/throughway/v1/status").await.json();
    assert_eq!(body["version"], build_info::VERSION);
    assert_eq!(
        (&body["ready"], &body["draining"]),
        (&Value::from(false), &Value::from(false))
    );
    assert_eq!(body["license_state"], "valid");
    assert_eq!(body["listeners"][0]["name"], "DEFAULT");
    assert_eq!(body["brokers"], 1);
}

#[tokio::test]
async fn config_is_what_the_command_line_prints() {
    let running = Running::start().await;
    let answer = running.get(READER, "/throughway/v1/config").await;
    assert!(answer.head.contains("content-type: application/json"));
    assert_eq!(answer.json(), Value::from(serde_json::Map::new()));
}

#[tokio::test]
async fn a_broker_is_forgotten_unless_it_is_configured() {
    let running = Running::start().await;
    let delete = |id: i32| format!("DELETE /throughway/v1/topology/{id} HTTP/1.1\r\n\r\n");
    let body = running.get(READER, "/throughway/v1/topology").await.json();
    assert_eq!(body["brokers"][0]["node_id"], 1);
    assert_eq!(body["bootstrap_servers"][0], "b1.kafka.internal:9092");
    let configured = running.ask(ADMIN, &delete(1)).await.is_problem(409);
    assert!(
        configured["msg"]
            .as_str()
            .unwrap()
            .contains("GATEWAY_UPSTREAM_BROKERS")
    );
    running.ask(ADMIN, &delete(9)).await.is_problem(404);
    running.ask(READER, &delete(9)).await.is_problem(403);
    let text = "DELETE /throughway/v1/topology/x HTTP/1.1\r\n\r\n";
    running.ask(ADMIN, text).await.is_problem(404);

    let topology = &running.state.topology;
    topology
        .learn(&crate::topology::tests::found(9, "b9.kafka.internal"))
        .unwrap();
    let version = topology.snapshot().version;
    let gone = running.ask(ADMIN, &delete(9)).await;
    assert_eq!((gone.status, gone.body.as_str()), (204, ""));
    let snapshot = topology.snapshot();
    assert!(!snapshot.brokers.contains_key(&NodeId(9)) && snapshot.version == version + 1);
}

#[tokio::test]
async fn explain_tells_what_a_client_there_is_told() {
    let running = Running::start().await;
    let path = "/throughway/v1/explain?clientIp=192.0.2.1";
    let body = running.get(READER, path).await.json();
    let broker = &body["listeners"][0]["brokers"][0];
    assert_eq!(broker["node_id"], 1);
    assert_eq!(broker["told"], "kafka.example.com:6970");
    assert_eq!(broker["upstream"], "b1.kafka.internal:9092");
}

#[tokio::test]
async fn the_licence_is_told_and_its_token_is_not() {
    let running = Running::start().await;
    let shown = running.get(READER, "/throughway/v1/license").await;
    let body = shown.json();
    assert_eq!(body["state"], "valid");
    assert_eq!(body["source"], "GATEWAY_LICENSE_KEY");
    assert_eq!(body["license"]["customer"], "customer-1");
    assert!(!shown.body.contains("eyJ"), "{}", shown.body);
    let reload = "POST /throughway/v1/license/reload HTTP/1.1\r\n\r\n";
    assert_eq!(running.ask(ADMIN, reload).await.json()["state"], "valid");
}

#[tokio::test]
async fn certificates_are_told_and_looked_at_again() {
    let running = Running::start().await;
    let body = running
        .get(READER, "/throughway/v1/certificates")
        .await
        .json();
    assert_eq!(body[0]["leg"], "Admin API");
    assert_eq!(body[0]["names"][0], "localhost");
    let reload = "POST /throughway/v1/certificates/reload HTTP/1.1\r\n\r\n";
    let looks = running.ask(ADMIN, reload).await.json();
    let expected = serde_json::json!([{"leg": "Admin API", "changed": false, "error": null}]);
    assert_eq!(looks, expected);
}
