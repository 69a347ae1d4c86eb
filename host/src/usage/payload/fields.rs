//! Every field with its purpose: the documentation's table and the JSON Schema are made from this.
//!
//! Data, and two ways to write it. A test holds it equal to what is really sent.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::SCHEMA;

/// One field of a report.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name, with that of the object it is in before a dot.
    pub name: &'static str,
    /// What is in it.
    pub holds: Holds,
    /// Why it is sent.
    pub purpose: &'static str,
}

/// What is in a field.
#[derive(Clone, Copy, Debug)]
pub enum Holds {
    /// A whole number from 0 on.
    Number,
    /// Text that matches this pattern.
    Text(&'static str),
    /// The same, or nothing.
    MaybeText(&'static str),
    /// One of these.
    OneOf(&'static [&'static str]),
    /// True or false.
    Flag,
}

const BUCKET: Holds = Holds::OneOf(&["0", "1", "2-3", "4-10", "11-50", "51+"]);
const SHA256: &str = "^[0-9a-f]{64}$";

const fn field(name: &'static str, holds: Holds, purpose: &'static str) -> Field {
    Field {
        name,
        holds,
        purpose,
    }
}

/// All of them, in the order in which they are sent.
pub const FIELDS: &[Field] = &[
    field(
        "schema",
        Holds::Number,
        "which version of this table the report follows",
    ),
    field(
        "report_id",
        Holds::Text("^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"),
        "a random UUID (version 7, so it holds the time of making): a receipt names it",
    ),
    field(
        "seq",
        Holds::Number,
        "position in the chain: a gap shows that a report is missing",
    ),
    field(
        "prev_sha256",
        Holds::MaybeText(SHA256),
        "SHA-256 of the signed report before: a change of that one shows; null in the first report",
    ),
    field(
        "install_id",
        Holds::Text("^[0-9a-f]{32}$"),
        "tells installations apart: 128 random bits made at the first start, derived from nothing",
    ),
    field(
        "install_key",
        Holds::Text("^[A-Za-z0-9_-]{43}$"),
        "public half of the installation's own key: verifies the report's signature",
    ),
    field(
        "license_jti",
        Holds::MaybeText("^[ -~]{1,128}$"),
        "the licence's own id, chosen by the vendor: which agreement the usage belongs to",
    ),
    field(
        "version",
        Holds::Text("^[ -~]{1,64}$"),
        "which releases are in use and need fixes",
    ),
    field(
        "commit",
        Holds::Text("^[ -~]{1,64}$"),
        "the same, to the very source",
    ),
    field(
        "target",
        Holds::Text("^[ -~]{1,64}$"),
        "which processors and libraries to build for",
    ),
    field(
        "os_family",
        Holds::Text("^[a-z0-9]{1,32}$"),
        "which systems to test on",
    ),
    field(
        "deployment",
        Holds::OneOf(&["ami", "deb", "container", "dev", "other"]),
        "which ways of installing to maintain; `dev` reports are not counted",
    ),
    field(
        "window.start",
        Holds::Number,
        "what time the numbers are of: from, in seconds since 1970",
    ),
    field("window.end", Holds::Number, "and to"),
    field(
        "uptime_s",
        Holds::Number,
        "seconds of it in which the proxy ran: tells little use from a short run",
    ),
    field("counts.clusters", BUCKET, "size of the installation"),
    field(
        "counts.brokers",
        BUCKET,
        "size of the clusters in use, in steps: sets limits and tests",
    ),
    field(
        "counts.listeners",
        BUCKET,
        "size of configurations in use, in steps",
    ),
    field(
        "counts.peak_connections",
        Holds::Number,
        "the most sessions seen at once (looked at every 10 s), as the next power of two: sets limits and tests",
    ),
    field(
        "counts.connections_opened",
        Holds::Number,
        "client connections, as the next power of two: how short-lived they are",
    ),
    field(
        "bytes.in",
        Holds::Number,
        "bytes relayed from clients to brokers, two significant digits, rounded down; the rest is in the next report",
    ),
    field(
        "bytes.out",
        Holds::Number,
        "the same from brokers to clients",
    ),
    field(
        "features.downstream_tls",
        Holds::Flag,
        "a listener speaks TLS",
    ),
    field(
        "features.client_certificates",
        Holds::Flag,
        "a listener asks clients for certificates",
    ),
    field(
        "features.upstream_tls",
        Holds::Flag,
        "brokers are spoken to over TLS",
    ),
    field(
        "features.upstream_certificate",
        Holds::Flag,
        "brokers are shown a certificate",
    ),
    field(
        "features.port_routing",
        Holds::Flag,
        "a listener routes by port",
    ),
    field(
        "features.sni_routing",
        Holds::Flag,
        "a listener routes by server name",
    ),
    field(
        "features.proxy_protocol",
        Holds::Flag,
        "a listener takes PROXY headers",
    ),
    field(
        "features.custom_address_map",
        Holds::Flag,
        "the address map is not the built-in one",
    ),
    field("features.zones", Holds::Flag, "zones are configured"),
    field("features.access_log", Holds::Flag, "the access log is on"),
    field(
        "features.license_agent",
        Holds::Flag,
        "the licence comes from a secrets service",
    ),
    field(
        "errors.upstream_connect",
        Holds::Number,
        "connections to brokers that failed, as the next power of two: where the product fails",
    ),
    field(
        "errors.tls_handshake",
        Holds::Number,
        "TLS handshakes with clients that failed, as the next power of two: the same",
    ),
    field(
        "errors.license_refresh",
        Holds::Number,
        "times the licence's source began to have nothing to use, as the next power of two: the same",
    ),
];

impl Holds {
    /// In a table's cell.
    fn in_words(self) -> String {
        match self {
            Self::Number => "number".to_owned(),
            Self::Text(_) => "text".to_owned(),
            Self::MaybeText(_) => "text or null".to_owned(),
            Self::OneOf(values) => values
                .iter()
                .map(|value| format!("`{value}`"))
                .collect::<Vec<_>>()
                .join(", "),
            Self::Flag => "true or false".to_owned(),
        }
    }

    fn to_schema(self) -> Value {
        match self {
            Self::Number => json!({"type": "integer", "minimum": 0}),
            Self::Text(pattern) => json!({"type": "string", "pattern": pattern}),
            Self::MaybeText(pattern) => json!({"type": ["string", "null"], "pattern": pattern}),
            Self::OneOf(values) => json!({"enum": values}),
            Self::Flag => json!({"type": "boolean"}),
        }
    }
}

/// The documentation's table, in Markdown.
#[must_use]
pub fn reference() -> String {
    let mut text = String::from("| field | holds | purpose |\n|---|---|---|\n");
    for Field {
        name,
        holds,
        purpose,
    } in FIELDS
    {
        let holds = holds.in_words();
        let _infallible = writeln!(text, "| `{name}` | {holds} | {purpose} |");
    }
    text
}

/// The same as JSON Schema (draft 2020-12).
#[must_use]
pub fn schema() -> Value {
    let mut members: Vec<(&str, Value)> = Vec::new();
    let mut groups: Vec<(&str, Vec<&Field>)> = Vec::new();
    for field in FIELDS {
        match field.name.split_once('.') {
            None => members.push((field.name, described(field))),
            Some((group, _)) => match groups.iter_mut().find(|(name, _)| *name == group) {
                Some((_, fields)) => fields.push(field),
                None => groups.push((group, vec![field])),
            },
        }
    }
    for (group, fields) in groups {
        let inner = fields.into_iter().map(|field| {
            let name = field
                .name
                .split_once('.')
                .map_or(field.name, |(_, name)| name);
            (name, described(field))
        });
        members.push((group, object(inner.collect())));
    }
    let mut schema = object(members);
    if let Some(schema) = schema.as_object_mut() {
        schema.insert(
            "$schema".to_owned(),
            "https://json-schema.org/draft/2020-12/schema".into(),
        );
        schema.insert("title".to_owned(), "throughway usage report".into());
        schema.insert("version".to_owned(), SCHEMA.into());
    }
    schema
}

fn described(field: &Field) -> Value {
    let mut schema = field.holds.to_schema();
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), field.purpose.into());
    }
    schema
}

fn object(members: Vec<(&str, Value)>) -> Value {
    let required: Vec<_> = members.iter().map(|(name, _)| *name).collect();
    let required = json!(required);
    let properties: Map<String, Value> = members
        .into_iter()
        .map(|(name, schema)| (name.to_owned(), schema))
        .collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": properties,
    })
}
