//! Reads what parsing is given: the process environment, once, and the files that variables name.
//!
//! The only part of the configuration that does I/O. It must not know what the variables mean.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::parse::parse;
use super::report::{ConfigError, ConfigErrors, Origin, Parsed};
use super::sources::{FileText, Given};
use super::variables::LISTENER;

/// Reads the environment and the files it names, and parses.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn from_process() -> Result<Parsed, ConfigErrors> {
    let (environment, not_text) = environment(std::env::vars_os());
    let mut given = Given {
        env_file: environment
            .get("GATEWAY_ENV_FILE")
            .filter(|path| !path.is_empty())
            .map(read),
        environment,
        files: BTreeMap::new(),
        host_name: host_name(),
        cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
    };
    for (name, path) in given.files_named() {
        given.files.insert(name.to_owned(), read(path));
    }
    let parsed = parse(&given);
    if not_text.is_empty() {
        return parsed;
    }
    let mut refused = parsed.err().unwrap_or_else(|| ConfigErrors {
        errors: Vec::new(),
        notices: Vec::new(),
    });
    refused.errors.extend(not_text);
    Err(refused)
}

/// Whether the environment says anything of a proxy: its file, its upstream or a listener.
#[must_use]
pub fn is_set_up() -> bool {
    let mut names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    names.any(|name| {
        ["GATEWAY_ENV_FILE", "KAFKA_BOOTSTRAP_SERVERS"].contains(&name.as_str())
            || name.starts_with(LISTENER)
    })
}

/// Variables that are no UTF-8 matter only if they could be ours.
fn environment(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> (BTreeMap<String, String>, Vec<ConfigError>) {
    let mut environment = BTreeMap::new();
    let mut not_text = Vec::new();
    for (name, value) in variables {
        let Ok(name) = name.into_string() else {
            continue;
        };
        match value.into_string() {
            Ok(value) => {
                environment.insert(name, value);
            }
            Err(_bytes) if name.starts_with("GATEWAY_") || name.starts_with("KAFKA_") => {
                not_text.push(ConfigError {
                    variable: name,
                    value: None,
                    origin: Origin::Environment,
                    problem: "is not UTF-8".to_owned(),
                    accepted: "UTF-8 text".to_owned(),
                });
            }
            Err(_bytes) => {}
        }
    }
    (environment, not_text)
}

fn read(path: impl Into<PathBuf>) -> FileText {
    let path = path.into();
    let text = std::fs::read_to_string(&path).map_err(|cause| cause.to_string());
    FileText { path, text }
}

/// The kernel's word; the standard library has no call for it.
fn host_name() -> String {
    let name = std::fs::read_to_string(Path::new("/proc/sys/kernel/hostname")).unwrap_or_default();
    match name.trim() {
        "" => "localhost".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn a_value_that_is_not_utf_8_is_an_error_only_if_it_is_ours() {
        let bytes = || OsString::from_vec(vec![0xff]);
        let variables = [
            (OsString::from("GATEWAY_LOG"), bytes()),
            (OsString::from("OTHER"), bytes()),
            (OsString::from("GOOD"), OsString::from("1")),
        ];
        let (environment, errors) = environment(variables.into_iter());
        assert_eq!(environment.keys().collect::<Vec<_>>(), ["GOOD"]);
        assert_eq!(errors.len(), 1);
        assert_eq!(
            errors[0].to_string(),
            "GATEWAY_LOG: is not UTF-8; accepted: UTF-8 text"
        );
    }

    #[test]
    fn reads_files_and_says_why_it_could_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("env");
        assert!(read(&path).text.is_err());
        std::fs::write(&path, "A=1").unwrap();
        assert_eq!(read(&path).text, Ok("A=1".to_owned()));
    }

    #[test]
    fn the_machine_has_a_name() {
        assert!(!host_name().is_empty());
    }
}
