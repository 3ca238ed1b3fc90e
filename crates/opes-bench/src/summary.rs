//! What several runs of one load have shown together.

use hdrhistogram::Histogram;

use crate::outcome::Outcome;
use crate::tally::histogram;

/// The middle of some values, and how far they spread.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The middle one; the mean of the two in the middle where their number is even.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

impl Spread {
    /// The spread of some values; `None` where there are none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let upper = values[middle];
        let median = if values.len() % 2 == 1 { upper } else { f64::midpoint(values[middle - 1], upper) };
        Some(Self { median, min, max })
    }
}

/// What several runs of one load have shown together.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    outcomes: Vec<Outcome>,
}

impl Summary {
    /// Adds a run.
    pub fn add(&mut self, outcome: Outcome) {
        self.outcomes.push(outcome);
    }

    /// The runs.
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// The spread of a figure that every run has; `None` without a run, or where one has none.
    pub fn spread(&self, figure: impl Fn(&Outcome) -> Option<f64>) -> Option<Spread> {
        let figures: Option<Vec<f64>> = self.outcomes.iter().map(figure).collect();
        Spread::of(figures?)
    }

    /// The run whose rate is in the middle.
    pub fn median_run(&self) -> Option<&Outcome> {
        let mut runs: Vec<&Outcome> = self.outcomes.iter().collect();
        runs.sort_by(|one, other| one.rate().total_cmp(&other.rate()));
        runs.get(runs.len() / 2).copied()
    }

    /// The latencies of all runs.
    pub fn latency(&self) -> Histogram<u64> {
        let mut all = histogram();
        for outcome in &self.outcomes {
            // All have the same bounds, so that nothing falls outside.
            let _ = all.add(&outcome.latency);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_middle_and_the_ends_are_found() {
        assert_eq!(Spread::of([]), None);
        assert_eq!(Spread::of([3.0]), Some(Spread { median: 3.0, min: 3.0, max: 3.0 }));
        assert_eq!(Spread::of([9.0, 1.0, 4.0]), Some(Spread { median: 4.0, min: 1.0, max: 9.0 }));
        assert_eq!(Spread::of([9.0, 1.0, 4.0, 6.0]), Some(Spread { median: 5.0, min: 1.0, max: 9.0 }));
    }

    pub(crate) fn outcome(transactions: u64, latency: u64) -> Outcome {
        let mut outcome = Outcome {
            transactions,
            errors: 0,
            first_error: None,
            unfinished: 0,
            elapsed: Duration::from_secs(1),
            latency: histogram(),
            timeline: vec![transactions],
            octets_out: 0,
            octets_in: 0,
            server_cpu: None,
        };
        outcome.latency.saturating_record_n(latency, transactions);
        outcome
    }

    #[test]
    fn runs_are_taken_together() {
        let mut summary = Summary::default();
        assert!(summary.median_run().is_none() && summary.spread(|run| Some(run.rate())).is_none());
        for (transactions, latency) in [(10, 1000), (30, 2000), (20, 3000)] {
            summary.add(outcome(transactions, latency));
        }
        let rate = summary.spread(|run| Some(run.rate())).unwrap();
        assert_eq!((rate.median, rate.min, rate.max), (20.0, 10.0, 30.0));
        assert_eq!(summary.spread(Outcome::server_cpu_us), None);
        assert_eq!(summary.median_run().unwrap().transactions, 20);
        assert_eq!(summary.latency().len(), 60);
    }
}
