//! What was kept stays kept when the process is killed under load.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use opes_record::{Direction, Journal, JournalOptions, Record, Store, TraceId, TraceIds};

const FOLDER: &str = "OPES_RECORD_KILLED_FOLDER";
const WAIT: Duration = Duration::from_secs(60);

/// The process that is killed: submits without end, and prints what a flush has said is kept.
#[test]
#[ignore = "the other half of the test below, which runs it in a process of its own"]
fn submits_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let journal = Journal::open(JournalOptions::new(folder)).unwrap();
    let (ids, submitted) = (TraceIds::new(), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        scope.spawn(|| {
            loop {
                let id = ids.make();
                // Under the lock, so that whoever takes the list finds only what was submitted.
                let mut submitted = submitted.lock().unwrap();
                if journal.submit(Record::new(id, id.millis(), Direction::Response, "GET")).is_taken() {
                    submitted.push(id);
                }
                drop(submitted);
                if id.octets()[7] % 64 == 0 {
                    thread::sleep(Duration::from_millis(1));
                }
            }
        });
        loop {
            let before = std::mem::take(&mut *submitted.lock().unwrap());
            assert!(journal.flush(WAIT));
            for id in before {
                println!("kept {id}");
            }
        }
    });
}

/// Runs the process until it has kept so many records, kills it, and gives what it said it had kept.
fn killed(folder: &Path, records: usize) -> BTreeSet<TraceId> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "submits_until_it_is_killed"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut kept = BTreeSet::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
        // A line may be cut where the process ended.
        kept.extend(line.strip_prefix("kept ").and_then(|id| id.parse::<TraceId>().ok()));
        if kept.len() == records {
            child.kill().unwrap();
        }
    }
    assert!(!child.wait().unwrap().success());
    assert!(kept.len() >= records, "it ended by itself after {}", kept.len());
    kept
}

#[test]
fn what_was_kept_is_found_after_the_process_was_killed_under_load() {
    let folder = std::env::temp_dir().join(format!("opes-record-killed-{}", std::process::id()));
    let mut kept = BTreeSet::new();
    for records in [1, 700, 5_000] {
        kept.extend(killed(&folder, records));
        let journal = Journal::open(JournalOptions::new(&folder)).unwrap();
        let lost = kept.iter().filter(|id| journal.find(**id).unwrap().is_none_or(|found| found.id != **id));
        assert_eq!(lost.count(), 0, "of {}", kept.len());
    }
    let aside = std::fs::read_dir(&folder).unwrap().filter(|entry| {
        entry.as_ref().is_ok_and(|entry| entry.path().extension().is_some_and(|kind| kind == "damaged"))
    });
    assert_eq!(aside.count(), 0);
    std::fs::remove_dir_all(&folder).unwrap();
}
