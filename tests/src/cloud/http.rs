//! One request a connection: read whole, answered by what it is for.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::{Manner, ROLE, Shared};

/// The session token of IMDSv2.
const SESSION: &str = "session-of-this-instance";

struct Request {
    method: String,
    path: String,
    /// In lower case, with their lines' ends.
    headers: String,
    raw_head: String,
    body: Vec<u8>,
}

struct Answer {
    status: u16,
    headers: String,
    body: String,
}

pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            // The other side may go at any time.
            let _ = converse(stream, &shared).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(stream: TcpStream, shared: &Shared) -> Result<()> {
    let mut stream = BufReader::new(stream);
    let request = read(&mut stream).await?;
    let answer = if request.path.starts_with("/latest/") {
        metadata(&request, shared)
    } else if request.headers.contains("x-amz-target: secretsmanager.") {
        shared.lock().asked += 1;
        shared.changed.notify_waiters();
        match secret(&request, shared).await? {
            Some(answer) => answer,
            None => return Ok(()),
        }
    } else {
        let answer = action(&request, shared);
        shared.changed.notify_waiters();
        answer
    };
    stream.write_all(&answer.bytes()).await?;
    stream.shutdown().await?;
    Ok(())
}

async fn read(stream: &mut BufReader<TcpStream>) -> Result<Request> {
    let mut raw_head = String::new();
    while !raw_head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut raw_head).await? == 0 {
            bail!("no whole request");
        }
    }
    let (first, headers) = raw_head.split_once("\r\n").context("no request line")?;
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = words.next().zip(words.next()).context("no path")?;
    let headers = headers.to_ascii_lowercase();
    let length = headers
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let mut body = vec![0; length.map_or(Ok(0), |length| length.trim().parse())?];
    stream.read_exact(&mut body).await?;
    Ok(Request {
        method,
        path,
        headers,
        raw_head: raw_head.clone(),
        body,
    })
}

/// IMDSv2: nothing without a session.
fn metadata(request: &Request, shared: &Shared) -> Answer {
    if request.method == "PUT" && request.path == "/latest/api/token" {
        let ttl = "x-aws-ec2-metadata-token-ttl-seconds: 21600\r\n";
        return Answer::new(200, ttl, SESSION);
    }
    if !request
        .headers
        .contains(&format!("x-aws-ec2-metadata-token: {SESSION}\r\n"))
    {
        return Answer::new(401, "", "");
    }
    let told = shared.lock().metadata.clone();
    let path = request.path.trim_start_matches("/latest/meta-data/");
    let text = match path.trim_end_matches('/') {
        "iam/security-credentials" => Some(ROLE.to_owned()),
        "iam/security-credentials/throughway-node" => Some(credentials()),
        "placement/region" => Some(super::REGION.to_owned()),
        "instance-id" => Some("i-0123456789abcdef0".to_owned()),
        "autoscaling/target-lifecycle-state" => told.lifecycle_state.map(str::to_owned),
        "spot/instance-action" => told.spot_action.map(str::to_owned),
        _ => None,
    };
    match text {
        Some(text) => Answer::new(200, "", &text),
        None => Answer::new(404, "", ""),
    }
}

fn credentials() -> String {
    json!({
        "Code": "Success",
        "Type": "AWS-HMAC",
        "AccessKeyId": "key-id-of-the-instance",
        "SecretAccessKey": "secret-of-the-instance",
        "Token": "token-of-the-instance",
        "LastUpdated": "2026-01-01T00:00:00Z",
        "Expiration": "2100-01-01T00:00:00Z",
    })
    .to_string()
}

/// None when nothing is to be answered.
async fn secret(request: &Request, shared: &Shared) -> Result<Option<Answer>> {
    let manner = shared.lock().manner.clone();
    Ok(match manner {
        Manner::Usual => Some(forwarded(request, shared).await?),
        Manner::Refuses(status, code, message) => {
            let id = "x-amzn-requestid: 11111111-2222-3333-4444-555555555555\r\n";
            let body = json!({"__type": code, "message": message}).to_string();
            Some(Answer::new(status, id, &body))
        }
        Manner::Garbage => Some(Answer::new(200, "", "<html>Please log in</html>")),
        Manner::Hang => std::future::pending().await,
        Manner::Down => None,
    })
}

/// The emulator's answer to the same request.
async fn forwarded(request: &Request, shared: &Shared) -> Result<Answer> {
    let mut emulator = TcpStream::connect(shared.moto).await?;
    let head = request.raw_head.trim_end();
    let closing = format!("{head}\r\nConnection: close\r\n\r\n");
    emulator.write_all(closing.as_bytes()).await?;
    emulator.write_all(&request.body).await?;
    let mut text = String::new();
    emulator.read_to_string(&mut text).await?;
    let (head, body) = text.split_once("\r\n\r\n").context("no HTTP answer")?;
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    let id = head
        .lines()
        .find(|line| line.starts_with("x-amzn-requestid"));
    let id = id.map(|line| format!("{line}\r\n")).unwrap_or_default();
    Ok(Answer::new(status, &id, body))
}

/// `CompleteLifecycleAction`, signed by the instance's role.
fn action(request: &Request, shared: &Shared) -> Answer {
    let mut state = shared.lock();
    let form = String::from_utf8_lossy(&request.body).into_owned();
    let signed = request
        .headers
        .contains("credential=key-id-of-the-instance/")
        && request.headers.contains("/autoscaling/aws4_request")
        && request.headers.contains("x-amz-security-token: ");
    let known = form.starts_with("Action=CompleteLifecycleAction&");
    if !signed || !known {
        return Answer::new(400, "", "<Error><Code>NotAsDocumented</Code></Error>");
    }
    state.completed.push(form);
    match state.refuses_actions {
        true => Answer::new(403, "", "<Error><Code>AccessDenied</Code></Error>"),
        false => Answer::new(200, "", "<CompleteLifecycleActionResponse/>"),
    }
}

impl Answer {
    fn new(status: u16, headers: &str, body: &str) -> Self {
        Self {
            status,
            headers: headers.to_owned(),
            body: body.to_owned(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let (status, length) = (self.status, self.body.len());
        format!(
            "HTTP/1.1 {status} Said\r\nContent-Type: application/x-amz-json-1.1\r\n\
             Content-Length: {length}\r\n{}Connection: close\r\n\r\n{}",
            self.headers, self.body
        )
        .into_bytes()
    }
}
