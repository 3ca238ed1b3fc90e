//! The newest records, page by page.

use super::*;
use crate::outcome::Outcome;
use crate::record::ServiceUse;
use crate::store::{Sought, Then};

/// Thirty records in three files; every third failed, every fifth used a service.
fn filled(place: &Place, looked_at: usize) -> (Journal, Vec<TraceId>) {
    let ids = TraceIds::new();
    let mut options = options(place, &Hand::new());
    options.looked_at = looked_at;
    let journal = Journal::open(options).unwrap();
    let mut made = Vec::new();
    for turn in 0..30 {
        let mut record = record(ids.make_at(BEGIN + turn * HOUR / 10));
        record.uri = Some(format!("http://a.example/{turn}/").into());
        if turn % 3 == 0 {
            record.outcome = Outcome::Failed;
        }
        if turn % 5 == 0 {
            record.services.push(ServiceUse::new("http://s.example/", crate::record::Place::Here));
        }
        made.push(record.id);
        assert!(journal.submit(record).is_taken());
    }
    assert!(journal.flush(WAIT));
    assert_eq!(place.files("redb").len(), 3);
    (journal, made)
}

fn ids_of(page: &Page) -> Vec<TraceId> {
    page.records.iter().map(|record| record.id).collect()
}

#[test]
fn pages_follow_one_another_over_all_files() {
    let place = Place::new();
    let (journal, made) = filled(&place, 1_000);
    let (mut seen, mut before) = (Vec::new(), None);
    for _ in 0..5 {
        let page = journal.recent(&Filter::default(), 7, before).unwrap();
        seen.extend(ids_of(&page));
        match page.then {
            Then::Full(id) => before = Some(id),
            then => assert_eq!(then, Then::End),
        }
    }
    seen.reverse();
    assert_eq!(seen, made);
    let none = journal.recent(&Filter::default(), 0, before).unwrap();
    assert_eq!((none.records.len(), none.then), (0, Then::Full(before.unwrap())));
}

#[test]
fn a_filter_chooses_by_all_that_it_says() {
    let place = Place::new();
    let (journal, made) = filled(&place, 1_000);
    let sought = |uri: &str| Some(Sought::new(uri, str::eq_ignore_ascii_case));
    let chosen = |filter: Filter| {
        let page = journal.recent(&filter, 100, None).unwrap();
        assert_eq!(page.then, Then::End);
        let turn = |id: TraceId| made.iter().position(|made| *made == id).unwrap();
        ids_of(&page).into_iter().map(turn).collect::<Vec<_>>()
    };
    let failed = Filter { outcome: Some(Outcome::Failed), ..Filter::default() };
    assert_eq!(chosen(failed.clone()), [27, 24, 21, 18, 15, 12, 9, 6, 3, 0]);
    assert_eq!(chosen(Filter { service: sought("HTTP://s.example/"), ..failed }), [15, 0]);
    assert_eq!(chosen(Filter { service: sought("http://s"), ..Filter::default() }), [0; 0]);
    assert_eq!(
        chosen(Filter { uri: Some("/2".into()), ..Filter::default() }),
        [29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 2]
    );
    let (since, until) = (Some(made[9].millis()), Some(made[12].millis()));
    assert_eq!(chosen(Filter { since, until, ..Filter::default() }), [11, 10, 9]);
    assert_eq!(chosen(Filter { since: until, until: since, ..Filter::default() }), [0; 0]);
}

#[test]
fn a_search_that_stops_early_says_so_and_goes_on_where_it_stopped() {
    let place = Place::new();
    let (journal, made) = filled(&place, 4);
    let first = Filter { uri: Some("/0/".into()), ..Filter::default() };
    let (mut before, mut stops) = (None, 0);
    let found = loop {
        let page = journal.recent(&first, 1, before).unwrap();
        match page.then {
            Then::Stopped(id) => {
                assert!(page.records.is_empty());
                (before, stops) = (Some(id), stops + 1);
            }
            _ => break page,
        }
    };
    assert_eq!((ids_of(&found), stops), (vec![made[0]], 7));
}
