//! Instruction counts of fixed work (`crates/ocp-proto/examples/workloads.rs`): they repeat where times do not, so what
//! makes the protocol core slower is noticed. Valgrind counts.
//!
//! `OPES_UPDATE=1 cargo test --release -p opes-tests --test instructions` records the counts anew; the reason goes into
//! the commit.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is test code: a broken expectation ends the test"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use opes_tests::binary::{example, repository};
use opes_tests::place::Place;
use opes_tests::process::run;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The work, and how many transactions of it.
const WORKLOADS: [(&str, u64); 3] = [("decode", 1600), ("echo", 800), ("look", 800)];

/// Has the C library copy memory in one way on every machine: its choice by processor would change the counts.
const PLAIN: &str = "glibc.cpu.hwcaps=-AVX2,-AVX512F,-AVX512VL,-ERMS,-FSRM";

/// How much more than what was recorded is too much, in percent.
const GROWTH: u64 = 10;

/// What was recorded, and with what.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Baseline {
    /// The compiler.
    toolchain: String,
    /// The SHA-256 of Cargo.lock.
    lock: String,
    /// Instructions by workload.
    instructions: BTreeMap<String, u64>,
}

fn file() -> PathBuf {
    repository().join("tests/instructions/baseline.toml")
}

fn counted(workload: &str, transactions: u64) -> u64 {
    let place = Place::new();
    let mut command = Command::new("valgrind");
    command.env("GLIBC_TUNABLES", PLAIN);
    command
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", place.path().join("out").display()));
    command.arg(example("workloads")).args([workload, &transactions.to_string()]);
    let done = run(command);
    assert!(done.status.success(), "{workload}: {}\n{}", done.stdout, done.stderr);
    let (_, count) = done.stderr.split_once("Collected :").unwrap_or_else(|| panic!("{}", done.stderr));
    count.split_whitespace().next().unwrap().parse().unwrap()
}

fn toolchain() -> String {
    let mut command = Command::new("rustc");
    command.arg("--version");
    run(command).stdout.trim().to_owned()
}

fn lock() -> String {
    let octets = std::fs::read(repository().join("Cargo.lock")).unwrap();
    Sha256::digest(octets).iter().map(|octet| format!("{octet:02x}")).collect()
}

#[test]
fn no_workload_takes_more_instructions_than_recorded() {
    let counts = WORKLOADS.map(|(name, transactions)| (name.to_owned(), counted(name, transactions)));
    let now = Baseline { toolchain: toolchain(), lock: lock(), instructions: counts.into() };
    if std::env::var_os("OPES_UPDATE").is_some() {
        return std::fs::write(file(), toml::to_string(&now).unwrap()).unwrap();
    }
    let text = std::fs::read_to_string(file()).unwrap();
    let recorded: Baseline = toml::from_str(&text).unwrap();
    if (&recorded.toolchain, &recorded.lock) != (&now.toolchain, &now.lock) {
        println!("recorded with {} and another Cargo.lock; now {}", recorded.toolchain, now.toolchain);
    }
    let mut grown = Vec::new();
    for (name, count) in &now.instructions {
        let before = recorded.instructions.get(name).unwrap_or_else(|| panic!("{name} is not recorded"));
        println!("{name}: {count} instructions, {before} recorded");
        if *count * 100 > before * (100 + GROWTH) {
            grown.push(format!("{name}: {count}, recorded {before}"));
        }
    }
    assert_eq!(recorded.instructions.len(), now.instructions.len(), "a workload is not run any more");
    assert!(grown.is_empty(), "more than {GROWTH} % more instructions: {grown:?}");
}
