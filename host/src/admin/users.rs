//! Who calls: Basic credentials against the known users.
//!
//! Comparing takes the same time whatever is wrong: a keyed digest of name and password together is
//! compared with every user's, all of them, in constant time.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::{hmac, rand};
use axum::http::{HeaderMap, header};
use base64ct::{Base64, Encoding as _};

use crate::config::AdminUser;

/// The most bytes of credentials that are looked at.
const MOST_BYTES: usize = 4096;

/// What a caller may do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Role {
    /// Read.
    Reader,
    /// Read and change.
    Admin,
}

struct Known {
    tag: hmac::Tag,
    name: String,
    role: Role,
}

/// The known users.
pub(super) struct Users {
    /// Of this process alone, so that no digest means anything elsewhere.
    key: hmac::Key,
    known: Vec<Known>,
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.known.iter().map(|known| &known.name);
        f.debug_list().entries(names).finish()
    }
}

impl Users {
    /// `None` when the system has no random numbers.
    pub(super) fn new(users: &[AdminUser]) -> Option<Self> {
        let mut secret = [0; 32];
        rand::fill(&mut secret).ok()?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        let known = |user: &AdminUser| Known {
            tag: hmac::sign(
                &key,
                format!("{}:{}", user.name, user.password.0).as_bytes(),
            ),
            name: user.name.clone(),
            role: if user.admin {
                Role::Admin
            } else {
                Role::Reader
            },
        };
        let known = users.iter().map(known).collect();
        Some(Self { key, known })
    }

    /// The user whose credentials these headers hold. None or several are as good as wrong ones.
    pub(super) fn find(&self, headers: &HeaderMap) -> Option<(&str, Role)> {
        let given = credentials(headers).unwrap_or_default();
        let tag = hmac::sign(&self.key, &given);
        let mut found = None;
        for known in &self.known {
            if verify_slices_are_equal(tag.as_ref(), known.tag.as_ref()).is_ok() {
                found = Some((known.name.as_str(), known.role));
            }
        }
        found
    }
}

/// `name:password` of the one Authorization header.
fn credentials(headers: &HeaderMap) -> Option<Vec<u8>> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let (given, None) = (given.next()?, given.next()) else {
        return None;
    };
    let (scheme, token) = given.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    if !scheme.eq_ignore_ascii_case("basic") || token.len() > MOST_BYTES {
        return None;
    }
    Base64::decode_vec(token).ok()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;
    use crate::config::Secret;

    fn users() -> Users {
        let user = |name: &str, password: &str, admin| AdminUser {
            name: name.to_owned(),
            password: Secret(password.to_owned()),
            admin,
        };
        Users::new(&[user("root", "a:b", true), user("röd", "ö", false)]).unwrap()
    }

    fn found(values: &[&str]) -> Option<(String, Role)> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        let users = users();
        let (name, role) = users.find(&headers)?;
        Some((name.to_owned(), role))
    }

    fn basic(text: &str) -> String {
        format!("Basic {}", Base64::encode_string(text.as_bytes()))
    }

    #[test]
    fn a_user_is_known_by_name_and_password_together() {
        let root = Some(("root".to_owned(), Role::Admin));
        assert_eq!(found(&[&basic("root:a:b")]), root);
        assert_eq!(
            found(&[&basic("root:a:b").replace("Basic ", "bAsIc  ")]),
            root
        );
        let reader = Some(("röd".to_owned(), Role::Reader));
        assert_eq!(found(&[&basic("röd:ö")]), reader);
        for wrong in [
            "root:a",
            "root:",
            "root",
            ":a:b",
            "röd:a:b",
            "",
            "root:a:b ",
        ] {
            assert_eq!(found(&[&basic(wrong)]), None, "{wrong}");
        }
    }

    #[test]
    fn one_well_formed_header_or_none() {
        let good = basic("root:a:b");
        assert_eq!(found(&[]), None);
        assert_eq!(found(&[&good, &good]), None);
        assert_eq!(found(&["Basic x", &good]), None);
        assert_eq!(found(&[&good.replace("Basic", "Bearer")]), None);
        assert_eq!(found(&[&good.replace("Basic ", "Basic")]), None);
        assert_eq!(found(&[&format!("{good}=")]), None);
        assert_eq!(found(&[&basic(&"x".repeat(MOST_BYTES))]), None);
    }

    fn headers(given: &str) -> HeaderMap {
        let value = HeaderValue::from_str(&basic(given)).unwrap();
        HeaderMap::from_iter([(header::AUTHORIZATION, value)])
    }

    /// Seconds that `find` takes for each of these, asked in turn.
    fn times<const N: usize>(users: &Users, given: [&str; N], samples: usize) -> [Vec<f64>; N] {
        let headers = given.map(headers);
        let mut times = [const { Vec::new() }; N];
        for nth in 0..samples * N {
            // Each goes first as often as the others.
            let arm = (nth + nth / N) % N;
            let began = tokio::time::Instant::now();
            std::hint::black_box(users.find(std::hint::black_box(&headers[arm])));
            times[arm].push(began.elapsed().as_secs_f64());
        }
        times
    }

    /// Welch's t of two arms, without the slowest tenth of each: what interrupts a sample has nothing
    /// to do with what is compared.
    fn welch([one, other]: [&[f64]; 2]) -> f64 {
        let moments = |samples: &[f64]| {
            let mut samples = samples.to_vec();
            samples.sort_by(f64::total_cmp);
            samples.truncate(samples.len() * 9 / 10);
            let count = f64::from(u32::try_from(samples.len()).unwrap());
            let mean = samples.iter().sum::<f64>() / count;
            let square = samples.iter().map(|s| (s - mean).powi(2)).sum::<f64>();
            (mean, square / (count - 1.0) / count)
        };
        let ((mean, error), (other_mean, other_error)) = (moments(one), moments(other));
        (mean - other_mean).abs() / (error + other_error).sqrt()
    }

    /// A wrong password's first and last byte, and an unknown user's name.
    const WRONG: [&str; 3] = ["root:X:b", "root:a:X", "toor:a:b"];

    #[test]
    #[ignore = "measures time, which a busy machine spoils: `make soak` runs it"]
    fn it_takes_as_long_whatever_is_wrong() {
        const SAMPLES: usize = 20_000;
        let users = users();
        // A machine with other work has bad moments; a difference that is there is there each time.
        let worst = || {
            let [first, last, user] = times(&users, WRONG, SAMPLES);
            welch([&first, &last]).max(welch([&first, &user]))
        };
        let tries: Vec<_> = std::iter::repeat_with(worst).take(5).collect();
        let best = tries.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(best < 4.5, "Welch's t: {tries:?}");
    }

    /// Says to the test's own process, run again, what it is to look at.
    const GIVEN: &str = "CREDENTIALS_TO_LOOK_AT";

    /// Not inlined: callgrind counts from its beginning to its end.
    #[inline(never)]
    fn look_at_them(users: &Users, headers: &HeaderMap) -> bool {
        users.find(headers).is_some()
    }

    /// Instructions that looking at these takes, all that is called included.
    fn instructions(given: &str) -> u64 {
        let counts = tempfile::NamedTempFile::new().unwrap();
        let itself = std::env::current_exe().unwrap();
        let name = "admin::users::tests::it_takes_as_many_instructions_whatever_is_wrong";
        let run = std::process::Command::new("valgrind")
            .args(["--tool=callgrind", "--toggle-collect=*look_at_them*"])
            .arg(format!("--callgrind-out-file={}", counts.path().display()))
            .arg(itself)
            .args(["--ignored", "--exact", name])
            .env(GIVEN, given)
            .output()
            .expect("valgrind is installed");
        assert!(run.status.success(), "{run:?}");
        let counts = std::fs::read_to_string(counts.path()).unwrap();
        let total = counts
            .lines()
            .find_map(|line| line.strip_prefix("totals: "));
        total.unwrap().parse().unwrap()
    }

    #[test]
    #[ignore = "needs valgrind: `make soak` runs it"]
    #[expect(
        clippy::disallowed_methods,
        reason = "a test is told what to do by no other way"
    )]
    fn it_takes_as_many_instructions_whatever_is_wrong() {
        if let Ok(given) = std::env::var(GIVEN) {
            assert!(!look_at_them(&users(), &headers(&given)));
            return;
        }
        let [first, last, user] = WRONG.map(instructions);
        assert!(first > 1000, "{first}: more than nothing is counted");
        assert_eq!([last, user], [first, first]);
        // What is seen when something differs: a name that is longer.
        assert_ne!(instructions(&format!("{}:x", "toor".repeat(32))), first);
    }
}
