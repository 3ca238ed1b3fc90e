//! How a journal is kept.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::OpenError;

/// The most octets of a file, about: after a crash it is read through before it is opened.
const FILE_OCTETS: u64 = 128 << 20;

/// How a [`super::Journal`] is kept. Every bound has a default.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct JournalOptions {
    /// Where the files are: a folder of the journal's own, made where it is missing.
    pub folder: PathBuf,
    /// How much time one file spans; 1 hour. At least a second.
    pub period: Duration,
    /// A file is removed when its last record is this old, so that a record is kept this long and at most a period
    /// longer; 7 days.
    pub max_age: Duration,
    /// The most octets on disk; 4 GiB. Beyond it the oldest file is removed. One file takes about an eighth at most, and
    /// 128 MiB. At least 64 MiB.
    pub max_octets: u64,
    /// The most records that wait to be written; 16,384.
    pub queue_records: usize,
    /// The most octets that these take in memory, about; 32 MiB.
    pub queue_octets: usize,
    /// How many records one call of [`crate::Store::recent`] looks at; 20,000.
    pub looked_at: usize,
    /// How long dropping the journal waits for what has not been written; 5 seconds.
    pub last_wait: Duration,
    /// What tells the time.
    pub clock: Clock,
}

impl JournalOptions {
    /// A journal in this folder, with the defaults.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            period: Duration::from_hours(1),
            max_age: Duration::from_hours(7 * 24),
            max_octets: 4 << 30,
            queue_records: 16_384,
            queue_octets: 32 << 20,
            looked_at: 20_000,
            last_wait: Duration::from_secs(5),
            clock: Clock::default(),
        }
    }

    pub(super) fn check(&self) -> Result<(), OpenError> {
        let wrong = if self.period < Duration::from_secs(1) {
            "the period is shorter than a second"
        } else if self.max_octets < 64 << 20 {
            "fewer than 64 MiB on disk"
        } else if self.queue_records == 0 || self.queue_records > 1 << 20 {
            "a queue of no records, or of more than 1,048,576"
        } else if self.looked_at == 0 {
            "nothing may be looked at"
        } else {
            return Ok(());
        };
        Err(OpenError::Options(wrong))
    }

    pub(super) fn period_millis(&self) -> u64 {
        millis(self.period)
    }

    pub(super) fn max_age_millis(&self) -> u64 {
        millis(self.max_age)
    }

    /// A file that is larger is followed by the next one.
    pub(super) fn file_octets(&self) -> u64 {
        (self.max_octets / 8).min(FILE_OCTETS)
    }
}

fn millis(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}

/// Tells the time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> u64 + Send + Sync>);

impl Clock {
    /// One that calls this for the milliseconds since 1970.
    pub fn new(millis: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(millis))
    }

    pub(super) fn millis(&self) -> u64 {
        (self.0)()
    }
}

impl Default for Clock {
    /// The system's.
    fn default() -> Self {
        Self::new(|| millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO)))
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
