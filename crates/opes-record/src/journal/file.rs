//! One file: the records of a stretch of time, in blocks.
//!
//! A block is named by its first record. Blocks may overlap, since a message that takes long is recorded late: but only
//! within a short stretch, so that few blocks can have a record.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use redb::{AccessGuard, Database, Table};

use super::folder::{Folder, octets};
use super::opened::{BLOCKS, Fault, Opened, caught, corrupted, guarded, unfit};
use crate::codec::{Block, BlockWriter, Made, stretch_of};
use crate::id::TraceId;
use crate::record::Record;

/// The records of a stretch of time, beginning with a millisecond. Opened when it is needed.
pub(super) struct JournalFile {
    path: PathBuf,
    /// Closed while nobody needs it. Who uses it holds the lock for reading.
    opened: RwLock<Option<Opened>>,
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
            opened: RwLock::new(None),
            after: AtomicU64::new(0),
            complained: AtomicBool::new(false),
            suspect: AtomicBool::new(false),
        }
    }

    /// A new file. Its name is given to it when it is whole, so that a crash leaves no file that is none.
    pub(super) fn create(folder: &Folder, start: u64) -> Result<Self, Fault> {
        let (new, path) = (folder.new_file(start), folder.file(start));
        let opened = guarded(|| {
            let opened = Opened::create(&new)?;
            fs::rename(&new, &path)?;
            folder.sync()?;
            Ok(opened)
        })?;
        let created = Self::found(path);
        *created.opened.write().unwrap_or_else(PoisonError::into_inner) = Some(opened);
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
        self.read(|_| Ok(()))
    }

    /// Closes it where nobody uses it; whether it is closed.
    pub(super) fn close(&self) -> bool {
        self.opened.try_write().is_ok_and(|mut opened| {
            Opened::close(opened.take());
            true
        })
    }

    /// Closes it when everybody who uses it has finished.
    pub(super) fn close_for_good(&self) {
        Opened::close(self.opened.write().unwrap_or_else(PoisonError::into_inner).take());
    }

    pub(super) fn is_open(&self) -> bool {
        self.opened.try_read().is_ok_and(|opened| opened.is_some())
    }

    /// Writes all of the blocks in one transaction.
    pub(super) fn write(&self, blocks: &[Made]) -> Result<(), Fault> {
        // Durability::Immediate is redb's default. Its quick repair would double what a commit costs.
        let written = self.with(Opened::to_write, Opened::written, |database: &Database| {
            let writing = database.begin_write()?;
            {
                let mut table = writing.open_table(BLOCKS)?;
                for block in blocks {
                    put(block, &mut table)?;
                }
            }
            writing.commit()?;
            Ok(())
        });
        self.octets.store(octets(&self.path), Ordering::Relaxed);
        if written.is_ok() {
            let after = blocks.iter().map(|block| block.last.millis() + 1).max();
            self.after.fetch_max(after.unwrap_or_default(), Ordering::Relaxed);
        } else {
            // After a failed write redb refuses everything until the file is opened again.
            self.close();
        }
        written
    }

    /// The record of this identifier.
    pub(super) fn find(&self, id: TraceId) -> Result<Option<Record>, Fault> {
        self.read(|opened| {
            // The transaction outlives what is read in it: redb gives away the pages of one that has ended.
            let reading = opened.begin_read()?;
            let table = reading.open_table(BLOCKS)?;
            for entry in table.range::<&[u8; 15]>(stretch_of(id).octets()..=id.octets())?.rev() {
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
        self.read(|opened| {
            let reading = opened.begin_read()?;
            let table = reading.open_table(BLOCKS)?;
            let mut stretch: Vec<AccessGuard<'_, &[u8]>> = Vec::new();
            let mut start = before;
            for entry in table.range::<&[u8; 15]>(stretch_of(from).octets()..before.octets())?.rev() {
                let (key, value) = entry?;
                let first = TraceId::from_octets(*key.value());
                if first < start && scan_stretch(&stretch, from, before, &mut each) == Scan::Stop {
                    return Ok(Scan::Stop);
                }
                if first < start {
                    stretch.clear();
                    start = stretch_of(first);
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

    /// Reads in the file, opening it where it is closed.
    fn read<T>(&self, work: impl FnOnce(&Opened) -> Result<T, redb::Error>) -> Result<T, Fault> {
        self.with(Opened::to_read, |opened| Some(opened), work)
    }

    /// Uses the file, opening it like this where it is not open for `suited`.
    fn with<D, T>(
        &self,
        open: fn(&Path, bool) -> Result<Opened, redb::Error>,
        suited: fn(&Opened) -> Option<&D>,
        work: impl FnOnce(&D) -> Result<T, redb::Error>,
    ) -> Result<T, Fault> {
        loop {
            let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(suits) = opened.as_ref().and_then(suited) {
                let done = caught(|| work(suits));
                drop(opened);
                return done.unwrap_or_else(|| Err(self.suspected()));
            }
            drop(opened);
            let mut opened = self.opened.write().unwrap_or_else(PoisonError::into_inner);
            if opened.as_ref().and_then(suited).is_none() {
                Opened::close(opened.take());
                let check = self.suspect.load(Ordering::Relaxed);
                let (now, after) = guarded(|| {
                    let now = open(&self.path, check)?;
                    let last = now.last()?;
                    Ok((now, last))
                })?;
                self.after.fetch_max(after, Ordering::Relaxed);
                *opened = Some(now);
            }
        }
    }
}

impl Drop for JournalFile {
    fn drop(&mut self) {
        Opened::close(self.opened.get_mut().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// Whether a scan goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scan {
    On,
    Stop,
}

/// Puts the block into the table, with what a block of the same name has.
fn put(block: &Made, table: &mut Table<'_, &'static [u8; 15], &'static [u8]>) -> Result<(), redb::Error> {
    let Some(earlier) = table.insert(block.first.octets(), &*block.octets)? else { return Ok(()) };
    // An identifier that was submitted twice. What is new takes the place of what was there.
    let mut both = BlockWriter::default();
    for octets in [earlier.value(), &block.octets] {
        for record in Block::read(octets).map_err(corrupted)?.records() {
            both.push(&record.map_err(corrupted)?);
        }
    }
    drop(earlier);
    if let Some(both) = both.end() {
        table.insert(both.first.octets(), &*both.octets)?;
    }
    Ok(())
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
