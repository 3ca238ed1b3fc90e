//! Asking a silent peer whether it is there (RFC 4037 sections 2.7, 11.22, 11.23). Progress within 60 s, silence 20 s.

use std::time::Duration;

use super::super::Role;
use super::{Agent, X, is_connection_failure, is_failure_of};
use crate::limits::Limits;

const NOTHING: [&str; 0] = [];

fn limits() -> Limits {
    Limits { ping: Some(Duration::from_secs(20)), ..Limits::default() }
}

#[test]
fn an_idle_connection_is_kept_alive() {
    let mut processor = Agent::processor_with(limits());
    for _ in 0..100 {
        assert_eq!(processor.due(), Some(20));
        assert_eq!(processor.wait(19), NOTHING);
        assert_eq!(processor.wait(1), ["PQ;"]);
        processor.hear(&["PA;"]);
    }
    processor.wait(20);
    assert_eq!(processor.due(), Some(40), "it is asked once");
    assert_eq!(processor.wait(39), NOTHING);
    assert!(is_connection_failure(&processor.wait(1)[0]));
    assert!(processor.connection.is_given_up());
}

#[test]
fn any_message_is_a_sign_of_life() {
    let mut processor = Agent::processor_with(limits());
    processor.wait(20);
    processor.wait(30);
    assert_eq!(processor.reply(&["X-hello;"]), NOTHING);
    assert_eq!(processor.due(), Some(20));
}

#[test]
fn a_long_adaptation_is_asked_after() {
    let mut processor = Agent::processor_with(limits());
    processor.start();
    processor.end_message();
    processor.forget();
    for _ in 0..5 {
        assert_eq!(processor.wait(19), NOTHING);
        assert_eq!(processor.wait(1), ["PQ 0;"]);
        assert_eq!(processor.reply(&["PA 0;"]), NOTHING);
    }
    assert_eq!(processor.wait(20), ["PQ 0;"]);
    assert_eq!(processor.reply(&["PA;"]), NOTHING, "it does not work on it");
    assert!(is_failure_of(&processor.wait(40)[0], 0));
}

/// A peer that says nothing at all is dead with all that it has; one that talks of other things is not.
#[test]
fn a_stalled_connection_ends_where_the_question_is_not_answered() {
    let mut processor = Agent::processor_with(limits());
    processor.start();
    processor.end_message();
    processor.forget();
    assert_eq!(processor.wait(20), ["PQ 0;"]);
    assert_eq!(processor.wait(39), NOTHING);
    assert!(is_connection_failure(&processor.wait(1)[0]));
    assert!(processor.connection.is_given_up());

    let mut processor = Agent::processor_with(limits());
    processor.start();
    processor.end_message();
    processor.forget();
    assert_eq!(processor.wait(20), ["PQ 0;"]);
    processor.wait(1);
    assert_eq!(processor.reply(&["X-hello;"]), NOTHING);
    assert!(is_failure_of(&processor.wait(39)[0], 0));
    assert!(!processor.connection.is_given_up());
}

// req: OCP-2.7-04
#[test]
fn answers_alone_are_not_progress_for_ever() {
    let mut processor = Agent::processor_with(limits());
    processor.start();
    processor.end_message();
    processor.forget();
    let mut asked = 0;
    let last = loop {
        let said = processor.wait(20).concat();
        if said != "PQ 0;" {
            break said;
        }
        asked += 1;
        processor.hear(&["PA 0|Org-Data: 0|;"]);
    };
    assert_eq!((asked, last), (10, String::new()));
    processor.wait(20);
    assert!(is_failure_of(&processor.wait(20)[0], 0));
    // A report begins it anew.
    let mut processor = Agent::processor_with(limits());
    processor.start();
    processor.end_message();
    processor.forget();
    for _ in 0..30 {
        assert_eq!(processor.wait(20), ["PQ 0;"]);
        processor.hear(&["PA 0;", "PR 0;"]);
    }
}

/// A question that is late, since this agent was, has to be answered as any other.
#[test]
fn an_agent_that_stood_still_itself_blames_no_peer() {
    let mut processor = Agent::processor_with(limits());
    processor.start();
    processor.end_message();
    processor.forget();
    let said = processor.wait(1000);
    assert!(is_failure_of(&said[said.len() - 1], 0), "{said:?}");
    assert!(!processor.connection.is_given_up() && !processor.connection.is_closing());

    let mut processor = Agent::processor_with(limits());
    processor.wait(20);
    processor.now += Duration::from_secs(100);
    let now = processor.now;
    processor.connection.excuse_silence(now);
    processor.wait(0);
    assert!(!processor.connection.is_closing(), "nothing was read");
}

#[test]
fn only_the_connection_is_asked_after_where_nothing_is_owed() {
    let mut processor = Agent::processor_with(limits());
    processor.start();
    processor.send("abc");
    processor.said();
    for _ in 0..10 {
        assert_eq!(processor.wait(20), ["PQ;"], "the origin takes its time");
        processor.hear(&["PA;"]);
    }
    processor.wait(20);
    assert!(is_connection_failure(&processor.wait(40)[0]), "and the server is gone");
    let mut processor = Agent::processor_with(limits());
    processor.start();
    processor.connection.abort_transaction(X, "enough");
    processor.said();
    let mut quiet = Agent::new(Role::Processor, Limits { ping: None, ..limits() });
    quiet.connection.offer(Vec::new(), None, quiet.now).unwrap();
    quiet.hear(&["CS;", "NR;"]);
    quiet.said();
    assert_eq!(quiet.wait(200), NOTHING);
}

/// The question comes early enough for an answer.
#[test]
fn at_the_latest_at_half_of_the_time() {
    let late = Limits { ping: Some(Duration::from_secs(500)), ..Limits::default() };
    let mut processor = Agent::processor_with(late);
    processor.start();
    processor.end_message();
    processor.forget();
    assert_eq!(processor.due(), Some(30));
    assert_eq!(processor.wait(30), ["PQ 0;"]);
    assert_eq!(processor.due(), Some(30));
}
