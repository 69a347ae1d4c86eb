//! From samples to verdicts: medians of per-round ratios, and whether the run was calm enough.
//!
//! Pure. It must not know how samples were taken.

use std::collections::BTreeMap;

use super::Sample;

/// The two copies of throughway must agree within this, or the run gives no verdict.
pub const CALM: (f64, f64) = (0.93, 1.07);

/// The ratio of a candidate to a reference over all rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// Of all rounds.
    pub median: f64,
    /// Smallest and largest.
    pub range: (f64, f64),
}

/// The value of `candidate` by that of `reference`, round by round; `None` without a
/// round that has both.
#[must_use]
pub fn ratio(samples: &[Sample], candidate: &str, reference: &str) -> Option<Ratio> {
    let by_round = |name: &str| -> BTreeMap<usize, f64> {
        let of_name = samples.iter().filter(|sample| sample.candidate == name);
        of_name.map(|sample| (sample.round, sample.value)).collect()
    };
    let (ours, theirs) = (by_round(candidate), by_round(reference));
    let ratios = ours
        .iter()
        .filter_map(|(round, ours)| Some(ours / theirs.get(round)?));
    let mut ratios: Vec<f64> = ratios.collect();
    ratios.sort_by(f64::total_cmp);
    Some(Ratio {
        median: median(&ratios)?,
        range: (*ratios.first()?, *ratios.last()?),
    })
}

/// Of sorted values.
fn median(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(*sorted.get(middle.checked_sub(1)?)?, upper))
}

/// The median of a candidate's own values.
#[must_use]
pub fn absolute(samples: &[Sample], candidate: &str) -> Option<f64> {
    let mut values: Vec<f64> = samples
        .iter()
        .filter(|sample| sample.candidate == candidate)
        .map(|sample| sample.value)
        .collect();
    values.sort_by(f64::total_cmp);
    median(&values)
}

/// A Markdown table of one workload on one kind of legs: each candidate, its median, and our ratio
/// to it.
#[must_use]
pub fn table(samples: &[Sample], candidates: &[String], ours: &str) -> String {
    let unit = samples.first().map_or("", |sample| sample.unit);
    let mut lines = vec![
        format!("| candidate | {unit}, median | {ours} / candidate, median [range] |"),
        "|---|---|---|".to_owned(),
    ];
    for name in candidates {
        let Some(value) = absolute(samples, name) else {
            continue;
        };
        let told = match ratio(samples, ours, name) {
            Some(ratio) if name != ours => format!(
                "{:.2} [{:.2}, {:.2}]",
                ratio.median, ratio.range.0, ratio.range.1
            ),
            _ => "–".to_owned(),
        };
        lines.push(format!("| {name} | {value:.2} | {told} |"));
    }
    lines.join("\n")
}

/// Whether two copies of the same binary agree, which a verdict needs.
#[must_use]
pub fn control(samples: &[Sample], one: &str, other: &str) -> String {
    let Some(same) = ratio(samples, one, other) else {
        return "no control".to_owned();
    };
    let verdict = if same.is_calm() {
        "calm"
    } else {
        "too noisy for a verdict"
    };
    format!("A/A control {:.2}: {verdict}.", same.median)
}

impl Ratio {
    /// Of two copies: whether they agree.
    #[must_use]
    pub fn is_calm(&self) -> bool {
        self.median > CALM.0 && self.median < CALM.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(candidate: &str, round: usize, cpu: f64) -> Sample {
        Sample {
            candidate: candidate.to_owned(),
            legs: "plain",
            workload: "w",
            round,
            value: cpu,
            unit: "CPU-s/GB",
            gb_per_second: 1.0,
            load_average: 0.0,
        }
    }

    #[test]
    fn ratios_pair_the_values_of_one_round() {
        let samples = [
            sample("a", 0, 1.0),
            sample("b", 0, 2.0),
            sample("a", 1, 10.0),
            sample("b", 1, 10.0),
            sample("a", 2, 3.0),
            sample("b", 2, 4.0),
            sample("a", 3, 9.0),
        ];
        let found = ratio(&samples, "a", "b").unwrap();
        assert!((found.median - 0.75).abs() < 1e-9, "{found:?}");
        assert!((found.range.0 - 0.5).abs() < 1e-9 && (found.range.1 - 1.0).abs() < 1e-9);
        assert_eq!(ratio(&samples, "a", "nobody"), None);
    }

    #[test]
    fn a_run_whose_copies_differ_gives_no_verdict() {
        let samples = [sample("a", 0, 1.0), sample("b", 0, 1.2)];
        assert!(control(&samples, "a", "b").contains("too noisy"));
        let samples = [sample("a", 0, 1.0), sample("b", 0, 1.01)];
        assert!(control(&samples, "a", "b").ends_with("calm."));
    }
}
