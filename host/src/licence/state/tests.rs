//! The states at each second where one becomes another.

use super::*;
use crate::licence::testing::{NOW, claims};

const END: i64 = 100 * DAY;

fn at(seconds: i64) -> State {
    State::of(&claims(), false, NOW.plus(seconds))
}

#[test]
fn changes_at_the_boundaries_and_nowhere_else() {
    for (from, until, state) in [
        (-400 * DAY, -SKEW - 1, State::NotYetValid),
        (-SKEW, 70 * DAY - 1, State::Valid),
        (70 * DAY, END - 1, State::Expiring),
        (END, END + 30 * DAY + SKEW - 1, State::Grace),
        (END + 30 * DAY + SKEW, 4000 * DAY, State::Expired),
    ] {
        for seconds in [from, from + 1, i64::midpoint(from, until), until - 1, until] {
            assert_eq!(at(seconds), state, "{seconds}");
        }
    }
    assert_eq!(
        State::of(&claims(), false, UnixTime(i64::MAX)),
        State::Expired
    );
    assert_eq!(
        State::of(&claims(), false, UnixTime(i64::MIN)),
        State::NotYetValid
    );
}

#[test]
fn a_licence_without_grace_ends_with_its_last_day() {
    let mut claims = claims();
    claims.grace_days = 0;
    assert_eq!(
        State::of(&claims, false, NOW.plus(END + SKEW - 1)),
        State::Grace
    );
    assert_eq!(
        State::of(&claims, false, NOW.plus(END + SKEW)),
        State::Expired
    );
}

#[test]
fn a_withdrawn_licence_is_revoked_at_any_time() {
    for seconds in [-DAY, 0, END, 200 * DAY] {
        assert_eq!(
            State::of(&claims(), true, NOW.plus(seconds)),
            State::Revoked
        );
    }
}

#[test]
fn sessions_are_accepted_until_the_end_of_grace() {
    let serving = State::ALL.into_iter().filter(|state| state.serves());
    assert!(serving.eq([State::Valid, State::Expiring, State::Grace]));
}

#[test]
fn labels_are_distinct() {
    let mut labels: Vec<_> = State::ALL.iter().map(|state| state.label()).collect();
    labels.sort_unstable();
    labels.dedup();
    assert_eq!(labels.len(), State::ALL.len());
}

#[test]
fn reminds_daily_then_hourly() {
    assert_eq!(State::Valid.reminder(Some(31)), None);
    assert_eq!(State::Expiring.reminder(Some(30)), Some(DAY));
    assert_eq!(State::Expiring.reminder(Some(3)), Some(DAY));
    assert_eq!(State::Expiring.reminder(Some(2)), Some(3600));
    assert_eq!(State::Grace.reminder(Some(-1)), Some(3600));
    assert_eq!(State::Missing.reminder(None), Some(60));
}

#[test]
fn remaining_days_are_whole_and_turn_negative_at_the_end() {
    for (seconds, days) in [
        (0, 100),
        (1, 99),
        (END - DAY, 1),
        (END - DAY + 1, 0),
        (END, 0),
        (END + 1, -1),
        (END + DAY, -1),
        (END + DAY + 1, -2),
    ] {
        assert_eq!(
            remaining_days(&claims(), NOW.plus(seconds)),
            days,
            "{seconds}"
        );
    }
}

#[test]
fn a_clock_more_than_an_hour_behind_its_mark_is_not_believed() {
    let mark = HighWater(NOW);
    for seconds in [-BEHIND, -1, 0, 1, 400 * DAY] {
        let clock = NOW.plus(seconds);
        assert_eq!(
            mark.read(clock),
            Reading {
                now: clock,
                behind: None
            }
        );
    }
    for seconds in [BEHIND + 1, DAY, 30 * DAY] {
        let reading = mark.read(NOW.plus(-seconds));
        assert_eq!(
            reading,
            Reading {
                now: NOW,
                behind: Some(seconds)
            }
        );
    }
}

#[test]
fn the_mark_only_rises() {
    let mut mark = HighWater(NOW);
    mark.raise(NOW.plus(-1));
    assert_eq!(mark.0, NOW);
    mark.raise(NOW.plus(1));
    assert_eq!(mark.0, NOW.plus(1));
}
