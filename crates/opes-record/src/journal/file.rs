//! One file: the records of a stretch of time.

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use redb::backends::FileBackend;

use redb::{
    Database, DatabaseError, ReadableDatabase, ReadableTable, StorageError, TableDefinition, TableError,
};

use super::folder::{Folder, octets, private};
use crate::codec;
use crate::id::TraceId;
use crate::record::Record;

/// The records by their identifiers, which ascend with time.
const RECORDS: TableDefinition<'_, &[u8; 15], &[u8]> = TableDefinition::new("records");
/// What redb may keep of a file in memory.
const CACHE_OCTETS: usize = 8 << 20;

/// Why a file is of no use.
#[derive(Debug)]
pub(super) enum Fault {
    /// Its contents are not what was written.
    Damaged(String),
    /// It is not there any more.
    Gone,
    /// The system says no, for now.
    Unavailable(String),
}

/// The records of a stretch of time, beginning with a millisecond. Opened when it is needed.
pub(super) struct JournalFile {
    path: PathBuf,
    /// Closed while nobody needs it. Who uses it holds the lock for reading.
    database: RwLock<Option<Database>>,
    octets: AtomicU64,
    /// The millisecond of the last record and 1; 0 where that is unknown or there is none.
    after: AtomicU64,
    /// A failure of this file was logged.
    complained: AtomicBool,
    /// redb has panicked over it: it is checked when it is opened again.
    suspect: AtomicBool,
}

impl JournalFile {
    /// The file that is there, not yet opened.
    pub(super) fn found(path: PathBuf) -> Self {
        Self {
            octets: octets(&path).into(),
            path,
            database: RwLock::new(None),
            after: AtomicU64::new(0),
            complained: AtomicBool::new(false),
            suspect: AtomicBool::new(false),
        }
    }

    /// A new file. Its name is given to it when it is whole, so that a crash leaves no file that is none.
    pub(super) fn create(folder: &Folder, start: u64) -> Result<Self, Fault> {
        let (new, path) = (folder.new_file(start), folder.file(start));
        let database = guarded(|| {
            let file = private().create(true).truncate(true).open(&new)?;
            let database = builder().create_with_backend(FileBackend::new(file)?)?;
            let writing = database.begin_write()?;
            writing.open_table(RECORDS)?;
            writing.commit()?;
            fs::rename(&new, &path)?;
            folder.sync()?;
            Ok(database)
        })?;
        let created = Self::found(path);
        *created.database.write().unwrap_or_else(PoisonError::into_inner) = Some(database);
        Ok(created)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The octets that it takes on the disk, as of the last write.
    pub(super) fn octets(&self) -> u64 {
        self.octets.load(Ordering::Relaxed)
    }

    /// The millisecond of its last record and 1; `None` where it has not been opened, or is empty.
    pub(super) fn after(&self) -> Option<u64> {
        Some(self.after.load(Ordering::Relaxed)).filter(|after| *after > 0)
    }

    /// Whether a failure of it is to be logged: once.
    pub(super) fn may_complain(&self) -> bool {
        !self.complained.swap(true, Ordering::Relaxed)
    }

    /// Opens it, if it is not open, and reads until when its records are.
    pub(super) fn open(&self) -> Result<(), Fault> {
        self.with(|_| Ok(()))
    }

    /// Closes it where nobody uses it; whether it is closed.
    pub(super) fn close(&self) -> bool {
        self.database.try_write().is_ok_and(|mut database| drop_guarded(database.take()))
    }

    /// Closes it when everybody who uses it has finished.
    pub(super) fn close_for_good(&self) {
        drop_guarded(self.database.write().unwrap_or_else(PoisonError::into_inner).take());
    }

    pub(super) fn is_open(&self) -> bool {
        self.database.try_read().is_ok_and(|database| database.is_some())
    }

    /// Writes all of the records in one transaction, in the order given; how many.
    pub(super) fn write<'a>(
        &self,
        records: impl Iterator<Item = &'a Record>,
        buffer: &mut Vec<u8>,
    ) -> Result<u64, Fault> {
        let mut after = 0;
        // Durability::Immediate is redb's default. Its quick repair would double what a commit costs.
        let written = self.with(|database| {
            let mut written = 0;
            let writing = database.begin_write()?;
            {
                let mut table = writing.open_table(RECORDS)?;
                for record in records {
                    if codec::encode(record, buffer).is_ok() {
                        table.insert(record.id.octets(), buffer.as_slice())?;
                        written += 1;
                        after = after.max(record.id.millis() + 1);
                    }
                }
            }
            writing.commit()?;
            Ok(written)
        });
        self.octets.store(octets(&self.path), Ordering::Relaxed);
        if written.is_ok() {
            self.after.fetch_max(after, Ordering::Relaxed);
        } else {
            // After a failed write redb refuses everything until the file is opened again.
            self.close();
        }
        written
    }

    /// The record of this identifier.
    pub(super) fn find(&self, id: TraceId) -> Result<Option<Record>, Fault> {
        self.with(|database| {
            // The transaction outlives what is read in it: redb gives away the pages of one that has ended.
            let reading = database.begin_read()?;
            let table = reading.open_table(RECORDS)?;
            let Some(found) = table.get(id.octets())? else { return Ok(None) };
            match codec::decode(id, found.value()) {
                Ok(record) => Ok(Some(record)),
                Err(error) => Err(StorageError::Corrupted(format!("record {id}: {error}")).into()),
            }
        })
    }

    /// The records from the first to before the second, the last of them first, until told to stop. A record that
    /// cannot be read comes as `None`.
    pub(super) fn scan(
        &self,
        from: TraceId,
        before: TraceId,
        mut each: impl FnMut(TraceId, Option<Record>) -> Scan,
    ) -> Result<Scan, Fault> {
        self.with(|database| {
            let reading = database.begin_read()?;
            let table = reading.open_table(RECORDS)?;
            for entry in table.range::<&[u8; 15]>(from.octets()..before.octets())?.rev() {
                let (key, value) = entry?;
                let id = TraceId::from_octets(*key.value());
                if each(id, codec::decode(id, value.value()).ok()) == Scan::Stop {
                    return Ok(Scan::Stop);
                }
            }
            Ok(Scan::On)
        })
    }

    /// What a panic means: the first time the file is closed, to be checked when it is opened again, since it may be
    /// whole. The second time it is taken for damaged.
    fn suspected(&self) -> Fault {
        self.close_for_good();
        if self.suspect.swap(true, Ordering::Relaxed) {
            unfit()
        } else {
            Fault::Unavailable("it is to be checked".to_owned())
        }
    }

    /// Uses the file, opening it where it is closed.
    fn with<T>(&self, work: impl FnOnce(&Database) -> Result<T, redb::Error>) -> Result<T, Fault> {
        loop {
            let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(open) = &*database {
                let done = caught(|| work(open));
                drop(database);
                return done.unwrap_or_else(|| Err(self.suspected()));
            }
            drop(database);
            let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
            if database.is_none() {
                let check = self.suspect.load(Ordering::Relaxed);
                let (opened, after) = guarded(|| open(&self.path, check))?;
                self.after.fetch_max(after, Ordering::Relaxed);
                *database = Some(opened);
            }
        }
    }
}

impl Drop for JournalFile {
    fn drop(&mut self) {
        drop_guarded(self.database.get_mut().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// Whether a scan goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scan {
    On,
    Stop,
}

fn builder() -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_OCTETS);
    builder
}

/// The file, and the millisecond of its last record and 1.
fn open(path: &Path, check: bool) -> Result<(Database, u64), redb::Error> {
    let file = private().open(path)?;
    let database =
        builder().set_check_integrity_on_open(check).create_with_backend(FileBackend::new(file)?)?;
    let last = last(&database)?;
    Ok((database, last))
}

/// The millisecond of the last record and 1; 0 where there is none.
fn last(database: &Database) -> Result<u64, redb::Error> {
    let reading = database.begin_read()?;
    let table = match reading.open_table(RECORDS) {
        Err(TableError::TableDoesNotExist(_)) => {
            return Err(StorageError::Corrupted("no records in it".to_owned()).into());
        }
        opened => opened?,
    };
    let last = table.last()?;
    Ok(last.map_or(0, |(key, _)| TraceId::from_octets(*key.value()).millis() + 1))
}

/// Runs this; redb trusts the contents of a file that was closed, and panics where they are not its own. `None` for
/// that, or for any other panic.
fn caught<T>(work: impl FnOnce() -> Result<T, redb::Error>) -> Option<Result<T, Fault>> {
    let done = catch_unwind(AssertUnwindSafe(work)).ok()?;
    Some(done.map_err(|error| fault(&error)))
}

/// Runs this, with a panic taken for damage.
fn guarded<T>(work: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, Fault> {
    caught(work).unwrap_or_else(|| Err(unfit()))
}

fn unfit() -> Fault {
    Fault::Damaged("its pages do not fit together".to_owned())
}

fn fault(error: &redb::Error) -> Fault {
    use io::ErrorKind::{InvalidData, NotFound, UnexpectedEof};
    let text = error.to_string();
    match error {
        redb::Error::Io(error) if error.kind() == NotFound => Fault::Gone,
        redb::Error::Io(error) if matches!(error.kind(), InvalidData | UnexpectedEof) => Fault::Damaged(text),
        redb::Error::Corrupted(_)
        | redb::Error::RepairAborted
        | redb::Error::UpgradeRequired(_)
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::TypeDefinitionChanged { .. }
        | redb::Error::TableIsMultimap(_) => Fault::Damaged(text),
        _ => Fault::Unavailable(text),
    }
}

/// Closing writes, too, and may meet damage.
fn drop_guarded(database: Option<Database>) -> bool {
    let _ = guarded(|| {
        drop(database);
        Ok::<_, DatabaseError>(()).map_err(redb::Error::from)
    });
    true
}
