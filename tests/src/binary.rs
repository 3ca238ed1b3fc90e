//! Where the binary under test is, and whether it is the one that the sources describe.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

/// The root of the repository.
#[must_use]
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository")
}

/// Where cargo puts what it builds.
#[must_use]
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| repository().join("target"), |dir| repository().join(dir))
}

/// A command that runs the binary under test: `OPES_BIN` where that is set, else `target/release/opes`.
///
/// # Panics
/// When there is no binary, or when the one in `target/` is older than a source it was built from: a test of an
/// old binary proves nothing.
#[must_use]
pub fn opes() -> Command {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    Command::new(BINARY.get_or_init(find))
}

/// The path of an example program of the workspace.
///
/// # Panics
/// When there is none, or an old one.
#[must_use]
pub fn example(name: &str) -> PathBuf {
    let path = target().join("release").join("examples").join(name);
    assert_current(&path, "cargo build --release --workspace --examples");
    path
}

/// The path that [`opes`] runs.
#[must_use]
pub fn path() -> PathBuf {
    PathBuf::from(opes().get_program())
}

fn find() -> PathBuf {
    if let Some(given) = std::env::var_os("OPES_BIN") {
        let path = repository().join(given);
        assert!(path.is_file(), "OPES_BIN names {}, which is not a file", path.display());
        return path;
    }
    let path = target().join("release").join("opes");
    assert_current(&path, "cargo build --release");
    path
}

fn assert_current(path: &Path, made_by: &str) {
    assert!(path.is_file(), "{} does not exist: `{made_by}` makes it", path.display());
    if let Some(newer) = newer_source(path) {
        panic!("{} is older than {newer}: `{made_by}` renews it", path.display());
    }
}

/// The first source, by cargo's own list beside the binary, that changed after the binary was built.
fn newer_source(binary: &Path) -> Option<String> {
    let built = modified(binary)?;
    let list = std::fs::read_to_string(binary.with_extension("d")).ok()?;
    let (_, sources) = list.trim_end().split_once(": ")?;
    sources
        .replace("\\ ", "\0")
        .split(' ')
        .map(|source| source.replace('\0', " "))
        .find(|source| modified(Path::new(source)).is_none_or(|changed| changed > built))
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).ok()?.modified().ok()
}
