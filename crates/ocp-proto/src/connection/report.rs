//! Telling a callout server that a silent original goes on (RFC 4037 sections 2.7 and 11.24).

use std::time::{Duration, Instant};

use super::{Connection, Role};
use crate::message::Xid;

impl Connection {
    /// When the next report is due.
    pub(super) fn next_report(&self) -> Option<Instant> {
        let interval = self.report_interval()?;
        self.unfinished().map(|(_, since)| since).min()?.checked_add(interval)
    }

    /// Reports the transactions of which neither side has said anything for long.
    pub(super) fn report(&mut self, now: Instant) {
        let Some(interval) = self.report_interval() else { return };
        let due = |since: Instant| now.saturating_duration_since(since) >= interval;
        let silent: Vec<Xid> =
            self.unfinished().filter(|(_, since)| due(*since)).map(|(xid, _)| xid).collect();
        for xid in silent {
            self.report_progress(xid, now);
        }
    }

    fn report_interval(&self) -> Option<Duration> {
        // A server that is as patient as we are must hear of it in time.
        let interval = self.limits.report.filter(|_| self.role == Role::Processor);
        interval.map(|report| report.min(self.limits.progress / 4))
    }

    /// Transactions in which the server waits for more of the original, and so do we; and since when they are silent.
    fn unfinished(&self) -> impl Iterator<Item = (Xid, Instant)> {
        self.transactions.iter().filter_map(|(xid, transaction)| {
            let waits = transaction.original_octets().is_some() && !transaction.awaits_peer();
            waits.then_some((*xid, transaction.active))
        })
    }
}
