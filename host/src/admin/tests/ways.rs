//! What each way in gives: HTTPS with users, plain HTTP, the control socket, behind a load balancer.

use std::os::unix::fs::PermissionsExt;

use tokio::net::UnixStream;

use super::*;

const NOBODY: &str = "";

#[tokio::test]
async fn over_https_users_do_what_their_role_allows() {
    let running = Running::start().await;
    for (credentials, get, post) in [
        (NOBODY, 401, 401),
        (WRONG, 401, 401),
        ("stranger:secret", 401, 401),
        (READER, 200, 403),
        (ADMIN, 200, 200),
    ] {
        let answer = running.get(credentials, "/throughway/v1/status").await;
        assert_eq!(answer.status, get, "{credentials}");
        let reload = "POST /throughway/v1/certificates/reload HTTP/1.1\r\n\r\n";
        let answer = running.ask(credentials, reload).await;
        assert_eq!(answer.status, post, "{credentials} {answer:?}");
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_are_told_the_same() {
    let running = Running::start().await;
    let wrong = running.get(WRONG, "/throughway/v1/status").await;
    let unknown = running.get("nobody:x", "/throughway/v1/status").await;
    let date = |head: &str| {
        let lines = head.lines().filter(|line| !line.starts_with("date:"));
        lines.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(wrong.body, unknown.body);
    assert_eq!(date(&wrong.head), date(&unknown.head));
    assert!(wrong.head.contains("www-authenticate: basic realm="));
    let body = wrong.is_problem(401);
    assert_eq!(body["title"], "The given credentials are not valid");
}

#[tokio::test]
async fn over_plain_http_there_is_health_and_no_more() {
    let running = Running::start().await;
    for path in ["/health", "/health/live"] {
        assert_eq!(running.ask_plainly(path).await.status, 200, "{path}");
    }
    for path in ["/metrics", "/", "/throughway/v1/status", "/health/"] {
        let answer = running.ask_plainly(path).await;
        let body = answer.is_problem(426);
        assert_eq!(body["cause"], "use https:// on the same port");
        assert!(answer.head.contains("upgrade: tls/1.2, http/1.1"));
    }
}

#[tokio::test]
async fn metrics_need_a_user_unless_they_are_open() {
    let secured = Running::start().await;
    assert_eq!(secured.get(NOBODY, "/metrics").await.status, 401);
    let text = secured.get(READER, "/metrics").await;
    assert!(text.body.contains("throughway_panics_total 0") && text.body.ends_with("# EOF\n"));
    let unusual = Unusual {
        open_metrics: true,
        ..Unusual::default()
    };
    let open = Running::start_with(unusual).await;
    assert_eq!(open.get(NOBODY, "/metrics").await.status, 200);
    assert_eq!(open.ask_plainly("/metrics").await.status, 200);
    open.ask_plainly("/metrics/").await.is_problem(426);
}

#[tokio::test]
async fn is_ready_only_while_bound_published_licensed_and_not_draining() {
    let running = Running::start().await;
    let readiness = &running.state.readiness;
    let answer = running.ask_plainly("/health/ready").await;
    assert_eq!(answer.status, 503);
    let body = answer.json();
    assert_eq!(body["status"], "NOTREADY");
    assert_eq!(body["checks"][0]["id"], "ports");
    readiness.set_ports_bound();
    readiness.set_table_published();
    assert!(!readiness.is_ready());
    readiness.set_licensed(true);
    assert!(readiness.is_ready());
    let answer = running.get(NOBODY, "/health/ready").await;
    assert_eq!(
        (answer.status, &answer.json()["status"]),
        (200, &Value::from("READY"))
    );
    readiness.set_draining(true);
    assert_eq!(
        running.ask_plainly("/health/ready").await.json()["outcome"],
        "DOWN"
    );
    assert_eq!(running.ask_plainly("/health/live").await.status, 200);
}

#[tokio::test]
async fn health_tells_the_version_where_provisioning_tools_look() {
    let running = Running::start().await;
    let body = running.get(NOBODY, "/health").await.json();
    let checks = body["checks"].as_array().unwrap();
    let build = checks.iter().find(|c| c["id"] == "buildInfo").unwrap();
    assert_eq!(build["data"]["version"], crate::build_info::VERSION);
    assert_eq!(body["outcome"], "UP");
}

#[tokio::test]
async fn the_control_socket_gives_everything_to_its_owner_and_group() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.sock");
    // What a run that was killed leaves behind is replaced.
    std::fs::write(&path, "").unwrap();
    let mut socket = ControlSocket::bind(&path).unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let shutdown = CancellationToken::new();
    let mut served = JoinSet::new();
    let state = state(true, &folder);
    served.spawn(serve_locally(
        socket.listener().unwrap(),
        state,
        shutdown.clone(),
    ));
    for (request, status) in [
        ("GET /throughway/v1/status", 200),
        ("POST /throughway/v1/license/reload", 200),
        ("PUT /gateway/v2/interceptor", 403),
        ("GET /nowhere", 404),
    ] {
        let stream = UnixStream::connect(&path).await.unwrap();
        let request = with_credentials(&format!("{request} HTTP/1.1\r\n\r\n"), "");
        assert_eq!(exchange(stream, &request).await.status, status, "{request}");
    }
    shutdown.cancel();
    served.join_next().await.unwrap().unwrap();
    drop(socket);
    assert!(!path.exists());
}

/// v2, IPv4 over TCP, from 192.0.2.7.
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\x7f\0\0\x01\x10\x00\x22\xb8";
const V2_LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
const V1: &[u8] = b"PROXY TCP4 192.0.2.7 127.0.0.1 4096 8888\r\n";

/// A running API behind a load balancer on this machine.
async fn balanced() -> Running {
    let trusted = Cidr {
        network: "127.0.0.0".parse().unwrap(),
        prefix: 8,
    };
    Running::start_with(Unusual {
        trusted: vec![trusted],
        ..Unusual::default()
    })
    .await
}

#[tokio::test]
async fn a_load_balancer_may_put_a_proxy_header_in_front() {
    let running = balanced().await;
    for header in [V1, V2, V2_LOCAL, b"PROXY UNKNOWN\r\n", b""] {
        // Whole, together with what follows, and byte by byte.
        for pace in [header.len().max(1), 1] {
            let mut stream = running.connect().await;
            stream.set_nodelay(true).unwrap();
            for piece in header.chunks(pace) {
                stream.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
            let stream = running.secure(stream).await.unwrap();
            let request = "GET /throughway/v1/status HTTP/1.1\r\n\r\n";
            let answer = exchange(stream, &with_credentials(request, ADMIN)).await;
            assert_eq!(answer.status, 200, "{header:?}");
        }
        let mut stream = running.connect().await;
        stream.write_all(header).await.unwrap();
        let request = with_credentials("GET /health/live HTTP/1.1\r\n\r\n", "");
        assert_eq!(exchange(stream, &request).await.status, 200, "{header:?}");
    }
    let mut together = running.connect().await;
    together
        .write_all(&[V2, b"GET /health/live HT"].concat())
        .await
        .unwrap();
    let rest = "TP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n";
    assert_eq!(exchange(together, rest).await.status, 200);
}

#[tokio::test]
async fn only_the_first_header_is_one_and_a_bad_one_ends_the_connection() {
    let running = balanced().await;
    for start in [
        [V2, V2].concat(),
        [V1, V1].concat(),
        b"PROXY TCP4 192.0.2.7\r\n".to_vec(),
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff".to_vec(),
        [&b"PROXY "[..], &[b'x'; 200]].concat(),
    ] {
        let mut stream = running.connect().await;
        stream.write_all(&start).await.unwrap();
        let request = with_credentials("GET /health/live HTTP/1.1\r\n\r\n", "");
        let answer = exchange_with_reset(stream, &request).await;
        assert!(!answer.contains(" 200 "), "{start:?}: {answer}");
    }
}

#[tokio::test]
async fn from_anywhere_else_a_proxy_header_is_refused() {
    let running = Running::start().await;
    for header in [V1, V2, V2_LOCAL] {
        let mut stream = running.connect().await;
        stream.write_all(header).await.unwrap();
        let request = with_credentials("GET /health/live HTTP/1.1\r\n\r\n", "");
        let answer = exchange_with_reset(stream, &request).await;
        assert_eq!(answer, "", "{header:?}");
        let mut stream = running.connect().await;
        stream.write_all(header).await.unwrap();
        assert!(running.secure(stream).await.is_err(), "{header:?}");
    }
    // What only begins like one is a request.
    let post = "OST /health HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n";
    let mut stream = running.connect().await;
    stream.write_all(b"P").await.unwrap();
    assert_eq!(exchange(stream, post).await.status, 426);
}

/// As `exchange` where the other side may have closed already.
async fn exchange_with_reset(mut stream: TcpStream, request: &str) -> String {
    let _reset = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let _reset = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}
