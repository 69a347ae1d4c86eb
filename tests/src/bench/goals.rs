//! What throughway is to reach, and whether a run has shown it.
//!
//! Pure. It must not know how samples were taken.

use super::peers::Kind;
use super::report::ratio;
use super::{IDLE, Sample, kafka};

/// Fewer rounds show nothing.
const ROUNDS: usize = 7;

/// One line of what to reach.
struct Goal {
    legs: &'static str,
    workload: &'static str,
    /// throughway's value by HAProxy's, as it comes.
    most: f64,
}

const GOALS: [Goal; 7] = [
    Goal::new("TLS", "produce 1 MiB", 0.75),
    Goal::new("TLS", "fetch 1 MiB", 0.75),
    Goal::new("TLS", kafka::PRODUCE, 0.85),
    Goal::new("TLS", kafka::CONSUME, 0.85),
    Goal::new("TLS", IDLE, 0.80),
    Goal::new("plain", "produce 1 MiB", 1.0),
    Goal::new("plain", "fetch 1 MiB", 1.0),
];

/// Of the rate that is asked for, half of what is reached without a proxy.
const LEAST_OF_RATE: f64 = 0.99;

impl Goal {
    const fn new(legs: &'static str, workload: &'static str, most: f64) -> Self {
        Self {
            legs,
            workload,
            most,
        }
    }
}

/// Lines for the samples of one workload on one kind of legs: each goal that is about them, met or not.
#[must_use]
pub fn verdicts(samples: &[Sample]) -> Vec<String> {
    let Some(any) = samples.first() else {
        return Vec::new();
    };
    let unit: Vec<Sample> = samples
        .iter()
        .filter(|s| s.unit == any.unit)
        .cloned()
        .collect();
    let (ours, control) = (Kind::Throughway.name(), Kind::Control.name());
    let same = ratio(&unit, ours, control);
    let rounds = unit.iter().filter(|s| s.candidate == ours).count();
    let shown = rounds >= ROUNDS && same.is_some_and(|same| same.is_calm());
    let verdict = |holds: bool| match (shown, holds) {
        (true, true) => "met",
        (true, false) => "unmet",
        (false, _) => "unmet: too few rounds, or too noisy",
    };
    if any.unit == kafka::REACHED {
        let least = unit.iter().filter(|s| s.candidate == ours);
        let least = least.map(|s| s.value).fold(f64::INFINITY, f64::min);
        let holds = verdict(least >= LEAST_OF_RATE);
        return vec![format!(
            "Goal: {LEAST_OF_RATE} of the rate in every round; {least:.3} in the worst: {holds}."
        )];
    }
    let goals = GOALS.iter();
    let about = goals.filter(|goal| goal.legs == any.legs && goal.workload == any.workload);
    let lines = about.filter_map(|goal| {
        let reached = ratio(&unit, ours, Kind::HaProxy.name())?.median;
        let (most, holds) = (goal.most, verdict(reached <= goal.most));
        Some(format!(
            "Goal: at most {most:.2} × HAProxy; {reached:.2}: {holds}."
        ))
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(rounds: usize, ours: f64, control: f64) -> Vec<Sample> {
        let values = [
            (Kind::Throughway, ours),
            (Kind::Control, control),
            (Kind::HaProxy, 1.0),
        ];
        let sample = |round, (kind, value): (Kind, f64)| Sample {
            candidate: kind.name().to_owned(),
            legs: "TLS",
            workload: "fetch 1 MiB",
            round,
            value,
            unit: "CPU-s/GB",
            gb_per_second: 1.0,
            load_average: 0.0,
        };
        let rounds = 0..rounds;
        rounds
            .flat_map(|round| values.map(|value| sample(round, value)))
            .collect()
    }

    #[test]
    fn a_goal_is_met_by_enough_calm_rounds_below_it() {
        let line = |samples: &[Sample]| verdicts(samples).join("\n");
        assert!(line(&run(7, 0.75, 0.75)).ends_with("0.75: met."));
        assert!(line(&run(7, 0.76, 0.76)).ends_with("0.76: unmet."));
    }

    #[test]
    fn few_rounds_or_copies_that_differ_meet_nothing() {
        for samples in [run(6, 0.5, 0.5), run(7, 0.5, 0.6)] {
            assert!(verdicts(&samples)[0].contains("too few rounds, or too noisy"));
        }
    }
}
