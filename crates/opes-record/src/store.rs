//! Where records are kept.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::id::TraceId;
use crate::outcome::Outcome;
use crate::record::Record;

/// Keeps records.
///
/// [`Store::submit`] is called on the path of messages and never waits. The others may wait for disks or networks: an
/// asynchronous caller calls them where it may block.
pub trait Store: Send + Sync {
    /// Keeps a record, or drops and counts it; never waits. An identifier is a message's own and is submitted once: of two
    /// records with the same one either may be found.
    fn submit(&self, record: Record) -> Submitted;

    /// The record of this identifier; `None` where there is none, or none any more.
    ///
    /// # Errors
    /// The store cannot be read.
    fn find(&self, id: TraceId) -> Result<Option<Record>, StoreError>;

    /// At most `limit` records that match, the newest first, of those before the given one.
    ///
    /// # Errors
    /// The store cannot be read.
    fn recent(&self, filter: &Filter, limit: usize, before: Option<TraceId>) -> Result<Page, StoreError>;

    /// What was kept and what was not.
    fn counts(&self) -> Counts;

    /// Waits until what was submitted before is kept, at most so long; whether it is.
    fn flush(&self, wait: Duration) -> bool;
}

/// What became of a record that was submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Submitted {
    /// It will be kept.
    Taken,
    /// There is no room for it, and it was counted.
    Dropped,
}

impl Submitted {
    /// Whether it will be kept.
    pub const fn is_taken(self) -> bool {
        matches!(self, Self::Taken)
    }
}

/// Which records are wanted: those for which everything that is said here is true.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The URI has this in it.
    pub uri: Option<String>,
    /// This service was applied.
    pub service: Option<Sought>,
    /// The message ended so.
    pub outcome: Option<Outcome>,
    /// It was traced in this millisecond since 1970, or later.
    pub since: Option<u64>,
    /// It was traced before this millisecond since 1970.
    pub until: Option<u64>,
}

impl Filter {
    /// Whether the record is wanted.
    pub fn matches(&self, record: &Record) -> bool {
        let uri = |part: &String| record.uri.as_ref().is_some_and(|uri| uri.contains(part.as_str()));
        let service = |sought: &Sought| record.services.iter().any(|service| sought.is(&service.uri));
        self.uri.as_ref().is_none_or(uri)
            && self.service.as_ref().is_none_or(service)
            && self.outcome.is_none_or(|outcome| record.outcome == outcome)
            && self.since.is_none_or(|since| record.id.millis() >= since)
            && self.until.is_none_or(|until| record.id.millis() < until)
    }
}

/// A service that is looked for.
#[derive(Clone)]
pub struct Sought {
    uri: String,
    same: fn(&str, &str) -> bool,
}

impl Sought {
    /// The service of this URI. `same` says whether two URIs name the same service: a store knows nothing of URIs.
    pub fn new(uri: impl Into<String>, same: fn(&str, &str) -> bool) -> Self {
        Self { uri: uri.into(), same }
    }

    /// The URI, as it was given.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    fn is(&self, uri: &str) -> bool {
        (self.same)(&self.uri, uri)
    }
}

impl PartialEq for Sought {
    fn eq(&self, other: &Self) -> bool {
        self.uri == other.uri
    }
}

impl Eq for Sought {}

impl fmt::Debug for Sought {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.uri, f)
    }
}

/// Some of the records that were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The newest first.
    pub records: Vec<Record>,
    /// What is beyond them.
    pub then: Then,
}

/// What is beyond a [`Page`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Nothing: all were looked at.
    End,
    /// The page is full; older records are asked for as those before this one.
    Full(TraceId),
    /// So many records were looked at that the search stopped before the page was full; it goes on before this one.
    Stopped(TraceId),
}

/// What a store has kept and what it has not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records that were written since the store was opened.
    pub kept: u64,
    /// Records that were not.
    pub dropped: Dropped,
    /// Octets on disk.
    pub octets: u64,
    /// No record is older than this, in milliseconds since 1970; `None` where there is none.
    pub oldest: Option<u64>,
}

/// Records that were not kept since the store was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// They came faster than they could be written.
    pub full: u64,
    /// They could not be written: the disk is full, say.
    pub failed: u64,
    /// They were submitted so late that their time had expired.
    pub expired: u64,
}

impl Dropped {
    /// All of them.
    pub const fn total(&self) -> u64 {
        self.full.saturating_add(self.failed).saturating_add(self.expired)
    }
}

/// A store that cannot be read.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The file has been damaged. It is set aside.
    #[error("{} is damaged: {why}", file.display())]
    Damaged {
        /// Where it was.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The file cannot be read or written now.
    #[error("{}: {why}", file.display())]
    Unavailable {
        /// Where it is.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// Keeps nothing and counts nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Discard;

impl Store for Discard {
    fn submit(&self, _: Record) -> Submitted {
        Submitted::Dropped
    }

    fn find(&self, _: TraceId) -> Result<Option<Record>, StoreError> {
        Ok(None)
    }

    fn recent(&self, _: &Filter, _: usize, _: Option<TraceId>) -> Result<Page, StoreError> {
        Ok(Page { records: Vec::new(), then: Then::End })
    }

    fn counts(&self) -> Counts {
        Counts::default()
    }

    fn flush(&self, _: Duration) -> bool {
        true
    }
}
