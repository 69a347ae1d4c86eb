//! Every path × method × credentials × licence × way of writing the path: exactly the specified status.
//!
//! What is expected is worked out here from the table of operations and from rules of this file's own,
//! not by the code that decides.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use tokio::io::DuplexStream;

use super::openapi::{OPERATIONS, Operation, Who};
use super::server::{Front, Shared};
use super::*;
use crate::slots::Slots;

const METHODS: [&str; 7] = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"];

/// Collections and items that no feature of ours is behind, and paths that never were.
const OTHERS: [&str; 5] = [
    "/gateway/v2/interceptors",
    "/gateway/v1/interceptor",
    "/admin/interceptors/v1/all",
    "/throughway/v1",
    "/nowhere/at/all",
];

/// Paths below these belong to features that are not there.
const EXCLUDED: [(&str, &str); 11] = [
    ("/gateway/v2/virtual-cluster", "Virtual Clusters"),
    ("/gateway/v2/alias-topic", "Alias topics"),
    ("/gateway/v2/concentrated-topic", "Topic concentration"),
    ("/gateway/v2/concentration-rule", "Topic concentration"),
    ("/gateway/v2/interceptor", "Interceptors"),
    ("/gateway/v2/plugin", "Interceptors"),
    ("/gateway/v2/service-account", "Gateway service accounts"),
    ("/gateway/v2/token", "Gateway service accounts"),
    ("/gateway/v2/group", "Gateway groups"),
    ("/gateway/v2/topic-view", "Topic views"),
    ("/admin/interceptors", "Interceptors"),
];

const QUESTION: (&str, &str) = ("POST", "/gateway/v2/interceptor/resolve");

const DEBUG: &str = "/throughway/v1/debug";

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Credentials {
    None,
    Wrong,
    Reader,
    Admin,
    AdminTwice,
}

const CREDENTIALS: [Credentials; 5] = [
    Credentials::None,
    Credentials::Wrong,
    Credentials::Reader,
    Credentials::Admin,
    Credentials::AdminTwice,
];

impl Credentials {
    fn headers(self) -> String {
        let line = |user: &str| {
            let token = Base64::encode_string(user.as_bytes());
            format!("authorization: Basic {token}\r\n")
        };
        match self {
            Self::None => String::new(),
            Self::Wrong => line(WRONG),
            Self::Reader => line(READER),
            Self::Admin => line(ADMIN),
            Self::AdminTwice => line(ADMIN) + &line(ADMIN),
        }
    }
}

/// A way of writing a request: the path, more headers, and whether the path is still the same.
type Trick = (&'static str, fn(&str) -> String, &'static str, bool);

const OVERRIDES: &str = "x-http-method-override: GET\r\nx-method-override: GET\r\n\
    x-original-url: /health\r\nx-rewrite-url: /health\r\nx-forwarded-proto: https\r\n";

const TRICKS: [Trick; 10] = [
    ("as it is", str::to_owned, "", true),
    ("absolute", |p| format!("http://elsewhere{p}"), "", true),
    ("overrides", str::to_owned, OVERRIDES, true),
    ("//", |p| format!("/{p}"), "", false),
    ("/./", |p| format!("/.{p}"), "", false),
    ("%2e", |p| format!("/%2e{p}"), "", false),
    ("%2F", |p| p.replacen('/', "/%2F", 1), "", false),
    (";x", |p| format!("{p};x"), "", false),
    ("trailing slash", |p| format!("{p}/"), "", false),
    ("upper case", str::to_uppercase, "", false),
];

/// What is asked.
#[derive(Clone, Copy, Debug)]
struct Asked {
    method: &'static str,
    /// With its variable parts in braces.
    template: &'static str,
    credentials: Credentials,
    exact: bool,
}

#[derive(Debug, Eq, PartialEq)]
enum Expected {
    Status(u16),
    /// 403, naming it.
    Excluded(&'static str),
}

impl Asked {
    fn is(&self, operation: &Operation) -> bool {
        let head_of_get = self.method == "HEAD" && operation.method == "GET";
        operation.path == self.template && (operation.method == self.method || head_of_get)
    }

    fn excluded(&self) -> Option<&'static str> {
        if self.template.starts_with("/admin/pclusters/") {
            return Some("Failover");
        }
        let reads = ["GET", "HEAD", "OPTIONS"].contains(&self.method);
        let asks = self.exact && (self.method, self.template) == QUESTION;
        let below = |(prefix, _): &&(&str, &str)| {
            let rest = self.template.strip_prefix(prefix);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let (prefix, feature) = EXCLUDED.iter().find(below)?;
        (prefix.starts_with("/admin") || !(reads || asks)).then_some(*feature)
    }

    /// In the order in which it is to be decided.
    fn expected(&self) -> Expected {
        let operation = OPERATIONS.iter().find(|operation| self.is(operation));
        let who = operation.map(|operation| operation.who);
        if self.exact && who == Some(Who::Everyone) {
            let ready = self.template == "/health/ready";
            return Expected::Status(if ready { 503 } else { 200 });
        }
        if !matches!(self.credentials, Credentials::Reader | Credentials::Admin) {
            return Expected::Status(401);
        }
        if let Some(feature) = self.excluded() {
            return Expected::Excluded(feature);
        }
        let reads = ["GET", "HEAD", "OPTIONS"].contains(&self.method);
        let asks = (self.method, self.template) == QUESTION;
        if self.credentials == Credentials::Reader && !reads && !asks {
            return Expected::Status(403);
        }
        let served = |operation: &&Operation| {
            operation.path == self.template && !matches!(operation.who, Who::Nobody(_))
        };
        Expected::Status(match (self.exact, who) {
            (false, _) => 404,
            // Whatever single thing is asked for, there is none by that name.
            (true, Some(Who::Reader | Who::Admin)) if self.template.contains('{') => 404,
            // The body of every request here is `{}`, which names no client.
            (true, Some(Who::Admin)) if self.template == DEBUG => 400,
            // The body that all of them have is no component.
            (true, Some(_)) if self.method == "PUT" && self.template == ADDRESS_MAP => 422,
            (true, Some(Who::Reader | Who::Admin)) => 200,
            (true, _) if OPERATIONS.iter().any(|o| served(&o)) => 405,
            (true, _) => 404,
        })
    }
}

/// What takes a component.
const ADDRESS_MAP: &str = "/throughway/v1/address-map";

/// A connection to the API as if by TLS, without sockets.
struct Wire {
    shared: Arc<Shared>,
    stream: DuplexStream,
    serving: JoinSet<()>,
}

fn serve_in_memory(shared: &Arc<Shared>, serving: &mut JoinSet<()>) -> DuplexStream {
    let (near, far) = tokio::io::duplex(1 << 16);
    let shared = Arc::clone(shared);
    serving.spawn(async move {
        let slot = Slots::new(1).enter().unwrap();
        shared.http(far, gate::Way::Tls, None, &slot).await;
    });
    near
}

impl Wire {
    fn new(state: AdminState) -> Self {
        let front = Front {
            tls: Arc::new(Authority::new("unused").server("localhost")),
            access: access(true),
            trusted: Vec::new(),
        };
        let shared = Arc::new(Shared::new(Some(front), state, CancellationToken::new()));
        let mut serving = JoinSet::new();
        let stream = serve_in_memory(&shared, &mut serving);
        Self {
            shared,
            stream,
            serving,
        }
    }

    /// Status and body of the answer.
    async fn ask(&mut self, request: &str, has_body: bool) -> (u16, String) {
        self.stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; if has_body { length } else { 0 }];
        self.stream.read_exact(&mut body).await.unwrap();
        if head.contains("connection: close") {
            self.stream = serve_in_memory(&self.shared, &mut self.serving);
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, String::from_utf8(body).unwrap())
    }
}

fn templates() -> BTreeSet<&'static str> {
    let listed = OPERATIONS.iter().map(|operation| operation.path);
    listed.chain(OTHERS).collect()
}

async fn check(wire: &mut Wire, asked: Asked, trick: &Trick) {
    let (name, write, headers, _) = trick;
    let path = asked
        .template
        .replace("{node_id}", "77")
        .replace("{id}", "77")
        .replace("{name}", "x");
    let path = write(&path);
    let authorization = asked.credentials.headers();
    let request = format!(
        "{} {path} HTTP/1.1\r\nhost: t\r\n{authorization}{headers}content-length: 2\r\n\r\n{{}}",
        asked.method
    );
    let has_body = asked.method != "HEAD";
    let (status, body) = wire.ask(&request, has_body).await;
    let expected = asked.expected();
    let told = format!("{name}: {request}\n{status} {body}\nexpected {expected:?}");
    let code = match expected {
        Expected::Status(code) => code,
        Expected::Excluded(_) => 403,
    };
    assert_eq!(status, code, "{told}");
    if status < 400 || status == 503 || !has_body {
        return;
    }
    let body: Value = serde_json::from_str(&body).expect(&told);
    let fields: Vec<&String> = body.as_object().expect(&told).keys().collect();
    assert_eq!(fields, ["cause", "msg", "title"], "{told}");
    if let Expected::Excluded(feature) = expected {
        for field in fields {
            let text = body[field].as_str().expect(&told);
            assert!(text.contains(feature), "{told}");
        }
    }
}

async fn go_through_everything(licensed: bool) {
    let folder = tempfile::tempdir().unwrap();
    let mut wire = Wire::new(state(licensed, &folder));
    for template in templates() {
        for method in METHODS {
            for credentials in CREDENTIALS {
                for trick in &TRICKS {
                    let (name, write, _, same) = trick;
                    // With what ends it, a name is another name, not another path.
                    let in_name = *name == ";x" && template.ends_with('}');
                    let asked = Asked {
                        method,
                        template,
                        credentials,
                        exact: *same || in_name || write(template) == template,
                    };
                    check(&mut wire, asked, trick).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn every_request_has_the_specified_answer_with_a_licence() {
    go_through_everything(true).await;
}

#[tokio::test]
async fn every_request_has_the_specified_answer_without_a_licence() {
    go_through_everything(false).await;
}

#[test]
fn the_matrix_has_every_operation_and_every_refusal() {
    let refused = OPERATIONS
        .iter()
        .filter(|o| matches!(o.who, Who::Nobody(_)));
    for operation in refused {
        let asked = Asked {
            method: operation.method,
            template: operation.path,
            credentials: Credentials::Admin,
            exact: true,
        };
        let Who::Nobody(feature) = operation.who else {
            panic!("filtered above")
        };
        assert_eq!(asked.expected(), Expected::Excluded(feature.name()));
    }
    assert_eq!(StatusCode::FORBIDDEN.as_u16(), 403);
}
