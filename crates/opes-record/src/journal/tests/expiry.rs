//! What is too old or too much goes, file by file.

use super::*;
use crate::record::HeaderValue;
use crate::store::Then;

#[test]
fn what_is_too_old_is_removed_with_its_file() {
    let (place, ids, hand) = (Place::new(), TraceIds::new(), Hand::new());
    let with_age = || {
        let mut options = options(&place, &hand);
        options.max_age = Duration::from_hours(2);
        Journal::open(options).unwrap()
    };
    let journal = with_age();
    let old = submit(&journal, &ids, BEGIN + 10);
    hand.set(BEGIN + HOUR);
    let new = submit(&journal, &ids, BEGIN + HOUR);
    hand.set(BEGIN + 2 * HOUR + 10);
    assert!(journal.flush(WAIT));
    assert_eq!(place.files("redb").len(), 2);
    assert!(journal.find(old).unwrap().is_some(), "not before its time");
    assert_eq!(journal.counts().oldest, Some(BEGIN));

    hand.set(BEGIN + 2 * HOUR + 11);
    assert!(journal.flush(WAIT));
    assert_eq!(place.files("redb").len(), 1);
    assert_eq!(journal.find(old).unwrap(), None);
    assert!(journal.find(new).unwrap().is_some());
    assert!(journal.submit(record(old)).is_taken());
    assert!(journal.flush(WAIT));
    assert_eq!(journal.counts().dropped.expired, 1, "its time is over");

    drop(journal);
    hand.set(BEGIN + 9 * HOUR);
    let journal = with_age();
    assert_eq!(place.files("redb").len(), 0, "a restart removes what has expired meanwhile");
    assert_eq!((journal.counts().oldest, journal.counts().octets), (None, 0));
}

#[test]
fn the_oldest_is_removed_while_there_is_too_much() {
    let (place, ids, hand) = (Place::new(), TraceIds::new(), Hand::new());
    let mut options = options(&place, &hand);
    options.max_octets = 64 << 20;
    let journal = Journal::open(options).unwrap();
    // None of them like another, since a block has what is alike only once.
    let large = |turn: u64, place: u64| Text::from(format!("{turn:-<512}{place:->512}"));
    let mut kept = Vec::new();
    for turn in 0..40 {
        for number in 0..100 {
            let mut record = record(ids.make_at(BEGIN + turn));
            let places = (number * 50..).step_by(2).take(25);
            record.headers.extend(
                places.map(|place| HeaderValue { name: large(turn, place), value: large(turn, place + 1) }),
            );
            kept.push(record.id);
            assert!(journal.submit(record).is_taken());
        }
        assert!(journal.flush(WAIT));
        assert!(journal.counts().octets <= 64 << 20);
    }
    assert!(place.files("redb").len() > 3, "files follow one another within a period");
    assert_eq!(journal.counts().dropped.total(), 0);
    assert_eq!(journal.find(kept[0]).unwrap(), None);
    let found: Vec<_> = kept.iter().map(|id| journal.find(*id).unwrap().is_some()).collect();
    assert!(found.is_sorted(), "none is missing among the newer ones");
    assert!(found.iter().filter(|found| **found).count() > 300);
    let on_disk: u64 = place.files("redb").iter().map(|file| folder::octets(file)).sum();
    assert!(on_disk <= 64 << 20, "{on_disk}");
}

#[test]
fn a_record_that_comes_late_is_in_the_file_of_its_time() {
    let (place, ids) = (Place::new(), TraceIds::new());
    let journal = open(&place);
    let late = ids.make_at(BEGIN + 5);
    let before = submit(&journal, &ids, BEGIN + 6);
    assert!(journal.flush(WAIT));
    let next = submit(&journal, &ids, BEGIN + HOUR + 1);
    assert!(journal.flush(WAIT));
    assert!(journal.submit(record(late)).is_taken());
    let gap = submit(&journal, &TraceIds::new(), BEGIN - 3 * HOUR);
    assert!(journal.flush(WAIT));
    assert_eq!(place.files("redb").len(), 3);
    for id in [late, before, next, gap] {
        assert_eq!(journal.find(id).unwrap(), Some(record(id)));
    }
}

#[test]
fn another_period_leaves_earlier_records_where_they_are_found() {
    let (place, ids, hand) = (Place::new(), TraceIds::new(), Hand::new());
    let journal = open(&place);
    let mut kept: Vec<_> = (0..5).map(|turn| submit(&journal, &ids, BEGIN + turn * 10_000)).collect();
    drop(journal);
    for period in [7, 3_600, 60, 100_000] {
        let mut options = options(&place, &hand);
        options.period = Duration::from_secs(period);
        let journal = Journal::open(options).unwrap();
        let other = TraceIds::new();
        kept.extend((0..9).map(|turn| submit(&journal, &other, BEGIN + turn * 6_000)));
        assert!(journal.flush(WAIT));
        for id in &kept {
            assert_eq!(journal.find(*id).unwrap(), Some(record(*id)), "period of {period} s");
        }
        let page = journal.recent(&Filter::default(), 1_000, None).unwrap();
        assert_eq!(page.records.len(), kept.len());
        assert!(page.records.is_sorted_by(|a, b| a.id > b.id));
    }
}

#[test]
fn files_of_another_version_are_left_alone_until_they_expire() {
    let (place, ids, hand) = (Place::new(), TraceIds::new(), Hand::new());
    drop(Journal::open(options(&place, &hand)).unwrap());
    let old = [format!("{BEGIN:013}.redb"), format!("{BEGIN:013}.9.redb")].map(|name| place.0.join(name));
    for file in &old {
        fs::write(file, "what another version has written").unwrap();
    }
    let mut options = options(&place, &hand);
    options.max_age = Duration::from_hours(5);
    let journal = Journal::open(options).unwrap();
    let id = submit(&journal, &ids, BEGIN + 7);
    assert!(journal.flush(WAIT));
    assert_eq!(journal.find(id).unwrap(), Some(record(id)));
    assert_eq!(journal.find(ids.make_at(BEGIN + 8)).unwrap(), None);
    assert!(old.iter().all(|file| fs::read(file).unwrap() == b"what another version has written"));
    assert!(journal.counts().octets > 2 * 512, "they count");
    hand.set(BEGIN + 7 * HOUR);
    assert!(journal.flush(WAIT));
    assert!(old.iter().all(|file| !file.exists()));
}

#[test]
fn records_that_come_in_any_order_are_found_and_listed_in_theirs() {
    let (place, ids) = (Place::new(), TraceIds::new());
    let journal = open(&place);
    // What is made in a stretch of time is recorded in many transactions, as messages end.
    let made: Vec<_> = (0..200).map(|turn| ids.make_at(BEGIN + turn * 5)).collect();
    for start in 0..10 {
        for id in made.iter().skip(start).step_by(10) {
            assert!(journal.submit(record(*id)).is_taken());
        }
        assert!(journal.flush(WAIT));
    }
    for id in &made {
        assert_eq!(journal.find(*id).unwrap(), Some(record(*id)));
    }
    let mut before = None;
    let mut listed = Vec::new();
    while let Page { records, then: Then::Full(last) } =
        journal.recent(&Filter::default(), 7, before).unwrap()
    {
        listed.extend(records.iter().map(|record| record.id));
        before = Some(last);
    }
    listed.extend(journal.recent(&Filter::default(), 7, before).unwrap().records.iter().map(|r| r.id));
    assert!(listed.iter().rev().eq(&made));
    let (since, until) = (Some(BEGIN + 99), Some(BEGIN + 301));
    let some = journal.recent(&Filter { since, until, ..Filter::default() }, 100, None).unwrap();
    assert!(some.records.iter().rev().map(|record| record.id).eq(made[20..=60].iter().copied()));
}
