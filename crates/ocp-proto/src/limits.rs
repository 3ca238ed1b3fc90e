//! Limits of a connection: RFC 4037 section 13 names what can be exhausted and leaves every limit to us.

use std::time::Duration;

use crate::codec::DecoderLimits;

/// What one connection may cost, and how long it may stand still.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Limits of one message without its payload.
    pub decoder: DecoderLimits,
    /// Transactions at a time. Each costs about 1 KiB and the data that it holds.
    pub transactions: usize,
    /// Service groups at a time (RFC 4037 section 11.3).
    pub groups: usize,
    /// How long a connection may be without a complete message and without a transaction.
    pub idle: Duration,
    /// How long a transaction or negotiation may be without any message (RFC 4037 section 2.7).
    pub progress: Duration,
    /// How long silence lasts before this agent asks whether the peer is still there (PQ, RFC 4037 section 11.22): in a
    /// transaction in which the peer owes something, and on a connection where it owes nothing. At most half of
    /// `progress`; `None` never asks.
    pub ping: Option<Duration>,
    /// How long a transaction whose original is not complete may be silent before a processor reports that it goes on
    /// (PR, RFC 4037 section 11.24): an origin may take its time, and the callout server has a `progress` of its own.
    /// At most a quarter of ours; `None` never reports.
    pub report: Option<Duration>,
    /// The most octets of preserved original data that a processor commits itself to, per transaction.
    pub kept_per_transaction: u64,
    /// The same for all transactions of the connection together.
    pub kept_per_connection: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            decoder: DecoderLimits::default(),
            transactions: 1024,
            groups: 64,
            idle: Duration::from_secs(300),
            progress: Duration::from_secs(60),
            ping: None,
            report: None,
            kept_per_transaction: 256 * 1024,
            kept_per_connection: 4 * 1024 * 1024,
        }
    }
}
