//! Where the token comes from: exactly one variable.
//!
//! It must not know what a token means.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use throughway_aws::SecretSource;

use super::error::LicenceError;
use super::jws;
use crate::config::Secret;

const KEY: &str = "GATEWAY_LICENSE_KEY";
const FILE: &str = "GATEWAY_LICENSE_FILE";
const SECRET_ID: &str = "GATEWAY_LICENSE_SECRET_ID";
const SECRET_FIELD: &str = "GATEWAY_LICENSE_SECRET_FIELD";
const SECRET_STAGE: &str = "GATEWAY_LICENSE_SECRET_STAGE";
const REFRESH_MINUTES: &str = "GATEWAY_LICENSE_REFRESH_MINUTES";
const AGENT_FILE: &str = "GATEWAY_LICENSE_AGENT_FILE";

/// How often a file is read; in memory it is nearly free.
const FILE_EVERY: Duration = Duration::from_secs(10);

/// Read beyond the longest token, so that one that is too long is seen to be.
const MOST_BYTES: u64 = jws::MOST_BYTES as u64 + 1024;

/// Where the token comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Source {
    /// `GATEWAY_LICENSE_KEY`: the token itself.
    Key(Secret),
    /// `GATEWAY_LICENSE_FILE`: must be there at start, unless an earlier run kept a good token.
    File(PathBuf),
    /// `GATEWAY_LICENSE_SECRET_ID`: AWS Secrets Manager, asked this often.
    Secret(SecretSource, Duration),
    /// `GATEWAY_LICENSE_AGENT_FILE`: another process writes it, perhaps later.
    AgentFile(PathBuf),
}

impl Source {
    /// Chooses by the variables; `setting` gives the value of one. Empty ones count as unset.
    ///
    /// # Errors
    /// Unless exactly one source is named, and in a form that can be one.
    pub fn choose<'a>(
        setting: impl Fn(&'static str) -> Option<&'a str>,
    ) -> Result<Self, LicenceError> {
        let setting = non_empty(setting);
        let set: Vec<_> = [KEY, FILE, SECRET_ID]
            .into_iter()
            .filter_map(|name| setting(name).map(|value| (name, value)))
            .collect();
        match (set.as_slice(), setting(AGENT_FILE)) {
            ([], _) => Err(LicenceError::Unset),
            ([(KEY, token)], _) => Ok(Self::Key(Secret((*token).to_owned()))),
            ([(FILE, path)], _) => Ok(Self::File(PathBuf::from(path))),
            ([(SECRET_ID, _)], Some(path)) => Ok(Self::AgentFile(PathBuf::from(path))),
            ([_], None) => Self::secret(setting),
            (several, _) => Err(LicenceError::Several(
                several.iter().map(|(name, _)| *name).collect(),
            )),
        }
    }

    /// The secret itself, whoever else is to read it.
    ///
    /// # Errors
    /// When what is set names none.
    pub fn secret<'a>(
        setting: impl Fn(&'static str) -> Option<&'a str>,
    ) -> Result<Self, LicenceError> {
        let setting = non_empty(setting);
        let id = setting(SECRET_ID).ok_or(LicenceError::Unset)?;
        let stage = setting(SECRET_STAGE).unwrap_or("AWSCURRENT");
        let secret = SecretSource::new(id, stage, setting(SECRET_FIELD))?;
        let minutes = setting(REFRESH_MINUTES).unwrap_or("60");
        match minutes.parse::<u64>() {
            Ok(n @ 1..=1440) => Ok(Self::Secret(secret, Duration::from_secs(60 * n))),
            _ => Err(LicenceError::RefreshMinutes(minutes.to_owned())),
        }
    }

    /// The variable that messages name.
    #[must_use]
    pub fn variable(&self) -> &'static str {
        match self {
            Self::Key(_) => KEY,
            Self::File(_) => FILE,
            Self::Secret(..) => SECRET_ID,
            Self::AgentFile(_) => AGENT_FILE,
        }
    }

    /// Whether an agent brings the token.
    #[must_use]
    pub fn is_by_agent(&self) -> bool {
        matches!(self, Self::AgentFile(_))
    }

    /// Whether a process that has had no token yet, and has been asking for so long, may go on asking
    /// after this error.
    #[must_use]
    pub fn may_come_later(&self, error: &LicenceError, asking_since: Duration) -> bool {
        match (self, error) {
            (Self::AgentFile(_), _) => true,
            (Self::Secret(..), LicenceError::Unfetched(error)) => error.may_pass(asking_since),
            _ => false,
        }
    }

    /// How often it is read while all is well.
    pub(super) fn every(&self) -> Duration {
        match self {
            Self::Secret(_, every) => *every,
            Self::Key(_) | Self::File(_) | Self::AgentFile(_) => FILE_EVERY,
        }
    }

    /// Whether reading it costs somebody something, so that it is asked less often than a file.
    pub(super) fn is_remote(&self) -> bool {
        matches!(self, Self::Secret(..))
    }

    /// The token as it is there now, without white space around it. Blocks on a file, and up to 20 s on
    /// a service.
    ///
    /// # Errors
    /// When it cannot be read. What is not text in a file is returned, and is no token.
    pub fn read(&self) -> Result<Secret, LicenceError> {
        match self {
            Self::Key(token) => Ok(token.clone()),
            Self::Secret(secret, _) => Ok(Secret(secret.fetch()?)),
            Self::File(path) | Self::AgentFile(path) => read_file(path, self.variable()),
        }
    }
}

/// Empty ones count as unset.
fn non_empty<'a>(
    setting: impl Fn(&'static str) -> Option<&'a str>,
) -> impl Fn(&'static str) -> Option<&'a str> {
    move |name| setting(name).map(str::trim).filter(|text| !text.is_empty())
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
    fn a_secret_is_asked_every_hour_unless_told_otherwise() {
        for (minutes, seconds) in [(None, 3600), (Some("5"), 300), (Some("1440"), 86_400)] {
            let mut settings = vec![(SECRET_ID, "licence")];
            settings.extend(minutes.map(|minutes| (REFRESH_MINUTES, minutes)));
            let source = choose(&settings).unwrap();
            assert_eq!(source.variable(), SECRET_ID);
            assert_eq!(source.every(), Duration::from_secs(seconds));
        }
        for minutes in ["0", "1441", "soon"] {
            let set = [(SECRET_ID, "licence"), (REFRESH_MINUTES, minutes)];
            let text = choose(&set).unwrap_err().to_string();
            assert_eq!(
                text,
                format!(
                    "GATEWAY_LICENSE_REFRESH_MINUTES={minutes}: must be minutes from 1 to 1440"
                )
            );
        }
    }

    #[test]
    fn a_text_that_names_no_secret_is_refused() {
        let text = choose(&[(SECRET_ID, "arn:aws:s3:::bucket")]).unwrap_err();
        let text = text.in_full();
        assert!(
            text.starts_with("GATEWAY_LICENSE_SECRET_ID: \"arn:aws:s3:::bucket\" is not"),
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
