//! What a chain calls, when, and with what.

mod support;

use std::task::Waker;

use opes_sdk::{Attributes, Body, Chain, Context, Decision, Needs, Segment, Service, Step};
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
    assert_eq!(*notes.lock().unwrap(), ["start", "b\"abc\"@Some(0)", "b\"de\"@Some(3)", "finish"]);
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
    let expected = [Segment::original("ab", 0), Segment::original("cd", 2), Segment::original("ef", 4)];
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
    assert_eq!(*notes.lock().unwrap(), ["start", "b\"abc\"@Some(0)", "b\"de\"@Some(3)", "b\"f\"@Some(5)"]);
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
    assert_eq!(*notes.lock().unwrap(), ["start", "b\"abc\"@Some(0)", "b\"de\"@Some(3)", "finish"]);
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
    assert_eq!((chain.stopped_by(), chain.buffered(), chain.pull()), (Some(1), 0, None));
    assert_eq!(*notes.lock().unwrap(), ["start"]);
}

#[test]
fn a_limit_holds_while_the_service_waits() {
    let needs = wants(Body::Whole { limit: 2 });
    let mut chain = started(&[at_start(needs, |_| Step::Wait)]);
    chain.push("abc".into());
    assert!(chain.failure().is_some());
}

/// Takes what it states, and holds it until it is resumed.
struct Ponder(Body, Vec<Segment>);

impl Service for Ponder {
    fn needs(&self) -> Needs {
        Needs { body: self.0, decides: Decision::Later, ..Needs::default() }
    }

    fn push(&mut self, _: &mut Context<'_>, segment: Segment) -> Step {
        self.1.push(segment);
        if matches!(self.0, Body::Whole { .. }) { Step::Continue } else { Step::Wait }
    }

    fn finish(&mut self, _: &mut Context<'_>) -> Step {
        Step::Wait
    }

    fn resume(&mut self, cx: &mut Context<'_>) -> Step {
        self.1.drain(..).for_each(|segment| cx.emit(segment));
        Step::Leave
    }

    fn held(&self) -> u64 {
        self.1.iter().map(|segment| segment.len() as u64).sum()
    }
}

#[test]
fn what_was_gathered_for_a_service_counts_as_gathered_while_the_service_holds_it() {
    let ponder = |body| started(&[shared(move |_| Ponder(body, Vec::new()))]);
    let mut chain = ponder(Body::Whole { limit: 6 });
    chain.push("abc".into());
    assert_eq!((chain.buffered(), chain.gathered()), (3, 3));
    chain.push("def".into());
    chain.finish();
    assert!(chain.waiting() && !chain.decided());
    assert_eq!((chain.buffered(), chain.gathered()), (6, 6), "it holds what it has stated");
    chain.resume();
    assert_eq!((&octets(&mut chain)[..], chain.gathered()), (&b"abcdef"[..], 0));

    let mut chain = ponder(Body::First(4));
    chain.push("abcde".into());
    chain.push("f".into());
    assert_eq!((chain.buffered(), chain.gathered()), (6, 4), "no more than it has stated");
}

#[test]
fn what_is_looked_at_is_gathered_also_where_it_waits_for_the_decision() {
    let needs = Needs { body: Body::First(4), decides: Decision::Later, ..Needs::look() };
    let (service, _) = log(needs);
    let mut chain = started(&[service]);
    chain.push("abc".into());
    assert!(!chain.decided());
    assert_eq!((chain.buffered(), chain.gathered()), (6, 6), "it is there, and at the end of the chain");
}

#[test]
fn an_empty_body_is_whole() {
    let (service, notes) = log(wants(Body::Whole { limit: 0 }));
    let mut chain = started(&[service]);
    chain.finish();
    assert_eq!(*notes.lock().unwrap(), ["start", "finish"]);
    assert!(chain.finished() && !chain.modified());
}

#[test]
fn a_chain_can_move_between_threads() {
    fn is_send<T: Send>(_: &T) {}
    is_send(&started(&[]));
}
