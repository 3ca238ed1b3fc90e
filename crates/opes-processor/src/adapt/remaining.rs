//! What services still have to say of a message that its recipient has all of.

use std::future::poll_fn;

use ocp::client::{Adapted, Transaction};
use opes_sdk::TraceRecord;

/// The transaction of a message that is complete for its recipient, where its services may still record something.
pub struct Remaining {
    transaction: Transaction,
    /// The end of the adapted message was taken.
    ended: bool,
}

impl Remaining {
    pub(super) fn of(transaction: Transaction, ended: bool) -> Option<Self> {
        transaction.settings().extensions.trace_records.then_some(Self { transaction, ended })
    }

    /// Waits until the services say no more, which the limits of the transaction bound.
    pub async fn records(self) -> Vec<TraceRecord> {
        let Self { transaction, mut ended } = self;
        let mut records = Vec::new();
        while !ended {
            match poll_fn(|cx| transaction.poll_next(cx)).await {
                Ok(Adapted::Ended { notes }) => {
                    records.extend(notes.into_iter().flat_map(|notes| notes.records));
                    ended = true;
                }
                Ok(_) => {}
                Err(_) => return records,
            }
        }
        let last = poll_fn(|cx| transaction.poll_notes(cx)).await;
        records.extend(last.into_iter().flat_map(|notes| notes.records));
        records
    }
}
