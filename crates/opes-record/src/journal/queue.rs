//! The way from the path of messages to the thread that writes.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Thread;
use std::time::Duration;

use crate::record::Record;
use crate::store::Submitted;

/// The end that takes records. Bounded by number and by octets.
pub(super) struct Queue {
    sender: SyncSender<Queued>,
    state: Arc<State>,
    records: usize,
    octets: usize,
    dropped: AtomicU64,
}

/// The end that gives them to the writer.
pub(super) struct Intake {
    receiver: Receiver<Queued>,
    state: Arc<State>,
}

/// A record in the queue; in a box, since it moves and is large.
pub(super) struct Queued {
    pub(super) record: Box<Record>,
    weight: usize,
}

#[derive(Default)]
struct State {
    waiting: AtomicUsize,
    octets: AtomicUsize,
    closed: AtomicBool,
    flushes: Mutex<Vec<Flush>>,
}

/// Somebody waits until all that was submitted before has been written. Dropped when it has.
pub(super) struct Flush {
    done: SyncSender<()>,
}

impl Queue {
    pub(super) fn new(records: usize, octets: usize) -> (Self, Intake) {
        let (sender, receiver) = sync_channel(records);
        let state = Arc::new(State::default());
        let intake = Intake { receiver, state: Arc::clone(&state) };
        (Self { sender, state, records, octets, dropped: AtomicU64::new(0) }, intake)
    }

    /// Takes the record where there is room. A queue that is half full wakes the writer before its time.
    pub(super) fn submit(&self, mut record: Record, writer: &Thread) -> Submitted {
        let weight = record.lighten();
        let octets = self.state.octets.fetch_add(weight, Ordering::Relaxed).saturating_add(weight);
        let waiting = self.state.waiting.fetch_add(1, Ordering::Relaxed) + 1;
        let fits = octets <= self.octets;
        if !fits || self.sender.try_send(Queued { record: Box::new(record), weight }).is_err() {
            self.state.release(weight);
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return Submitted::Dropped;
        }
        if waiting == self.records.div_ceil(2) || crosses(self.octets / 2, octets, weight) {
            writer.unpark();
        }
        Submitted::Taken
    }

    /// Records for which there was no room.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits for the writer, at most so long; whether it has written all that was submitted before.
    pub(super) fn flush(&self, writer: &Thread, wait: Duration) -> bool {
        let (done, wait_for) = sync_channel(1);
        self.state.flushes.lock().unwrap_or_else(PoisonError::into_inner).push(Flush { done });
        writer.unpark();
        wait_for.recv_timeout(wait).is_ok()
    }

    /// No more records come.
    pub(super) fn close(&self) {
        self.state.closed.store(true, Ordering::Release);
    }
}

/// Whether the last `weight` of the octets have gone beyond the mark.
fn crosses(mark: usize, octets: usize, weight: usize) -> bool {
    octets > mark && octets - weight <= mark
}

impl State {
    fn release(&self, weight: usize) {
        self.octets.fetch_sub(weight, Ordering::Relaxed);
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Intake {
    /// Whether no more records come than there are. To be asked before they are taken.
    pub(super) fn is_closed(&self) -> bool {
        self.state.closed.load(Ordering::Acquire)
    }

    /// Those who wait. To be taken before the records are.
    pub(super) fn flushes(&self) -> Vec<Flush> {
        std::mem::take(&mut *self.state.flushes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes at most so many of the records that are there. They weigh on the queue until [`Intake::written`].
    pub(super) fn take(&self, most: usize, into: &mut Vec<Queued>) -> usize {
        let mut weight = 0;
        for queued in self.receiver.try_iter().take(most) {
            weight += queued.weight;
            self.state.waiting.fetch_sub(1, Ordering::Relaxed);
            into.push(queued);
        }
        weight
    }

    /// Records of this weight have left memory.
    pub(super) fn written(&self, weight: usize) {
        self.state.octets.fetch_sub(weight, Ordering::Relaxed);
    }
}

impl Flush {
    /// Tells whoever waits.
    pub(super) fn done(self) {
        let _ = self.done.try_send(());
    }
}
