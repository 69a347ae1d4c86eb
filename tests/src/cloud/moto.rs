//! The emulator `moto` as a process, one for all tests of a run, and what an account's owner does
//! with secrets.
//!
//! Installed from PyPI when missing, with the image's other tools (`packer/tests/requirements.txt`).

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::crate_folder;
use crate::files::log_file;
use crate::process::Process;

/// Where this account's secrets are, and its instance.
pub const REGION: &str = "eu-central-1";

/// Its installation included.
const START_LIMIT: Duration = Duration::from_secs(300);

/// A running emulator.
#[derive(Debug)]
pub struct Moto {
    process: Process,
    address: SocketAddr,
    made: AtomicUsize,
}

impl Moto {
    /// The one of this test run; it ends with it.
    ///
    /// # Errors
    ///
    /// When it cannot be installed or does not start.
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<Result<Moto, String>> = OnceLock::new();
        let started = SHARED.get_or_init(|| Self::start().map_err(|error| format!("{error:#}")));
        started.as_ref().map_err(|error| anyhow::anyhow!("{error}"))
    }

    fn start() -> Result<Self> {
        let port = crate::ports::reserve(1);
        let script = crate_folder().join("../packer/python.sh");
        let port_text = port.to_string();
        let words = [
            "emulator",
            "moto_server",
            "-H",
            "127.0.0.1",
            "-p",
            &port_text,
        ];
        let mut command = vec![OsString::from(script)];
        command.extend(words.map(OsString::from));
        let process = Process::start(&command, &[], &log_file("moto"))?;
        let moto = Self {
            process,
            address: (Ipv4Addr::LOCALHOST, port).into(),
            made: AtomicUsize::new(0),
        };
        let deadline = Instant::now() + START_LIMIT;
        while TcpStream::connect(moto.address).is_err() {
            let log = moto.process.log().display();
            ensure!(!moto.process.has_ended(), "moto ended; see {log}");
            ensure!(Instant::now() < deadline, "moto does not start; see {log}");
            moto.process.wait_for_news(Duration::from_millis(100));
        }
        Ok(moto)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A new secret with this text, or these bytes in base64; returns its ARN.
    ///
    /// # Errors
    ///
    /// When the emulator refuses.
    pub fn create(&self, kind: &str, content: &str) -> Result<String> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let name = format!("throughway/licence-{number}");
        let mut asked = json!({"Name": name, "ClientRequestToken": self.request_token()});
        asked[kind] = content.into();
        let made = self.call("CreateSecret", &asked)?;
        Ok(made["ARN"].as_str().context("no ARN")?.to_owned())
    }

    /// Another version of it, with this stage; returns its id.
    ///
    /// # Errors
    ///
    /// When the emulator refuses.
    pub fn put(&self, arn: &str, text: &str, stage: &str) -> Result<String> {
        let put = self.call(
            "PutSecretValue",
            &json!({
                "SecretId": arn,
                "SecretString": text,
                "VersionStages": [stage],
                "ClientRequestToken": self.request_token(),
            }),
        )?;
        Ok(put["VersionId"].as_str().context("no version")?.to_owned())
    }

    /// Has it deleted in a week.
    ///
    /// # Errors
    ///
    /// When the emulator refuses.
    pub fn delete(&self, arn: &str) -> Result<()> {
        let asked = json!({"SecretId": arn, "RecoveryWindowInDays": 7});
        self.call("DeleteSecret", &asked).map(drop)
    }

    /// Takes that back.
    ///
    /// # Errors
    ///
    /// When the emulator refuses.
    pub fn restore(&self, arn: &str) -> Result<()> {
        self.call("RestoreSecret", &json!({"SecretId": arn}))
            .map(drop)
    }

    fn request_token(&self) -> String {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        format!("00000000-0000-4000-8000-{number:012}")
    }

    fn call(&self, action: &str, asked: &Value) -> Result<Value> {
        let body = asked.to_string();
        let mut stream = TcpStream::connect(self.address)?;
        write!(
            stream,
            "POST / HTTP/1.1\r\nHost: secretsmanager.{REGION}.amazonaws.com\r\n\
             X-Amz-Target: secretsmanager.{action}\r\nContent-Type: application/x-amz-json-1.1\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=owner/20260101/{REGION}/secretsmanager/aws4_request, \
             SignedHeaders=host, Signature=0\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
        if !head.starts_with("HTTP/1.1 200 ") {
            bail!("{action}: {answer}");
        }
        Ok(serde_json::from_str(body)?)
    }
}
