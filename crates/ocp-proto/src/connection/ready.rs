//! Whose turn it is: transactions that have something to send, those with little ahead of those with much.

use std::collections::VecDeque;

use crate::message::Xid;

/// What a transaction may have to send and still go ahead of the large ones.
const SMALL: u64 = 16 * 1024;

/// How much may go ahead until a large one has its turn: as much as that turn takes, so that neither kind waits for ever
/// and each has half of a busy connection at least.
const AHEAD: u64 = 64 * 1024;

/// What a message costs besides its data.
const OVERHEAD: u64 = 64;

/// The transactions that have something to send.
#[derive(Debug, Default)]
pub(super) struct Ready {
    small: VecDeque<(Xid, u64)>,
    large: VecDeque<Xid>,
    /// What has gone ahead of a large one since such a one had its turn.
    ahead: u64,
}

impl Ready {
    /// Adds a transaction with so many octets of data to send.
    pub(super) fn push(&mut self, xid: Xid, octets: u64) {
        if octets <= SMALL {
            self.small.push_back((xid, octets));
        } else {
            self.large.push_back(xid);
        }
    }

    /// Whose turn it is.
    pub(super) fn pop(&mut self) -> Option<Xid> {
        if (self.small.is_empty() || self.ahead >= AHEAD)
            && let Some(xid) = self.large.pop_front()
        {
            self.ahead = 0;
            return Some(xid);
        }
        let (xid, octets) = self.small.pop_front()?;
        self.ahead = if self.large.is_empty() { 0 } else { self.ahead + octets + OVERHEAD };
        Some(xid)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.small.is_empty() && self.large.is_empty()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// How often a transaction stands here.
    #[cfg(test)]
    pub(super) fn count(&self, xid: Xid) -> usize {
        let small = self.small.iter().map(|(ready, _)| ready);
        small.chain(&self.large).filter(|ready| **ready == xid).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(ready: &mut Ready) -> Vec<u64> {
        std::iter::from_fn(|| ready.pop()).map(|xid| xid.0).collect()
    }

    #[test]
    fn little_goes_ahead_of_much_and_each_kind_keeps_its_order() {
        let mut ready = Ready::default();
        for (xid, octets) in [(1, SMALL + 1), (2, 0), (3, u64::MAX), (4, SMALL), (5, 10)] {
            ready.push(Xid(xid), octets);
        }
        assert_eq!(all(&mut ready), [2, 4, 5, 1, 3]);
        assert!(ready.is_empty());
    }

    #[test]
    fn a_large_one_has_its_turn_however_many_small_ones_there_are() {
        let mut ready = Ready::default();
        for xid in 100..120 {
            ready.push(Xid(xid), SMALL);
        }
        ready.push(Xid(1), u64::MAX);
        ready.push(Xid(2), u64::MAX);
        let order = all(&mut ready);
        let turns: Vec<_> = (0..order.len()).filter(|at| order[*at] < 100).collect();
        assert_eq!(turns, [4, 9], "after four small ones of a quarter of a turn each");
    }

    #[test]
    fn what_goes_while_no_large_one_waits_is_not_held_against_those_after_it() {
        let mut ready = Ready::default();
        (100..200).for_each(|xid| ready.push(Xid(xid), SMALL));
        assert_eq!(all(&mut ready).len(), 100);
        ready.push(Xid(1), u64::MAX);
        ready.push(Xid(2), 10);
        assert_eq!(all(&mut ready), [2, 1]);
    }

    #[test]
    fn messages_without_data_do_not_go_ahead_for_ever() {
        let mut ready = Ready::default();
        (100..3000).for_each(|xid| ready.push(Xid(xid), 0));
        ready.push(Xid(1), u64::MAX);
        let before = std::iter::from_fn(|| ready.pop()).take_while(|xid| *xid != Xid(1)).count() as u64;
        assert_eq!(before, AHEAD / OVERHEAD);
    }
}
