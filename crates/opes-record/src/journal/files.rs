//! All files of a journal: which one a record belongs to, and which are removed.
//!
//! A file spans the time from its first millisecond to that of the next file. A new one begins with a period, or after
//! the last record of one that has grown too large; never at or before a record that is in an earlier file, so that a
//! record is in the file that its identifier's time says.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::OpenError;
use super::file::JournalFile;
use super::folder::{Folder, octets};
use super::opened::Fault;
use super::options::JournalOptions;
use crate::id::TraceId;
use crate::store::StoreError;

/// How many files stay open besides the one in use.
const OPEN_FILES: usize = 4;

/// All files of a journal.
pub(super) struct Files {
    folder: Folder,
    state: RwLock<State>,
}

/// Where records are to be written.
pub(super) struct Target {
    /// The first millisecond of the file.
    pub(super) start: u64,
    pub(super) file: Arc<JournalFile>,
    /// Records from this millisecond on belong elsewhere.
    pub(super) until: u64,
}

#[derive(Default)]
struct State {
    /// By the first millisecond.
    files: BTreeMap<u64, Arc<JournalFile>>,
    /// Those that are not read: their first millisecond and their octets.
    aside: BTreeMap<PathBuf, (u64, u64)>,
}

impl Files {
    /// What is in the folder. The newest is opened, which mends what a crash has left.
    pub(super) fn open(folder: Folder) -> Result<Self, OpenError> {
        let found = folder.read()?;
        let mut state = State::default();
        for start in found.files {
            state.files.insert(start, Arc::new(JournalFile::found(folder.file(start))));
        }
        for (start, path) in found.aside {
            let octets = octets(&path);
            state.aside.insert(path, (start, octets));
        }
        let files = Self { folder, state: RwLock::new(state) };
        while let Some((start, newest)) = files.newest() {
            match newest.open() {
                Err(Fault::Damaged(why)) => files.set_aside(start, &newest, &why),
                Err(Fault::Unavailable(why)) => {
                    tracing::error!(file = %newest.path().display(), why, "records cannot be read");
                    break;
                }
                Ok(()) | Err(Fault::Gone) => break,
            }
        }
        Ok(files)
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn newest(&self) -> Option<(u64, Arc<JournalFile>)> {
        self.read().files.last_key_value().map(|(start, file)| (*start, Arc::clone(file)))
    }

    /// The file that holds the records of this millisecond, and the first of its own.
    pub(super) fn at(&self, millis: u64) -> Option<(u64, Arc<JournalFile>)> {
        self.read().files.range(..=millis).next_back().map(|(start, file)| (*start, Arc::clone(file)))
    }

    /// The last file that may have a record before this one, and the first millisecond of it.
    pub(super) fn last_before(&self, id: TraceId) -> Option<(u64, Arc<JournalFile>)> {
        let state = self.read();
        let mut files = state.files.range(..=id.millis()).rev();
        files
            .find(|(start, _)| TraceId::first_of(**start) < id)
            .map(|(start, file)| (*start, Arc::clone(file)))
    }

    /// The file that a record of this millisecond is to be written into, made where it is missing.
    pub(super) fn to_write(&self, millis: u64, options: &JournalOptions) -> Result<Target, Fault> {
        let period = millis - millis % options.period_millis();
        let end = period.saturating_add(options.period_millis());
        let Some((start, file)) = self.at(millis) else { return self.create(period, end) };
        if start >= period && file.octets() < options.file_octets() {
            return Ok(self.target(start, file, end));
        }
        match file.open() {
            Err(Fault::Damaged(why)) => {
                self.set_aside(start, &file, &why);
                self.create(period, end)
            }
            Err(fault) => Err(fault),
            // Not before what the file has: its records would not be found.
            Ok(()) => match file.after().unwrap_or(start + 1).max(period) {
                after if after > millis => Ok(self.target(start, file, after)),
                after => self.create(after, end),
            },
        }
    }

    fn create(&self, start: u64, end: u64) -> Result<Target, Fault> {
        let file = Arc::new(JournalFile::create(&self.folder, start)?);
        if let Some((_, before)) = self.at(start) {
            // One that was closed needs no mending after a crash, which takes long; opening it again takes no time.
            before.close();
        }
        self.change().files.insert(start, Arc::clone(&file));
        self.close_idle(start);
        Ok(self.target(start, file, end))
    }

    fn target(&self, start: u64, file: Arc<JournalFile>, end: u64) -> Target {
        let next = self.read().files.range(start + 1..).next().map(|(next, _)| *next);
        Target { start, file, until: next.map_or(end, |next| next.min(end)) }
    }

    /// Closes files that nobody uses, but for a few, the newest and the one that was just used.
    pub(super) fn close_idle(&self, used: u64) {
        let state = self.read();
        let newest = state.files.last_key_value().map(|(start, _)| *start);
        let idle = state
            .files
            .iter()
            .filter(|(start, file)| **start != used && Some(**start) != newest && file.is_open());
        let idle: Vec<_> = idle.map(|(_, file)| Arc::clone(file)).collect();
        drop(state);
        for file in idle.iter().take(idle.len().saturating_sub(OPEN_FILES)) {
            file.close();
        }
    }

    /// What callers are told of a fault. A file that is damaged is set aside; one that is gone holds nothing.
    pub(super) fn report(&self, start: u64, file: &Arc<JournalFile>, fault: Fault) -> Option<StoreError> {
        let path = file.path().to_owned();
        match fault {
            Fault::Gone => {
                self.forget(start, file);
                None
            }
            Fault::Unavailable(why) => Some(StoreError::Unavailable { file: path, why }),
            Fault::Damaged(why) => {
                self.set_aside(start, file, &why);
                Some(StoreError::Damaged { file: path, why })
            }
        }
    }

    /// Takes a damaged file out of use, once, and keeps it for whoever wants to look at it until it expires.
    pub(super) fn set_aside(&self, start: u64, file: &Arc<JournalFile>, why: &str) {
        let mut state = self.change();
        if state.files.get(&start).is_none_or(|known| !Arc::ptr_eq(known, file)) {
            return;
        }
        state.files.remove(&start);
        let aside = self.folder.aside(start);
        let renamed = fs::rename(file.path(), &aside);
        state.aside.insert(aside.clone(), (start, octets(&aside)));
        drop(state);
        file.close_for_good();
        let renamed = renamed.err().map(|error| error.to_string());
        tracing::error!(file = %aside.display(), why, renamed, "damaged records were set aside");
    }

    /// Somebody has removed the file.
    fn forget(&self, start: u64, file: &Arc<JournalFile>) {
        let mut state = self.change();
        if state.files.get(&start).is_some_and(|known| Arc::ptr_eq(known, file)) {
            state.files.remove(&start);
        }
    }

    /// Removes what is too old, and the oldest while there is too much.
    pub(super) fn expire(&self, now: u64, options: &JournalOptions) {
        let oldest = now.saturating_sub(options.max_age_millis());
        let mut removed = Vec::new();
        let mut state = self.change();
        let aside: Vec<_> = state.aside.iter().map(|(path, (start, _))| (path.clone(), *start)).collect();
        for (path, start) in aside {
            if start.saturating_add(options.period_millis()) <= oldest || state.octets() > options.max_octets
            {
                state.aside.remove(&path);
                remove(&path);
            }
        }
        while let Some((start, after)) = state.oldest_span(options.period_millis()) {
            if after > oldest && (state.files.len() == 1 || state.octets() <= options.max_octets) {
                break;
            }
            removed.extend(state.files.remove(&start));
        }
        drop(state);
        for file in removed {
            remove(file.path());
        }
    }

    /// The octets on disk, and the time of the oldest file.
    pub(super) fn counts(&self) -> (u64, Option<u64>) {
        let state = self.read();
        (state.octets(), state.files.first_key_value().map(|(start, _)| *start))
    }
}

impl State {
    fn octets(&self) -> u64 {
        self.files
            .values()
            .map(|file| file.octets())
            .chain(self.aside.values().map(|(_, octets)| *octets))
            .sum()
    }

    /// The first millisecond of the oldest file, and that after its last record.
    fn oldest_span(&self, period: u64) -> Option<(u64, u64)> {
        let mut files = self.files.iter();
        let (start, file) = files.next()?;
        let next = files.next().map(|(next, _)| *next);
        // One that is empty or was not opened: no record of it is later than this.
        let after = file.after().or(next).unwrap_or_else(|| start.saturating_add(period));
        Some((*start, after))
    }
}

fn remove(path: &std::path::Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::error!(file = %path.display(), %error, "expired records cannot be removed");
    }
}
