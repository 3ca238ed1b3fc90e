//! The way from the path of messages to the thread that writes: records wait as blocks, so that little is kept of each, and
//! nothing of it is another thread's to free.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;
use std::time::Duration;

use crate::codec::{BlockWriter, Made, stretch_of};
use crate::id::TraceId;
use crate::record::Record;
use crate::store::Submitted;

/// So many blocks are written at a time. Messages that take long are recorded late, among others.
const OPEN: usize = 16;

/// The end that takes records. Bounded by number and by octets.
pub(super) struct Queue {
    state: Arc<Mutex<State>>,
    records: usize,
    octets: usize,
    dropped: AtomicU64,
}

/// The end that gives them to the writer.
pub(super) struct Intake(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    pending: Pending,
    /// What these weigh, and those that are being written.
    octets: usize,
    closed: bool,
    flushes: Vec<Flush>,
}

/// Records that wait.
#[derive(Default)]
pub(super) struct Pending {
    /// Blocks that are being filled, each of another stretch.
    open: Vec<BlockWriter>,
    full: Vec<Made>,
    records: usize,
    octets: usize,
}

/// What has come since the writer asked last.
pub(super) struct Taken {
    /// No more records come.
    pub(super) closed: bool,
    /// Those who wait for what was submitted before.
    pub(super) flushes: Vec<Flush>,
    /// What the records weighed, which they do until [`Intake::written`].
    pub(super) octets: usize,
}

/// Somebody waits until all that was submitted before has been written. Dropped when it has.
pub(super) struct Flush {
    done: SyncSender<()>,
}

impl Queue {
    pub(super) fn new(records: usize, octets: usize) -> (Self, Intake) {
        let state = Arc::<Mutex<State>>::default();
        let intake = Intake(Arc::clone(&state));
        (Self { state, records, octets, dropped: AtomicU64::new(0) }, intake)
    }

    /// Takes the record where there is room. A queue that is half full wakes the writer before its time.
    pub(super) fn submit(&self, mut record: Record, writer: &Thread) -> Submitted {
        let weight = record.lighten();
        let mut state = lock(&self.state);
        let (records, octets) = (state.pending.records + 1, state.octets.saturating_add(weight));
        if records > self.records || octets > self.octets {
            drop(state);
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return Submitted::Dropped;
        }
        state.octets = octets;
        state.pending.push(&record, weight);
        drop(state);
        if records == self.records.div_ceil(2) || crosses(self.octets / 2, octets, weight) {
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
        lock(&self.state).flushes.push(Flush { done });
        writer.unpark();
        wait_for.recv_timeout(wait).is_ok()
    }

    /// No more records come.
    pub(super) fn close(&self) {
        lock(&self.state).closed = true;
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether the last `weight` of the octets have gone beyond the mark.
fn crosses(mark: usize, octets: usize, weight: usize) -> bool {
    octets > mark && octets - weight <= mark
}

impl Pending {
    fn push(&mut self, record: &Record, weight: usize) {
        self.records += 1;
        self.octets += weight;
        let stretch = stretch_of(record.id);
        let index = self.place(stretch);
        if let Some(block) = self.open.get_mut(index) {
            if block.is_full() || block.stretch().is_some_and(|other| other != stretch) {
                self.full.extend(block.end());
            }
            block.push(record);
        }
    }

    /// Which of the open blocks takes records of this stretch: its own, an empty one, or else the one in turn.
    fn place(&mut self, stretch: TraceId) -> usize {
        let own = self.open.iter().position(|block| block.stretch() == Some(stretch));
        let empty = || self.open.iter().position(|block| block.stretch().is_none());
        own.or_else(empty).unwrap_or_else(|| match self.open.len() {
            OPEN => self.full.len() % OPEN,
            open => {
                self.open.push(BlockWriter::default());
                open
            }
        })
    }

    /// The blocks, ascending by their first records. What was used to make them is used again.
    pub(super) fn blocks(&mut self) -> Vec<Made> {
        let mut blocks = std::mem::take(&mut self.full);
        blocks.extend(self.open.iter_mut().filter_map(BlockWriter::end));
        (self.records, self.octets) = (0, 0);
        blocks.sort_by_key(|block| block.first);
        blocks
    }
}

impl Intake {
    /// Takes all that is there in exchange for `empty`.
    pub(super) fn take(&self, empty: &mut Pending) -> Taken {
        let mut state = lock(&self.0);
        std::mem::swap(&mut state.pending, empty);
        let (closed, flushes) = (state.closed, std::mem::take(&mut state.flushes));
        Taken { closed, flushes, octets: empty.octets }
    }

    /// Records of this weight have left memory.
    pub(super) fn written(&self, octets: usize) {
        lock(&self.0).octets -= octets;
    }
}

impl Flush {
    /// Tells whoever waits.
    pub(super) fn done(self) {
        let _ = self.done.try_send(());
    }
}
