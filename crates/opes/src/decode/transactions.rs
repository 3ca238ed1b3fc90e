//! The transactions and service groups that one agent has named. Memory is bounded: the oldest are forgotten.

use std::collections::BTreeMap;

use ocp_proto::Role;
use ocp_proto::codec::number;
use ocp_proto::message::Xid;

use super::flow::Flow;

/// How many transactions, or groups, are remembered. Each costs about 200 octets.
const REMEMBERED: usize = 65_536;

/// Things by their identifiers, the highest ones.
#[derive(Debug)]
pub(super) struct Remembered<T> {
    known: BTreeMap<u64, T>,
    /// Of identifiers up to this one nothing can be said any more, unless they are known.
    forgotten: Option<u64>,
}

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Self { known: BTreeMap::new(), forgotten: None }
    }
}

impl<T> Remembered<T> {
    pub(super) fn get(&self, id: u64) -> Option<&T> {
        self.known.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut T> {
        self.known.get_mut(&id)
    }

    pub(super) fn insert(&mut self, id: u64, thing: T) {
        self.known.insert(id, thing);
        if self.known.len() > REMEMBERED
            && let Some((oldest, _)) = self.known.pop_first()
        {
            self.forgotten = self.forgotten.max(Some(oldest));
        }
    }

    /// Whether the identifier is so old that it may have been known.
    pub(super) fn may_have_known(&self, id: u64) -> bool {
        self.known.contains_key(&id) || self.forgotten.is_some_and(|forgotten| id <= forgotten)
    }
}

/// What is known of a transaction that a message names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Active,
    /// Never created, or ended.
    Inactive,
    /// Too long ago to know.
    Unknown,
}

/// The transactions of one agent.
#[derive(Debug)]
pub(super) struct Transactions {
    flows: Remembered<Flow>,
    /// How many octets the messages of later ones may have.
    pub(super) largest: u64,
}

impl Default for Transactions {
    fn default() -> Self {
        Self { flows: Remembered::default(), largest: number::MAX }
    }
}

impl Transactions {
    pub(super) fn get(&self, xid: Xid) -> Option<&Flow> {
        self.flows.get(xid.0)
    }

    pub(super) fn get_mut(&mut self, xid: Xid) -> Option<&mut Flow> {
        self.flows.get_mut(xid.0)
    }

    pub(super) fn start(&mut self, xid: Xid, role: Option<Role>, whole: bool) {
        self.flows.insert(xid.0, Flow::new(xid, role, whole, self.largest));
    }

    pub(super) fn standing(&self, xid: Xid) -> Standing {
        match self.flows.get(xid.0) {
            Some(flow) if flow.over => Standing::Inactive,
            Some(_) => Standing::Active,
            None if self.flows.may_have_known(xid.0) => Standing::Unknown,
            None => Standing::Inactive,
        }
    }

    /// Whether the agent has named it, as far as that can be known.
    pub(super) fn may_have_known(&self, xid: Xid) -> bool {
        self.flows.may_have_known(xid.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten_and_nothing_is_said_of_them() {
        let mut transactions = Transactions::default();
        let many = 3 * REMEMBERED as u64;
        (0..many).for_each(|xid| transactions.start(Xid(xid), None, true));
        assert_eq!(transactions.flows.known.len(), REMEMBERED);
        assert_eq!(transactions.standing(Xid(0)), Standing::Unknown);
        assert_eq!(transactions.standing(Xid(many - 1)), Standing::Active);
        assert_eq!(transactions.standing(Xid(many)), Standing::Inactive);
    }
}
