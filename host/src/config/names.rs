//! Goes through the names of all given variables: refuses what asks for excluded features, names
//! what has no effect, hints at misspelt ones, keeps what other parts read.
//!
//! Pure. It must not know how used variables are parsed.

use std::collections::BTreeMap;

use super::Secret;
use super::reader::Reader;
use super::variables::{self, Asked, Kind, LISTENER, Preset};

/// Variables that others read (the licence and its agent), by name.
pub(super) fn read(r: &mut Reader<'_>) -> BTreeMap<String, Secret> {
    let mut later = BTreeMap::new();
    let mut ignored = Vec::new();
    let mut account = Vec::new();
    for name in r.sources.settings.keys() {
        if r.text(name).is_none() || name.starts_with(LISTENER) {
            continue;
        }
        if let Some(refusal) = other_cluster(name) {
            refuse(r, name, refusal);
            continue;
        }
        match variables::find(name).map(|row| (row, row.kind)) {
            None => unknown(r, name),
            Some((_, Kind::Used | Kind::Legacy)) => {}
            Some((row, Kind::Refused { .. })) => refuse(r, name, row),
            Some((row, Kind::Ignored)) if row.secret && row.name.starts_with("KAFKA_") => {
                account.push(name.as_str());
            }
            Some((row, Kind::Ignored)) => {
                ignored.push(name.as_str());
                if row.name == "KAFKA_*" {
                    hint_at_kafka(r, name);
                }
            }
            Some((_, Kind::Later)) => {
                if let Some(secret) = r.secret(name) {
                    later.insert(name.clone(), secret);
                }
            }
        }
    }
    if !account.is_empty() {
        let names = account.join(", ");
        r.note(format!(
            "throughway keeps no Kafka account of its own, no effect: {names}"
        ));
    }
    if !ignored.is_empty() {
        r.note(format!("accepted without effect: {}", ignored.join(", ")));
    }
    defaults(r);
    later
}

fn refuse(r: &mut Reader<'_>, name: &str, row: &variables::Variable) {
    let Kind::Refused { asked, harmless } = row.kind else {
        return;
    };
    let Some(text) = r.text(name) else { return };
    if harmless
        .iter()
        .any(|value| value.eq_ignore_ascii_case(text))
    {
        r.record_set(name);
        return;
    }
    if name == "GATEWAY_INTERCEPTOR_CONFIG_LOCATION" {
        interceptors(r, name, asked, row.accepts);
        return;
    }
    r.reject_with(name, asked.refusal(), row.accepts);
}

/// The old product's chart always names a file, normally with an empty list in it.
fn interceptors(r: &mut Reader<'_>, name: &str, asked: Asked, accepts: &'static str) {
    let problem = match r.given.files.get(name).map(|file| &file.text) {
        None => "the file was not read".to_owned(),
        Some(Err(cause)) => format!("cannot be read: {cause}"),
        Some(Ok(text)) if text.trim().is_empty() => String::new(),
        Some(Ok(text)) => match serde_json::from_str::<serde_json::Value>(text) {
            Ok(serde_json::Value::Array(entries)) if entries.is_empty() => String::new(),
            Ok(serde_json::Value::Array(entries)) => {
                format!("{}; the file has {}", asked.refusal(), entries.len())
            }
            Ok(_) => "the file is not a JSON list".to_owned(),
            Err(cause) => format!("the file is not JSON: {cause}"),
        },
    };
    if problem.is_empty() {
        r.record_set(name);
    } else {
        r.reject_with(name, problem, accepts);
    }
}

/// `KAFKA_<ID>_BOOTSTRAP_SERVERS`, `KAFKA_<ID>_GATEWAY_ROLES` and all of `KAFKA_FAILOVER_*` speak of
/// one cluster among several.
fn other_cluster(name: &str) -> Option<&'static variables::Variable> {
    let rest = name.strip_prefix("KAFKA_")?;
    let ending = ["_GATEWAY_ROLES", "_BOOTSTRAP_SERVERS"]
        .into_iter()
        .find(|e| rest.ends_with(e));
    let ending = match ending {
        None if rest.starts_with("FAILOVER_") => "_BOOTSTRAP_SERVERS",
        other => other?,
    };
    variables::find(&format!("KAFKA_<ID>{ending}"))
}

fn unknown(r: &mut Reader<'_>, name: &str) {
    if !name.starts_with("GATEWAY_") {
        return;
    }
    r.warn(match variables::nearest(name, variables::hints()) {
        Some(hint) => format!("unknown variable {name}, did you mean {hint}?"),
        None => format!("unknown variable {name}"),
    });
}

/// Any `KAFKA_*` was accepted once, so only a near miss is worth a warning.
fn hint_at_kafka(r: &mut Reader<'_>, name: &str) {
    let near = variables::hints().find(|known| variables::distance(name, known) <= 2);
    if let Some(hint) = near {
        r.warn(format!("{name} has no effect, did you mean {hint}?"));
    }
}

/// Puts the literal defaults of variables that others read on record.
fn defaults(r: &mut Reader<'_>) {
    for row in variables::all().filter(|row| row.kind == Kind::Later) {
        if let (Preset::Is(text), None) = (row.preset, r.text(row.name)) {
            r.computed(row.name, text);
        }
    }
}
