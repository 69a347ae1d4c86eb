//! Reads variables by name: default, parse, note the origin, collect what is wrong.
//!
//! Pure. It knows the table of variables, not what becomes of their values.

use super::Secret;
use super::report::{ComputedValue, ConfigError, Notice, Origin};
use super::sources::{Given, Sources};
use super::value::{self, Outcome};
use super::variables::{self, Preset};

/// One pass over the given variables.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) given: &'a Given,
    pub(super) sources: &'a Sources,
    pub(super) errors: Vec<ConfigError>,
    pub(super) notices: Vec<Notice>,
    pub(super) values: Vec<ComputedValue>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(given: &'a Given, sources: &'a Sources) -> Self {
        Self {
            given,
            sources,
            errors: sources.errors.clone(),
            notices: sources.notices.clone(),
            values: Vec::new(),
        }
    }

    /// As set, trimmed; `None` when unset or empty.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.sources.text(name)
    }

    /// Parses what is set, else the table's default. `None` when there is neither, and after an
    /// error, which is then on record.
    pub(super) fn value<T>(&mut self, name: &str, parse: impl Fn(&str) -> Outcome<T>) -> Option<T> {
        if let Some(text) = self.text(name) {
            return match parse(text) {
                Ok(parsed) => {
                    self.record_set(name);
                    Some(parsed)
                }
                Err(problem) => {
                    self.reject(name, problem);
                    None
                }
            };
        }
        let Some(Preset::Is(text)) = variables::find(name).map(|known| known.preset) else {
            return None;
        };
        self.computed(name, text);
        parse(text).ok()
    }

    /// As [`Self::value`]; `fallback` counts when nothing is set and the table has no literal
    /// default, and stands in after an error so that the rest can be checked.
    pub(super) fn value_or<T: Clone + ToString>(
        &mut self,
        name: &str,
        fallback: T,
        parse: impl Fn(&str) -> Outcome<T>,
    ) -> T {
        if let Some(found) = self.value(name, parse) {
            return found;
        }
        if self.text(name).is_none() {
            self.computed(name, &fallback.to_string());
        }
        fallback
    }

    /// As [`Self::value`]; not set is an error, too.
    pub(super) fn required<T>(
        &mut self,
        name: &str,
        parse: impl Fn(&str) -> Outcome<T>,
    ) -> Option<T> {
        if self.text(name).is_none() {
            self.reject(name, "is required");
            return None;
        }
        self.value(name, parse)
    }

    /// A secret, blanks at its ends included.
    pub(super) fn secret(&mut self, name: &str) -> Option<Secret> {
        self.text(name)?;
        self.record_set(name);
        self.sources
            .settings
            .get(name)
            .map(|setting| Secret(setting.value.clone()))
    }

    /// Any text.
    pub(super) fn string(&mut self, name: &str) -> Option<String> {
        self.value(name, |text| Ok(text.to_owned()))
    }

    /// Puts a value that nobody set on record.
    pub(super) fn computed(&mut self, name: &str, value: &str) {
        let value = value::shown(value);
        self.values.push(ComputedValue {
            name: name.to_owned(),
            value,
            origin: Origin::Default,
        });
    }

    /// Puts a set variable on record, redacted if it is a secret.
    pub(super) fn record_set(&mut self, name: &str) {
        let Some(setting) = self.sources.settings.get(name) else {
            return;
        };
        self.values.push(ComputedValue {
            name: name.to_owned(),
            value: display(name, &setting.value),
            origin: setting.origin.clone(),
        });
    }

    /// The variable's value is not accepted, or it is missing; the table says what would be.
    pub(super) fn reject(&mut self, name: &str, problem: impl Into<String>) {
        let accepted = variables::find(name).map_or("", |known| known.accepts);
        self.reject_with(name, problem, accepted);
    }

    /// As [`Self::reject`], saying here what would be accepted.
    pub(super) fn reject_with(&mut self, name: &str, problem: impl Into<String>, accepted: &str) {
        let setting = self
            .sources
            .settings
            .get(name)
            .filter(|s| !s.value.trim().is_empty());
        self.errors.push(ConfigError {
            variable: name.to_owned(),
            value: setting.map(|setting| display(name, &setting.value)),
            origin: setting.map_or(Origin::Default, |setting| setting.origin.clone()),
            problem: problem.into(),
            accepted: accepted.to_owned(),
        });
    }

    pub(super) fn warn(&mut self, text: impl Into<String>) {
        self.notices.push(Notice {
            warning: true,
            text: text.into(),
        });
    }

    pub(super) fn note(&mut self, text: impl Into<String>) {
        self.notices.push(Notice {
            warning: false,
            text: text.into(),
        });
    }
}

fn display(name: &str, value: &str) -> String {
    if variables::is_secret(name) {
        return "[redacted]".to_owned();
    }
    value::shown(value.trim())
}
