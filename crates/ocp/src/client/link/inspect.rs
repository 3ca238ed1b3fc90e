//! A look into a link, and a hand on it, for the simulation.

use ocp_proto::codec::number;
use ocp_proto::message::{GroupId, Outcome, Xid};

use super::Link;

/// A count of everything that a link holds.
#[derive(Debug)]
pub(crate) struct Census {
    /// Octets in each inbox.
    pub(crate) inboxes: Vec<(Xid, usize)>,
    /// The link's own count of them.
    pub(crate) held: usize,
    /// Owners that wait for room.
    pub(crate) blocked: usize,
}

impl Link {
    pub(crate) fn census(&self) -> Census {
        let inboxes = self.inboxes.iter().map(|(xid, inbox)| (*xid, inbox.octets));
        Census { inboxes: inboxes.collect(), held: self.held, blocked: self.blocked.len() }
    }

    /// Whether nothing more of this transaction will be sent.
    pub(crate) fn is_over(&self, xid: Xid) -> bool {
        !self.connection.is_active(xid)
    }

    /// Whether the adapted message of this transaction goes on with the original without the server.
    pub(crate) fn goes_on_alone(&self, xid: Xid) -> bool {
        self.inboxes.get(&xid).is_some_and(|inbox| inbox.rest_is_original)
    }

    /// Ends the original message of a transaction with a failure.
    pub(crate) fn fail_original(&mut self, xid: Xid) {
        self.connection.end_message(xid, Outcome::failure("the giver failed"));
        self.wake();
    }

    /// Uses up all transaction identifiers but so many.
    pub(crate) fn use_up(&mut self, left: u64) {
        self.connection.skip_to(Xid(number::MAX + 1 - left));
    }

    /// Uses up all service group identifiers but so many.
    pub(crate) fn use_up_groups(&mut self, left: u64) {
        self.connection.skip_to_group(GroupId(number::MAX + 1 - left));
    }

    /// Asks how far the server is.
    pub(crate) fn query(&mut self, xid: Option<Xid>) {
        self.connection.query_progress(xid);
        self.wake();
    }
}
