//! Time: an agent ends what makes no progress (RFC 4037 section 2.7).

use std::time::{Duration, Instant};

use super::{Connection, Phase};
use crate::fault::{Cause, Fault, Origin};
use crate::message::{Control, Outcome, Scope, Xid};

impl Connection {
    /// When [`Connection::handle_timeout`] is due; `None` when nothing runs out.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.phase == Phase::Closing {
            return None;
        }
        let progress = self.limits.progress;
        let transactions = self.transactions.values().filter(|transaction| transaction.awaits_peer());
        let transaction = transactions.map(|transaction| transaction.active + progress).min();
        let negotiation = self.negotiation_due();
        let idle = self.transactions.is_empty().then(|| self.heard + self.limits.idle);
        [transaction, negotiation, idle].into_iter().flatten().min()
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
        let progress = self.limits.progress;
        if self.negotiation_due().is_some_and(|due| due <= now) {
            self.fail(timeout(Scope::Connection, progress));
            return;
        }
        if self.transactions.is_empty() && self.heard + self.limits.idle <= now {
            let outcome = Outcome { reason: bytes::Bytes::from_static(b"idle"), ..Outcome::OK };
            self.control.push_back(Control::Ce(outcome));
            self.close(crate::event::Closed::Locally);
            return;
        }
        let stalled = self
            .transactions
            .iter()
            .filter(|(_, transaction)| transaction.awaits_peer() && transaction.active + progress <= now);
        let stalled: Vec<Xid> = stalled.map(|(xid, _)| *xid).collect();
        for xid in stalled {
            self.fail(timeout(Scope::Transaction(xid), progress));
        }
    }

    /// The start of the connection counts as a negotiation: the peer owes CS.
    fn negotiation_due(&self) -> Option<Instant> {
        let since = match self.phase {
            Phase::Starting => Some(self.heard),
            _ if self.is_negotiating() => self.negotiating,
            _ => None,
        };
        since.map(|since| since + self.limits.progress)
    }
}

fn timeout(scope: Scope, progress: Duration) -> Fault {
    Fault { scope, origin: Origin::Transport, cause: Cause::Timeout(progress) }
}
