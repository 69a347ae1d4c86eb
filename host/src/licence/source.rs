//! Where the token comes from: exactly one variable.
//!
//! It must not know what a token means.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::error::LicenceError;
use super::jws;
use crate::config::Secret;

const KEY: &str = "GATEWAY_LICENSE_KEY";
const FILE: &str = "GATEWAY_LICENSE_FILE";
const SECRET_ID: &str = "GATEWAY_LICENSE_SECRET_ID";
const AGENT_FILE: &str = "GATEWAY_LICENSE_AGENT_FILE";

/// Read beyond the longest token, so that one that is too long is seen to be.
const MOST_BYTES: u64 = jws::MOST_BYTES as u64 + 1024;

/// Where the token comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Source {
    /// `GATEWAY_LICENSE_KEY`: the token itself.
    Key(Secret),
    /// `GATEWAY_LICENSE_FILE`: must be there at start, unless an earlier run kept a good token.
    File(PathBuf),
    /// `GATEWAY_LICENSE_AGENT_FILE`: another process writes it, perhaps later.
    AgentFile(PathBuf),
}

impl Source {
    /// Chooses by the variables; `setting` gives the value of one. Empty ones count as unset.
    ///
    /// # Errors
    /// Unless exactly one source is named, and one that this build can read.
    pub fn choose<'a>(
        setting: impl Fn(&'static str) -> Option<&'a str>,
    ) -> Result<Self, LicenceError> {
        let setting = |name| setting(name).map(str::trim).filter(|text| !text.is_empty());
        let set: Vec<_> = [KEY, FILE, SECRET_ID]
            .into_iter()
            .filter_map(|name| setting(name).map(|value| (name, value)))
            .collect();
        match (set.as_slice(), setting(AGENT_FILE)) {
            ([], _) => Err(LicenceError::Unset),
            ([(KEY, token)], _) => Ok(Self::Key(Secret((*token).to_owned()))),
            ([(FILE, path)], _) => Ok(Self::File(PathBuf::from(path))),
            ([(SECRET_ID, _)], Some(path)) => Ok(Self::AgentFile(PathBuf::from(path))),
            ([_], _) => Err(LicenceError::NoAws),
            (several, _) => Err(LicenceError::Several(
                several.iter().map(|(name, _)| *name).collect(),
            )),
        }
    }

    /// The variable that messages name.
    #[must_use]
    pub fn variable(&self) -> &'static str {
        match self {
            Self::Key(_) => KEY,
            Self::File(_) => FILE,
            Self::AgentFile(_) => AGENT_FILE,
        }
    }

    /// Whether the process starts without a token, because one will come.
    #[must_use]
    pub fn may_come_later(&self) -> bool {
        matches!(self, Self::AgentFile(_))
    }

    /// The token as it is there now, without white space around it. Blocks on a file.
    ///
    /// # Errors
    /// When the file cannot be read. What is not text is returned, and is no token.
    pub fn read(&self) -> Result<Secret, LicenceError> {
        match self {
            Self::Key(token) => Ok(token.clone()),
            Self::File(path) | Self::AgentFile(path) => read_file(path, self.variable()),
        }
    }
}

/// The token in a file, without white space around it. `variable` says in errors what names the file.
///
/// # Errors
/// When the file cannot be read. What is not text is returned, and is no token.
pub fn read_file(path: &Path, variable: &'static str) -> Result<Secret, LicenceError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes))
        .map_err(|source| LicenceError::Unreadable {
            variable,
            path: path.to_owned(),
            source,
        })?;
    Ok(Secret(String::from_utf8_lossy(&bytes).trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(settings: &[(&str, &'static str)]) -> Result<Source, LicenceError> {
        Source::choose(|name| settings.iter().find(|set| set.0 == name).map(|set| set.1))
    }

    #[test]
    fn takes_exactly_one_source() {
        let key = choose(&[(KEY, " x.y.z\n"), (FILE, " "), (AGENT_FILE, "/a")]).unwrap();
        assert_eq!(key, Source::Key(Secret("x.y.z".to_owned())));
        assert_eq!(choose(&[(FILE, "/f")]).unwrap(), Source::File("/f".into()));
        let agent = choose(&[(SECRET_ID, "arn"), (AGENT_FILE, "/a")]).unwrap();
        assert_eq!(agent, Source::AgentFile("/a".into()));
    }

    #[test]
    fn names_the_variables_when_none_or_several_are_set() {
        for settings in [&[][..], &[(AGENT_FILE, "/a")], &[(KEY, "")]] {
            let text = choose(settings).unwrap_err().to_string();
            assert!(
                [KEY, FILE, SECRET_ID]
                    .iter()
                    .all(|name| text.contains(name)),
                "{text}"
            );
        }
        let text = choose(&[(KEY, "SECRET"), (FILE, "/f")])
            .unwrap_err()
            .to_string();
        assert!(
            text.starts_with("GATEWAY_LICENSE_KEY and GATEWAY_LICENSE_FILE are set"),
            "{text}"
        );
        assert!(!text.contains("SECRET "), "{text}");
    }

    #[test]
    fn refuses_a_secret_that_nobody_fetches() {
        let text = choose(&[(SECRET_ID, "arn")]).unwrap_err().to_string();
        assert!(
            text.starts_with("GATEWAY_LICENSE_SECRET_ID: this build has no AWS"),
            "{text}"
        );
    }

    #[test]
    fn a_key_never_prints() {
        let source = Source::Key(Secret("abc".to_owned()));
        assert_eq!(format!("{source:?}"), "Key([redacted])");
    }

    #[test]
    fn reads_a_file_as_it_is_now() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("license.jwt");
        let source = Source::File(path.clone());
        let text = source.read().unwrap_err().in_full();
        assert!(text.starts_with("GATEWAY_LICENSE_FILE: read \"/"), "{text}");
        assert!(text.contains("No such file"), "{text}");
        std::fs::write(&path, "\n a.b.c \r\n").unwrap();
        assert_eq!(source.read().unwrap().0, "a.b.c");
        std::fs::write(&path, [0xff; 100_000]).unwrap();
        assert!(source.read().unwrap().0.len() > jws::MOST_BYTES);
    }
}
