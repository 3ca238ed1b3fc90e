//! A disk that takes no more: here a limit on the size of files, which the system answers with the same kind of error.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::Command;
use std::time::Duration;

use opes_record::{Direction, Journal, JournalOptions, Record, Store, TraceIds};

const FOLDER: &str = "OPES_RECORD_FULL_FOLDER";
const WAIT: Duration = Duration::from_secs(60);

#[test]
#[ignore = "the other half of the test below, which runs it in a process whose files are limited"]
fn writes_more_than_the_disk_takes() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let journal = Journal::open(JournalOptions::new(folder)).unwrap();
    let (ids, text) = (TraceIds::new(), "x".repeat(1_000));
    let mut kept = Vec::new();
    let mut failures = 0;
    for _ in 0..400 {
        let before = journal.counts();
        let made: Vec<_> = (0..200).map(|_| ids.make()).collect();
        for id in &made {
            let mut record = Record::new(*id, id.millis(), Direction::Request, "GET");
            record.trace.push(text.as_str().into());
            assert!(journal.submit(record).is_taken());
        }
        assert!(journal.flush(WAIT), "the writer goes on");
        let after = journal.counts();
        if after.kept - before.kept == 200 {
            kept.extend(made);
        }
        failures += after.dropped.failed - before.dropped.failed;
        if failures > 600 {
            break;
        }
    }
    assert!(failures > 600, "{:?}", journal.counts());
    assert_eq!(journal.counts().dropped.failed, failures);
    assert!(!kept.is_empty());
    for id in kept {
        assert_eq!(journal.find(id).unwrap().map(|found| found.id), Some(id));
    }
}

#[test]
fn a_full_disk_drops_and_counts_and_leaves_what_was_kept() {
    let folder = std::env::temp_dir().join(format!("opes-record-full-{}", std::process::id()));
    // Without the signal that would end the process, writing beyond the limit is an error.
    let done = Command::new("sh")
        .args(["-c", r#"trap '' XFSZ; ulimit -f 16384; exec "$0" "$@""#])
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "writes_more_than_the_disk_takes"])
        .env(FOLDER, &folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && said.contains("1 passed"), "{said}");
    std::fs::remove_dir_all(&folder).unwrap();
}
