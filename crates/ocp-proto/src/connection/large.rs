//! Where sizes past 2147483647 were negotiated (`proto-spec/extensions/large-sizes.md`).

use std::collections::BTreeSet;

use super::Connection;
use crate::codec::number;
use crate::fault::Fault;
use crate::message::{GroupId, Message, Scope};

/// The scopes in which sizes may be large.
#[derive(Debug, Default)]
pub(super) struct LargeSizes {
    /// Whether there is, or was, any.
    negotiated: bool,
    connection: bool,
    groups: BTreeSet<GroupId>,
}

impl LargeSizes {
    /// The largest size in a new transaction of this group.
    pub(super) fn largest(&self, group: GroupId) -> u64 {
        if self.connection || self.groups.contains(&group) { number::LARGE_MAX } else { number::MAX }
    }

    /// The largest size in any transaction.
    pub(super) fn largest_of_all(&self) -> u64 {
        // A group may be gone while its last transactions are under way.
        if self.negotiated { number::LARGE_MAX } else { number::MAX }
    }

    pub(super) fn forget(&mut self, group: GroupId) {
        self.groups.remove(&group);
    }
}

impl Connection {
    /// Large sizes were negotiated for one service group or, with `None`, for the connection: transactions that start
    /// from now on may count up to [`number::LARGE_MAX`] octets.
    pub fn allow_large_sizes(&mut self, group: Option<GroupId>) {
        self.large.negotiated = true;
        match group {
            Some(group) => drop(self.large.groups.insert(group)),
            None => self.large.connection = true,
        }
    }

    /// RFC 4037 section 10.3, unless the message's transaction may count further.
    pub(super) fn check_sizes(&self, message: &Message) -> Result<(), Fault> {
        if message.largest_size() <= number::MAX {
            return Ok(());
        }
        let Some(xid) = message.xid().or_else(|| message.mentioned()) else {
            return Err(Fault::rule(Scope::Connection, TOO_LARGE));
        };
        let transaction = self.transactions.get(&xid);
        // Of transactions that have ended, messages are still on their way.
        if transaction.is_none_or(|transaction| transaction.incoming.largest > number::MAX) {
            return Ok(());
        }
        Err(Fault::rule(message.xid().map_or(Scope::Connection, Scope::Transaction), TOO_LARGE))
    }
}

const TOO_LARGE: &str = "a size past 2147483647 where no larger ones were negotiated";
