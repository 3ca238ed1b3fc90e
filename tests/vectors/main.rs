//! Runs the test vectors of `proto-spec/vectors/`, whose README says what they mean, against the protocol core: every
//! input whole, octet by octet, and cut at every octet. And breaks each vector, which must make it fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is test code: a broken expectation ends the test"
)]

mod action;
mod agent;
mod dialogue;
mod notation;
mod play;
mod reaction;
mod syntax;
mod tree;

use std::path::PathBuf;

use opes_tests::binary::repository;

/// The vector files below a folder of `proto-spec/vectors/`, with their texts.
fn files(folder: &str) -> Vec<(String, String)> {
    let directory = repository().join("proto-spec/vectors").join(folder);
    let entries =
        std::fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a directory entry").path()).collect();
    paths.sort();
    let read = |path: &PathBuf| std::fs::read_to_string(path).expect("a vector file");
    paths.iter().map(|path| (path.display().to_string(), read(path))).collect()
}

/// The register that the vectors name requirements of.
#[test]
fn vectors_name_requirements_that_there_are() {
    let register = repository().join("proto-spec/rfc4037.toml");
    let register: toml::Table = std::fs::read_to_string(register).unwrap().parse().unwrap();
    let known: Vec<_> =
        register["requirement"].as_array().unwrap().iter().map(|entry| &entry["id"]).collect();
    for (file, text) in files("syntax").into_iter().chain(files("dialogues")) {
        for vector in notation::vectors(&file, &text) {
            assert!(!vector.requirements.is_empty(), "{}: `{}` names no requirement", file, vector.title);
            for id in &vector.requirements {
                let found = known.iter().any(|known| known.as_str() == Some(id));
                assert!(found, "{}: `{}` names {id}, which is not in the register", file, vector.title);
            }
        }
    }
}
