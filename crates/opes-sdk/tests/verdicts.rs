//! What services decide and say, and what ends a chain.

mod support;

use std::sync::Arc;

use opes_sdk::{Body, Description, Failure, Needs, Refusal, ServiceFactory, Step, TraceRecord};
use support::*;

fn refuses(needs: Needs) -> Arc<dyn ServiceFactory> {
    at_push(needs, |_, _| Step::Refuse(Refusal::new("not here")))
}

#[test]
fn a_refusal_stops_the_chain() {
    let (before, notes) = log(Needs::default());
    let mut chain = started(&[before.clone(), refuses(later())]);
    assert!(!chain.decided());
    chain.push("abc".into());
    assert_eq!(chain.refusal(), Some(&Refusal::new("not here")));
    assert_eq!((chain.failure(), chain.stopped_by()), (None, Some(1)));
    assert_eq!((chain.buffered(), chain.pull()), (0, None));
    chain.push("de".into());
    chain.resume();
    chain.finish();
    assert!(chain.pull().is_none() && chain.modifies());
    assert!(!chain.finished() && !chain.decided() && !chain.has_left() && !chain.only_looks());
    assert_eq!(*notes.lock().unwrap(), ["start", "b\"abc\"@Some(0)"]);
}

#[test]
fn a_refusal_at_the_start_keeps_later_services_from_starting() {
    let (after, notes) = log(Needs::default());
    let block = at_start(wants(Body::Nothing), |_| Step::Refuse(Refusal::new("no")));
    let chain = started(&[block, after]);
    assert!(chain.refusal().is_some() && notes.lock().unwrap().is_empty());
}

#[test]
fn a_refusal_after_the_point_of_decision_is_a_failure() {
    let early = refuses(Needs::default());
    let later = at_push(later(), |cx, _| {
        cx.decide();
        Step::Refuse(Refusal::new("not here"))
    });
    for service in [early, later] {
        let mut chain = started(&[service]);
        chain.push("abc".into());
        assert_eq!(chain.refusal(), None);
        assert!(chain.failure().unwrap().reason.contains("not here"));
    }
}

#[test]
fn the_first_verdict_wins() {
    let fail = at_push(Needs::default(), |_, _| Step::Fail(Failure::new("broken")));
    let mut chain = started(&[fail, refuses(later())]);
    chain.push("abc".into());
    chain.abort();
    assert_eq!((chain.failure(), chain.refusal()), (Some(&Failure::new("broken")), None));
}

#[test]
fn later_decisions_pass_one_by_one() {
    let decides = at_push(later(), |cx, segment| {
        cx.decide();
        cx.emit(segment);
        Step::Continue
    });
    let mut chain = started(&[decides, at_start(later(), |_| Step::Continue)]);
    assert!(!chain.decided());
    chain.push("a".into());
    assert!(!chain.decided());
    chain.finish();
    assert!(chain.decided());
}

#[test]
fn an_abort_drops_everything() {
    let mut chain = started(&[shared(|_| Doze(Vec::new()))]);
    chain.push("abc".into());
    chain.abort();
    assert_eq!((chain.buffered(), chain.pull(), chain.waiting()), (0, None, false));
    chain.resume();
    chain.finish();
    assert!(!chain.finished() && chain.refusal().is_none() && chain.failure().is_none());
}

#[test]
fn payload_after_the_end_fails() {
    let mut chain = started(&[]);
    chain.finish();
    chain.push("".into());
    assert!(chain.failure().is_none());
    chain.push("a".into());
    assert!(chain.failure().is_some() && !chain.finished());
}

#[test]
fn variables_and_records_reach_later_services_and_the_host() {
    let speaks = at_start(Needs::look(), |cx| {
        cx.set_variable("class", "news");
        cx.record(TraceRecord::new("http://s.example/first"));
        Step::Leave
    });
    let hears = at_start(Needs::look(), |cx| {
        assert_eq!(cx.attributes().variables["class"], "news");
        cx.record(TraceRecord::new("http://s.example/second"));
        Step::Leave
    });
    let mut chain = started(&[speaks, hears]);
    assert_eq!(chain.attributes().variables["class"], "news");
    let agents: Vec<_> = chain.take_records().into_iter().map(|record| record.agent).collect();
    assert_eq!(agents, ["http://s.example/first", "http://s.example/second"]);
    assert!(chain.take_records().is_empty());
}

#[test]
fn the_last_service_in_the_chain_describes_last() {
    let first = at_push(later(), |cx, _| {
        cx.describe(Description { media_type: Some("text/html".into()), coding: Some(vec!["gzip".into()]) });
        Step::Leave
    });
    let second = at_start(Needs::default(), |cx| {
        cx.describe(Description { media_type: Some("text/plain".into()), coding: None });
        Step::Continue
    });
    let mut chain = started(&[first, second]);
    assert_eq!(chain.description().coding, None);
    chain.push("a".into());
    let merged = Description { media_type: Some("text/plain".into()), coding: Some(vec!["gzip".into()]) };
    assert_eq!(chain.description(), &merged);
}

#[test]
fn a_description_after_the_point_of_decision_is_a_failure() {
    let late = at_push(Needs::default(), |cx, _| {
        cx.describe(Description::default());
        Step::Continue
    });
    let mut chain = started(&[late]);
    chain.push("a".into());
    assert!(chain.failure().is_some() && chain.description().is_empty());
}

#[test]
fn a_chain_says_whether_it_wants_decoded_payload() {
    let needs = Needs { decoded: true, ..Needs::default() };
    assert!(started(&[at_start(needs, |_| Step::Leave)]).wants_decoded());
    assert!(!started(&[shared(|_| Echo)]).wants_decoded());
}
