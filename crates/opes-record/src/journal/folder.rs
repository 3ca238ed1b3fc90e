//! The journal's folder: who may read it, whose it is, and what the files in it are called.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::OpenError;

/// What files are called, with the version of what is in them.
const CURRENT: &str = "3.redb";

/// A folder that this process alone uses, until it is dropped.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

/// What is in a folder.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The first milliseconds of the files.
    pub(super) files: Vec<u64>,
    /// Those that are not read, and where they are: they were set aside, or another version of us has written them.
    pub(super) aside: Vec<(u64, PathBuf)>,
}

impl Folder {
    /// Takes the folder, making it where it is missing.
    pub(super) fn take(path: &Path) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Folder { folder: path.to_owned(), source };
        make(path).map_err(failed)?;
        if is_open_to_others(path).map_err(failed)? {
            return Err(OpenError::Public(path.to_owned()));
        }
        let lock = private().create(true).open(path.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// What is there. What a crash has left half made is removed.
    pub(super) fn read(&self) -> Result<Found, OpenError> {
        self.list().map_err(|source| OpenError::Folder { folder: self.path.clone(), source })
    }

    fn list(&self) -> io::Result<Found> {
        let mut found = Found::default();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some((start, kind)) = name.to_str().and_then(|name| name.split_once('.')) else { continue };
            let Ok(start) = start.parse() else { continue };
            match kind {
                CURRENT => found.files.push(start),
                "damaged" => found.aside.push((start, entry.path())),
                other if other.ends_with("redb") => {
                    tracing::warn!(file = %entry.path().display(), "records of another version are not read");
                    found.aside.push((start, entry.path()));
                }
                "new" => fs::remove_file(entry.path())?,
                _ => {}
            }
        }
        found.files.sort_unstable();
        Ok(found)
    }

    /// The file that begins with this millisecond.
    pub(super) fn file(&self, start: u64) -> PathBuf {
        self.path.join(format!("{start:013}.{CURRENT}"))
    }

    /// What it is called while it is made.
    pub(super) fn new_file(&self, start: u64) -> PathBuf {
        self.path.join(format!("{start:013}.new"))
    }

    /// What it is called when it was damaged.
    pub(super) fn aside(&self, start: u64) -> PathBuf {
        self.path.join(format!("{start:013}.damaged"))
    }

    /// Makes names last that were given or taken.
    pub(super) fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

/// Opens files for nobody but us.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn make(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(unix)]
fn is_open_to_others(path: &Path) -> io::Result<bool> {
    Ok(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path)?.permissions()) & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_: &Path) -> io::Result<bool> {
    Ok(false)
}

/// The octets that a file takes on the disk: the holes in it are free.
#[cfg(unix)]
pub(super) fn octets(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| std::os::unix::fs::MetadataExt::blocks(&metadata) * 512)
}

/// The octets of a file.
#[cfg(not(unix))]
pub(super) fn octets(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}
