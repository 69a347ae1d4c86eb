//! What the replaced product's CLI and Terraform provider send, replayed byte for byte (but for the
//! password), and what they then print.

use super::*;

/// The CLI's headers, in its order.
fn cli(method: &str, path: &str, body: Option<(&str, &str)>) -> String {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: gateway.internal:8888\r\nUser-Agent: go-resty/2.16.5 \
         (https://github.com/go-resty/resty)\r\n"
    );
    let content = body.map_or_else(String::new, |(kind, body)| {
        format!("Content-Length: {}\r\nContent-Type: {kind}\r\n", body.len())
    });
    let token = Base64::encode_string(ADMIN.as_bytes());
    let body = body.map_or("", |(_, body)| body);
    format!(
        "{head}{content}Authorization: Basic {token}\r\nX-Cdk-Client: CLI/0.7.3\r\n\
         Accept-Encoding: gzip\r\nConnection: close\r\n\r\n{body}"
    )
}

fn terraform(method: &str, path: &str, body: Option<(&str, &str)>) -> String {
    cli(method, path, body).replace("CLI/0.7.3", "TF/0.5.0")
}

const INTERCEPTOR: &str = r#"{"apiVersion":"gateway/v2","kind":"Interceptor","metadata":{"name":"enforce-partition-limit","scope":{"vCluster":"passthrough"}},"spec":{"pluginClass":"io.conduktor.gateway.interceptor.safeguard.CreateTopicPolicyPlugin","priority":100,"config":{"topic":"myprefix-.*","numPartition":{"min":5,"max":5,"action":"INFO"}}}}"#;

impl Running {
    async fn replay(&self, request: &str) -> Answer {
        let stream = self.secure(self.connect().await).await.unwrap();
        exchange(stream, request).await
    }
}

/// What both tools show of an error: the first of these that is not empty.
fn printed(answer: &Answer) -> String {
    let body = answer.json();
    let fields = ["cause", "msg", "title"].map(|field| body[field].as_str().unwrap_or_default());
    let shown = fields.into_iter().find(|text| !text.is_empty());
    shown.unwrap_or(&answer.body).to_owned()
}

#[tokio::test]
async fn an_apply_by_the_cli_prints_the_feature_that_is_not_there() {
    let running = Running::start().await;
    let docs = running.replay(&cli("GET", "/gateway/v2/docs", None)).await;
    assert_eq!(docs.status, 200);
    assert!(
        docs.json()["paths"]["/gateway/v2/interceptor"]["put"]["tags"][0]
            == "cli_interceptor_gateway_v2_12"
    );
    let labelled = ("text/plain; charset=utf-8", INTERCEPTOR);
    for path in [
        "/gateway/v2/interceptor",
        "/gateway/v2/interceptor?dryMode=true",
    ] {
        let answer = running.replay(&cli("PUT", path, Some(labelled))).await;
        answer.is_problem(403);
        let said = printed(&answer);
        assert_eq!(
            said,
            "Interceptors: not part of throughway, nothing was changed"
        );
    }
}

#[tokio::test]
async fn a_delete_by_the_cli_with_its_body_prints_it_too() {
    let running = Running::start().await;
    let scope = r#"{"vCluster":"passthrough","group":null,"username":null}"#;
    let named = r#"{"name":"orders","vCluster":"passthrough"}"#;
    for (path, body, feature) in [
        (
            "/gateway/v2/interceptor/enforce-partition-limit",
            Some(scope),
            "Interceptors",
        ),
        ("/gateway/v2/alias-topic", Some(named), "Alias topics"),
        (
            "/gateway/v2/concentration-rule",
            Some(named),
            "Topic concentration",
        ),
        (
            "/gateway/v2/service-account",
            Some(named),
            "Gateway service accounts",
        ),
        ("/gateway/v2/virtual-cluster/vc1", None, "Virtual Clusters"),
        ("/gateway/v2/group/team-a", None, "Gateway groups"),
    ] {
        let body = body.map(|body| ("application/json", body));
        let answer = running.replay(&cli("DELETE", path, body)).await;
        answer.is_problem(403);
        assert!(printed(&answer).starts_with(feature), "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn a_get_of_each_kind_by_the_cli_is_an_empty_list() {
    let running = Running::start().await;
    for path in [
        "/gateway/v2/virtual-cluster",
        "/gateway/v2/alias-topic?name=orders&showDefaults=false&vcluster=passthrough",
        "/gateway/v2/concentrated-topic",
        "/gateway/v2/concentration-rule?vcluster=passthrough",
        "/gateway/v2/interceptor",
        "/gateway/v2/interceptor?global=true",
        "/gateway/v2/service-account?type=LOCAL",
        "/gateway/v2/group",
        "/gateway/v2/plugin",
    ] {
        let answer = running.replay(&cli("GET", path, None)).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "[]"), "{path}");
        assert!(answer.head.contains("content-type: application/json"));
    }
    for path in [
        "/gateway/v2/virtual-cluster/vc1",
        "/gateway/v2/group/team-a",
    ] {
        running
            .replay(&cli("GET", path, None))
            .await
            .is_problem(404);
    }
}

#[tokio::test]
async fn terraform_checks_credentials_reads_the_version_and_is_refused_by_name() {
    let running = Running::start().await;
    let check = terraform("GET", "/metrics", None);
    assert_eq!(running.replay(&check).await.status, 200);
    let right = Base64::encode_string(ADMIN.as_bytes());
    let wrong = check.replace(&right, &Base64::encode_string(WRONG.as_bytes()));
    assert_eq!(running.replay(&wrong).await.status, 401);
    let health = running
        .replay(&terraform("GET", "/health", None))
        .await
        .json();
    let checks = health["checks"].as_array().unwrap();
    let build = checks
        .iter()
        .find(|check| check["id"] == "buildInfo")
        .unwrap();
    assert!(build["data"]["version"].is_string());
    let found = "/gateway/v2/interceptor?name=enforce-partition-limit&vcluster=passthrough";
    assert_eq!(
        running.replay(&terraform("GET", found, None)).await.body,
        "[]"
    );
    let apply = terraform(
        "PUT",
        "/gateway/v2/interceptor",
        Some(("application/json", INTERCEPTOR)),
    );
    let answer = running.replay(&apply).await;
    answer.is_problem(403);
    assert!(printed(&answer).starts_with("Interceptors"), "{answer:?}");
}

#[tokio::test]
async fn the_usage_snapshot_has_every_number_that_tools_expect() {
    let running = Running::start().await;
    let body = running
        .get(READER, "/gateway/v2/analytics/lived")
        .await
        .json();
    for total in [
        "totalInterceptorTypes",
        "totalInterceptorInstances",
        "uniqueTopicsCovered",
        "totalGatewayServiceAccounts",
        "totalGatewayGroups",
        "totalAliasTopics",
        "totalConcentratedTopics",
        "totalVirtualClusters",
    ] {
        assert_eq!(body[total], 0, "{total}");
    }
    assert_eq!(body["plan"], "standard");
}
