//! A look into a host, and a hand on it, for the simulation.

use ocp_proto::message::Xid;

use super::Host;

impl Host {
    /// The transactions under way, with the octets that count against the budget of each.
    pub(crate) fn census(&self) -> Vec<(Xid, u64)> {
        let held = |xid: &Xid| self.connection.queued_in(*xid);
        self.adaptations.iter().map(|(xid, one)| (*xid, held(xid) + one.stuck())).collect()
    }

    /// Asks how far the processor is.
    pub(crate) fn query(&mut self, xid: Option<Xid>) {
        self.connection.query_progress(xid);
        self.wake();
    }
}
