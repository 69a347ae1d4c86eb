//! `throughway connections`: what it takes, and doing it.
//!
//! It must not know how the proxy is asked: that is the library's.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use clap::Args;
use throughway::admin::{Client, Connection, Page};
use throughway::config::{HttpsUrl, Secret, control_socket_beside};
use tokio::runtime::Builder;

use super::FAILED;
use super::license::Outcome;

/// What `connections` is asked.
#[derive(Debug, Args)]
pub(crate) struct Connections {
    /// Asks this session to end politely, instead of listing
    #[arg(long, value_name = "ID")]
    drain: Option<u64>,
    /// Only those that came in by this listener
    #[arg(long, value_name = "NAME", conflicts_with = "drain")]
    listener: Option<String>,
    /// Only those of this broker
    #[arg(long, value_name = "NODE-ID", conflicts_with = "drain")]
    broker: Option<i32>,
    /// Only those of clients at this address
    #[arg(long, value_name = "IP", conflicts_with = "drain")]
    client: Option<IpAddr>,
    /// As stable JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    proxy: Running,
}

/// Which proxy.
#[derive(Debug, Args)]
pub(crate) struct Running {
    /// The Admin API of a proxy elsewhere; without it, the one on this machine by its control socket
    #[arg(long, value_name = "https://HOST:PORT", value_parser = HttpsUrl::parse)]
    url: Option<HttpsUrl>,
    /// Whom to log in there: NAME:PASSWORD, or @FILE with that in it
    #[arg(long, value_name = "NAME:PASSWORD", requires = "url")]
    user: Option<String>,
    /// PEM file with what its certificate is verified by; the system's trust when not given
    #[arg(long, value_name = "FILE", requires = "url")]
    ca: Option<PathBuf>,
}

impl Running {
    /// Without a URL the one whose run-time directory is this, or that of the unit.
    fn client(&self, runtime_directory: Option<&OsStr>) -> anyhow::Result<Client> {
        let Some(url) = self.url.clone() else {
            let directory = runtime_directory.and_then(OsStr::to_str);
            return Ok(Client::Local(control_socket_beside(directory)));
        };
        let user = self.user.as_deref().map(credentials).transpose()?;
        let ca = self.ca.clone();
        Ok(Client::Remote { url, user, ca })
    }
}

/// From the command line, or from the file that it names.
fn credentials(text: &str) -> anyhow::Result<Secret> {
    let Some(file) = text.strip_prefix('@') else {
        return Ok(Secret(text.to_owned()));
    };
    let read = std::fs::read_to_string(file).with_context(|| format!("--user: read {file}"));
    Ok(Secret(read?.trim().to_owned()))
}

impl Connections {
    /// Does it.
    pub(crate) fn run(&self, runtime_directory: Option<OsString>) -> Outcome {
        match self.try_run(runtime_directory.as_deref()) {
            Ok(text) => Outcome {
                text,
                refusal: None,
            },
            Err(error) => Outcome {
                text: String::new(),
                refusal: Some((format!("connections: {error:#}"), FAILED)),
            },
        }
    }

    fn try_run(&self, runtime_directory: Option<&OsStr>) -> anyhow::Result<String> {
        let client = self.proxy.client(runtime_directory)?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            match self.drain {
                Some(id) => drain(&client, id, self.json).await,
                None => self.list(&client).await,
            }
        })
    }

    async fn list(&self, client: &Client) -> anyhow::Result<String> {
        let mut all = Vec::new();
        let mut after = Some(0);
        while let Some(last) = after {
            let page: Page = client.get(&self.path(last)).await?;
            all.extend(page.connections);
            after = page.next;
        }
        if self.json {
            return Ok(serde_json::to_string(&all)? + "\n");
        }
        Ok(table(&all))
    }

    fn path(&self, after: u64) -> String {
        let mut path = format!("/throughway/v1/connections?limit=1000&after={after}");
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                let _infallible = write!(path, "&{name}={}", encoded(&value));
            }
        };
        add("listener", self.listener.clone());
        add("broker", self.broker.map(|id| id.to_string()));
        add("client", self.client.map(|ip| ip.to_string()));
        path
    }
}

async fn drain(client: &Client, id: u64, json: bool) -> anyhow::Result<String> {
    let path = format!("/throughway/v1/connections/{id}/drain");
    let answer: serde_json::Value = client.post(&path, String::new()).await?;
    if json {
        return Ok(format!("{answer}\n"));
    }
    match answer.get("id").and_then(serde_json::Value::as_u64) {
        Some(id) => Ok(format!("connection {id} is asked to end\n")),
        None => Err(anyhow!("the proxy does not say what it has done")),
    }
}

/// As it stands in a query (RFC 3986 §2.3).
fn encoded(value: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    value.bytes().map(byte).collect()
}

const HEAD: [&str; 10] = [
    "ID",
    "LISTENER",
    "CLIENT",
    "BROKER",
    "UPSTREAM",
    "SINCE",
    "TO CLIENT",
    "TO BROKER",
    "SOFTWARE",
    "TLS",
];

fn table(connections: &[Connection]) -> String {
    let rows: Vec<[String; 10]> = connections.iter().map(row).collect();
    let mut widths = HEAD.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = line(&HEAD.map(str::to_owned), &widths);
    for row in &rows {
        text.push_str(&line(row, &widths));
    }
    text
}

fn line(cells: &[String; 10], widths: &[usize; 10]) -> String {
    let cells = cells.iter().zip(widths);
    let cells: Vec<_> = cells
        .map(|(cell, &width)| format!("{cell:<width$}"))
        .collect();
    format!("{}\n", cells.join("  ").trim_end())
}

fn row(one: &Connection) -> [String; 10] {
    let none = || "-".to_owned();
    let software = [&one.software_name, &one.software_version];
    let software: Vec<_> = software.into_iter().flatten().map(String::as_str).collect();
    let broker = match (one.broker, &one.upstream) {
        (Some(id), _) => id.to_string(),
        (None, Some(_)) => "bootstrap".to_owned(),
        (None, None) => none(),
    };
    [
        one.id.to_string(),
        one.listener.clone(),
        one.client.to_string(),
        broker,
        one.upstream.clone().unwrap_or_else(none),
        one.since.clone(),
        one.bytes_downstream.to_string(),
        one.bytes_upstream.to_string(),
        match software.is_empty() {
            true => none(),
            false => software.join(" "),
        },
        one.tls_version.clone().unwrap_or_else(none),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_line_for_each_session_and_dashes_for_what_is_not_known() {
        let told = serde_json::json!({
            "id": 7, "listener": "MAIN", "client": "10.1.2.3:40000", "since": "2026-01-02T03:04:05Z",
            "server_name": null, "tls_version": "TLSv1.3", "broker": 5, "upstream": "b5.internal:9092",
            "provisional": false, "bytes_downstream": 1234, "bytes_upstream": 56,
            "software_name": "librdkafka", "software_version": "2.3.0", "sasl_mechanism": "PLAIN",
            "user": null, "login": "completed", "draining": false,
        });
        let mut arriving = told.clone();
        for name in [
            "tls_version",
            "broker",
            "upstream",
            "software_name",
            "software_version",
        ] {
            arriving[name] = serde_json::Value::Null;
        }
        let both = serde_json::json!([told, arriving]);
        let text = table(&serde_json::from_value::<Vec<Connection>>(both).unwrap());
        let lines: Vec<Vec<_>> = text
            .lines()
            .map(|line| {
                line.split("  ")
                    .map(str::trim)
                    .filter(|s| !s.is_empty())
                    .collect()
            })
            .collect();
        assert_eq!(lines[0], HEAD);
        assert_eq!(
            lines[1][3..],
            [
                "5",
                "b5.internal:9092",
                "2026-01-02T03:04:05Z",
                "1234",
                "56",
                "librdkafka 2.3.0",
                "TLSv1.3"
            ]
        );
        assert_eq!((lines[2][3], lines[2][8]), ("-", "-"));
    }

    #[test]
    fn what_stands_in_a_query_cannot_leave_it() {
        assert_eq!(encoded("a&b=c/é"), "a%26b%3Dc%2F%C3%A9");
        assert_eq!(encoded("2001:db8::1"), "2001%3Adb8%3A%3A1");
    }
}
