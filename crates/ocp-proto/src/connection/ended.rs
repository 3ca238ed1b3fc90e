//! Transactions that this agent has ended: messages of theirs that crossed our TE are no violation.

use std::collections::VecDeque;

use crate::message::Xid;

/// How many ended transactions are remembered; a crossing message of an older one is answered by a further TE.
const REMEMBERED: usize = 1024;

/// The latest transactions that were ended by our TE, and the highest of all.
#[derive(Debug, Default)]
pub(crate) struct Ended(VecDeque<Xid>, Option<Xid>);

impl Ended {
    pub(crate) fn insert(&mut self, xid: Xid) {
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(xid);
        self.1 = self.1.max(Some(xid));
    }

    pub(crate) fn contains(&self, xid: Xid) -> bool {
        // A new transaction is almost always higher than all of them.
        self.1 >= Some(xid) && self.0.iter().rev().any(|ended| *ended == xid)
    }
}
