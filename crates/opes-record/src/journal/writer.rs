//! The thread that writes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Instant;

use super::file::{Fault, JournalFile};
use super::queue::{Intake, Queued};
use super::{COMMIT_EVERY, Shared};
use crate::codec::Blocks;
use crate::store::StoreError;

/// The most records of one transaction.
const BATCH: usize = 8192;

/// Writes what comes until the queue is closed and empty.
pub(super) fn run(shared: &Shared, intake: Intake) {
    let mut writer = Writer { shared, batch: Vec::new(), blocks: Blocks::default() };
    loop {
        let began = Instant::now();
        let closed = intake.is_closed();
        let flushes = intake.flushes();
        loop {
            let weight = intake.take(BATCH, &mut writer.batch);
            if writer.batch.is_empty() {
                break;
            }
            let more = closed || writer.batch.len() == BATCH;
            writer.write();
            intake.written(weight);
            // What came meanwhile is the next transaction's: each costs far more than a record.
            if !more {
                break;
            }
        }
        shared.files.expire(shared.options.clock.millis(), &shared.options);
        for flush in flushes {
            flush.done();
        }
        if closed {
            return;
        }
        thread::park_timeout(COMMIT_EVERY.saturating_sub(began.elapsed()));
    }
}

struct Writer<'a> {
    shared: &'a Shared,
    batch: Vec<Queued>,
    blocks: Blocks,
}

impl Writer<'_> {
    /// Writes the batch: one transaction for each file that its records belong to, which is one but at the turn of a
    /// period and for messages that took long.
    fn write(&mut self) {
        let Self { shared, batch, blocks } = self;
        batch.sort_unstable_by_key(|queued| queued.record.id);
        let oldest = shared.options.clock.millis().saturating_sub(shared.options.max_age_millis());
        let expired = batch.partition_point(|queued| queued.record.id.millis() < oldest);
        shared.expired.fetch_add(expired as u64, Ordering::Relaxed);

        let mut rest = &batch[expired..];
        while let Some(first) = rest.first() {
            let target = match shared.files.to_write(first.record.id.millis(), &shared.options) {
                Ok(target) => target,
                Err(fault) => {
                    shared.no_file(fault, rest.len());
                    break;
                }
            };
            shared.without_file.store(false, Ordering::Relaxed);
            let group = rest.partition_point(|queued| queued.record.id.millis() < target.until);
            let (group, later) = rest.split_at(group);
            shared.write(target.start, &target.file, group, blocks);
            rest = later;
        }
        batch.clear();
    }
}

impl Shared {
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

    fn write(&self, start: u64, file: &Arc<JournalFile>, records: &[Queued], blocks: &mut Blocks) {
        self.transactions.fetch_add(1, Ordering::Relaxed);
        match file.write(records.iter().map(|queued| &*queued.record), blocks) {
            Ok(written) => {
                self.kept.fetch_add(written, Ordering::Relaxed);
                self.failed.fetch_add(records.len() as u64 - written, Ordering::Relaxed);
            }
            Err(fault) => {
                self.failed.fetch_add(records.len() as u64, Ordering::Relaxed);
                let told = self.files.report(start, file, fault);
                if let Some(error @ StoreError::Unavailable { .. }) = told.filter(|_| file.may_complain()) {
                    tracing::error!(%error, "records are dropped");
                }
            }
        }
    }
}
