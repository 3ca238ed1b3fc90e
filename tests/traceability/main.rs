//! The requirements registers in `proto-spec/` are kept honest: every requirement is named by a running test or waived
//! with a reason, and `proto-spec/coverage.md` says which test proves what.
//!
//! A test names what it proves by a comment above its attributes: `// req: OCP-11.1-02, OCP-11.1-03`. Other attributes,
//! doc comments and further such lines may stand between the comment and the function, nothing else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is test code: a broken expectation ends the test"
)]

mod check;
mod coverage;
mod finding;
mod id;
mod lexer;
mod modules;
mod register;
mod tags;
mod vectors;
mod workspace;

use std::path::Path;
use std::sync::LazyLock;

use finding::Finding;
use opes_tests::binary::repository;
use workspace::{Files, Workspace};

const COVERAGE: &str = "proto-spec/coverage.md";
const UPDATE: &str = "OPES_UPDATE=1 cargo test --release -p opes-tests --test traceability";

static WORKSPACE: LazyLock<Workspace> = LazyLock::new(|| Workspace::read(&Files::of(repository())));

fn assert_none(findings: &[Finding]) {
    let lines: Vec<_> = findings.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{} findings:\n{}", lines.len(), lines.join("\n"));
}

#[test]
fn the_registers_are_in_order() {
    let documents = &WORKSPACE.documents;
    assert!(documents.iter().any(|document| document.meta.rfc == Some(4037)), "RFC 4037 was read");
    assert_none(&WORKSPACE.unreadable);
    assert_none(&check::registers(documents));
}

#[test]
fn every_tag_names_a_requirement_and_stands_above_a_running_test() {
    assert!(!WORKSPACE.proofs.is_empty(), "tags were found");
    assert_none(&WORKSPACE.misplaced);
    assert_none(&check::proofs(&WORKSPACE));
}

#[test]
fn every_requirement_is_tested_or_waived() {
    assert_none(&check::gaps(&WORKSPACE));
}

// req: OCP-15-01, EEPC-6-01
#[test]
fn the_committed_coverage_is_the_present_one() {
    let present = coverage::render(&WORKSPACE);
    std::fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("coverage.md"), &present).expect("the target");
    let path = repository().join(COVERAGE);
    if std::env::var_os("OPES_UPDATE").is_some() {
        std::fs::write(&path, &present).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    if let Some(difference) = coverage::first_difference(&committed, &present) {
        panic!("{COVERAGE} is out of date, {difference}\nTo bring it up to date: {UPDATE}");
    }
    for should in coverage::unfollowed(&WORKSPACE) {
        let listed = committed.lines().find(|line| line.starts_with(&format!("* {}, ", should.id)));
        let why = should.waived.as_deref().expect("a waiver");
        assert!(listed.is_some_and(|line| line.contains(why)), "{COVERAGE} lists {} and why", should.id);
    }
}
