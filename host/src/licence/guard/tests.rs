//! The guard from start to expiry, with files that come, change and go.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::licence::claims::Claims;
use crate::licence::testing::{NOW, claims, signed, trust};
use crate::licence::time::DAY;

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("license.jwt")
    }

    fn put(&self, claims: &Claims) {
        fs::write(self.file(), signed(claims) + "\n").unwrap();
    }

    fn start(&self, clock: UnixTime) -> Result<Guard, LicenceError> {
        Guard::start_with(trust(), Source::File(self.file()), self.0.path(), clock)
    }

    fn start_with_agent(&self, clock: UnixTime) -> Result<Guard, LicenceError> {
        Guard::start_with(
            trust(),
            Source::AgentFile(self.file()),
            self.0.path(),
            clock,
        )
    }
}

fn lasting(days: i64, jti: &str) -> Claims {
    Claims {
        exp: NOW.plus(days * DAY),
        jti: jti.to_owned(),
        ..claims()
    }
}

fn in_use(guard: &Guard) -> Option<String> {
    guard.status(NOW).licence.map(|licence| licence.claims.jti)
}

#[test]
fn starts_by_the_state_of_its_licence() {
    let place = Place::new();
    place.put(&claims());
    for (seconds, state) in [
        (0, State::Valid),
        (71 * DAY, State::Expiring),
        (101 * DAY, State::Grace),
    ] {
        let guard = place.start(NOW.plus(seconds)).unwrap();
        assert_eq!(guard.state(NOW.plus(seconds)), state);
        assert!(guard.allows_new_sessions());
    }
    let refused = place.start(NOW.plus(131 * DAY)).unwrap_err();
    assert!(matches!(refused, LicenceError::Expired { .. }));
}

#[test]
fn no_licence_and_no_valid_one_are_refused() {
    let place = Place::new();
    assert!(matches!(
        place.start(NOW),
        Err(LicenceError::Unreadable { .. })
    ));
    fs::write(place.file(), "").unwrap();
    assert!(matches!(
        place.start(NOW),
        Err(LicenceError::Invalid { .. })
    ));
    place.put(&claims());
    let mut trust = trust();
    trust.revoked.push("licence-1".to_owned());
    let source = Source::File(place.file());
    let refused = Guard::start_with(trust, source, place.0.path(), NOW).unwrap_err();
    assert!(matches!(refused, LicenceError::Revoked { .. }));
}

#[test]
fn waits_for_a_licence_that_is_not_valid_yet() {
    let place = Place::new();
    place.put(&Claims {
        nbf: NOW.plus(DAY),
        ..claims()
    });
    let guard = place.start(NOW).unwrap();
    assert_eq!(guard.state(NOW), State::NotYetValid);
    assert!(!guard.allows_new_sessions());
    assert_eq!(guard.tick(NOW.plus(DAY)), State::Valid);
    assert!(guard.allows_new_sessions());
}

#[test]
fn refuses_new_sessions_once_grace_has_ended() {
    let place = Place::new();
    place.put(&claims());
    let guard = place.start(NOW).unwrap();
    assert_eq!(guard.tick(NOW.plus(130 * DAY)), State::Grace);
    assert!(guard.allows_new_sessions());
    assert_eq!(guard.remaining_days(NOW.plus(130 * DAY)), Some(-30));
    assert_eq!(guard.tick(NOW.plus(131 * DAY)), State::Expired);
    assert!(!guard.allows_new_sessions());
    place.put(&lasting(400, "renewed"));
    let refreshed = guard.refresh(NOW.plus(131 * DAY));
    assert!(matches!(
        refreshed,
        Refreshed::Replaced {
            before: Some(_),
            ..
        }
    ));
    assert!(guard.allows_new_sessions());
}

#[test]
fn takes_a_later_licence_and_keeps_the_last_good_one_otherwise() {
    let place = Place::new();
    place.put(&claims());
    let guard = place.start(NOW).unwrap();
    assert!(matches!(guard.refresh(NOW), Refreshed::Unchanged));
    place.put(&lasting(200, "longer"));
    assert!(matches!(guard.refresh(NOW), Refreshed::Replaced { .. }));
    assert_eq!(in_use(&guard).as_deref(), Some("longer"));
    place.put(&lasting(150, "shorter"));
    assert!(matches!(
        guard.refresh(NOW),
        Refreshed::Refused(LicenceError::EndsEarlier { .. })
    ));
    place.put(&Claims {
        nbf: NOW.plus(DAY),
        ..lasting(300, "later")
    });
    assert!(matches!(
        guard.refresh(NOW),
        Refreshed::Refused(LicenceError::NotYetValid { .. })
    ));
    fs::write(place.file(), "x.y.z").unwrap();
    assert!(matches!(
        guard.refresh(NOW),
        Refreshed::Refused(LicenceError::Invalid { .. })
    ));
    fs::remove_file(place.file()).unwrap();
    assert!(matches!(
        guard.refresh(NOW),
        Refreshed::Refused(LicenceError::Unreadable { .. })
    ));
    assert_eq!(in_use(&guard).as_deref(), Some("longer"));
    assert!(guard.allows_new_sessions());
    let error = guard.status(NOW).candidate_error.unwrap();
    assert!(error.contains("No such file"), "{error}");
    place.put(&lasting(200, "longer"));
    assert!(matches!(guard.refresh(NOW), Refreshed::Unchanged));
    assert_eq!(guard.status(NOW).candidate_error, None);
}

#[test]
fn a_licence_for_later_is_taken_when_its_time_comes() {
    let place = Place::new();
    place.put(&claims());
    let guard = place.start(NOW).unwrap();
    place.put(&Claims {
        nbf: NOW.plus(DAY),
        ..lasting(300, "later")
    });
    assert!(matches!(guard.refresh(NOW), Refreshed::Refused(_)));
    assert!(matches!(
        guard.refresh(NOW.plus(DAY)),
        Refreshed::Replaced { .. }
    ));
    assert_eq!(in_use(&guard).as_deref(), Some("later"));
}

#[test]
fn a_serving_licence_replaces_one_that_does_not_serve_even_if_it_ends_earlier() {
    let place = Place::new();
    place.put(&Claims {
        nbf: NOW.plus(DAY),
        ..lasting(300, "later")
    });
    let guard = place.start(NOW).unwrap();
    place.put(&claims());
    assert!(matches!(guard.refresh(NOW), Refreshed::Replaced { .. }));
    assert!(guard.allows_new_sessions());
}

#[test]
fn the_kept_licence_steps_in_for_a_source_that_cannot_be_read() {
    let place = Place::new();
    place.put(&claims());
    drop(place.start(NOW).unwrap());
    fs::remove_file(place.file()).unwrap();
    let guard = place.start(NOW.plus(DAY)).unwrap();
    assert!(guard.allows_new_sessions());
    assert!(guard.status(NOW).candidate_error.is_some());
    assert!(place.start(NOW.plus(131 * DAY)).is_err(), "not for ever");
    fs::write(place.file(), "x.y.z").unwrap();
    assert!(
        place.start(NOW).is_err(),
        "not for one that is readable and wrong"
    );
}

#[test]
fn a_kept_licence_that_was_changed_is_none() {
    let place = Place::new();
    place.put(&claims());
    drop(place.start(NOW).unwrap());
    fs::remove_file(place.file()).unwrap();
    let kept = place.0.path().join("license/last-good.jwt");
    let token = fs::read_to_string(&kept).unwrap();
    fs::write(&kept, token.replacen("ey", "ez", 1)).unwrap();
    assert!(matches!(
        place.start(NOW),
        Err(LicenceError::Unreadable { .. })
    ));
}

#[test]
fn starts_without_the_agents_file_and_goes_on_when_it_appears() {
    let place = Place::new();
    let guard = place.start_with_agent(NOW).unwrap();
    assert_eq!(guard.state(NOW), State::Missing);
    assert!(!guard.allows_new_sessions());
    assert_eq!(guard.remaining_days(NOW), None);
    fs::write(place.file(), "x.y.z").unwrap();
    assert!(matches!(guard.refresh(NOW), Refreshed::Refused(_)));
    assert_eq!(guard.tick(NOW), State::Invalid);
    place.put(&claims());
    assert!(matches!(
        guard.refresh(NOW),
        Refreshed::Replaced { before: None, .. }
    ));
    assert!(guard.allows_new_sessions());
}

#[test]
fn a_clock_set_back_does_not_bring_a_licence_back() {
    let place = Place::new();
    place.put(&claims());
    let late = NOW.plus(131 * DAY);
    let guard = place.start(NOW).unwrap();
    assert_eq!(guard.tick(late), State::Expired);
    assert_eq!(guard.tick(NOW.plus(80 * DAY)), State::Expired);
    assert_eq!(
        guard.status(NOW.plus(80 * DAY)).clock_behind,
        Some(51 * DAY)
    );
    drop(guard);
    assert!(
        matches!(place.start(NOW), Err(LicenceError::Expired { .. })),
        "kept over restarts"
    );
}

#[test]
fn a_clock_from_before_the_licence_counts_as_the_time_of_issue() {
    let place = Place::new();
    place.put(&claims());
    let guard = place.start(NOW.plus(-30 * DAY)).unwrap();
    assert_eq!(guard.state(NOW.plus(-30 * DAY)), State::Valid);
    assert_eq!(guard.remaining_days(NOW.plus(-30 * DAY)), Some(100));
    assert_eq!(
        guard.status(NOW.plus(-30 * DAY)).clock_behind,
        Some(30 * DAY)
    );
}

#[test]
fn the_clocks_mark_is_kept_every_ten_minutes() {
    let place = Place::new();
    place.put(&claims());
    let guard = place.start(NOW).unwrap();
    let kept = place.0.path().join("license/clock.json");
    guard.tick(NOW.plus(KEEP_CLOCK - 1));
    assert!(!kept.exists());
    guard.tick(NOW.plus(KEEP_CLOCK));
    let expected = format!(r#"{{"schema":1,"high_water":{}}}"#, NOW.0 + KEEP_CLOCK);
    assert_eq!(fs::read_to_string(&kept).unwrap(), expected);
}
