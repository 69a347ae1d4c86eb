//! `/throughway/v1/*`: what each subject says.

use super::*;
use crate::build_info;
use crate::kafka::NodeId;
use crate::usage;

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

#[tokio::test]
async fn the_address_map_is_told_and_judged_by_value() {
    let running = Running::start().await;
    let path = "/throughway/v1/address-map";
    let body = running.get(READER, path).await.json();
    assert_eq!(body["map"]["component"], "built in");
    assert_eq!(body["map"]["sha256"].as_str().unwrap().len(), 64);
    let told = &body["table"]["listeners"][0]["brokers"][0]["told"];
    assert_eq!(*told, "kafka.example.com:6970");

    let dry = format!("DELETE {path}?dryMode=true HTTP/1.1\r\n\r\n");
    let swapped = running.ask(ADMIN, &dry).await.json();
    assert_eq!(
        (&swapped["dry"], &swapped["changes"]),
        (&true.into(), &serde_json::json!([]))
    );
    running.ask(READER, &dry).await.is_problem(403);
    let unknown = format!("DELETE {path}?dry=true HTTP/1.1\r\n\r\n");
    running.ask(ADMIN, &unknown).await.is_problem(400);

    // More than other bodies may have, and refused for what it is.
    let large = "x".repeat(2 * 1024 * 1024);
    for (component, found) in [(large.as_str(), "not WebAssembly"), ("(component)", "text")] {
        let length = component.len();
        let put = format!("PUT {path} HTTP/1.1\r\ncontent-length: {length}\r\n\r\n{component}");
        let refused = running.ask(ADMIN, &put).await.is_problem(422);
        assert!(
            refused["msg"].as_str().unwrap().contains(found),
            "{refused}"
        );
        running.ask(READER, &put).await.is_problem(403);
    }
    assert_eq!(running.get(READER, path).await.json()["map"], body["map"]);
}

#[tokio::test]
async fn usage_is_told_before_and_after_it_is_sealed() {
    let running = Running::start().await;
    let path = "/throughway/v1/usage/next";
    let body = running.get(READER, path).await.json();
    // The proxy has not counted anything yet.
    assert_eq!(body["next"], Value::Null);
    let now = std::time::SystemTime::now().into();
    let setup = usage::Setup {
        container: false,
        dev_build: true,
        license_agent: false,
    };
    let facts = usage::Facts::new(&running.state.config, setup);
    let mut books = running.state.usage.open_existing(now).unwrap();
    books.add(usage::Bytes::default(), &usage::Counted::default(), &facts);
    books.save().unwrap();
    drop(books);
    let body = running.get(READER, path).await.json();
    assert_eq!(
        (&body["next"]["seq"], &body["oldest_undelivered"]),
        (&0.into(), &Value::Null)
    );
    let path_of_history = "/throughway/v1/usage/history";
    let history = running.get(READER, path_of_history).await.json();
    assert_eq!(history, serde_json::json!([]));

    let mut books = running.state.usage.open_existing(now).unwrap();
    books.seal(now).unwrap();
    let sealed = books.pending_item(0).unwrap().unwrap().token;
    drop(books);
    let body = running.get(READER, path).await.json();
    assert_eq!(body["oldest_undelivered"], sealed);
    let history = running.get(READER, path_of_history).await.json();
    assert_eq!(
        (
            &history[0]["seq"],
            &history[0]["delivered"],
            &history[0]["report"]["seq"]
        ),
        (&0.into(), &false.into(), &0.into())
    );
}
