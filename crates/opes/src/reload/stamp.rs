//! Whether a file is still the same.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What is different once a file was written or another one is in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// The stamp of the file to which the path leads now, through all symbolic links; `None` when there is none.
    pub(super) fn of(file: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(file).ok()?;
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_file_behind_a_symbolic_link_is_another_file() {
        let place = std::env::temp_dir().join(format!("opes-stamp-{}", std::process::id()));
        for version in ["one", "two"] {
            std::fs::create_dir_all(place.join(version)).unwrap();
            std::fs::write(place.join(version).join("opes.toml"), "same").unwrap();
        }
        let (link, file) = (place.join("current"), place.join("current").join("opes.toml"));
        std::os::unix::fs::symlink("one", &link).unwrap();
        let one = Stamp::of(&file);
        assert!(one.is_some() && one == Stamp::of(&file));
        std::os::unix::fs::symlink("two", place.join("next")).unwrap();
        std::fs::rename(place.join("next"), &link).unwrap();
        let two = Stamp::of(&file);
        assert!(two.is_some() && two != one);
        std::fs::remove_dir_all(&place).unwrap();
        assert_eq!(Stamp::of(&file), None);
    }
}
