//! Files that are not what was written: set aside, and the journal goes on.

use super::*;

/// A journal's only file with so many records, and their identifiers.
fn written(place: &Place, records: u64) -> (PathBuf, Vec<TraceId>) {
    let ids = TraceIds::new();
    let journal = open(place);
    let made = (0..records).map(|turn| submit(&journal, &ids, BEGIN + turn)).collect();
    drop(journal);
    let [file] = &*place.files("redb") else { panic!("one file") };
    (file.clone(), made)
}

/// Opens what is there, asks for everything, and keeps and finds a new record.
fn still_works(place: &Place, made: &[TraceId]) {
    let journal = open(place);
    for id in made {
        if let Ok(Some(found)) = journal.find(*id) {
            assert_eq!(found.id, *id);
        }
    }
    let _ = journal.recent(&Filter::default(), 1_000, None);
    let ids = TraceIds::new();
    let new: Vec<_> = (0..3)
        .map(|turn| {
            // The first may meet the damage.
            let id = submit(&journal, &ids, BEGIN + 1_000 + turn);
            assert!(journal.flush(WAIT));
            id
        })
        .collect();
    assert!(journal.find(new[2]).unwrap().is_some());
    drop(journal);
    assert!(open(place).find(new[2]).unwrap().is_some());
}

#[test]
fn a_file_that_is_none_is_set_aside_at_the_start() {
    for contents in [&b"not redb at all"[..], &[0; 8192], &[0xff; 100_000]] {
        let place = Place::new();
        let (file, made) = written(&place, 3);
        fs::write(&file, contents).unwrap();
        let journal = open(&place);
        assert_eq!((place.files("redb").len(), place.files("damaged").len()), (0, 1));
        assert_eq!(journal.find(made[0]).unwrap(), None);
        drop(journal);
        still_works(&place, &made);
    }
}

#[test]
fn an_older_file_that_is_damaged_is_set_aside_when_it_is_read() {
    let (place, ids, hand) = (Place::new(), TraceIds::new(), Hand::new());
    let (file, made) = written(&place, 3);
    let journal = open(&place);
    let new = submit(&journal, &ids, BEGIN + HOUR);
    drop(journal);
    fs::write(&file, "garbage").unwrap();
    let mut options = options(&place, &hand);
    options.max_age = Duration::from_hours(5);
    let journal = Journal::open(options).unwrap();
    assert!(matches!(journal.find(made[0]), Err(StoreError::Damaged { .. })));
    assert_eq!(journal.find(made[0]).unwrap(), None);
    assert_eq!(journal.find(new).unwrap(), Some(record(new)));
    assert_eq!(place.files("damaged").len(), 1);
    assert!(journal.counts().octets > 0);
    hand.set(BEGIN + 6 * HOUR);
    assert!(journal.flush(WAIT));
    assert_eq!(place.files("damaged").len(), 0, "it expires like the others");
}

#[test]
fn a_file_that_was_cut_anywhere_does_no_harm() {
    let place = Place::new();
    let (file, made) = written(&place, 200);
    let whole = fs::read(&file).unwrap();
    for part in 0..12 {
        fs::write(&file, &whole[..whole.len() * part / 12]).unwrap();
        still_works(&place, &made);
        fs::remove_dir_all(&place.0).unwrap();
        let _ = written(&place, 1);
    }
}

#[test]
fn octets_that_were_changed_anywhere_do_no_harm() {
    let place = Place::new();
    let (file, made) = written(&place, 200);
    let whole = fs::read(&file).unwrap();
    // Where there is something: the first pages have the header and the roots.
    let used: Vec<_> = (0..whole.len()).filter(|at| *at < 512 || whole[*at] != 0).collect();
    let step = used.len() / 40;
    for (turn, at) in used.iter().step_by(step).chain(used.iter().take(24)).enumerate() {
        let mut damaged = whole.clone();
        damaged[*at] ^= [0xff, 0x01, 0x80][turn % 3];
        fs::write(&file, &damaged).unwrap();
        still_works(&place, &made);
        fs::remove_dir_all(&place.0).unwrap();
        let _ = written(&place, 1);
    }
}

#[test]
fn what_a_crash_left_half_made_is_removed() {
    let place = Place::new();
    let (_, made) = written(&place, 1);
    fs::write(place.0.join("0000000000001.new"), "half").unwrap();
    fs::write(place.0.join("readme.txt"), "somebody else's").unwrap();
    still_works(&place, &made);
    assert_eq!((place.files("new").len(), place.files("txt").len()), (0, 1));
}

#[test]
fn what_is_only_looked_at_stays_as_it_is_on_the_disk_and_needs_no_mending() {
    let (place, ids) = (Place::new(), TraceIds::new());
    let made: Vec<_> = {
        let journal = open(&place);
        (0..3).map(|hour| submit(&journal, &ids, BEGIN + hour * HOUR)).collect()
    };
    let files = place.files("redb");
    let on_disk = || files.iter().map(|file| fs::read(file).unwrap()).collect::<Vec<_>>();
    let before = on_disk();
    let journal = open(&place);
    for id in &made {
        assert_eq!(journal.find(*id).unwrap(), Some(record(*id)));
    }
    assert_eq!(journal.recent(&Filter::default(), 10, None).unwrap().records.len(), 3);
    assert!(on_disk() == before, "a crash now would leave nothing to be mended");
    // The newest is written to when something comes, and only that.
    assert!(journal.submit(record(ids.make_at(BEGIN + 2 * HOUR + 1))).is_taken());
    assert!(journal.flush(WAIT));
    let changed: Vec<_> = on_disk().iter().zip(&before).map(|(now, before)| now != before).collect();
    assert_eq!(changed, [false, false, true]);
}

#[test]
fn a_file_that_a_crash_left_open_is_mended_by_whoever_looks_at_it() {
    let (place, ids) = (Place::new(), TraceIds::new());
    let journal = open(&place);
    let made: Vec<_> = (0..2).map(|hour| submit(&journal, &ids, BEGIN + hour * HOUR)).collect();
    assert!(journal.flush(WAIT));
    // Late: so that the older file is open to be written, too.
    let late = submit(&journal, &ids, BEGIN + 1);
    assert!(journal.flush(WAIT));
    let crashed = Place::new();
    let _ = Journal::open(options(&crashed, &Hand::new())).unwrap();
    for file in place.files("redb") {
        fs::copy(&file, crashed.0.join(file.file_name().unwrap())).unwrap();
    }
    drop(journal);
    let journal = open(&crashed);
    for id in made.iter().chain([&late]) {
        assert_eq!(journal.find(*id).unwrap(), Some(record(*id)));
    }
}
