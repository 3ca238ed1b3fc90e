//! What the connections of a run count together.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// The resolution of throughput over time.
pub(crate) const SLICE: Duration = Duration::from_millis(100);

/// Nobody waits longer for one transaction: an hour, in nanoseconds.
const LONGEST: u64 = 3_600_000_000_000;

/// Counts of transactions, times and octets.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) transactions: u64,
    pub(crate) errors: u64,
    pub(crate) latency: Histogram<u64>,
    pub(crate) octets_out: u64,
    pub(crate) octets_in: u64,
    /// Transactions that ended well in each [`SLICE`] of the measured time.
    pub(crate) timeline: Vec<u64>,
    pub(crate) first_error: Option<String>,
    pub(crate) last_end: Option<Instant>,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self {
            transactions: 0,
            errors: 0,
            latency: histogram(),
            octets_out: 0,
            octets_in: 0,
            timeline: Vec::new(),
            first_error: None,
            last_end: None,
        }
    }

    /// Transactions that have ended, good or not.
    pub(crate) fn ended(&self) -> u64 {
        self.transactions + self.errors
    }

    /// Counts a transaction that ends at `now`, so long after the measurement began.
    pub(crate) fn count(
        &mut self,
        latency: Duration,
        now: Instant,
        since: Duration,
        result: Result<(), String>,
    ) {
        self.last_end = Some(now);
        if let Err(why) = result {
            self.errors += 1;
            self.first_error.get_or_insert(why);
            return;
        }
        self.transactions += 1;
        self.latency.saturating_record(latency.as_nanos() as u64);
        let slice = (since.as_millis() as u64 / SLICE.as_millis() as u64) as usize;
        if self.timeline.len() <= slice {
            self.timeline.resize(slice + 1, 0);
        }
        self.timeline[slice] += 1;
    }
}

/// An empty histogram of nanoseconds.
pub(crate) fn histogram() -> Histogram<u64> {
    // The arguments are constants that the library accepts.
    #[allow(clippy::expect_used)]
    Histogram::new_with_bounds(1, LONGEST, 3).expect("constant bounds and precision are valid")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_what_was_counted() {
        let (mut tally, now) = (Tally::new(), Instant::now());
        for micros in 1..=1000 {
            tally.count(Duration::from_micros(micros), now, Duration::ZERO, Ok(()));
        }
        assert_eq!(tally.transactions, 1000);
        for (percentile, expected) in [(50.0, 500.0), (90.0, 900.0), (99.0, 990.0), (100.0, 1000.0)] {
            let found = tally.latency.value_at_percentile(percentile) as f64 / 1000.0;
            assert!((found - expected).abs() <= expected / 500.0, "{percentile}: {found}");
        }
    }

    #[test]
    fn failures_count_and_the_first_is_remembered() {
        let (mut tally, now) = (Tally::new(), Instant::now());
        tally.count(Duration::ZERO, now, Duration::ZERO, Err("first".to_owned()));
        tally.count(Duration::ZERO, now, Duration::ZERO, Err("second".to_owned()));
        assert_eq!((tally.transactions, tally.errors, tally.ended(), tally.latency.len()), (0, 2, 2, 0));
        assert_eq!(tally.first_error.as_deref(), Some("first"));
    }

    #[test]
    fn ends_fall_into_slices_of_time() {
        let (mut tally, now) = (Tally::new(), Instant::now());
        for since in [0, 99, 100, 350] {
            tally.count(Duration::ZERO, now, Duration::from_millis(since), Ok(()));
        }
        assert_eq!(tally.timeline, [2, 1, 0, 1]);
    }
}
