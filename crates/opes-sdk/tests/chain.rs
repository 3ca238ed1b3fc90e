//! What a chain does, call by call.

mod support;

use std::{slice, sync::Arc, task::Waker};

use opes_sdk::{Attributes, Body, Chain, Context, Decision, Description, Needs, Segment, Step, TraceRecord};
use opes_sdk::{Failure, Refusal, ServiceFactory};
use support::*;

#[test]
fn an_empty_chain_is_the_identity() {
    let mut chain = started(&[]);
    assert!(chain.decided() && chain.has_left() && chain.only_looks() && !chain.modifies());
    chain.push("abc".into());
    chain.push("".into());
    chain.push("de".into());
    assert_eq!((chain.buffered(), chain.offset()), (5, 0));
    assert_eq!(chain.pull(), Some(Segment::original("abc", 0)));
    assert_eq!((chain.buffered(), chain.offset()), (2, 3));
    chain.finish();
    assert!(!chain.finished());
    assert_eq!(drain(&mut chain), [Segment::original("de", 3)]);
    assert!(chain.finished() && !chain.modified());
}

#[test]
fn links_run_in_order() {
    let mut chain = started(&[shared(|_| Double), shared(|_| Shout), shared(|_| Double)]);
    chain.push("cat".into());
    chain.finish();
    assert_eq!(octets(&mut chain), "CAAT");
    assert!(chain.finished() && chain.modified() && chain.modifies());
}

#[test]
fn payload_before_the_start_waits_for_it() {
    let mut chain = Chain::new(&[shared(|_| Echo)], Attributes::default(), Waker::noop().clone());
    chain.push("abc".into());
    chain.finish();
    assert!(chain.pull().is_none() && !chain.decided() && !chain.finished());
    chain.start();
    assert_eq!(drain(&mut chain), [Segment::original("abc", 0)]);
    assert!(chain.finished());
}

#[test]
fn a_second_start_does_nothing() {
    let (service, notes) = log(Needs::default());
    let mut chain = started(&[service]);
    chain.start();
    assert_eq!(*notes.lock().unwrap(), ["start"]);
}

#[test]
fn nothing_is_called_between_wait_and_resume() {
    let (after, notes) = log(Needs::default());
    let mut chain = started(&[shared(|_| Doze(Vec::new())), after]);
    assert!(chain.waiting() && !chain.decided());
    chain.push("abc".into());
    chain.push("de".into());
    chain.finish();
    assert_eq!((chain.buffered(), chain.gathered()), (5, 0));
    assert_eq!(*notes.lock().unwrap(), ["start"]);
    chain.resume(); // The start is over, "abc" is pushed.
    assert!(chain.waiting() && chain.decided());
    assert_eq!((chain.pull(), chain.buffered()), (None, 2));
    chain.resume(); // "abc" comes out, "de" is pushed.
    assert_eq!(chain.pull(), Some(Segment::original("abc", 0)));
    chain.resume(); // "de" comes out, the finish waits.
    assert_eq!(chain.pull(), Some(Segment::original("de", 3)));
    assert!(!chain.finished());
    chain.resume();
    assert!(chain.finished() && !chain.waiting() && !chain.modified());
    assert_eq!(
        *notes.lock().unwrap(),
        ["start", "b\"abc\"@Some(0)", "b\"de\"@Some(3)", "finish"]
    );
}

#[test]
fn a_resume_without_a_wait_is_harmless() {
    let mut chain = started(&[shared(|_| Echo)]);
    chain.resume();
    chain.push("a".into());
    chain.resume();
    chain.finish();
    chain.resume();
    assert_eq!(octets(&mut chain), "a");
    assert!(chain.finished());
}

#[test]
fn what_a_service_held_stays_in_order_when_it_leaves() {
    let leave_late = shared(|_| {
        let mut held = None;
        Script {
            needs: Needs::default(),
            start: |_: &mut Context<'_>| Step::Continue,
            push: move |cx: &mut Context<'_>, segment| match held.take() {
                None => {
                    held = Some(segment);
                    Step::Continue
                }
                Some(first) => {
                    cx.emit(first);
                    cx.emit(segment);
                    Step::Leave
                }
            },
        }
    });
    let mut chain = started(&[leave_late]);
    chain.push("ab".into());
    assert!(!chain.has_left());
    chain.push("cd".into());
    assert!(chain.has_left() && chain.only_looks());
    chain.push("ef".into());
    assert_eq!(chain.offset(), 0);
    let expected = [
        Segment::original("ab", 0),
        Segment::original("cd", 2),
        Segment::original("ef", 4),
    ];
    assert_eq!(drain(&mut chain), expected);
    assert_eq!(chain.offset(), 6);
    chain.finish();
    assert!(chain.finished() && !chain.modified());
}

#[test]
fn a_link_whose_service_left_while_others_wait_is_a_passage() {
    let leaver = at_start(Needs::default(), |_| Step::Leave);
    let mut chain = started(&[leaver.clone(), shared(|_| Doze(Vec::new())), leaver]);
    chain.push("abc".into());
    assert_eq!(chain.buffered(), 3);
    chain.finish();
    chain.resume();
    chain.resume();
    chain.resume();
    assert_eq!(octets(&mut chain), "abc");
    assert!(chain.finished());
}

#[test]
fn body_nothing_leaves_after_the_start() {
    let mut chain = started(&[at_start(wants(Body::Nothing), |_| Step::Continue)]);
    assert!(chain.has_left() && chain.decided() && chain.only_looks() && !chain.modifies());
    chain.push("abc".into());
    assert_eq!(drain(&mut chain), [Segment::original("abc", 0)]);
}

#[test]
fn body_nothing_that_waits_leaves_after_the_resume() {
    let mut chain = started(&[at_start(wants(Body::Nothing), |_| Step::Wait)]);
    chain.push("abc".into());
    assert!(chain.pull().is_none() && !chain.decided());
    chain.resume();
    assert!(chain.has_left());
    assert_eq!(drain(&mut chain), [Segment::original("abc", 0)]);
}

#[test]
fn body_first_is_gathered() {
    let (service, notes) = log(wants(Body::First(4)));
    let mut chain = started(&[service]);
    chain.push("abc".into());
    assert_eq!((chain.pull(), chain.buffered(), chain.gathered()), (None, 3, 3));
    assert_eq!(*notes.lock().unwrap(), ["start"]);
    chain.push("de".into());
    assert_eq!((chain.buffered(), chain.gathered()), (5, 0));
    chain.push("f".into());
    assert_eq!(
        *notes.lock().unwrap(),
        ["start", "b\"abc\"@Some(0)", "b\"de\"@Some(3)", "b\"f\"@Some(5)"]
    );
    assert_eq!(octets(&mut chain), "abcdef");
}

#[test]
fn body_first_takes_a_shorter_body() {
    for n in [0, 9] {
        let (service, notes) = log(wants(Body::First(n)));
        let mut chain = started(&[service]);
        chain.push("abc".into());
        chain.finish();
        assert_eq!(*notes.lock().unwrap(), ["start", "b\"abc\"@Some(0)", "finish"]);
        assert_eq!(octets(&mut chain), "abc");
        assert!(chain.finished());
    }
}

#[test]
fn body_whole_is_gathered_up_to_its_limit() {
    let (service, notes) = log(wants(Body::Whole { limit: 5 }));
    let mut chain = started(&[shared(|_| Echo), service]);
    chain.push("abc".into());
    chain.push("de".into());
    assert_eq!((chain.pull(), chain.buffered(), chain.gathered()), (None, 5, 5));
    assert_eq!(*notes.lock().unwrap(), ["start"]);
    chain.finish();
    assert_eq!(
        *notes.lock().unwrap(),
        ["start", "b\"abc\"@Some(0)", "b\"de\"@Some(3)", "finish"]
    );
    assert_eq!(octets(&mut chain), "abcde");
    assert!(chain.finished() && !chain.modified());
}

#[test]
fn body_whole_past_its_limit_fails() {
    let (service, notes) = log(wants(Body::Whole { limit: 5 }));
    let mut chain = started(&[shared(|_| Echo), service]);
    chain.push("abc".into());
    chain.push("def".into());
    assert!(chain.failure().unwrap().to_string().contains('5'));
    assert_eq!(
        (chain.stopped_by(), chain.buffered(), chain.pull()),
        (Some(1), 0, None)
    );
    assert_eq!(*notes.lock().unwrap(), ["start"]);
}

#[test]
fn a_limit_holds_while_the_service_waits() {
    let needs = wants(Body::Whole { limit: 2 });
    let mut chain = started(&[at_start(needs, |_| Step::Wait)]);
    chain.push("abc".into());
    assert!(chain.failure().is_some());
}

#[test]
fn an_empty_body_is_whole() {
    let (service, notes) = log(wants(Body::Whole { limit: 0 }));
    let mut chain = started(&[service]);
    chain.finish();
    assert_eq!(*notes.lock().unwrap(), ["start", "finish"]);
    assert!(chain.finished() && !chain.modified());
}

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
    assert_eq!(
        (chain.failure(), chain.refusal()),
        (Some(&Failure::new("broken")), None)
    );
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
    assert_eq!(
        (chain.buffered(), chain.pull(), chain.waiting()),
        (0, None, false)
    );
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
fn a_look_only_service_sees_all_and_changes_nothing() {
    let (looker, notes) = log(Needs::look());
    let mut chain = started(slice::from_ref(&looker));
    assert!(chain.only_looks() && !chain.has_left() && !chain.modifies());
    chain.push("ab".into());
    chain.push("c".into());
    assert_eq!(chain.offset(), 0);
    // Log emits what it sees, which is ignored.
    assert_eq!(
        drain(&mut chain),
        [Segment::original("ab", 0), Segment::original("c", 2)]
    );
    assert_eq!(chain.offset(), 3);
    chain.finish();
    assert!(chain.finished() && !chain.modified());
    assert_eq!(
        *notes.lock().unwrap(),
        ["start", "b\"ab\"@Some(0)", "b\"c\"@Some(2)", "finish"]
    );
}

#[test]
fn a_look_only_service_that_may_refuse_cannot_let_go() {
    let needs = Needs {
        decides: Decision::Later,
        ..Needs::look()
    };
    let mut chain = started(&[at_start(needs, |_| Step::Continue)]);
    chain.push("abc".into());
    assert!(!chain.only_looks());
    chain.finish();
    assert!(chain.only_looks());
}

#[test]
fn looking_only_begins_when_nothing_changed_is_held() {
    let gathers = Needs {
        body: Body::First(6),
        ..Needs::look()
    };
    let mut chain = started(&[shared(|_| Behead(1)), at_start(gathers, |_| Step::Continue)]);
    assert!(!chain.only_looks());
    chain.push("abc".into()); // "a" is dropped, "bc" held before the looker.
    assert!(chain.only_looks());
    assert_eq!((chain.offset(), chain.modified()), (1, false));
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
    let needs = Needs {
        modifies: false,
        ..Needs::default()
    };
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
    let agents: Vec<_> = chain
        .take_records()
        .into_iter()
        .map(|record| record.agent)
        .collect();
    assert_eq!(agents, ["http://s.example/first", "http://s.example/second"]);
    assert!(chain.take_records().is_empty());
}

#[test]
fn the_last_service_in_the_chain_describes_last() {
    let first = at_push(later(), |cx, _| {
        cx.describe(Description {
            media_type: Some("text/html".into()),
            coding: Some(vec!["gzip".into()]),
        });
        Step::Leave
    });
    let second = at_start(Needs::default(), |cx| {
        cx.describe(Description {
            media_type: Some("text/plain".into()),
            coding: None,
        });
        Step::Continue
    });
    let mut chain = started(&[first, second]);
    assert_eq!(chain.description().coding, None);
    chain.push("a".into());
    let merged = Description {
        media_type: Some("text/plain".into()),
        coding: Some(vec!["gzip".into()]),
    };
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
    let needs = Needs {
        decoded: true,
        ..Needs::default()
    };
    assert!(started(&[at_start(needs, |_| Step::Leave)]).wants_decoded());
    assert!(!started(&[shared(|_| Echo)]).wants_decoded());
}

#[test]
fn a_chain_can_move_between_threads() {
    fn is_send<T: Send>(_: &T) {}
    is_send(&started(&[]));
}
