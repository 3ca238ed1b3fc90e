//! A redb file in use, and what is wrong with one that is of no use.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use redb::backends::FileBackend;
use redb::{
    Database, DatabaseError, ReadOnlyDatabase, ReadTransaction, ReadableDatabase, ReadableTable,
    StorageError, TableDefinition, TableError, TransactionError,
};

use super::folder::private;
use crate::codec::{Block, CodecError, stretch_of};
use crate::id::TraceId;

/// The blocks by the identifiers of their first records, which ascend with time.
pub(super) const BLOCKS: TableDefinition<'_, &[u8; 15], &[u8]> = TableDefinition::new("blocks");
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

/// A file that is open. redb marks one that it may write on the disk, waits for that, and has to mend it after a crash:
/// so a file that is only read is opened only to be read.
pub(super) enum Opened {
    Read(ReadOnlyDatabase),
    Write(Database),
}

impl Opened {
    /// A new file.
    pub(super) fn create(path: &Path) -> Result<Self, redb::Error> {
        let file = private().create(true).truncate(true).open(path)?;
        let database = builder().create_with_backend(FileBackend::new(file)?)?;
        let writing = database.begin_write()?;
        writing.open_table(BLOCKS)?;
        writing.commit()?;
        Ok(Self::Write(database))
    }

    /// The file that is there, to be read; mended where a crash has left it open. `check` it where it may be damaged.
    pub(super) fn to_read(path: &Path, check: bool) -> Result<Self, redb::Error> {
        if check {
            return Self::to_write(path, check);
        }
        match builder().open_read_only(path) {
            Ok(database) => Ok(Self::Read(database)),
            Err(DatabaseError::RepairAborted) => Self::to_write(path, check),
            Err(error) => Err(error.into()),
        }
    }

    /// The file that is there, to be read and written.
    pub(super) fn to_write(path: &Path, check: bool) -> Result<Self, redb::Error> {
        let file = FileBackend::new(private().open(path)?)?;
        Ok(Self::Write(builder().set_check_integrity_on_open(check).create_with_backend(file)?))
    }

    /// What can be written, where it is open for that.
    pub(super) fn written(&self) -> Option<&Database> {
        match self {
            Self::Read(_) => None,
            Self::Write(database) => Some(database),
        }
    }

    pub(super) fn begin_read(&self) -> Result<ReadTransaction, TransactionError> {
        match self {
            Self::Read(database) => database.begin_read(),
            Self::Write(database) => database.begin_read(),
        }
    }

    /// The millisecond of the last record and 1; 0 where there is none.
    pub(super) fn last(&self) -> Result<u64, redb::Error> {
        let reading = self.begin_read()?;
        let table = match reading.open_table(BLOCKS) {
            Err(TableError::TableDoesNotExist(_)) => {
                return Err(StorageError::Corrupted("no records in it".to_owned()).into());
            }
            opened => opened?,
        };
        let Some((first, _)) = table.last()? else { return Ok(0) };
        let stretch = stretch_of(TraceId::from_octets(*first.value()));
        let mut after = 0;
        for entry in table.range::<&[u8; 15]>(stretch.octets()..)? {
            let last = Block::read(entry?.1.value()).map_err(corrupted)?.last();
            after = after.max(last.map_or(0, |last| last.millis() + 1));
        }
        Ok(after)
    }

    /// Closes it; one that was written is written to once more, and may meet damage.
    pub(super) fn close(opened: Option<Self>) {
        let _ = guarded(|| {
            drop(opened);
            Ok::<_, redb::Error>(())
        });
    }
}

fn builder() -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_OCTETS);
    builder
}

pub(super) fn corrupted(error: CodecError) -> redb::Error {
    StorageError::Corrupted(format!("a block of records: {error}")).into()
}

/// Runs this; redb trusts the contents of a file that was closed, and panics where they are not its own. `None` for
/// that, or for any other panic.
pub(super) fn caught<T>(work: impl FnOnce() -> Result<T, redb::Error>) -> Option<Result<T, Fault>> {
    let done = catch_unwind(AssertUnwindSafe(work)).ok()?;
    Some(done.map_err(|error| fault(&error)))
}

/// Runs this, with a panic taken for damage.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, Fault> {
    caught(work).unwrap_or_else(|| Err(unfit()))
}

pub(super) fn unfit() -> Fault {
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
