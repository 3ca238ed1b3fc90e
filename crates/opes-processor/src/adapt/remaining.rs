//! What services still have to say, and to be given, of a message that its recipient has all of.

use std::future::poll_fn;
use std::sync::Arc;

use ocp::client::{Adapted, Notes, Transaction};
use opes_sdk::TraceRecord;

use super::asked::drop_strangers;

/// The transaction of a message that is complete for its recipient.
pub struct Remaining {
    transaction: Transaction,
    /// Those that were asked.
    services: Arc<[String]>,
    /// The end of the adapted message was taken.
    ended: bool,
    /// What had crossed by then.
    crossed: u64,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Remainder {
    /// What the services have recorded.
    pub records: Vec<TraceRecord>,
    /// How many records of agents that had not been asked were dropped.
    pub strangers: u32,
    /// How many octets of the original have crossed meanwhile.
    pub crossed: u64,
}

impl Remaining {
    /// A transaction whose adapted message has not ended.
    pub(super) fn unended(transaction: Transaction, services: &Arc<[String]>) -> Self {
        let crossed = transaction.crossed();
        Self { ended: false, crossed, services: Arc::clone(services), transaction }
    }

    /// A transaction whose adapted message has ended, where its services may still record something.
    pub(super) fn ended(transaction: Transaction, services: &Arc<[String]>) -> Option<Self> {
        let may = transaction.settings().extensions.trace_records;
        may.then(|| Self { ended: true, ..Self::unended(transaction, services) })
    }

    /// Waits until the services say no more, which the limits of the transaction bound.
    pub async fn over(mut self) -> Remainder {
        let mut records = Vec::new();
        let mut note =
            |notes: Option<Box<Notes>>| records.extend(notes.into_iter().flat_map(|notes| notes.records));
        loop {
            if self.ended {
                note(poll_fn(|cx| self.transaction.poll_notes(cx)).await);
                break;
            }
            match poll_fn(|cx| self.transaction.poll_next(cx)).await {
                Ok(Adapted::Ended { notes }) => {
                    note(notes);
                    self.ended = true;
                }
                Ok(_) => {}
                Err(_) => break,
            }
        }
        let strangers = drop_strangers(&mut records, &self.services);
        Remainder { records, strangers, crossed: self.transaction.crossed().saturating_sub(self.crossed) }
    }
}
