//! What a journal keeps, finds, removes and survives.

mod damage;
mod expiry;
mod failures;
mod search;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use crate::id::TraceIds;
use crate::outcome::Direction;
use crate::text::Text;

/// Long enough on any machine.
const WAIT: Duration = Duration::from_secs(60);
/// A time at which a period of an hour begins.
const HOUR: u64 = 3_600_000;
const BEGIN: u64 = 480_000 * HOUR;

/// A folder that goes with the test.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("opes-record-{}-{number}", std::process::id())))
    }

    fn files(&self, kind: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> =
            entries.filter(|path| path.extension().is_some_and(|extension| extension == kind)).collect();
        files.sort();
        files
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A clock that is set by hand.
#[derive(Clone)]
struct Hand(Arc<AtomicU64>);

impl Hand {
    fn new() -> Self {
        Self(Arc::new(BEGIN.into()))
    }

    fn set(&self, millis: u64) {
        self.0.store(millis, Ordering::Relaxed);
    }
}

fn options(place: &Place, hand: &Hand) -> JournalOptions {
    let hand = hand.clone();
    let mut options = JournalOptions::new(&place.0);
    options.clock = Clock::new(move || hand.0.load(Ordering::Relaxed));
    options
}

fn open(place: &Place) -> Journal {
    Journal::open(options(place, &Hand::new())).unwrap()
}

fn record(id: TraceId) -> Record {
    Record::new(id, id.millis(), Direction::Request, "GET")
}

/// Submits a record of this millisecond.
fn submit(journal: &Journal, ids: &TraceIds, millis: u64) -> TraceId {
    let id = ids.make_at(millis);
    assert!(journal.submit(record(id)).is_taken());
    id
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn what_was_submitted_is_found_now_and_after_a_restart() {
    let (place, ids) = (Place::new(), TraceIds::new());
    let journal = open(&place);
    let first = submit(&journal, &ids, BEGIN);
    assert!(journal.flush(WAIT));
    assert_eq!(journal.find(first).unwrap(), Some(record(first)));
    let second = submit(&journal, &ids, BEGIN + 1);
    drop(journal);

    let journal = open(&place);
    assert_eq!(journal.find(first).unwrap(), Some(record(first)));
    assert_eq!(journal.find(second).unwrap(), Some(record(second)), "dropping writes what is queued");
    assert_eq!(journal.find(ids.make_at(BEGIN)).unwrap(), None);
    assert_eq!(journal.find(TraceId::first_of(0)).unwrap(), None);
}

#[test]
fn a_later_record_takes_the_place_of_an_earlier_one() {
    let (place, ids) = (Place::new(), TraceIds::new());
    let journal = open(&place);
    let id = submit(&journal, &ids, BEGIN);
    assert!(journal.flush(WAIT));
    let _ = submit(&journal, &ids, BEGIN + HOUR);
    assert!(journal.flush(WAIT));
    let complete = Record { failure: Some(Text::constant("cut")), ..record(id) };
    assert!(journal.submit(complete.clone()).is_taken());
    assert!(journal.flush(WAIT));
    assert_eq!(journal.find(id).unwrap(), Some(complete));
    assert_eq!(journal.counts().kept, 3);
}

#[test]
fn what_comes_during_a_transaction_waits_for_the_next_one() {
    let (place, ids) = (Place::new(), TraceIds::new());
    let journal = open(&place);
    let began = std::time::Instant::now();
    while began.elapsed() < 4 * COMMIT_EVERY {
        let _ = submit(&journal, &ids, BEGIN);
        thread::sleep(Duration::from_millis(1));
    }
    let transactions = journal.shared.transactions.load(Ordering::Relaxed);
    // However slow this machine is, there is time for no more.
    let most = began.elapsed().as_millis() / COMMIT_EVERY.as_millis() + 2;
    assert!(u128::from(transactions) <= most, "{transactions}, not {most}");
    assert!(journal.flush(WAIT));
}

#[test]
fn files_are_for_their_owner_only() {
    let place = Place::new();
    let journal = open(&place);
    let _ = submit(&journal, &TraceIds::new(), BEGIN);
    assert!(journal.flush(WAIT));
    assert_eq!(mode(&place.0), 0o700);
    let [file] = &*place.files("redb") else { panic!("one file") };
    assert_eq!((mode(file), mode(&place.0.join("lock"))), (0o600, 0o600));
}

#[test]
fn a_folder_that_others_may_enter_is_refused() {
    let place = Place::new();
    fs::create_dir(&place.0).unwrap();
    fs::set_permissions(&place.0, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(matches!(Journal::open(JournalOptions::new(&place.0)), Err(OpenError::Public(_))));
}

#[test]
fn a_folder_in_use_is_refused() {
    let place = Place::new();
    let journal = open(&place);
    assert!(matches!(Journal::open(JournalOptions::new(&place.0)), Err(OpenError::InUse(_))));
    drop(journal);
    drop(open(&place));
}

#[test]
fn bounds_that_cannot_be_kept_to_are_refused() {
    let place = Place::new();
    let wrong: [fn(&mut JournalOptions); 4] = [
        |options| options.period = Duration::from_millis(999),
        |options| options.max_octets = (64 << 20) - 1,
        |options| options.queue_records = 0,
        |options| options.looked_at = 0,
    ];
    for wrong in wrong {
        let mut options = JournalOptions::new(&place.0);
        wrong(&mut options);
        assert!(matches!(Journal::open(options), Err(OpenError::Options(_))));
    }
    assert!(!place.0.exists());
}

#[test]
fn readers_and_the_writer_do_not_disturb_each_other() {
    let (place, ids) = (Place::new(), TraceIds::new());
    let journal = open(&place);
    let writing = AtomicBool::new(true);
    let kept = std::sync::Mutex::new(vec![submit(&journal, &ids, BEGIN)]);
    assert!(journal.flush(WAIT));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while writing.load(Ordering::Relaxed) {
                    let id = *kept.lock().unwrap().last().unwrap();
                    assert_eq!(journal.find(id).unwrap(), Some(record(id)));
                    let page = journal.recent(&Filter::default(), 10, None).unwrap();
                    assert!(page.records.is_sorted_by(|a, b| a.id > b.id) && !page.records.is_empty());
                }
            });
        }
        for turn in 0..30 {
            let new: Vec<_> = (0..20).map(|_| submit(&journal, &ids, BEGIN + turn * HOUR / 3)).collect();
            assert!(journal.flush(WAIT));
            kept.lock().unwrap().extend(new);
        }
        writing.store(false, Ordering::Relaxed);
    });
    assert_eq!(journal.counts().dropped.total(), 0);
    assert_eq!(place.files("redb").len(), 10);
    for id in kept.into_inner().unwrap() {
        assert_eq!(journal.find(id).unwrap(), Some(record(id)));
    }
}

#[test]
fn records_that_come_late_and_mixed_are_each_found_in_their_file() {
    let (place, ids) = (Place::new(), TraceIds::new());
    let journal = open(&place);
    // More stretches at a time than there are open blocks, and one that reaches into the next period.
    let times = (0..3_000).map(|turn| match turn % 3 {
        0 => BEGIN + turn * 77 % 40_000,
        1 => BEGIN + HOUR - 60 + turn % 120,
        _ => BEGIN + HOUR + turn,
    });
    let made: Vec<_> = times.map(|millis| submit(&journal, &ids, millis)).collect();
    assert!(journal.flush(WAIT));
    assert_eq!((journal.counts().kept, journal.counts().dropped.total()), (3_000, 0));
    assert_eq!(place.files("redb").len(), 2);
    drop(journal);
    let journal = open(&place);
    for id in &made {
        assert_eq!(journal.find(*id).unwrap(), Some(record(*id)));
    }
    let mut sorted = made.clone();
    sorted.sort_by_key(|id| std::cmp::Reverse(*id));
    let all = journal.recent(&Filter::default(), 4_000, None).unwrap().records;
    assert!(all.iter().map(|record| record.id).eq(sorted));
}
