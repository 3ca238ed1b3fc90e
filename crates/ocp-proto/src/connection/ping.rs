//! Asking a silent peer whether it is still there (RFC 4037 sections 2.7 and 11.22).

use std::time::{Duration, Instant};

use super::{Connection, Phase};
use crate::message::{Control, Xid};
use crate::transaction::Transaction;

/// So often in a row, answers to our own questions are all that a peer has to show for its work: more of them are no
/// progress (section 2.7: livelocks end, too).
const PINGS: u8 = 10;

impl Connection {
    /// When the next question is due.
    pub(super) fn next_ping(&self) -> Option<Instant> {
        let interval = self.ping_interval()?;
        let silent = self.silent().map(|(_, since)| since);
        let idle = (self.is_quiet() && self.pinged.is_none()).then_some(self.heard);
        let next = silent.chain(idle).min().and_then(|since| since.checked_add(interval));
        let lost = self.pinged.and_then(|asked| asked.checked_add(self.limits.progress - interval));
        next.into_iter().chain(lost).min()
    }

    /// Asks about what has been silent for long.
    pub(super) fn ping(&mut self, now: Instant) {
        let Some(interval) = self.ping_interval() else { return };
        let due = |since: Instant| now.saturating_duration_since(since) >= interval;
        if self.is_quiet() && self.pinged.is_none() && due(self.heard) {
            self.pinged = Some(now);
            self.say(Control::Pq { xid: None });
        }
        let silent: Vec<Xid> = self.silent().filter(|(_, since)| due(*since)).map(|(xid, _)| xid).collect();
        for xid in silent {
            if let Some(transaction) = self.transactions.get_mut(&xid) {
                transaction.pings += 1;
                transaction.asked = Some(now);
            }
            self.say(Control::Pq { xid: Some(xid) });
        }
    }

    /// Whether a question has not been answered in time, and nothing else has come since: the peer, or the way to it, is
    /// dead. A peer that talks of other things is only slow with what it was asked about.
    pub(super) fn is_unanswered(&self, now: Instant) -> bool {
        let Some(interval) = self.ping_interval() else { return false };
        let passed = |since: Instant, time: Duration| now.saturating_duration_since(since) >= time;
        let (progress, rest) = (self.limits.progress, self.limits.progress - interval);
        self.pinged.is_some_and(|asked| passed(asked, rest))
            || self.transactions.values().any(|transaction| {
                // A question that was late, since this agent was, leaves no time for an answer.
                let asked =
                    transaction.asked.is_some_and(|asked| self.alive < asked && passed(asked, rest / 2));
                asked && transaction.awaits_peer() && passed(transaction.active, progress)
            })
    }

    /// To be called when nothing was read by `now` although there may be something: then silence says nothing.
    pub fn excuse_silence(&mut self, now: Instant) {
        self.alive = now;
        self.pinged = None;
    }

    pub(super) fn heard_at(&mut self, now: Instant) {
        self.heard = now;
        self.pinged = None;
    }

    fn ping_interval(&self) -> Option<Duration> {
        // Later, the answer would come too late.
        self.limits.ping.map(|ping| ping.min(self.limits.progress / 2))
    }

    /// Whether the peer owes nothing, so that its silence alone says nothing. Whom we have paused may not read, either.
    fn is_quiet(&self) -> bool {
        let busy = |transaction: &Transaction| transaction.awaits_peer() || transaction.incoming.paused;
        self.phase == Phase::Open && !self.is_negotiating() && !self.transactions.values().any(busy)
    }

    /// Transactions whose peer owes something and was not asked since it was last active, and since when they are
    /// silent.
    fn silent(&self) -> impl Iterator<Item = (Xid, Instant)> {
        let asks = self.phase == Phase::Open;
        self.transactions.iter().filter_map(move |(xid, transaction)| {
            let asked = transaction.asked.is_some_and(|asked| asked >= transaction.active);
            let silent = asks && !asked && transaction.pings < PINGS && transaction.awaits_peer();
            silent.then_some((*xid, transaction.active))
        })
    }
}
