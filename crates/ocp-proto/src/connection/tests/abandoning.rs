//! Transactions that nobody waits for any more (RFC 4037 section 11.6).

use super::{Agent, X, is_failure_of};
use crate::message::Outcome;

const NOTHING: [&str; 0] = [];

/// A processor whose adapted message goes on with the original, which is complete: the rest of it waits.
fn looked_at(messages: &[&str]) -> Agent {
    let no_kept = crate::Limits { kept_per_transaction: 0, ..crate::Limits::default() };
    let mut processor = Agent::processor_with(no_kept);
    processor.start();
    processor.forget();
    processor.hear(&["AMS 0;", "DWSS 0;"]);
    processor.connection.stop_sending(X);
    assert_eq!(processor.said(), ["DSS 0;"]);
    processor.hear(messages);
    processor.hear(&["AME 0 {206};"]);
    processor.said();
    processor.send("abcdef");
    processor.end_message();
    processor.connection.end_transaction(X, Outcome::OK);
    processor
}

fn assert_failed(agent: &mut Agent) {
    let said = agent.said();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(is_failure_of(&said[0], 0), "{said:?}");
    assert!(!agent.connection.is_active(X));
    assert_eq!((agent.connection.queued(), agent.connection.kept()), (0, 0));
}

// req: OCP-11.6-02
#[test]
fn what_is_paused_does_not_keep_a_transaction_open() {
    for pause in [&["DWP 0 0;"][..], &["DWP 0 0;", "DWP 0 9;"]] {
        let mut processor = looked_at(pause);
        assert_eq!(processor.said(), NOTHING);
        processor.connection.abandon_transaction(X, "gone");
        assert_failed(&mut processor);
        assert_eq!(processor.reply(&["DWM 0;", "DWP 0 0;"]), NOTHING, "they crossed TE");
    }
}

// req: OCP-11.6-02
#[test]
fn a_pause_within_the_queue_ends_it_too() {
    for at in 0..6 {
        let mut processor = looked_at(&[]);
        processor.hear(&[&format!("DWP 0 {at};")]);
        processor.connection.abandon_transaction(X, "gone");
        assert_failed(&mut processor);
    }
}

// req: OCP-11.6-02
#[test]
fn a_pause_that_comes_later_ends_it_too() {
    for at in 0..6 {
        let mut processor = looked_at(&[]);
        processor.connection.abandon_transaction(X, "gone");
        processor.hear(&[&format!("DWP 0 {at};")]);
        assert_failed(&mut processor);
    }
}

#[test]
fn what_nothing_holds_up_goes_out() {
    for pauses in [&[][..], &["DWP 0 6;"], &["DWP 0 0;", "DWM 0;"]] {
        let mut processor = looked_at(pauses);
        processor.connection.abandon_transaction(X, "gone");
        let dpm = pauses == ["DWP 0 6;"];
        let expected = ["DUM 0 0|6:abcdef", "DPM 0;", "AME 0;", "TE 0;"];
        let expected: Vec<_> = expected.into_iter().filter(|said| dpm || *said != "DPM 0;").collect();
        assert_eq!(processor.said(), expected, "{pauses:?}");
        assert!(!processor.connection.is_active(X));
    }
    let mut processor = looked_at(&[]);
    processor.connection.abandon_transaction(X, "gone");
    assert_eq!(processor.reply(&["DWP 0 6;"]).len(), 4, "a pause behind the end of the queue");
}

#[test]
fn an_empty_dum_behind_the_pause_is_held_up() {
    let mut processor = Agent::processor_in_transaction();
    processor.hear(&["DWP 0 1;"]);
    processor.send("a");
    processor.connection.send(X, "A: 1\r\n".into(), "".into(), None).unwrap();
    processor.end_message();
    processor.connection.end_transaction(X, Outcome::OK);
    processor.connection.abandon_transaction(X, "gone");
    assert_failed(&mut processor);
}

// req: OCP-11.6-02
#[test]
fn a_transaction_in_its_middle_ends_at_once() {
    let mut processor = Agent::processor_in_transaction();
    processor.send("abc");
    processor.end_message();
    processor.connection.abandon_transaction(X, "gone");
    assert_failed(&mut processor);
    processor.connection.abandon_transaction(X, "gone");
    assert_eq!(processor.said(), NOTHING);
}
