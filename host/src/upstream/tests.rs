//! Dialling: where to, whom not to, and in what time.

use std::time::Duration;

use tokio::net::TcpListener;

use super::*;
use crate::config;

fn upstream(variables: &[(&str, &str)]) -> Upstream {
    let set = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let fixed = [
        ("KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT"),
        ("GATEWAY_SECURITY_PROTOCOL", "SASL_PLAINTEXT"),
        ("GATEWAY_SECURITY_MODE", "KAFKA_MANAGED"),
    ];
    let environment = fixed.iter().chain(variables).map(set).collect();
    let given = config::Given {
        environment,
        cores: 1,
        ..config::Given::default()
    };
    let config = config::parse(&given).expect("a good configuration").config;
    Upstream::new(
        Arc::new(config.upstream),
        None,
        config.tcp,
        Duration::from_millis(500),
    )
}

fn endpoint(host: &str, port: u16) -> Endpoint {
    Endpoint {
        host: host.to_owned(),
        port,
    }
}

#[tokio::test]
async fn dials_where_the_operator_says_instead_of_where_the_name_leads() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = server.local_addr().unwrap().port();
    let upstream = upstream(&[
        ("KAFKA_BOOTSTRAP_SERVERS", "b1.internal.test:9092"),
        (
            "GATEWAY_UPSTREAM_ADDRESS_MAP",
            &format!("b1.internal.test:9092=127.0.0.1:{port}"),
        ),
    ]);
    let broker = endpoint("b1.internal.test", 9092);
    let (dialled, accepted) = tokio::join!(upstream.dial(&broker), server.accept());
    assert!(dialled.is_ok() && accepted.is_ok());
}

#[tokio::test]
async fn refuses_a_name_that_resolves_to_loopback() {
    // The name is allowed; what it leads to is not (DNS rebinding).
    let upstream = upstream(&[
        ("KAFKA_BOOTSTRAP_SERVERS", "kafka.internal.test:9092"),
        ("GATEWAY_UPSTREAM_ALLOWED", "localhost,.internal.test"),
    ]);
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = server.local_addr().unwrap().port();
    let refused = upstream.dial(&endpoint("localhost", port)).await;
    assert!(
        matches!(refused, Err(DialError::NotAllowed { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn goes_on_to_the_next_bootstrap_server() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = server.local_addr().unwrap().port();
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dead_port = dead.local_addr().unwrap().port();
    drop(dead);
    let servers = format!("127.0.0.1:{dead_port},127.0.0.1:{port}");
    let upstream = upstream(&[("KAFKA_BOOTSTRAP_SERVERS", servers.as_str())]);
    for _ in 0..3 {
        let (_, dialled) = upstream
            .dial_bootstrap()
            .await
            .expect("the second one lives");
        assert_eq!(dialled, endpoint("127.0.0.1", port));
    }
}

#[tokio::test]
async fn tries_a_few_learned_brokers_from_another_one_on_each_time() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let lives = endpoint("127.0.0.1", server.local_addr().unwrap().port());
    let upstream = upstream(&[
        ("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1"),
        ("GATEWAY_UPSTREAM_ALLOWED", "127.0.0.0/8"),
    ]);
    let mut brokers = vec![endpoint("127.0.0.1", 1); 2];
    brokers.extend(vec![endpoint("127.0.0.1", 2); MOST_LEARNED]);
    brokers.push(lives.clone());
    let mut reached = 0;
    // Bootstrap servers are not tried again: so many turns there are.
    for _ in 0..=MOST_LEARNED {
        if let Ok((_, dialled)) = upstream.dial_learned(brokers.iter()).await {
            assert_eq!(dialled, lives);
            reached += 1;
        }
    }
    assert_eq!(reached, MOST_LEARNED);
}

#[tokio::test]
async fn never_dials_what_this_process_listens_on() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = server.local_addr().unwrap().port();
    // Allowed three times over: as a bootstrap server, by rule and by the address map.
    let upstream = upstream(&[
        ("KAFKA_BOOTSTRAP_SERVERS", &format!("127.0.0.1:{port}")),
        ("GATEWAY_UPSTREAM_ALLOWED", "127.0.0.0/8,.internal.test"),
        ("GATEWAY_UPSTREAM_ADDRESS_MAP", "b1.internal.test=127.0.0.1"),
    ]);
    let own = endpoint("127.0.0.1", port);
    assert!(upstream.dial(&own).await.is_ok(), "nothing is ours yet");
    upstream.own().add(server.local_addr().unwrap());
    for to in [own, endpoint("b1.internal.test", port)] {
        let refused = upstream.dial(&to).await;
        assert!(
            matches!(refused, Err(DialError::OwnListener { .. })),
            "{refused:?}"
        );
    }
    let refused = upstream.dial_bootstrap().await;
    assert!(matches!(refused, Err(DialError::OwnListener { .. })));
}
