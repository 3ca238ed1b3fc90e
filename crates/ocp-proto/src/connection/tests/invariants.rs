//! What is true of a connection at any time.

use super::super::{Connection, Phase};
use crate::transaction::Side;

/// Checks the state of a connection between two calls.
pub(super) fn check(connection: &Connection) {
    let mut kept = 0;
    for (xid, transaction) in &connection.transactions {
        if let Side::Processor(side) = &transaction.side {
            kept += side.preserved.size();
            assert!(side.preserved.size() <= connection.limits.kept_per_transaction);
        }
        // A transaction that could send stands in the queue, and once only.
        let entries = connection.ready.count(*xid);
        assert_eq!(entries, usize::from(transaction.ready), "{xid} {transaction:?}");
        assert!(transaction.ready || !transaction.can_send(), "{xid} was not woken: {transaction:?}");
        assert_eq!(transaction.outgoing.queued, queued(transaction), "{xid}");
    }
    assert_eq!(connection.kept, kept, "what is kept is what transactions keep");
    assert!(kept <= connection.limits.kept_per_connection);
    assert_eq!(connection.queued(), connection.transactions.values().map(queued).sum::<u64>());
    if connection.phase == Phase::Closing {
        assert!(connection.transactions.is_empty() && connection.poll_timeout().is_none());
    }
}

fn queued(transaction: &crate::transaction::Transaction) -> u64 {
    transaction.outgoing.unsent().iter().map(|octets| octets.len() as u64).sum()
}
