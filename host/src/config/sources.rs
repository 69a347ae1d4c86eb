//! What a run was given: the process environment, the env file's text, and facts of the machine.
//!
//! Pure: `load` reads, this file merges. It must not know what the variables mean.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::env_file;
use super::report::{ConfigError, Notice, Origin};

/// A file that a variable names, as it was read.
#[derive(Clone, Debug)]
pub struct FileText {
    /// As the variable says.
    pub path: PathBuf,
    /// Its text, or why it could not be read.
    pub text: Result<String, String>,
}

/// Everything that parsing may look at.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// The process environment.
    pub environment: BTreeMap<String, String>,
    /// The file named by `GATEWAY_ENV_FILE`.
    pub env_file: Option<FileText>,
    /// Other files, by the variable that names them; see [`Given::files_named`].
    pub files: BTreeMap<String, FileText>,
    /// The machine's name: what clients are told when no advertised host is set.
    pub host_name: String,
    /// Cores of the machine, at least 1.
    pub cores: usize,
}

impl Given {
    /// Files that parsing needs the text of: the variable and the path it names.
    #[must_use]
    pub fn files_named(&self) -> Vec<(&'static str, PathBuf)> {
        let merged = Sources::merge(self);
        let mut named = Vec::new();
        if let Some(path) = merged.text("GATEWAY_INTERCEPTOR_CONFIG_LOCATION") {
            named.push(("GATEWAY_INTERCEPTOR_CONFIG_LOCATION", PathBuf::from(path)));
        }
        let config = merged.text("GATEWAY_ADDRESS_MAP_CONFIG");
        if let Some(path) = config.and_then(|text| text.strip_prefix('@')) {
            named.push(("GATEWAY_ADDRESS_MAP_CONFIG", PathBuf::from(path)));
        }
        named
    }
}

/// One variable as it counts.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    /// As set; may be empty.
    pub(super) value: String,
    /// Environment or file.
    pub(super) origin: Origin,
}

/// Environment and file merged; the file wins.
#[derive(Debug, Default)]
pub(super) struct Sources {
    pub(super) settings: BTreeMap<String, Setting>,
    pub(super) errors: Vec<ConfigError>,
    pub(super) notices: Vec<Notice>,
}

impl Sources {
    /// Merges; bad lines of the file become errors, differences become warnings.
    pub(super) fn merge(given: &Given) -> Self {
        let mut merged = Self::default();
        for (name, value) in &given.environment {
            let origin = Origin::Environment;
            let value = value.clone();
            merged
                .settings
                .insert(name.clone(), Setting { value, origin });
        }
        if let Some(file) = &given.env_file {
            merged.add_file(file);
        }
        merged
    }

    /// The value, unless unset or empty: an empty value counts as not set.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let value = self.settings.get(name)?.value.trim();
        (!value.is_empty()).then_some(value)
    }

    fn add_file(&mut self, file: &FileText) {
        let path = file.path.display().to_string();
        let text = match &file.text {
            Ok(text) => text,
            Err(cause) => {
                let problem = format!("cannot be read: {cause}");
                self.refuse_file(Some(path), Origin::Environment, problem);
                return;
            }
        };
        let (assignments, bad) = env_file::parse(text);
        for line in bad {
            let origin = Origin::File {
                path: path.clone(),
                line: line.line,
            };
            self.refuse_file(None, origin, line.problem);
        }
        for assignment in assignments {
            let origin = Origin::File {
                path: path.clone(),
                line: assignment.line,
            };
            self.add_assignment(assignment.name, assignment.value, origin);
        }
    }

    fn add_assignment(&mut self, name: String, value: String, origin: Origin) {
        if name == "GATEWAY_ENV_FILE" {
            let problem = "a file cannot name another one".to_owned();
            self.refuse_file(Some(value), origin, problem);
            return;
        }
        let earlier = self
            .settings
            .get(&name)
            .filter(|earlier| earlier.value != value);
        let text = match earlier.map(|earlier| &earlier.origin) {
            Some(Origin::File { .. }) => format!("{name} is set twice; {origin} counts"),
            Some(_) => {
                format!("{name} differs between the environment and {origin}; the file counts")
            }
            None => String::new(),
        };
        if !text.is_empty() {
            self.notices.push(Notice {
                warning: true,
                text,
            });
        }
        self.settings.insert(name, Setting { value, origin });
    }

    fn refuse_file(&mut self, value: Option<String>, origin: Origin, problem: String) {
        self.errors.push(ConfigError {
            variable: "GATEWAY_ENV_FILE".to_owned(),
            value,
            origin,
            problem,
            accepted: String::new(),
        });
    }
}
