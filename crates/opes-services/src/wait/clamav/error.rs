//! Why there is no verdict.

use std::{io, time::Duration};

use thiserror::Error;

/// The scanner could not do its job.
#[derive(Debug, Error)]
pub(super) enum ScanError {
    /// No connection.
    #[error("no connection to the scanner: {0}")]
    Connect(#[source] io::Error),
    /// The connection broke.
    #[error("the connection to the scanner broke: {0}")]
    Broken(#[source] io::Error),
    /// The scanner closed the connection before its reply was complete.
    #[error("the scanner closed the connection without a verdict")]
    Closed,
    /// Something took too long.
    #[error("{what} took longer than {limit:?}")]
    TimedOut {
        /// What.
        what: &'static str,
        /// The longest that it may take.
        limit: Duration,
    },
    /// The scanner says so.
    #[error("the scanner reports: {0}")]
    Scanner(String),
    /// The scanner said something that is no answer to what it was asked.
    #[error("the scanner answered {0:?}")]
    Unexpected(String),
    /// The scanner's answer has no end.
    #[error("the scanner's answer is too long")]
    Endless,
    /// A verdict came before the stream was complete.
    #[error("the scanner gave its verdict before it had everything")]
    Early,
}

impl ScanError {
    /// Whether this is what becomes of a session that the scanner ended while nobody used it.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self, Self::Broken(_) | Self::Closed)
    }
}
