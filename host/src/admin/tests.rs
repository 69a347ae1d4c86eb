//! `admin` over real sockets: shapes, status codes and what hostile peers meet.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

struct Running {
    address: std::net::SocketAddr,
    state: AdminState,
    shutdown: CancellationToken,
    served: JoinSet<()>,
}

impl Running {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let state = AdminState {
            metrics: Metrics::new(&["DEFAULT".to_owned()]),
            readiness: Arc::default(),
        };
        let shutdown = CancellationToken::new();
        let address = listener.local_addr().unwrap();
        let mut served = JoinSet::new();
        served.spawn(serve(listener, state.clone(), shutdown.clone()));
        Self {
            address,
            state,
            shutdown,
            served,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends one request and reads until the end: (status line, body).
    async fn send(&self, request: &str) -> (String, String) {
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.lines().next().unwrap().to_owned(), body.to_owned())
    }

    async fn get(&self, path: &str) -> (String, String) {
        self.send(&format!(
            "GET {path} HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n"
        ))
        .await
    }

    async fn get_json(&self, path: &str) -> (String, Value) {
        let (status, body) = self.get(path).await;
        (status, serde_json::from_str(&body).unwrap())
    }
}

#[tokio::test]
async fn is_ready_only_while_bound_published_licensed_and_not_draining() {
    let running = Running::start().await;
    let readiness = &running.state.readiness;
    let (status, body) = running.get_json("/health/ready").await;
    assert_eq!(status, "HTTP/1.1 503 Service Unavailable");
    assert_eq!(body["status"], "NOTREADY");
    assert_eq!(body["checks"][0]["id"], "ports");
    readiness.set_ports_bound();
    assert!(!readiness.is_ready());
    readiness.set_table_published();
    assert!(!readiness.is_ready());
    assert_eq!(
        running.get_json("/health/ready").await.1["checks"][3]["id"],
        "licence"
    );
    readiness.set_licensed(true);
    assert!(readiness.is_ready());
    let (status, body) = running.get_json("/health/ready").await;
    assert_eq!(
        (status.as_str(), &body["status"]),
        ("HTTP/1.1 200 OK", &Value::from("READY"))
    );
    readiness.set_draining(true);
    let (_, body) = running.get_json("/health/ready").await;
    assert_eq!(body["outcome"], "DOWN");
    let (status, _) = running.get("/health/live").await;
    assert_eq!(status, "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn health_tells_the_version_where_provisioning_tools_look() {
    let running = Running::start().await;
    let (_, body) = running.get_json("/health").await;
    let checks = body["checks"].as_array().unwrap();
    let build = checks.iter().find(|c| c["id"] == "buildInfo").unwrap();
    assert_eq!(build["data"]["version"], crate::build_info::VERSION);
    assert_eq!(body["outcome"], "UP");
}

#[tokio::test]
async fn metrics_are_openmetrics_text() {
    let running = Running::start().await;
    let (_, body) = running.get("/metrics").await;
    assert!(body.contains("throughway_panics_total 0") && body.ends_with("# EOF\n"));
}

#[tokio::test]
async fn other_paths_and_methods_are_told_as_json() {
    let running = Running::start().await;
    let (status, body) = running.get_json("/gateway/v2/interceptor").await;
    assert_eq!(status, "HTTP/1.1 404 Not Found");
    assert_eq!(body["title"], "Not Found");
    assert!(body["msg"].is_string() && body["cause"].is_string());
    let (status, _) = running
        .send("DELETE /health HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n")
        .await;
    assert_eq!(status, "HTTP/1.1 405 Method Not Allowed");
}

#[tokio::test]
async fn a_body_is_not_waited_for() {
    let running = Running::start().await;
    let (status, _) = running
        .send("POST /metrics HTTP/1.1\r\nhost: t\r\ncontent-length: 9999999999\r\n\r\nx")
        .await;
    assert_eq!(status, "HTTP/1.1 405 Method Not Allowed");
}

#[tokio::test(start_paused = true)]
async fn a_head_that_never_ends_is_closed() {
    let running = Running::start().await;
    for begun in ["", "GET /health HTTP/1.1\r\nx: "] {
        let mut stream = running.connect().await;
        stream.write_all(begun.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _reset = stream.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn a_head_over_the_limit_is_refused() {
    let running = Running::start().await;
    let mut stream = running.connect().await;
    let head = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(HEAD_BYTES));
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 431");
}

#[tokio::test]
async fn a_connection_over_the_cap_is_closed_at_once() {
    let running = Running::start().await;
    let mut held = Vec::new();
    for _ in 0..MOST_CONNECTIONS {
        held.push(running.connect().await);
    }
    let mut one_more = running.connect().await;
    let mut byte = [0];
    let read = one_more.read(&mut byte).await;
    assert!(!matches!(read, Ok(1..)), "{read:?}");
    drop(held);
}

#[tokio::test]
async fn shutdown_ends_idle_connections() {
    let mut running = Running::start().await;
    let mut idle = running.connect().await;
    idle.write_all(b"GET /health/live HTTP/1.1\r\nhost: t\r\n\r\n")
        .await
        .unwrap();
    let mut status = [0; 12];
    idle.read_exact(&mut status).await.unwrap();
    running.shutdown.cancel();
    running.served.join_next().await.unwrap().unwrap();
    assert!(TcpStream::connect(running.address).await.is_err());
}
