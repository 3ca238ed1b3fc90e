//! What services still have to say, and to be given, of a message that its recipient has all of.

use std::future::poll_fn;

use ocp::client::{Adapted, Transaction};
use opes_sdk::TraceRecord;

/// The transaction of a message that is complete for its recipient.
pub struct Remaining {
    transaction: Transaction,
    /// The end of the adapted message was taken.
    ended: bool,
    /// What had crossed by then.
    crossed: u64,
}

impl Remaining {
    /// A transaction whose adapted message has not ended.
    pub(super) fn unended(transaction: Transaction) -> Self {
        Self { ended: false, crossed: transaction.crossed(), transaction }
    }

    /// A transaction whose adapted message has ended, where its services may still record something.
    pub(super) fn ended(transaction: Transaction) -> Option<Self> {
        let may = transaction.settings().extensions.trace_records;
        may.then(|| Self { ended: true, crossed: transaction.crossed(), transaction })
    }

    /// Waits until the services say no more, which the limits of the transaction bound: what they have recorded, and how
    /// many octets of the original have crossed meanwhile.
    pub async fn over(self) -> (Vec<TraceRecord>, u64) {
        let Self { transaction, mut ended, crossed } = self;
        let mut records = Vec::new();
        while !ended {
            match poll_fn(|cx| transaction.poll_next(cx)).await {
                Ok(Adapted::Ended { notes }) => {
                    records.extend(notes.into_iter().flat_map(|notes| notes.records));
                    ended = true;
                }
                Ok(_) => {}
                Err(_) => return (records, transaction.crossed().saturating_sub(crossed)),
            }
        }
        let last = poll_fn(|cx| transaction.poll_notes(cx)).await;
        records.extend(last.into_iter().flat_map(|notes| notes.records));
        (records, transaction.crossed().saturating_sub(crossed))
    }
}
