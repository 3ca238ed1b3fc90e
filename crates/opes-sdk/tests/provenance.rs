//! What a chain knows about the original: who changed it, and from where on nobody will.

mod support;

use std::slice;

use opes_sdk::{Body, Decision, Needs, Segment, Step};
use support::*;

#[test]
fn a_look_only_service_sees_all_and_changes_nothing() {
    let (looker, notes) = log(Needs::look());
    let mut chain = started(slice::from_ref(&looker));
    assert!(chain.only_looks() && !chain.has_left() && !chain.modifies());
    chain.push("ab".into());
    chain.push("c".into());
    assert_eq!(chain.offset(), 0);
    // Log emits what it sees, which is ignored.
    assert_eq!(drain(&mut chain), [Segment::original("ab", 0), Segment::original("c", 2)]);
    assert_eq!(chain.offset(), 3);
    chain.finish();
    assert!(chain.finished() && !chain.modified());
    assert_eq!(*notes.lock().unwrap(), ["start", "b\"ab\"@Some(0)", "b\"c\"@Some(2)", "finish"]);
}

#[test]
fn a_look_only_service_that_may_refuse_cannot_let_go() {
    let needs = Needs { decides: Decision::Later, ..Needs::look() };
    let mut chain = started(&[at_start(needs, |_| Step::Continue)]);
    chain.push("abc".into());
    assert!(!chain.only_looks());
    chain.finish();
    assert!(chain.only_looks());
}

#[test]
fn looking_only_begins_when_nothing_changed_is_held() {
    let gathers = Needs { body: Body::First(6), ..Needs::look() };
    let mut chain = started(&[shared(|_| Behead(1)), at_start(gathers, |_| Step::Continue)]);
    assert!(!chain.only_looks());
    chain.push("abc".into()); // "a" is dropped, "bc" has gone on: looking never holds the flow.
    assert!(chain.only_looks());
    assert_eq!((chain.offset(), chain.modified()), (1, true));
    chain.push("defg".into());
    assert_eq!((chain.offset(), chain.modified()), (1, true));
    assert_eq!(octets(&mut chain), "bcdefg");
    assert_eq!(chain.offset(), 7);
}

#[test]
fn a_changed_piece_held_back_delays_looking_only() {
    let shout_once = at_push(Needs::default(), |cx, segment| {
        cx.emit(Segment::new(segment.octets.to_ascii_uppercase()));
        Step::Leave
    });
    let mut chain = started(&[shout_once]);
    chain.push("ab".into());
    chain.push("cd".into());
    assert!(chain.has_left() && !chain.only_looks());
    assert_eq!(chain.pull(), Some(Segment::new("AB")));
    assert!(chain.only_looks());
    assert_eq!(chain.offset(), 2);
}

#[test]
fn octets_dropped_at_the_end_are_a_change() {
    let swallow = at_push(Needs::default(), |_, _| Step::Continue);
    let mut chain = started(&[shared(|_| Echo), swallow]);
    chain.push("abc".into());
    assert!(!chain.modified());
    chain.finish();
    assert!(chain.modified() && chain.finished());
}

#[test]
fn a_service_that_is_done_with_a_faithful_body_no_longer_counts_as_modifying() {
    let mut chain = started(&[shared(|_| Delay(2, Default::default()))]);
    chain.push("abc".into());
    assert!(chain.modifies() && !chain.modified());
    assert_eq!(chain.buffered(), 3);
    chain.finish();
    assert!(!chain.modifies() && !chain.modified());
    assert_eq!(octets(&mut chain), "abc");
}

#[test]
fn a_broken_promise_not_to_modify_is_a_failure() {
    let needs = Needs { modifies: false, ..Needs::default() };
    let adds = at_push(needs, |cx, segment| {
        cx.emit(segment);
        cx.emit(Segment::new("x"));
        Step::Continue
    });
    let drops = at_push(needs, |_, _| Step::Continue);
    for service in [adds, drops] {
        let mut chain = started(&[service]);
        assert!(!chain.modifies());
        chain.push("abc".into());
        chain.finish();
        assert!(chain.failure().is_some() && chain.pull().is_none());
    }
}

#[test]
fn a_start_may_emit() {
    let preface = at_start(Needs::default(), |cx| {
        cx.emit(Segment::new("<"));
        Step::Leave
    });
    let mut chain = started(&[preface, shared(|_| Double)]);
    assert!(chain.modified() && chain.modifies());
    chain.push("a".into());
    chain.finish();
    assert_eq!(octets(&mut chain), "<aa");
}
