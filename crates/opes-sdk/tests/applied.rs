//! What a host can say about each service of a chain by itself.

mod support;

use opes_sdk::{Body, Deed, Failure, Needs, Refusal, Segment, Step};
use support::*;

fn deeds(chain: &opes_sdk::Chain) -> Vec<Deed> {
    chain.applied().iter().map(|applied| applied.deed).collect()
}

fn counts(chain: &opes_sdk::Chain) -> Vec<(u64, u64)> {
    chain.applied().iter().map(|applied| (applied.received, applied.emitted)).collect()
}

#[test]
fn octets_are_counted_at_each_place() {
    let mut chain = started(&[shared(|_| Double), shared(|_| Behead(1)), shared(|_| Echo)]);
    chain.push("abc".into());
    assert_eq!(deeds(&chain), [Deed::AtWork, Deed::Changed, Deed::AtWork]);
    chain.finish();
    assert_eq!(counts(&chain), [(3, 4), (4, 3), (3, 3)]);
    assert_eq!(deeds(&chain), [Deed::Changed, Deed::Changed, Deed::Passed]);
    drain(&mut chain);
    assert_eq!(counts(&chain), [(3, 4), (4, 3), (3, 3)], "what was pulled still counts");
}

#[test]
fn a_service_that_may_change_is_not_said_to_have_passed_what_another_one_changed() {
    let passes = || {
        at_push(Needs::default(), |cx, segment| {
            cx.emit(segment);
            Step::Continue
        })
    };
    let mut chain = started(&[passes(), shared(|_| Shout), passes()]);
    chain.push("abc".into());
    chain.finish();
    assert_eq!(deeds(&chain), [Deed::Passed, Deed::Changed, Deed::Processed]);
}

#[test]
fn whoever_leaves_early_has_left_and_what_follows_still_counts() {
    let leaves = at_push(Needs::default(), |cx, segment| {
        cx.emit(segment);
        Step::Leave
    });
    let adds = at_push(Needs::default(), |cx, segment| {
        cx.emit(Segment::new("new"));
        cx.emit(segment);
        Step::Leave
    });
    let nothing = at_push(wants(Body::Nothing), |_, _| Step::Continue);
    let mut chain = started(&[leaves, nothing, adds]);
    chain.push("abc".into());
    chain.push("de".into());
    chain.finish();
    assert_eq!(deeds(&chain), [Deed::Left, Deed::Left, Deed::Changed]);
    assert_eq!(counts(&chain), [(5, 5), (5, 5), (5, 8)]);
}

#[test]
fn whoever_stops_the_chain_is_told_from_those_that_it_stops() {
    let left = || at_push(wants(Body::Nothing), |_, _| Step::Continue);
    let refuses = at_push(later(), |_, _| Step::Refuse(Refusal::new("no")));
    let fails = at_push(Needs::default(), |_, _| Step::Fail(Failure::new("no")));
    for (stops, deed) in [(refuses, Deed::Refused), (fails, Deed::Failed)] {
        let mut chain = started(&[left(), stops, shared(|_| Echo)]);
        chain.push("abc".into());
        assert_eq!(deeds(&chain), [Deed::Left, deed, Deed::Stopped]);
        assert_eq!(counts(&chain)[..2], [(3, 3), (3, 0)]);
        chain.abort();
        assert_eq!(deeds(&chain)[1], deed, "the first verdict wins");
    }
    let mut chain = started(&[shared(|_| Echo)]);
    chain.abort();
    assert_eq!(deeds(&chain), [Deed::Stopped]);
}

#[test]
fn variables_are_taken_once_and_only_those_that_changed() {
    let sets = at_push(Needs::default(), |cx, segment| {
        let text = String::from_utf8_lossy(&segment.octets).into_owned();
        cx.set_variable("text", text);
        cx.set_variable("same", "1");
        Step::Continue
    });
    let mut chain = started(&[sets]);
    assert!(chain.take_variables().is_empty());
    let mut taken = |octets: &'static str| {
        chain.push(octets.into());
        chain.take_variables().into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
    };
    assert_eq!(taken("a"), ["same=1", "text=a"]);
    assert_eq!(taken("b"), ["text=b"]);
    assert_eq!(taken("b"), [""; 0]);
}
