//! Parameters of extensions on the messages that end flows and transactions (RFC 4037 section 15.1).

use bytes::Bytes;

use super::{Agent, X};
use crate::event::Event;
use crate::message::Outcome;

const LINES: Bytes = Bytes::from_static(b"X-Why: because\r\n");

fn reasons(agent: &Agent) -> Vec<String> {
    let reason = |event: &Event| match event {
        Event::Extended { message, .. } => {
            let why = message.named("X-Why").and_then(|value| value.as_atom())?;
            Some(format!("{} {}", message.name().escape_ascii(), why.escape_ascii()))
        }
        _ => None,
    };
    agent.events.iter().filter_map(reason).collect()
}

#[test]
fn they_are_reported_before_what_the_message_does() {
    let mut agent = Agent::processor_in_flow();
    agent.hear(&["AME 0|X-Why: because|;", "TE 0|X-Why: really|;"]);
    assert_eq!(reasons(&agent), ["AME because", "TE really"]);
    assert_eq!(
        agent.happened(),
        ["Extended 0", "MessageEnded 0 Ok", "Extended 0", "TransactionEnded 0 Ok"],
        "each before its message"
    );
    agent.hear(&["TE 0|X-Why: again|;"]);
    assert_eq!(agent.happened(), [""; 0], "the transaction is over");
}

#[test]
fn messages_without_them_report_nothing() {
    let mut agent = Agent::processor_in_flow();
    agent.hear(&["AME 0 {200 \"2:OK\"};", "TE 0;"]);
    assert_eq!(agent.happened(), ["MessageEnded 0 Ok", "TransactionEnded 0 Ok"]);
}

#[test]
fn they_are_written_behind_the_result() {
    let mut agent = Agent::server_in_flow();
    agent.connection.end_message_with(X, Outcome::OK, LINES);
    agent.connection.end_transaction_with(X, Outcome::failure("no"), LINES);
    assert_eq!(agent.said(), ["AME 0|X-Why: because|;", "TE 0 {400 no}|X-Why: because|;"]);
    let mut agent = Agent::server_in_flow();
    agent.connection.abort_transaction_with(X, "no", LINES);
    assert_eq!(agent.said(), ["TE 0 {400 no}|X-Why: because|;"]);
}

#[test]
fn a_message_that_is_complete_ends_the_original_and_not_the_transaction() {
    let mut agent = Agent::processor_in_flow();
    agent.hear(&["AME 0;"]);
    agent.connection.complete_message(X);
    assert_eq!(agent.said(), ["AME 0 {206};"]);
    assert!(agent.connection.is_active(X));
    agent.connection.end_transaction(X, Outcome::OK);
    assert_eq!(agent.said(), ["TE 0;"]);
    assert!(!agent.connection.is_active(X));
}
