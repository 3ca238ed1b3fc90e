//! Every input that fuzzing has found worth keeping, once more: what broke in the past, and one way into every corner.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is test code: a broken expectation ends the test"
)]

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use opes_tests::binary::repository;

/// The most files of a target, and the most octets of all of them: the corpus is there to be replayed often.
const FILES: usize = 300;
const OCTETS: usize = 1 << 20;

fn corpus() -> PathBuf {
    repository().join("fuzz").join("corpus")
}

/// Gives every file of the target's corpus to it.
fn replay(target: &str, body: fn(&[u8])) {
    let directory = corpus().join(target);
    let (mut files, mut octets, mut broken) = (0, 0, Vec::new());
    let entries = std::fs::read_dir(&directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display()));
    for entry in entries {
        let path = entry.expect("a directory entry").path();
        let input = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        (files, octets) = (files + 1, octets + input.len());
        if catch_unwind(AssertUnwindSafe(|| body(&input))).is_err() {
            broken.push(path);
        }
    }
    assert!(broken.is_empty(), "these inputs break {target}: {broken:#?}");
    assert!((10..=FILES).contains(&files), "{files} files for {target}");
    assert!(octets <= OCTETS, "{octets} octets for {target}");
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            replay(stringify!($name), opes_fuzz_bodies::$name);
        })*

        const TARGETS: &[&str] = &[$(stringify!($name)),*];
    };
}

targets! { codings connection_octets connection_operations decoder heads icap petdm }

#[test]
fn every_target_is_replayed() {
    let names = |directory: PathBuf| -> BTreeSet<String> {
        let entries =
            std::fs::read_dir(&directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display()));
        let paths = entries.map(|entry| entry.expect("a directory entry").path());
        paths.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect()
    };
    let replayed: BTreeSet<String> = TARGETS.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(names(corpus()), replayed);
    assert_eq!(names(repository().join("fuzz").join("targets")), replayed);
}
