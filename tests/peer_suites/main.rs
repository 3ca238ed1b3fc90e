//! The independent agent and its two suites of cases, where they lie beside the repository.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is test code: a broken expectation ends the test"
)]

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use opes_tests::binary;
use opes_tests::process::Process;

/// One suite at a time: they have waits of their own.
static ALONE: Mutex<()> = Mutex::new(());

/// The suites' own bound for all their cases, and ours, which is later.
const SUITE_SECONDS: u64 = 900;

fn peer() -> Option<PathBuf> {
    let path = binary::repository().join("../shared/peer");
    path.is_dir().then_some(path)
}

/// Runs a suite against the binary; every case must pass.
fn suite(name: &str, role: &str) {
    let Some(peer) = peer() else {
        // Straight to the terminal: the test harness keeps to itself what a passing test prints.
        let _ = writeln!(std::io::stderr(), "NOT RUN: {name}, because ../shared/peer does not exist");
        return;
    };
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let spawn = format!("'{}' {role} --config {{config}}", binary::path().display());
    let mut command = Command::new("python3");
    command.arg(peer.join(name)).args(["--spawn", &spawn, "--timeout", "4"]);
    command.args(["--max-seconds", &SUITE_SECONDS.to_string()]);
    let mut process = Process::start(command);
    let status = process.exit_within(Duration::from_secs(SUITE_SECONDS + 120));
    let printed = process.stdout();
    let (failed, others): (Vec<_>, Vec<_>) = printed.lines().partition(|line| line.starts_with("FAIL"));
    for line in others.iter().filter(|line| !line.starts_with("pass")) {
        println!("{line}");
    }
    let summary = others.last().copied().unwrap_or_default();
    assert!(
        status.success() && failed.is_empty(),
        "{name}: {summary}\n{}\n{}",
        failed.join("\n"),
        process.stderr()
    );
    assert!(summary.contains(" passed, 0 failed"), "{name} ran to its end: {summary}");
}

#[test]
fn callout_server() {
    suite("server_suite.py", "server");
}

#[test]
fn http_processor() {
    suite("processor_suite.py", "proxy");
}
