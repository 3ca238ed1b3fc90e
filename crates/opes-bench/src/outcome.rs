//! What one run has shown.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::tally::SLICE;

/// What one run has shown.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Transactions that ended well within the measured time.
    pub transactions: u64,
    /// Transactions that failed or came back wrong.
    pub errors: u64,
    /// What the first of them failed with.
    pub first_error: Option<String>,
    /// Transactions of an open loop that were due and had not ended when the run was given up. Where there are many,
    /// the server cannot keep up, and the percentiles leave out the worst.
    pub unfinished: u64,
    /// The measured time.
    pub elapsed: Duration,
    /// The time from a transaction's (intended) start to its end, in nanoseconds.
    pub latency: Histogram<u64>,
    /// Transactions that ended well in each [`Outcome::SLICE`] of the measured time.
    pub timeline: Vec<u64>,
    /// Octets written to the server.
    pub octets_out: u64,
    /// Octets read from the server.
    pub octets_in: u64,
    /// Processor time of the server.
    pub server_cpu: Option<Duration>,
}

impl Outcome {
    /// The resolution of [`Outcome::timeline`].
    pub const SLICE: Duration = SLICE;

    /// Transactions a second.
    pub fn rate(&self) -> f64 {
        self.transactions as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// Per transaction.
    pub fn per_transaction(&self, total: u64) -> f64 {
        total as f64 / self.transactions.max(1) as f64
    }

    /// Processor time of the server per transaction, in microseconds.
    pub fn server_cpu_us(&self) -> Option<f64> {
        self.server_cpu.map(|cpu| cpu.as_secs_f64() * 1e6 / self.transactions.max(1) as f64)
    }

    /// A latency percentile in microseconds; 100 is the longest.
    pub fn percentile_us(&self, percentile: f64) -> f64 {
        self.latency.value_at_percentile(percentile) as f64 / 1000.0
    }
}
