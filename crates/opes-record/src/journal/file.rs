//! One file: the records of a stretch of time, in blocks.
//!
//! A block is named by its first record. Those of one commit ascend and are apart; those of different commits may overlap,
//! since a message that takes long is recorded late: but only within a short stretch, so that few blocks can have a record.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use redb::backends::FileBackend;

use redb::{
    AccessGuard, Database, DatabaseError, ReadableDatabase, ReadableTable, StorageError, Table,
    TableDefinition, TableError,
};

use super::folder::{Folder, octets, private};
use crate::codec::{Block, Blocks, CodecError};
use crate::id::TraceId;
use crate::record::Record;

/// The blocks by the identifiers of their first records, which ascend with time.
const BLOCKS: TableDefinition<'_, &[u8; 15], &[u8]> = TableDefinition::new("blocks");
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
            writing.open_table(BLOCKS)?;
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

    /// Writes all of the records in one transaction, in the order given, which ascends; how many.
    pub(super) fn write<'a>(
        &self,
        records: impl Iterator<Item = &'a Record>,
        blocks: &mut Blocks,
    ) -> Result<u64, Fault> {
        let mut after = 0;
        // Durability::Immediate is redb's default. Its quick repair would double what a commit costs.
        let written = self.with(|database| {
            let mut written = 0;
            let writing = database.begin_write()?;
            {
                let mut table = writing.open_table(BLOCKS)?;
                // Nothing of a transaction that failed.
                let _ = blocks.end();
                for record in records {
                    if !blocks.takes(record) {
                        end_block(blocks, &mut table)?;
                    }
                    blocks.push(record);
                    written += 1;
                    after = after.max(record.id.millis() + 1);
                }
                end_block(blocks, &mut table)?;
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
            let table = reading.open_table(BLOCKS)?;
            for entry in table.range::<&[u8; 15]>(Blocks::stretch_of(id).octets()..=id.octets())?.rev() {
                let (_, value) = entry?;
                let found = Block::read(value.value()).and_then(|block| block.find(id));
                if let Some(record) = found.map_err(corrupted)? {
                    return Ok(Some(record));
                }
            }
            Ok(None)
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
            let table = reading.open_table(BLOCKS)?;
            let mut stretch: Vec<AccessGuard<'_, &[u8]>> = Vec::new();
            let mut start = before;
            for entry in table.range::<&[u8; 15]>(Blocks::stretch_of(from).octets()..before.octets())?.rev() {
                let (key, value) = entry?;
                let first = TraceId::from_octets(*key.value());
                if first < start && scan_stretch(&stretch, from, before, &mut each) == Scan::Stop {
                    return Ok(Scan::Stop);
                }
                if first < start {
                    stretch.clear();
                    start = Blocks::stretch_of(first);
                }
                stretch.push(value);
            }
            Ok(scan_stretch(&stretch, from, before, &mut each))
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

/// Puts the block into the table, with what a block of the same name has.
fn end_block(
    blocks: &mut Blocks,
    table: &mut Table<'_, &'static [u8; 15], &'static [u8]>,
) -> Result<(), redb::Error> {
    let Some((first, block)) = blocks.end() else { return Ok(()) };
    let Some(earlier) = table.insert(first.octets(), block)? else { return Ok(()) };
    // An identifier that was submitted twice. What is new takes the place of what was there.
    let mut records = records(earlier.value())?;
    drop(earlier);
    records.extend(self::records(block)?);
    let records: BTreeMap<TraceId, Record> = records.into_iter().map(|record| (record.id, record)).collect();
    records.values().for_each(|record| blocks.push(record));
    if let Some((first, block)) = blocks.end() {
        table.insert(first.octets(), block)?;
    }
    Ok(())
}

/// All records of a block.
fn records(octets: &[u8]) -> Result<Vec<Record>, redb::Error> {
    let block = Block::read(octets).map_err(corrupted)?;
    (0..block.ids().len()).map(|index| block.record(index).map_err(corrupted)).collect()
}

/// The records of some blocks within these bounds, the last of them first.
fn scan_stretch(
    blocks: &[AccessGuard<'_, &[u8]>],
    from: TraceId,
    before: TraceId,
    each: &mut impl FnMut(TraceId, Option<Record>) -> Scan,
) -> Scan {
    // What is no block has no records.
    let blocks: Vec<_> = blocks.iter().filter_map(|octets| Block::read(octets.value()).ok()).collect();
    let mut found = Vec::new();
    for block in &blocks {
        let wanted = block.ids().enumerate().filter(|(_, id)| (from..before).contains(id));
        found.extend(wanted.map(|(index, id)| (id, index, block)));
    }
    found.sort_unstable_by_key(|(id, ..)| std::cmp::Reverse(*id));
    let stopped = found.iter().any(|(id, index, block)| each(*id, block.record(*index).ok()) == Scan::Stop);
    if stopped { Scan::Stop } else { Scan::On }
}

fn corrupted(error: CodecError) -> redb::Error {
    StorageError::Corrupted(format!("a block of records: {error}")).into()
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
    let table = match reading.open_table(BLOCKS) {
        Err(TableError::TableDoesNotExist(_)) => {
            return Err(StorageError::Corrupted("no records in it".to_owned()).into());
        }
        opened => opened?,
    };
    let Some((first, _)) = table.last()? else { return Ok(0) };
    let stretch = Blocks::stretch_of(TraceId::from_octets(*first.value()));
    let mut after = 0;
    for entry in table.range::<&[u8; 15]>(stretch.octets()..)? {
        let last = Block::read(entry?.1.value()).map_err(corrupted)?.last();
        after = after.max(last.map_or(0, |last| last.millis() + 1));
    }
    Ok(after)
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
