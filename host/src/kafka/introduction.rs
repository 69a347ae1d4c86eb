//! What a client says of itself while it logs in: its software, the SASL mechanism, its user name.
//!
//! Reads copies of ApiVersions, SaslHandshake and SaslAuthenticate requests while they pass, of which
//! it holds no more than `MOST_HELD` bytes and nothing once the request is over. A password, proof or
//! token is never given out: a user name comes from a PLAIN or SCRAM message that is one beyond
//! doubt, or not at all. It must not know the session.

use super::FrameError;
use super::cursor::{Cursor, Encoding, Halt};
use super::request::RequestPrefix;
use super::versions::table;

/// Bytes of one request that are looked at. Real ones have a few hundred; what says too much says nothing.
const MOST_HELD: usize = 1024;

/// Bytes of a user name.
const MOST_USER: usize = 255;

/// Bytes of a software's name or version. Kafka itself sets no bound; real ones have a dozen.
const MOST_SOFTWARE: usize = 64;

/// RFC 4422 §3.1: 1 to 20 capital letters, digits, hyphens and underscores.
const MOST_MECHANISM: usize = 20;

/// Offset in the payload from which an `Introduction` is fed: the client id's length.
const FED_FROM: usize = 8;

/// How a mechanism names the user in its first message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Naming {
    /// RFC 4616.
    Plain,
    /// RFC 5802.
    Scram,
}

impl Naming {
    /// `None` for mechanisms whose messages are not looked at.
    #[must_use]
    pub fn of(mechanism: &str) -> Option<Self> {
        match mechanism {
            "PLAIN" => Some(Self::Plain),
            "SCRAM-SHA-256" | "SCRAM-SHA-512" => Some(Self::Scram),
            _ => None,
        }
    }
}

/// What one request said. Every text is bounded and has no control characters.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Told {
    /// KIP-511.
    Software {
        /// Of letters, digits, `-`, `_`, `.` and `+`.
        name: Box<str>,
        /// The same.
        version: Box<str>,
    },
    /// The SASL mechanism asked for.
    Mechanism(Box<str>),
    /// Whom PLAIN or SCRAM is to log in; whether that succeeds the broker decides.
    User(Box<str>),
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Software,
    Mechanism,
    User(Naming),
}

/// One request that introduces its client, as far as it has passed.
#[derive(Debug)]
pub struct Introduction {
    kind: Kind,
    /// Tagged sections and varint lengths.
    compact: bool,
    payload_len: usize,
    held: Vec<u8>,
}

impl Introduction {
    /// For a request with this prefix; `None` when it says nothing of its client. SaslAuthenticate is
    /// listened to only with the naming of the mechanism asked for before, which is asked for then.
    #[must_use]
    pub fn begin(prefix: &RequestPrefix, naming: impl FnOnce() -> Option<Naming>) -> Option<Self> {
        let version = prefix.api_version.0;
        let (kind, compact) = match prefix.api_key {
            table::API_VERSIONS if version >= 3 => (Kind::Software, true),
            table::SASL_HANDSHAKE => (Kind::Mechanism, false),
            table::SASL_AUTHENTICATE => (Kind::User(naming()?), version >= 2),
            _ => return None,
        };
        Some(Self {
            kind,
            compact,
            payload_len: prefix.payload_len.saturating_sub(FED_FROM),
            held: Vec::new(),
        })
    }

    /// Takes the next bytes of the request, from the client id's length on.
    pub fn feed(&mut self, piece: &[u8]) {
        let room = MOST_HELD.saturating_sub(self.held.len());
        self.held
            .extend_from_slice(piece.get(..room).unwrap_or(piece));
    }

    /// What it said; `None` when that is not beyond doubt.
    #[must_use]
    pub fn told(&self) -> Option<Told> {
        self.read().ok().flatten()
    }

    fn read(&self) -> Result<Option<Told>, Halt> {
        let mut cursor = Cursor::new(&self.held, self.payload_len);
        // Never compact, in no version of the header (KIP-511).
        cursor.string(Encoding::Classic, "client id")?;
        if self.compact {
            cursor.tags()?;
        }
        match self.kind {
            Kind::Software => {
                let name = cursor.string(Encoding::Compact, "software name")?;
                let version = cursor.string(Encoding::Compact, "software version")?;
                let (name, version) = (name.and_then(software), version.and_then(software));
                Ok(name
                    .zip(version)
                    .map(|(name, version)| Told::Software { name, version }))
            }
            Kind::Mechanism => {
                let name = cursor.string(Encoding::Classic, "mechanism")?;
                Ok(name.and_then(mechanism).map(Told::Mechanism))
            }
            Kind::User(naming) => {
                let token = self.token(&mut cursor)?;
                let name = match naming {
                    Naming::Plain => plain(token),
                    Naming::Scram => scram(token),
                };
                Ok(name.map(Told::User))
            }
        }
    }

    /// What SaslAuthenticate carries.
    fn token<'a>(&self, cursor: &mut Cursor<'a>) -> Result<&'a [u8], Halt> {
        if self.compact {
            let token = cursor.string(Encoding::Compact, "auth bytes")?;
            return Ok(token.unwrap_or_default());
        }
        let len = usize::try_from(cursor.i32("auth bytes")?)
            .map_err(|_negative| FrameError::Invalid { what: "auth bytes" })?;
        cursor.take(len, "auth bytes")
    }
}

fn software(word: &[u8]) -> Option<Box<str>> {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(byte);
    bounded(word, MOST_SOFTWARE).filter(|word| word.as_bytes().iter().all(allowed))
}

fn mechanism(word: &[u8]) -> Option<Box<str>> {
    let allowed =
        |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    bounded(word, MOST_MECHANISM).filter(|word| word.bytes().all(allowed))
}

/// `authzid NUL authcid NUL password`, as brokers take it: three parts, none acting for another.
fn plain(token: &[u8]) -> Option<Box<str>> {
    let mut parts = token.split(|byte| *byte == 0);
    let (acting_for, user, password) = (parts.next()?, parts.next()?, parts.next()?);
    let whole = parts.next().is_none() && !password.is_empty();
    if !whole || !(acting_for.is_empty() || acting_for == user) {
        return None;
    }
    user_name(user)
}

/// `n,[a=authzid],n=user,r=nonce[,extensions]`. With a delegation token the name is the token's id:
/// that is no user's name and is not given out.
fn scram(token: &[u8]) -> Option<Box<str>> {
    let text = std::str::from_utf8(token).ok()?;
    let mut parts = text.split(',');
    let (binding, _acting_for) = (parts.next()?, parts.next()?);
    let user = parts.next()?.strip_prefix("n=")?;
    let nonce = parts.next()?.strip_prefix("r=")?;
    if !matches!(binding, "n" | "y")
        || nonce.is_empty()
        || parts.any(|part| part == "tokenauth=true")
    {
        return None;
    }
    user_name(unescaped(user)?.as_bytes())
}

/// RFC 5802 §5.1: `=2C` is a comma, `=3D` an equals sign, and nothing else follows one.
fn unescaped(name: &str) -> Option<String> {
    let mut pieces = name.split('=');
    let mut plain = pieces.next()?.to_owned();
    for piece in pieces {
        let (character, rest) = match (piece.strip_prefix("2C"), piece.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (_, Some(rest)) => ('=', rest),
            _ => return None,
        };
        plain.push(character);
        plain.push_str(rest);
    }
    Some(plain)
}

fn user_name(name: &[u8]) -> Option<Box<str>> {
    bounded(name, MOST_USER)
}

fn bounded(word: &[u8], most: usize) -> Option<Box<str>> {
    let word = std::str::from_utf8(word).ok()?;
    let good = !word.is_empty() && word.len() <= most && !word.chars().any(char::is_control);
    good.then(|| word.into())
}

#[cfg(test)]
mod tests;
