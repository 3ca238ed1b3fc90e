//! Services made of async functions, with a hand-driven waker.

mod support;

use std::{
    future::{self, Future},
    pin::Pin,
    sync::{Arc, Mutex},
    task::{self, Poll, Waker},
};

use bytes::Bytes;
use opes_sdk::{
    Adapted, Attributes, Chain, Description, Failure, Message, Outcome, Refusal, Segment, TraceRecord,
    async_service,
};
use support::{Bell, drain, octets};

/// A one-shot answer, sent by hand.
#[derive(Default)]
struct Answer {
    value: Option<Result<Adapted, Failure>>,
    waker: Option<Waker>,
}

#[derive(Clone, Default)]
struct Slot(Arc<Mutex<Answer>>);

impl Slot {
    fn send(&self, value: Result<Adapted, Failure>) {
        let mut answer = self.0.lock().unwrap_or_else(|poison| poison.into_inner());
        answer.value = Some(value);
        if let Some(waker) = answer.waker.take() {
            waker.wake();
        }
    }
}

impl Future for Slot {
    type Output = Result<Adapted, Failure>;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        let mut answer = self.0.lock().unwrap_or_else(|poison| poison.into_inner());
        answer.waker = Some(cx.waker().clone());
        answer.value.take().map_or(Poll::Pending, Poll::Ready)
    }
}

/// A chain of one service that waits for the slot, with "abc" and "de" pushed and finished.
fn waiting() -> (Chain, Slot, Arc<Bell>) {
    let slot = Slot::default();
    let answer = slot.clone();
    let service = async_service("http://s.example/ask", 5, move |message: Message| {
        assert_eq!(message.body, "abcde");
        answer.clone()
    });
    let bell = Arc::new(Bell::default());
    let mut chain = Chain::new(&[Arc::new(service)], Attributes::default(), Waker::from(Arc::clone(&bell)));
    chain.start();
    chain.push("abc".into());
    chain.push("de".into());
    assert!(!chain.waiting());
    chain.finish();
    (chain, slot, bell)
}

#[test]
fn an_unchanged_message_keeps_its_provenance() {
    let (mut chain, slot, bell) = waiting();
    assert!(chain.waiting() && !chain.decided());
    assert_eq!((chain.buffered(), bell.rung()), (5, 0));
    chain.resume(); // Nothing has come yet.
    assert!(chain.waiting() && chain.pull().is_none());
    slot.send(Ok(Adapted::Unchanged));
    assert_eq!(bell.rung(), 1);
    chain.resume();
    assert!(chain.decided() && !chain.waiting() && !chain.modified() && !chain.modifies());
    assert_eq!(drain(&mut chain), [Segment::original("abc", 0), Segment::original("de", 3)]);
    assert!(chain.finished());
    assert_eq!(chain.buffered(), 0);
}

#[test]
fn a_new_body_replaces_the_old_one() {
    let (mut chain, slot, _) = waiting();
    slot.send(Ok(Adapted::Body("new".into())));
    chain.resume();
    assert_eq!(drain(&mut chain), [Segment::new("new")]);
    assert!(chain.finished() && chain.modified() && chain.modifies());
    assert_eq!(chain.buffered(), 0);
}

#[test]
fn an_empty_body_is_a_change() {
    let (mut chain, slot, _) = waiting();
    slot.send(Ok(Adapted::Body(Bytes::new())));
    chain.resume();
    assert!(chain.finished() && chain.modified());
}

#[test]
fn refusals_and_failures_come_through() {
    let (mut chain, slot, _) = waiting();
    slot.send(Ok(Adapted::Refused(Refusal::new("virus"))));
    chain.resume();
    assert_eq!(chain.refusal(), Some(&Refusal::new("virus")));

    let (mut chain, slot, _) = waiting();
    slot.send(Err(Failure::new("unreachable")));
    chain.resume();
    assert_eq!(chain.failure(), Some(&Failure::new("unreachable")));
    assert_eq!(chain.buffered(), 0);
}

#[test]
fn an_abort_drops_the_future() {
    let (mut chain, slot, _) = waiting();
    let before = Arc::strong_count(&slot.0);
    chain.abort();
    assert_eq!(Arc::strong_count(&slot.0), before - 2); // The future's, and the function's.
}

#[test]
fn an_outcome_says_more_than_the_body() {
    let service = async_service("http://s.example/ask", 9, |message: Message| {
        let uri = message.attributes.uri.unwrap_or_default();
        future::ready(Ok(Outcome {
            description: Description { media_type: Some("text/plain".into()), coding: None },
            variables: [("seen".into(), uri)].into(),
            records: vec![TraceRecord::new("http://s.example/ask")],
            ..Adapted::Unchanged.into()
        }))
    });
    let attributes = Attributes { uri: Some("http://a.example/".into()), ..Attributes::default() };
    let mut chain = Chain::new(&[Arc::new(service)], attributes, Waker::noop().clone());
    chain.start();
    chain.push("abc".into());
    assert!(!chain.decided());
    chain.finish();
    assert!(chain.decided());
    assert_eq!(chain.description().media_type.as_deref(), Some("text/plain"));
    assert_eq!(chain.attributes().variables["seen"], "http://a.example/");
    assert_eq!(chain.take_records().len(), 1);
    assert_eq!(octets(&mut chain), "abc");
}

#[test]
fn async_blocks_fit() {
    let service = async_service("http://s.example/reverse", 9, |message: Message| async move {
        Ok(Adapted::Body(message.body.iter().rev().copied().collect()))
    });
    let mut chain = Chain::new(&[Arc::new(service)], Attributes::default(), Waker::noop().clone());
    chain.start();
    chain.push("abc".into());
    chain.finish();
    assert_eq!(octets(&mut chain), "cba");
}

#[test]
fn a_message_past_the_limit_fails() {
    let service = async_service("http://s.example/ask", 2, |_| future::ready(Ok(Adapted::Unchanged)));
    let mut chain = Chain::new(&[Arc::new(service)], Attributes::default(), Waker::noop().clone());
    chain.start();
    chain.push("abc".into());
    assert!(chain.failure().is_some());
}
