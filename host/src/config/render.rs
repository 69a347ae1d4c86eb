//! What `throughway config` prints.
//!
//! Pure. Secrets never get here: the values on record are redacted.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::report::Parsed;
use super::{ListenerConfig, Routing};

/// The computed configuration, for people or as JSON.
#[must_use]
pub fn render(parsed: &Parsed, json: bool) -> String {
    if json {
        as_json(parsed)
    } else {
        as_text(parsed)
    }
}

fn as_text(parsed: &Parsed) -> String {
    let mut out = format!("mode: {}\n", parsed.mode);
    for listener in &parsed.config.listeners {
        listener_text(&mut out, listener);
    }
    let upstream = &parsed.config.upstream;
    let servers: Vec<String> = upstream
        .bootstrap_servers
        .iter()
        .map(ToString::to_string)
        .collect();
    let speaks = if upstream.tls.is_some() {
        "SASL_SSL"
    } else {
        "SASL_PLAINTEXT"
    };
    line(&mut out, format_args!("\nupstream\n  speaks      {speaks}"));
    line(
        &mut out,
        format_args!("  bootstrap   {}", servers.join(", ")),
    );
    line(&mut out, format_args!("\nvalues"));
    let width = parsed
        .values
        .iter()
        .map(|value| value.name.len())
        .max()
        .unwrap_or_default();
    for value in &parsed.values {
        let (name, origin) = (&value.name, &value.origin);
        line(
            &mut out,
            format_args!("  {name:<width$}  {}  ({origin})", value.value),
        );
    }
    if !parsed.notices.is_empty() {
        line(&mut out, format_args!("\nnotices"));
    }
    for notice in &parsed.notices {
        line(&mut out, format_args!("  {notice}"));
    }
    out
}

fn listener_text(out: &mut String, listener: &ListenerConfig) {
    let name = &listener.name;
    let lines = [
        ("speaks", protocol(listener).to_owned()),
        ("binds", binds(listener)),
        ("advertises", advertises(listener)),
    ];
    line(out, format_args!("\nlistener {name}"));
    for (what, text) in lines {
        line(out, format_args!("  {what:<10}  {text}"));
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _infallible = writeln!(out, "{text}");
}

fn protocol(listener: &ListenerConfig) -> &'static str {
    if listener.tls.is_some() {
        "SASL_SSL"
    } else {
        "SASL_PLAINTEXT"
    }
}

fn binds(listener: &ListenerConfig) -> String {
    match &listener.routing {
        Routing::Port {
            ports,
            bound_at_start,
            ..
        } => {
            let all: Vec<u16> = ports.iter().map(|pair| pair.local).collect();
            let at_start = ranges(all.iter().copied().take(*bound_at_start));
            let more = match all.len() > *bound_at_start {
                true => format!(" at start, as needed {}", ranges(all.into_iter())),
                false => String::new(),
            };
            format!("{}, ports {at_start}{more}", listener.bind)
        }
        Routing::Sni { port, .. } => format!("{}, port {}", listener.bind, port.local),
    }
}

fn advertises(listener: &ListenerConfig) -> String {
    match &listener.routing {
        Routing::Port {
            advertised_host,
            ports,
            min_broker_id,
            ..
        } => {
            let ports = ranges(ports.iter().map(|pair| pair.advertised));
            format!("{advertised_host}, ports {ports}, from broker {min_broker_id} on")
        }
        Routing::Sni {
            port,
            host_pattern,
            bootstrap_host,
        } => {
            let port = port.advertised;
            format!("{host_pattern}:{port}, bootstrap {bootstrap_host}:{port}")
        }
    }
}

/// `1-3,7`, in the order given.
fn ranges(ports: impl Iterator<Item = u16>) -> String {
    let mut runs: Vec<(u16, u16)> = Vec::new();
    for port in ports {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(port) => *last = port,
            _ => runs.push((port, port)),
        }
    }
    let run = |(first, last): &(u16, u16)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    runs.iter().map(run).collect::<Vec<_>>().join(",")
}

fn as_json(parsed: &Parsed) -> String {
    let upstream = &parsed.config.upstream;
    let servers: Vec<String> = upstream
        .bootstrap_servers
        .iter()
        .map(ToString::to_string)
        .collect();
    let values = parsed.values.iter().map(|value| {
        json!({ "name": value.name, "value": value.value, "origin": value.origin.to_string() })
    });
    let notices = parsed.notices.iter().map(|notice| {
        json!({ "level": if notice.warning { "warning" } else { "note" }, "text": notice.text })
    });
    let document = json!({
        "version": 1,
        "mode": parsed.mode.to_string(),
        "listeners": parsed.config.listeners.iter().map(listener).collect::<Vec<_>>(),
        "upstream": {
            "bootstrap_servers": servers,
            "security_protocol": if upstream.tls.is_some() { "SASL_SSL" } else { "SASL_PLAINTEXT" },
        },
        "values": values.collect::<Vec<_>>(),
        "notices": notices.collect::<Vec<_>>(),
    });
    format!("{document:#}\n")
}

fn listener(config: &ListenerConfig) -> Value {
    let common = json!({
        "name": config.name,
        "security_protocol": protocol(config),
        "bind_address": config.bind.to_string(),
    });
    let own = match &config.routing {
        Routing::Port {
            advertised_host,
            ports,
            bound_at_start,
            min_broker_id,
        } => json!({
            "routing": "port",
            "advertised_host": advertised_host,
            "advertised_ports": ranges(ports.iter().map(|pair| pair.advertised)),
            "local_ports": ranges(ports.iter().map(|pair| pair.local)),
            "bound_at_start": bound_at_start,
            "min_broker_id": min_broker_id,
        }),
        Routing::Sni {
            port,
            host_pattern,
            bootstrap_host,
        } => json!({
            "routing": "sni",
            "advertised_ports": port.advertised.to_string(),
            "local_ports": port.local.to_string(),
            "host_pattern": host_pattern,
            "bootstrap_host": bootstrap_host,
        }),
    };
    let fields = [common, own].into_iter().filter_map(|part| match part {
        Value::Object(fields) => Some(fields),
        _ => None,
    });
    Value::Object(fields.flatten().collect())
}
