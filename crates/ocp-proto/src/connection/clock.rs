//! Time: an agent ends what makes no progress (RFC 4037 section 2.7).

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Connection, Phase};
use crate::fault::{Cause, Fault, Origin};
use crate::message::{Outcome, Scope, Xid};
use crate::transaction::Transaction;

impl Connection {
    /// When [`Connection::handle_timeout`] is due; `None` when nothing runs out.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.phase == Phase::Closing {
            return None;
        }
        let waiting = self.transactions.values().filter(|transaction| transaction.awaits_peer());
        let stalled = waiting.map(|transaction| transaction.active).min();
        let progress = stalled.into_iter().chain(self.negotiating_since());
        let progress = progress.filter_map(|since| since.checked_add(self.limits.progress));
        let idle = self.transactions.is_empty().then(|| self.heard.checked_add(self.limits.idle));
        progress.chain(idle.flatten()).chain(self.next_ping()).chain(self.next_report()).min()
    }

    /// How often [`Connection::poll_timeout`] should be asked again while nothing else happens: a deadline that arises
    /// in between is then noticed at most this much late.
    pub fn check_interval(&self) -> Duration {
        self.limits.progress.min(self.limits.idle) / 4
    }

    /// Ends what has made no progress by `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.phase == Phase::Closing {
            return;
        }
        self.tick(now);
        self.ping(now);
        self.report(now);
        let progress = self.limits.progress;
        let ran_out = |since: Instant| now.saturating_duration_since(since) >= progress;
        if self.negotiating_since().is_some_and(ran_out) {
            self.fail(timeout(Scope::Connection, progress));
            return;
        }
        if self.is_unanswered(now) {
            let cause = Cause::Unanswered(progress);
            self.fail(Fault { scope: Scope::Connection, origin: Origin::Transport, cause });
            return;
        }
        if self.transactions.is_empty() && now.saturating_duration_since(self.heard) >= self.limits.idle {
            self.end(Outcome { reason: Bytes::from_static(b"idle"), ..Outcome::OK });
            return;
        }
        let stalled = self
            .transactions
            .iter()
            .filter(|(_, transaction)| transaction.awaits_peer() && ran_out(transaction.active));
        let stalled: Vec<Xid> = stalled.map(|(xid, _)| *xid).collect();
        for xid in stalled {
            self.fail(timeout(Scope::Transaction(xid), progress));
        }
        self.tick(now);
    }

    /// Takes note of the time for what happened since it was last known.
    pub(super) fn tick(&mut self, now: Instant) {
        if std::mem::take(&mut self.emptied) {
            // The time of a long adaptation does not count as idleness of the connection.
            self.heard = now;
        }
        if self.fresh.is_empty() {
            return;
        }
        for xid in self.fresh.drain(..) {
            if let Some(transaction) = self.transactions.get_mut(&xid) {
                transaction.fresh = false;
                transaction.active = now;
            }
        }
    }

    /// Since when a negotiation waits for the peer. The start of the connection counts as one: the peer owes CS.
    fn negotiating_since(&self) -> Option<Instant> {
        match self.phase {
            Phase::Starting => Some(self.heard),
            _ if self.is_negotiating() => self.negotiating,
            _ => None,
        }
    }
}

/// To be called before a change that may set the clock of the transaction running: it starts at the next known time,
/// not when the transaction was last active.
pub(super) fn restart_clock(xid: Xid, transaction: &mut Transaction, fresh: &mut Vec<Xid>) {
    if !transaction.fresh && !transaction.awaits_peer() {
        transaction.fresh = true;
        fresh.push(xid);
    }
}

fn timeout(scope: Scope, progress: Duration) -> Fault {
    Fault { scope, origin: Origin::Transport, cause: Cause::Timeout(progress) }
}
