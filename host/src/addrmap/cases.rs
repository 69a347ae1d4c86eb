//! A file of cases, for authors of maps: what is asked, and what must be answered. Runs a component
//! offline, within the limits it will have in service.
//!
//! It judges answers by the file alone; whether they hold together is `map`'s affair. The format
//! stands in `docs/address-maps/writing.md`.

mod answers;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use serde::Deserialize;
use serde_json::{Value, json};

use self::answers::{Asked, pairs, plan};
use super::{AddrMapError, read, worker};
use crate::config::LimitsProfile;
use crate::wasm::bindings::{ClientFields, Scheme};
use crate::wasm::{Guest, GuestComponent, most_bytes, shown};

/// The one version of the format.
const VERSION: u32 = 1;

/// Why a file of cases could not be run.
#[derive(Debug, thiserror::Error)]
pub enum CasesError {
    /// A file cannot be read.
    #[error("read {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is not a file of cases.
    #[error("{path} is not a file of cases")]
    Form {
        /// Which.
        path: PathBuf,
        /// Where, and what is accepted there.
        #[source]
        source: serde_json::Error,
    },
    /// It is one of another version of the format.
    #[error("{path} has version {version} of the format, accepted is {VERSION}")]
    Version {
        /// Which.
        path: PathBuf,
        /// What it says.
        version: u32,
    },
    /// The component is refused, or fails before any case.
    #[error(transparent)]
    Map(#[from] AddrMapError),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    version: u32,
    groups: Vec<Group>,
}

/// Cases with one configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    /// Text, or `@` and a path beside the file of cases.
    config: String,
    /// What `configure` must answer; anything when left out.
    #[serde(default)]
    plan: Value,
    #[serde(default)]
    cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
struct Case {
    #[serde(flatten)]
    asked: Asked,
    expect: Value,
}

/// What became of the cases.
#[derive(Debug)]
pub struct Report {
    /// For people, a difference a paragraph.
    pub text: String,
    /// Cases whose answer is another than expected.
    pub differences: usize,
}

/// Runs all cases of a file against a component.
///
/// # Errors
/// When a file cannot be read or the component is refused; a case that fails is no error.
pub fn run(component: &Path, cases: &Path, profile: LimitsProfile) -> Result<Report, CasesError> {
    let groups = load(cases)?;
    let bytes = read(component, most_bytes(profile)).map_err(|source| CasesError::Read {
        path: component.to_owned(),
        source,
    })?;
    // Compiling needs the same deep stack here as on the map's own thread.
    let work = move || Run::of(&bytes, profile, &groups);
    let thread = thread::Builder::new().stack_size(worker::STACK).spawn(work);
    let Ok(Ok(done)) = thread.map(thread::JoinHandle::join) else {
        return Err(worker::ended("configure").into());
    };
    Ok(done?)
}

/// The groups of a file, their configurations read.
fn load(path: &Path) -> Result<Vec<Group>, CasesError> {
    let text = |path: &Path| {
        fs::read_to_string(path).map_err(|source| CasesError::Read {
            path: path.to_owned(),
            source,
        })
    };
    let file: CaseFile = serde_json::from_str(&text(path)?).map_err(|source| CasesError::Form {
        path: path.to_owned(),
        source,
    })?;
    if file.version != VERSION {
        return Err(CasesError::Version {
            path: path.to_owned(),
            version: file.version,
        });
    }
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let mut groups = file.groups;
    for group in &mut groups {
        if let Some(beside) = group.config.strip_prefix('@') {
            group.config = text(&folder.join(beside))?;
        }
    }
    Ok(groups)
}

/// A component under test, and what is said of it.
struct Run {
    component: GuestComponent,
    text: String,
    differences: usize,
}

impl Run {
    fn of(bytes: &[u8], profile: LimitsProfile, groups: &[Group]) -> Result<Report, AddrMapError> {
        let component = GuestComponent::load(bytes, profile)?;
        let Scheme { name, version, .. } = component.instantiate()?.describe()?;
        let mut run = Self {
            component,
            text: String::new(),
            differences: 0,
        };
        let said = shown(&format!("{name} {version}"));
        run.say(said.trim_matches('"'));
        for group in groups {
            run.group(group);
        }
        let cases: usize = groups.iter().map(Group::len).sum();
        let end = match run.differences {
            0 => format!("{}, all as expected", counted(cases)),
            differences => format!("{}, {differences} not as expected", counted(cases)),
        };
        run.say(&end);
        Ok(Report {
            text: run.text,
            differences: run.differences,
        })
    }

    fn group(&mut self, group: &Group) {
        let before = self.differences;
        let (mut guest, answered, fields) = self.configured(group);
        if !group.plan.is_null() {
            self.judge(&group.name, "configure", &group.plan, &answered);
        }
        for (index, case) in group.cases.iter().enumerate() {
            let answered = match guest.as_mut().map(|guest| case.asked.of(guest, fields)) {
                Some(Ok(answered)) => answered,
                Some(Err(error)) => {
                    // The instance went with the call; the next case has one of its own.
                    guest = self.configured(group).0;
                    failed(&error)
                }
                None => json!({ "failed": "it is not configured" }),
            };
            let place = format!("case {} ({})", index.saturating_add(1), case.asked);
            self.judge(&group.name, &place, &case.expect, &answered);
        }
        let mark = match self.differences == before {
            true => "ok",
            false => "DIFFERENT",
        };
        self.say(&format!(
            "{mark:<9} {}, {}",
            group.name,
            counted(group.len())
        ));
    }

    /// A fresh instance for the group, what `configure` answered, and what the map may know.
    fn configured(&self, group: &Group) -> (Option<Guest>, Value, ClientFields) {
        let mut guest = match self.component.instantiate() {
            Ok(guest) => guest,
            Err(error) => return (None, failed(&error), ClientFields::empty()),
        };
        match guest.configure(&group.config) {
            Ok(Ok(said)) => (Some(guest), plan(&said), said.depends_on),
            Ok(Err(error)) => {
                let refused = json!({ "at": error.at, "message": error.message });
                (None, json!({ "refused": refused }), ClientFields::empty())
            }
            Err(error) => (None, failed(&error), ClientFields::empty()),
        }
    }

    fn judge(&mut self, group: &str, place: &str, expected: &Value, answered: &Value) {
        if matches(expected, answered) {
            return;
        }
        self.differences = self.differences.saturating_add(1);
        self.say(&format!("\n{group}, {place}"));
        for line in differing(expected, answered) {
            self.say(&line);
        }
    }

    fn say(&mut self, line: &str) {
        // Writing to a String cannot fail.
        let _infallible = writeln!(self.text, "{line}");
    }
}

impl Group {
    fn len(&self) -> usize {
        self.cases
            .len()
            .saturating_add(usize::from(!self.plan.is_null()))
    }
}

fn counted(cases: usize) -> String {
    format!("{cases} case{}", if cases == 1 { "" } else { "s" })
}

fn failed(error: &AddrMapError) -> Value {
    json!({ "failed": error.to_string() })
}

/// Equal, where `null` in what is expected stands for anything.
fn matches(expected: &Value, answered: &Value) -> bool {
    match (expected, answered) {
        (Value::Null, _) => true,
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, value)| other.get(key).is_some_and(|is| matches(value, is)))
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, is)| matches(one, is))
        }
        (one, other) => one == other,
    }
}

/// What differs, member by member, so that one wrong port in a long plan is seen.
fn differing(expected: &Value, answered: &Value) -> Vec<String> {
    let (wanted, found) = (pairs(expected), pairs(answered));
    let lines = |mark: char, all: &[(String, Value)], other: &[(String, Value)]| {
        let new = |(path, value): &&(String, Value)| {
            let there = other.iter().find(|(other, _)| other == path);
            !there.is_some_and(|(_, other)| matches(value, other) || matches(other, value))
        };
        let line = |(path, value): &(String, Value)| format!("  {mark} {path}{}", told(value));
        all.iter().filter(new).map(line).collect::<Vec<_>>()
    };
    [lines('-', &wanted, &found), lines('+', &found, &wanted)].concat()
}

/// Guests' texts are limited and escaped like everywhere.
fn told(value: &Value) -> String {
    match value {
        Value::String(text) => shown(text),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
