//! Records on this machine's disk: one redb file for each period, written by one thread.

mod file;
mod files;
mod folder;
mod opened;
mod options;
mod queue;
mod read;
#[cfg(test)]
mod tests;
mod writer;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::{self, Thread};
use std::time::Duration;

use thiserror::Error;

pub use options::{Clock, JournalOptions};

use files::Files;
use folder::Folder;
use queue::Queue;

use crate::id::TraceId;
use crate::record::Record;
use crate::store::{Counts, Dropped, Filter, Page, Store, StoreError, Submitted};

/// How often what was submitted is written: one transaction for all of it.
pub const COMMIT_EVERY: Duration = Duration::from_millis(100);

/// A record that was submitted this long ago is found again, whatever happens to the process, on a disk that makes a
/// transaction durable within 200 ms: it waits at most for [`COMMIT_EVERY`], the transaction under way, and its own.
pub const DURABLE_AFTER: Duration = Duration::from_millis(500);

/// Keeps records in files of a folder.
///
/// **Cost.** [`Store::submit`] weighs the record and writes it into a block in memory, under a lock that nobody holds for
/// longer than that takes, a microsecond. When so much waits that there is no room the record is dropped and counted. One
/// thread writes the blocks to the disk, every [`COMMIT_EVERY`], in one transaction.
///
/// **Durability.** A record that was submitted longer ago than [`DURABLE_AFTER`] survives the process, killed or not;
/// and the machine as far as its disk keeps what it says it has kept. Dropping the journal writes what is queued, and
/// waits for that at most [`JournalOptions::last_wait`].
///
/// **Files.** Each spans a period, or less when it has grown to an eighth of the bound on octets or to 128 MiB. What is too
/// old, or too much, is removed file by file and never rewritten. A file that turns out to be damaged is set aside
/// (`.damaged`), logged once, and expires like the others; it never stops the start. The folder is for the owner only, and
/// for one process at a time. Files are opened when they are needed, and only to be read where nothing is written: so a
/// crash leaves one file to be mended, the newest, which the next start does, and rarely one that a message belongs to
/// which took long. Of each file that is open redb keeps at most 8 MiB in memory, and six are at most while nobody reads.
///
/// **A full disk** and other failures of writing are logged once for each file, and the records are counted as dropped.
pub struct Journal {
    shared: Arc<Shared>,
    queue: Queue,
    writer: Thread,
    /// Disconnected when the writer has ended.
    ended: std::sync::Mutex<Receiver<()>>,
}

/// What the writer and the readers share.
struct Shared {
    options: JournalOptions,
    files: Files,
    kept: AtomicU64,
    failed: AtomicU64,
    expired: AtomicU64,
    /// How often files were written to.
    transactions: AtomicU64,
    /// It was logged that no file could be made, and none has been made since.
    without_file: AtomicBool,
}

/// A journal that cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// A bound that cannot be kept to.
    #[error("{0}")]
    Options(&'static str),
    /// The folder cannot be made, read or written.
    #[error("{}: {source}", folder.display())]
    Folder {
        /// Where it is.
        folder: PathBuf,
        /// What is wrong.
        source: io::Error,
    },
    /// Others than its owner may enter the folder.
    #[error("{} is open to others than its owner: name a folder that does not exist, or take their permissions away", .0.display())]
    Public(PathBuf),
    /// Another process, or another journal of this one, uses the folder.
    #[error("{} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// The thread that writes cannot be started.
    #[error("no thread for the records: {0}")]
    Thread(#[source] io::Error),
}

impl Journal {
    /// Opens the journal with what is in its folder, and starts its thread. May take a while after a crash.
    ///
    /// # Errors
    /// The options contradict themselves, or the folder cannot be used. Files that are damaged are no error.
    pub fn open(options: JournalOptions) -> Result<Self, OpenError> {
        options.check()?;
        let files = Files::open(Folder::take(&options.folder)?)?;
        let (queue, intake) = Queue::new(options.queue_records, options.queue_octets);
        let shared = Arc::new(Shared {
            options,
            files,
            kept: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            expired: AtomicU64::new(0),
            transactions: AtomicU64::new(0),
            without_file: AtomicBool::new(false),
        });
        shared.files.expire(shared.options.clock.millis(), &shared.options);
        let (alive, ended) = sync_channel(0);
        let for_writer = Arc::clone(&shared);
        let writer = thread::Builder::new()
            .name("records".to_owned())
            .spawn(move || {
                writer::run(&for_writer, &intake);
                drop(for_writer);
                drop(alive);
            })
            .map_err(OpenError::Thread)?;
        Ok(Self { shared, queue, writer: writer.thread().clone(), ended: ended.into() })
    }
}

impl Store for Journal {
    fn submit(&self, record: Record) -> Submitted {
        self.queue.submit(record, &self.writer)
    }

    fn find(&self, id: TraceId) -> Result<Option<Record>, StoreError> {
        read::find(&self.shared.files, id)
    }

    fn recent(&self, filter: &Filter, limit: usize, before: Option<TraceId>) -> Result<Page, StoreError> {
        read::recent(&self.shared.files, filter, limit, before, self.shared.options.looked_at)
    }

    fn counts(&self) -> Counts {
        let (octets, oldest) = self.shared.files.counts();
        let dropped = Dropped {
            full: self.queue.dropped(),
            failed: self.shared.failed.load(Ordering::Relaxed),
            expired: self.shared.expired.load(Ordering::Relaxed),
        };
        Counts { kept: self.shared.kept.load(Ordering::Relaxed), dropped, octets, oldest }
    }

    fn flush(&self, wait: Duration) -> bool {
        self.queue.flush(&self.writer, wait)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.queue.close();
        self.writer.unpark();
        let ended = self.ended.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        let waited = ended.recv_timeout(self.shared.options.last_wait);
        if waited == Err(RecvTimeoutError::Timeout) {
            tracing::error!("records that were submitted last may not have been written");
        }
    }
}
