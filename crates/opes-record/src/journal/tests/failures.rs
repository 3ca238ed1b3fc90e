//! What cannot be written is dropped and counted, and harms nothing else.

use super::super::queue::Pending;
use super::*;

#[test]
fn a_full_queue_drops_and_counts() {
    let ids = TraceIds::new();
    let writer = thread::current();
    let (queue, intake) = Queue::new(4, 1 << 20);
    let taken = (0..6).filter(|_| queue.submit(record(ids.make()), &writer).is_taken()).count();
    assert_eq!((taken, queue.dropped()), (4, 2));
    let mut pending = Pending::default();
    let _ = intake.take(&mut pending);
    assert_eq!(pending.blocks().iter().map(|block| block.records).sum::<usize>(), 4);
    let taken = (0..6).filter(|_| queue.submit(record(ids.make()), &writer).is_taken()).count();
    assert_eq!((taken, queue.dropped()), (4, 4));
}

#[test]
fn a_queue_is_full_by_octets_until_these_are_written() {
    let ids = TraceIds::new();
    let writer = thread::current();
    let weight = record(ids.make()).weight();
    let (queue, intake) = Queue::new(1_000, 3 * weight + 1);
    let submit = || (0..5).filter(|_| queue.submit(record(ids.make()), &writer).is_taken()).count();
    assert_eq!((submit(), queue.dropped()), (3, 2));
    let taken = intake.take(&mut Pending::default());
    assert_eq!((taken.octets, submit()), (3 * weight, 0), "they are still in memory");
    intake.written(taken.octets);
    assert_eq!(submit(), 3);
}

#[test]
fn records_without_a_file_are_dropped_and_counted_until_there_is_one() {
    let (place, ids, hand) = (Place::new(), TraceIds::new(), Hand::new());
    let journal = Journal::open(options(&place, &hand)).unwrap();
    let first = submit(&journal, &ids, BEGIN);
    assert!(journal.flush(WAIT));
    let elsewhere = place.0.with_extension("elsewhere");
    fs::rename(&place.0, &elsewhere).unwrap();
    for turn in 1..4 {
        let _ = submit(&journal, &ids, BEGIN + HOUR + turn);
        assert!(journal.flush(WAIT));
    }
    assert_eq!((journal.counts().kept, journal.counts().dropped.failed), (1, 3));
    fs::rename(&elsewhere, &place.0).unwrap();
    let last = submit(&journal, &ids, BEGIN + HOUR + 5);
    assert!(journal.flush(WAIT));
    assert_eq!((journal.counts().kept, journal.counts().dropped.failed), (2, 3));
    for id in [first, last] {
        assert_eq!(journal.find(id).unwrap(), Some(record(id)));
    }
}

#[test]
fn a_file_that_somebody_removed_holds_nothing_and_is_made_again() {
    let (place, ids) = (Place::new(), TraceIds::new());
    let journal = open(&place);
    let gone = submit(&journal, &ids, BEGIN);
    let _ = submit(&journal, &ids, BEGIN + HOUR);
    drop(journal);
    // Only the newest is open after a start.
    let journal = open(&place);
    fs::remove_file(&place.files("redb")[0]).unwrap();
    assert_eq!(journal.find(gone).unwrap(), None);
    assert!(journal.submit(record(gone)).is_taken());
    assert!(journal.flush(WAIT));
    assert_eq!(journal.find(gone).unwrap(), Some(record(gone)));
}
