//! The thread that writes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Instant;

use super::file::JournalFile;
use super::opened::Fault;
use super::queue::{Intake, Pending};
use super::{COMMIT_EVERY, Shared};
use crate::codec::Made;
use crate::store::StoreError;

/// Writes what comes until the queue is closed and empty.
pub(super) fn run(shared: &Shared, intake: &Intake) {
    let mut pending = Pending::default();
    loop {
        let began = Instant::now();
        let taken = intake.take(&mut pending);
        shared.write_all(pending.blocks());
        intake.written(taken.octets);
        shared.files.expire(shared.options.clock.millis(), &shared.options);
        for flush in taken.flushes {
            flush.done();
        }
        if taken.closed {
            return;
        }
        // What came meanwhile is the next transaction's: each costs far more than a record.
        thread::park_timeout(COMMIT_EVERY.saturating_sub(began.elapsed()));
    }
}

impl Shared {
    /// Writes blocks, ascending: one transaction for each file that they belong to, which is one but at the turn of a
    /// period and for messages that took long.
    fn write_all(&self, mut blocks: Vec<Made>) {
        let oldest = self.options.clock.millis().saturating_sub(self.options.max_age_millis());
        blocks.retain(|block| {
            let expired = block.last.millis() < oldest;
            self.expired.fetch_add(if expired { block.records as u64 } else { 0 }, Ordering::Relaxed);
            !expired
        });
        while let Some(first) = blocks.first() {
            let target = match self.files.to_write(first.first.millis(), &self.options) {
                Ok(target) => target,
                Err(fault) => return self.no_file(fault, records(&blocks)),
            };
            self.without_file.store(false, Ordering::Relaxed);
            let later = blocks.split_off(blocks.partition_point(|block| block.first.millis() < target.until));
            let (own, beyond) = self.split(blocks, target.until);
            self.write(target.start, &target.file, &own);
            blocks = beyond;
            blocks.extend(later);
            blocks.sort_by_key(|block| block.first);
        }
    }

    /// The parts of these blocks before and from this millisecond on.
    fn split(&self, blocks: Vec<Made>, until: u64) -> (Vec<Made>, Vec<Made>) {
        let (mut own, mut beyond) = (Vec::with_capacity(blocks.len()), Vec::new());
        for block in blocks {
            if block.last.millis() < until {
                own.push(block);
            } else if let Ok([before, after]) = block.split(until) {
                own.extend(before);
                beyond.extend(after);
            } else {
                self.failed.fetch_add(block.records as u64, Ordering::Relaxed);
            }
        }
        (own, beyond)
    }

    /// Counts records for which there is no file, and logs it until there is one again.
    fn no_file(&self, fault: Fault, records: usize) {
        self.failed.fetch_add(records as u64, Ordering::Relaxed);
        let why = match fault {
            Fault::Gone => "the folder is not there".to_owned(),
            Fault::Damaged(why) | Fault::Unavailable(why) => why,
        };
        if !self.without_file.swap(true, Ordering::Relaxed) {
            tracing::error!(folder = %self.options.folder.display(), why, "records are dropped");
        }
    }

    fn write(&self, start: u64, file: &Arc<JournalFile>, blocks: &[Made]) {
        self.transactions.fetch_add(1, Ordering::Relaxed);
        let records = records(blocks) as u64;
        match file.write(blocks) {
            Ok(()) => {
                self.kept.fetch_add(records, Ordering::Relaxed);
            }
            Err(fault) => {
                self.failed.fetch_add(records, Ordering::Relaxed);
                let told = self.files.report(start, file, fault);
                if let Some(error @ StoreError::Unavailable { .. }) = told.filter(|_| file.may_complain()) {
                    tracing::error!(%error, "records are dropped");
                }
            }
        }
    }
}

fn records(blocks: &[Made]) -> usize {
    blocks.iter().map(|block| block.records).sum()
}
