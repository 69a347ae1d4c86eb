//! Peers that say nothing, too much, or never stop.

use super::server::MOST_CONNECTIONS;
use super::*;

#[tokio::test]
async fn unknown_paths_and_methods_are_told_as_every_error() {
    let running = Running::start().await;
    let body = running.get(ADMIN, "/nowhere").await.is_problem(404);
    assert_eq!(body["msg"], "there is nothing at /nowhere");
    running
        .get(ADMIN, "/throughway/v1/nowhere")
        .await
        .is_problem(404);
    running
        .get(ADMIN, "/throughway/v1/status/")
        .await
        .is_problem(404);
    let delete = "DELETE /health HTTP/1.1\r\n\r\n";
    running.ask(ADMIN, delete).await.is_problem(405);
    let put = "PUT /throughway/v1/status HTTP/1.1\r\n\r\n";
    let body = running.ask(ADMIN, put).await.is_problem(405);
    assert_eq!(body["msg"], "/throughway/v1/status does not answer to PUT");
    running
        .get(ADMIN, "/throughway/v1/explain?clientIp=x")
        .await
        .is_problem(400);
}

#[tokio::test]
async fn the_body_of_a_refused_request_is_not_waited_for() {
    let running = Running::start().await;
    for (length, credentials, status) in [(9_999_999_999_u64, WRONG, 401), (10, ADMIN, 403)] {
        let request =
            format!("PUT /gateway/v2/interceptor HTTP/1.1\r\ncontent-length: {length}\r\n\r\nx");
        running.ask(credentials, &request).await.is_problem(status);
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let running = Running::start().await;
    let resolve = |body: &str| {
        format!(
            "POST /gateway/v2/interceptor/resolve HTTP/1.1\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let large = resolve(&format!("{{\"username\":\"{}\"}}", "x".repeat(BODY_BYTES)));
    running.ask(READER, &large).await.is_problem(413);
    running.ask(READER, &resolve("[")).await.is_problem(400);
    let fine = resolve("{\"username\":\"x\",\"groups\":[\"g\"]}");
    assert_eq!(running.ask(READER, &fine).await.body, "[]");
}

#[tokio::test(start_paused = true)]
async fn what_never_becomes_a_request_is_closed() {
    let running = Running::start().await;
    for begun in [
        "",
        "GET /health HTTP/1.1\r\nx: ",
        "\u{16}\u{3}",
        "PROXY TC",
        "P",
    ] {
        let mut stream = running.connect().await;
        stream.write_all(begun.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _reset = stream.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{begun}");
    }
}

#[tokio::test]
async fn a_head_over_the_limit_is_refused() {
    let running = Running::start().await;
    let mut stream = running.connect().await;
    let head = format!("GET /health HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(1 << 17));
    let _reset = stream.write_all(head.as_bytes()).await;
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 431");
}

#[tokio::test]
async fn connections_that_wait_make_room_for_new_ones() {
    let running = Running::start().await;
    let mut held = Vec::new();
    for _ in 0..MOST_CONNECTIONS + 1 {
        held.push(running.connect().await);
        // The server is to see them one after the other.
        tokio::task::yield_now().await;
    }
    assert_eq!(running.ask_plainly("/health/live").await.status, 200);
    let mut byte = [0];
    let read = held[0].read(&mut byte).await;
    assert!(!matches!(read, Ok(1..)), "{read:?}");
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
