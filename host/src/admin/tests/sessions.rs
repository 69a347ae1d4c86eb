//! `connections`, `drain` and `debug`: who is there, and who is asked to go.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::inventory::{Present, Route};
use crate::kafka::introduction::Told;
use crate::kafka::{Endpoint, NodeId};

const LIST: &str = "/throughway/v1/connections";

/// A session of a client at 10.0.0.`id`, connected to this broker or still arriving.
fn session(running: &Running, id: u8, broker: Option<i32>) -> Present {
    let inventory = &running.state.drain.inventory;
    let peer = SocketAddr::from(([10, 0, 0, id], 40_000));
    let present = inventory.enter(u64::from(id), 0, peer, CancellationToken::new());
    if let Some(node_id) = broker {
        let route = Route {
            node_id: Some(NodeId(node_id)),
            upstream: Endpoint {
                host: "b1.kafka.internal".to_owned(),
                port: 9092,
            },
            provisional: false,
        };
        inventory.routed(&present, route);
    }
    present
}

fn ids(page: &Value) -> Vec<u64> {
    let connections = page["connections"].as_array().unwrap().iter();
    connections.map(|one| one["id"].as_u64().unwrap()).collect()
}

async fn post(running: &Running, path: &str, body: &str) -> Answer {
    with_body(running, "POST", path, body).await
}

async fn with_body(running: &Running, method: &str, path: &str, body: &str) -> Answer {
    let length = body.len();
    let request = format!(
        "{method} /throughway/v1/{path} HTTP/1.1\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    running.ask(ADMIN, &request).await
}

#[tokio::test]
async fn a_connection_is_told_with_what_is_known_of_it() {
    let running = Running::start().await;
    let present = session(&running, 7, Some(1));
    present.set_tls_version("TLSv1.3");
    present.set_server_name("b1.example.com");
    present.told(Told::Software {
        name: "librdkafka".into(),
        version: "2.3.0".into(),
    });
    present.told(Told::Mechanism("PLAIN".into()));
    present.add_bytes(1000, 20);
    let mut page = running.get(READER, LIST).await.json();
    let since = page["connections"][0]
        .as_object_mut()
        .unwrap()
        .remove("since");
    assert!(since.unwrap().as_str().unwrap().starts_with("20"));
    let expected = json!({
        "id": 7, "listener": "DEFAULT", "client": "10.0.0.7:40000",
        "server_name": "b1.example.com", "tls_version": "TLSv1.3",
        "broker": 1, "upstream": "b1.kafka.internal:9092", "provisional": false,
        "bytes_downstream": 1000, "bytes_upstream": 20,
        "software_name": "librdkafka", "software_version": "2.3.0",
        "sasl_mechanism": "PLAIN", "user": null, "login": "unfinished", "draining": false,
    });
    assert_eq!(page, json!({ "connections": [expected], "next": null }));
    drop(present);
    let none = json!({ "connections": [], "next": null });
    assert_eq!(running.get(READER, LIST).await.json(), none);
}

#[tokio::test]
async fn connections_come_in_pages_and_by_what_is_asked_for() {
    let running = Running::start().await;
    let brokers = [Some(1), None, Some(5), Some(1)];
    let _sessions: Vec<_> = (1..)
        .zip(brokers)
        .map(|(id, broker)| session(&running, id, broker))
        .collect();
    let mut pages = Vec::new();
    let mut after = json!(0);
    while !after.is_null() {
        let path = format!("{LIST}?limit=3&after={after}");
        let page = running.get(READER, &path).await.json();
        pages.push(ids(&page));
        after = page["next"].clone();
    }
    assert_eq!(pages, [vec![1, 2, 3], vec![4]]);
    for (query, expected) in [
        ("broker=1", vec![1, 4]),
        ("broker=9", vec![]),
        ("client=10.0.0.2", vec![2]),
        ("listener=DEFAULT&broker=5", vec![3]),
    ] {
        let page = running.get(READER, &format!("{LIST}?{query}")).await.json();
        assert_eq!(ids(&page), expected, "{query}");
    }
    for (query, status) in [
        ("limit=0", 400),
        ("limit=1001", 400),
        ("user=alice", 400),
        ("client=me", 400),
        ("listener=OTHER", 404),
    ] {
        let answer = running.get(READER, &format!("{LIST}?{query}")).await;
        answer.is_problem(status);
    }
}

#[tokio::test]
async fn one_connection_is_asked_to_end_and_no_other() {
    let running = Running::start().await;
    let (one, other) = (session(&running, 1, Some(1)), session(&running, 2, Some(1)));
    let asked = post(&running, "connections/1/drain", "").await;
    assert_eq!(asked.json(), json!({ "id": 1 }));
    one.polite.cancelled().await;
    assert!(!other.polite.is_cancelled());
    post(&running, "connections/3/drain", "")
        .await
        .is_problem(404);
    let page = running.get(READER, LIST).await.json();
    let draining = |nth: usize| page["connections"][nth]["draining"].as_bool();
    assert_eq!((draining(0), draining(1)), (Some(true), Some(false)));
}

#[tokio::test]
async fn a_drain_asks_its_part_and_keeps_newcomers_of_it_out_until_it_is_taken_back() {
    let running = Running::start().await;
    let readiness = Arc::clone(&running.state.readiness);
    let (of_one, of_five) = (session(&running, 1, Some(1)), session(&running, 2, Some(5)));
    let body = post(&running, "drain", r#"{"broker": 1}"#).await.json();
    assert_eq!(
        body,
        json!({ "drains": [{ "broker": 1 }], "asked": 1, "sessions": 2 })
    );
    of_one.polite.cancelled().await;
    assert!(readiness.is_draining() && !of_five.polite.is_cancelled());
    assert!(session(&running, 3, Some(1)).polite.is_cancelled());

    let body = post(&running, "drain", r#"{"listener": "DEFAULT"}"#)
        .await
        .json();
    assert_eq!(body["asked"], 1);
    of_five.polite.cancelled().await;
    let status = running.get(READER, "/throughway/v1/status").await.json();
    let drains = json!([{ "listener": "DEFAULT" }, { "broker": 1 }]);
    assert_eq!(
        (&status["drains"], &status["draining"]),
        (&drains, &true.into())
    );

    let back = with_body(&running, "DELETE", "drain", "").await.json();
    assert_eq!(
        (&back["drains"], &back["sessions"]),
        (&json!([]), &2.into())
    );
    assert!(!readiness.is_draining());
    let newcomer = session(&running, 4, Some(1));
    assert!(!newcomer.polite.is_cancelled());

    // Without a body it is everybody; and a process that ends takes nothing back.
    assert_eq!(
        post(&running, "drain", "").await.json()["drains"],
        json!([{}])
    );
    newcomer.polite.cancelled().await;
    running.state.drain.begin_end();
    with_body(&running, "DELETE", "drain", "")
        .await
        .is_problem(409);
    assert!(readiness.is_draining());
}

#[tokio::test]
async fn a_drain_of_what_is_not_there_changes_nothing() {
    let running = Running::start().await;
    for (body, status) in [
        (r#"{"listener": "OTHER"}"#, 404),
        (r#"{"broker": 9}"#, 404),
        (r#"{"listener": "DEFAULT", "broker": 1}"#, 400),
        (r#"{"brokers": [1]}"#, 400),
    ] {
        post(&running, "drain", body).await.is_problem(status);
    }
    assert!(!running.state.readiness.is_draining());
    assert!(running.state.drain.inventory.closed().is_empty());
}

#[tokio::test]
async fn a_client_is_told_in_full_for_some_minutes() {
    let running = Running::start().await;
    let put = async |body: &str| with_body(&running, "PUT", "debug", body).await;
    let body = put(r#"{"client": "10.1.2.3", "minutes": 10}"#).await.json();
    assert_eq!(body["client"], "10.1.2.3");
    let listed = running
        .state
        .debugging
        .set([10, 1, 2, 3].into(), Duration::ZERO);
    assert_eq!(listed, Ok(()));
    for body in [
        r#"{"client": "10.1.2.3", "minutes": 1441}"#,
        r#"{"client": "anybody", "minutes": 1}"#,
        r#"{"client": "10.1.2.3"}"#,
        "{}",
    ] {
        put(body).await.is_problem(400);
    }
    for last in 0..32 {
        let body = format!(r#"{{"client": "10.0.0.{last}", "minutes": 1}}"#);
        assert_eq!(put(&body).await.status, 200);
    }
    put(r#"{"client": "10.1.2.3", "minutes": 1}"#)
        .await
        .is_problem(409);
    assert_eq!(
        put(r#"{"client": "10.0.0.1", "minutes": 0}"#).await.status,
        200
    );
    assert_eq!(
        put(r#"{"client": "10.1.2.3", "minutes": 1}"#).await.status,
        200
    );
}
