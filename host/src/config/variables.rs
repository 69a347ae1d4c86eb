//! The one table of all known variables. It drives parsing (defaults, what is accepted), the notices
//! about old names, the "did you mean" hint and `docs/configuration.md`.
//!
//! Pure data and look-ups in it. It must not know how a value is parsed.

mod connections;
mod old;
mod process;

use crate::excluded::Feature;

/// One variable, or a family of them when the name holds `<N>` or ends in `*`.
#[derive(Debug)]
pub(super) struct Variable {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) preset: Preset,
    /// What is accepted, as it is put in messages.
    pub(super) accepts: &'static str,
    pub(super) meaning: &'static str,
    /// Its value is never shown.
    pub(super) secret: bool,
}

/// What becomes of a variable.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// It counts.
    Used,
    /// It counts as long as no `GATEWAY_LISTENER_*` variable is set.
    Legacy,
    /// It counts, and is read by its owner (the licence and its agent).
    Later,
    /// Accepted, without effect.
    Ignored,
    /// Asks for something that throughway does not do.
    Refused {
        /// What it asks for.
        asked: Asked,
        /// Values that ask for nothing, compared without regard to case.
        harmless: &'static [&'static str],
    },
}

/// What a refused variable asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Asked {
    /// A feature that the licence excludes.
    Excluded(Feature),
    /// Something else that throughway does not do, in words.
    Other(&'static str),
}

impl Asked {
    /// What it is called.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Excluded(feature) => feature.name(),
            Self::Other(words) => words,
        }
    }

    /// Why it is refused, naming it.
    pub(super) fn refusal(self) -> String {
        match self {
            Self::Excluded(feature) => format!("{}: excluded by the licence", feature.name()),
            Self::Other(words) => format!("{words}: not part of throughway"),
        }
    }
}

/// What a variable is when nobody sets it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Preset {
    /// This very text, parsed like a set one.
    Is(&'static str),
    /// Follows from something else, said in words.
    Follows(&'static str),
    /// Nothing.
    Unset,
}

/// A part of the table, as the documentation has it.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) rows: &'static [Variable],
}

/// The whole table.
pub(super) const SECTIONS: &[Section] = &[
    Section {
        title: "Listeners",
        rows: connections::LISTENERS,
    },
    Section {
        title: "TLS towards clients",
        rows: connections::CLIENT_TLS,
    },
    Section {
        title: "Upstream: the Kafka cluster",
        rows: connections::UPSTREAM,
    },
    Section {
        title: "Address map",
        rows: connections::ADDRESS_MAP,
    },
    Section {
        title: "Limits",
        rows: process::LIMITS,
    },
    Section {
        title: "Deadlines and shutdown",
        rows: process::DEADLINES,
    },
    Section {
        title: "Process and logs",
        rows: process::PROCESS,
    },
    Section {
        title: "Admin API",
        rows: process::ADMIN,
    },
    Section {
        title: "Licence and usage",
        rows: process::LICENCE,
    },
    Section {
        title: "One listener by the older variables",
        rows: old::LEGACY,
    },
    Section {
        title: "Refused",
        rows: old::REFUSED,
    },
    Section {
        title: "Accepted without effect",
        rows: old::IGNORED,
    },
];

/// Start of every listener variable.
pub(super) const LISTENER: &str = "GATEWAY_LISTENER_";
const LISTENER_ROW: &str = "GATEWAY_LISTENER_<N>_";

/// Every row.
pub(super) fn all() -> impl Iterator<Item = &'static Variable> {
    SECTIONS.iter().flat_map(|section| section.rows)
}

/// The row of a variable: by its name, else as a listener's, else by the family it belongs to.
pub(super) fn find(name: &str) -> Option<&'static Variable> {
    if let Some(row) = all().find(|row| row.name == name) {
        return Some(row);
    }
    if let Some(rest) = name.strip_prefix(LISTENER) {
        return rest
            .split_once('_')
            .and_then(|(_, suffix)| find_listener(suffix));
    }
    all().find(|row| {
        row.name
            .strip_suffix('*')
            .is_some_and(|family| !family.contains('<') && name.starts_with(family))
    })
}

/// The row of `GATEWAY_LISTENER_<N>_<suffix>`. A listener's own `SSL_*` mean what the global ones do.
pub(super) fn find_listener(suffix: &str) -> Option<&'static Variable> {
    if suffix.starts_with("SSL_") && suffix != "SSL_CLIENT_AUTH" {
        let global = format!("GATEWAY_{suffix}");
        return connections::CLIENT_TLS
            .iter()
            .find(|row| row.name == global);
    }
    all().find(|row| row.name.strip_prefix(LISTENER_ROW) == Some(suffix))
}

/// Suffixes that a listener's variable may have.
pub(super) fn listener_suffixes() -> impl Iterator<Item = &'static str> {
    let own = all().filter_map(|row| row.name.strip_prefix(LISTENER_ROW));
    let tls = connections::CLIENT_TLS
        .iter()
        .filter_map(|row| row.name.strip_prefix("GATEWAY_"));
    own.filter(|suffix| !suffix.ends_with('*')).chain(tls)
}

/// Whether a variable's value must never be shown. Judged by the name where the table does not know
/// the very variable.
pub(super) fn is_secret(name: &str) -> bool {
    const TELLING: [&str; 5] = ["PASSWORD", "SECRET", "JAAS", "TOKEN", "CREDENTIAL"];
    match find(name) {
        Some(row) if !row.name.ends_with('*') => row.secret,
        _ => TELLING
            .iter()
            .any(|part| name.to_ascii_uppercase().contains(part)),
    }
}

/// The known name nearest to a misspelt one, if any is near.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // A third of the name may be wrong: beyond that the hint would send people astray.
    let most = name.len() / 3;
    known
        .map(|candidate| (distance(name, candidate), candidate))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= most)
        .map(|(_, candidate)| candidate)
}

/// Names a hint may point to.
pub(super) fn hints() -> impl Iterator<Item = &'static str> {
    let names = all().filter(|row| matches!(row.kind, Kind::Used | Kind::Legacy | Kind::Later));
    names
        .map(|row| row.name)
        .filter(|name| !name.contains(['*', '<']))
}

/// Levenshtein's distance: single signs to insert, remove or replace.
pub(super) fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i.saturating_add(1);
        for (cell, to) in row.iter_mut().skip(1).zip(b.chars()) {
            let replaced = diagonal.saturating_add(usize::from(from != to));
            diagonal = *cell;
            left = replaced
                .min(left.saturating_add(1))
                .min(cell.saturating_add(1));
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i.saturating_add(1);
        }
    }
    row.last().copied().unwrap_or_default()
}

const fn row(
    kind: Kind,
    name: &'static str,
    preset: Preset,
    accepts: &'static str,
    meaning: &'static str,
) -> Variable {
    Variable {
        name,
        kind,
        preset,
        accepts,
        meaning,
        secret: false,
    }
}

const fn used(
    name: &'static str,
    preset: Preset,
    accepts: &'static str,
    meaning: &'static str,
) -> Variable {
    row(Kind::Used, name, preset, accepts, meaning)
}

const fn legacy(
    name: &'static str,
    preset: Preset,
    accepts: &'static str,
    meaning: &'static str,
) -> Variable {
    row(Kind::Legacy, name, preset, accepts, meaning)
}

const fn later(
    name: &'static str,
    preset: Preset,
    accepts: &'static str,
    meaning: &'static str,
) -> Variable {
    row(Kind::Later, name, preset, accepts, meaning)
}

const fn ignored(name: &'static str, meaning: &'static str) -> Variable {
    row(Kind::Ignored, name, Preset::Unset, "anything", meaning)
}

const fn refused(
    name: &'static str,
    asked: Asked,
    harmless: &'static [&'static str],
    accepts: &'static str,
) -> Variable {
    row(
        Kind::Refused { asked, harmless },
        name,
        Preset::Unset,
        accepts,
        asked.name(),
    )
}

impl Variable {
    const fn secret(self) -> Self {
        Self {
            secret: true,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_variable_stands_in_the_table_twice() {
        let mut seen = BTreeSet::new();
        for row in all() {
            assert!(seen.insert(row.name), "{}", row.name);
        }
    }

    #[test]
    fn finds_rows_by_name_listener_and_family() {
        let found = |name| find(name).map(|row| row.name);
        assert_eq!(found("GATEWAY_HTTP_PORT"), Some("GATEWAY_HTTP_PORT"));
        assert_eq!(
            found("GATEWAY_LISTENER_EXT_PORTS"),
            Some("GATEWAY_LISTENER_<N>_PORTS")
        );
        let password = found("GATEWAY_LISTENER_EXT_SSL_KEY_PASSWORD");
        assert_eq!(password, Some("GATEWAY_SSL_KEY_PASSWORD"));
        assert_eq!(found("GATEWAY_LISTENER_EXT_PORT"), None);
        assert_eq!(found("KAFKA_CLIENT_ID"), Some("KAFKA_*"));
        assert_eq!(
            found("GATEWAY_OAUTH_USE_CC_POOL_ID"),
            Some("GATEWAY_OAUTH_USE_CC_POOL_ID")
        );
        assert_eq!(found("GATEWAY_NOTHING"), None);
    }

    #[test]
    fn secrets_are_known_by_table_or_by_name() {
        for name in [
            "GATEWAY_LICENSE_KEY",
            "GATEWAY_LISTENER_A_SSL_KEY_STORE_PASSWORD",
            "KAFKA_SASL_JAAS_CONFIG",
            "KAFKA_AWS_SECRET_ACCESS_KEY",
            "KAFKA_SSL_KEYSTORE_KEY",
            "GATEWAY_UNKNOWN_PASSWORD",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "GATEWAY_LICENSE_SECRET_ID",
            "GATEWAY_SSL_PRIVATE_KEY_PATH",
            "GATEWAY_LOG",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn hints_name_the_nearest_variable_and_nothing_far_away() {
        let hint = |name| nearest(name, hints());
        assert_eq!(hint("GATEWAY_HTTP_PROT"), Some("GATEWAY_HTTP_PORT"));
        assert_eq!(hint("GATEWAY_MIN_BROKER_ID"), Some("GATEWAY_MIN_BROKERID"));
        assert_eq!(
            hint("GATEWAY_ADVERTISED_HOSTS"),
            Some("GATEWAY_ADVERTISED_HOST")
        );
        assert_eq!(hint("GATEWAY_QWERTYUIOPASDFGHJKL"), None);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
    }
}
