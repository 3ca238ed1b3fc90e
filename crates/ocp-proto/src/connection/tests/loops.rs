//! Getting out of the loop (RFC 4037 section 8.3).

use super::{Agent, X};

const NOTHING: [&str; 0] = [];

// req: OCP-8.3-03, OCP-8.3-04
#[test]
fn ame_206_waits_for_dss_and_its_answer() {
    let mut processor = Agent::processor_in_flow();
    processor.send("abc");
    assert_eq!(processor.reply(&["DWSS 0;", "DWSR 0 0;"]), ["DUM 0 10|3:abc"], "no AME 206 before DSS");
    processor.send("def");
    processor.connection.stop_sending(X);
    processor.send("ghi");
    assert_eq!(processor.said(), ["DSS 0;"]);
    assert_eq!(processor.reply(&["DUM 0 0|3:new", "AME 0 {206};"]), ["AME 0 {206};"]);
    let events = processor.happened();
    assert_eq!(events[..2], ["StopSendingWanted 0", "StopReceivingWanted 0 0"]);
    assert_eq!(
        events[3..],
        ["RestIsOriginal 0 from 13 [defghi]"],
        "the octets are the caller's all the same"
    );
    assert!(!processor.connection.is_sending(X), "and what follows too");
}

// req: OCP-8.3-03
#[test]
fn without_permission_the_original_is_not_cut() {
    let mut processor = Agent::processor_in_flow();
    processor.hear(&["DWSS 0;", "DWSR 0 0;"]);
    processor.send("goes on");
    processor.end_message();
    assert_eq!(processor.said(), ["DUM 0 10|7:goes on", "AME 0;"]);
}

// req: OCP-8.3-03, OCP-11.12-02
#[test]
fn a_prefix_that_is_not_reached_yet_changes_nothing_about_the_order() {
    let mut processor = Agent::processor_in_flow();
    assert_eq!(processor.reply(&["DWSR 0 14;", "DWSS 0;"]), NOTHING);
    processor.send("ab");
    processor.connection.stop_sending(X);
    processor.send("cdefgh");
    assert_eq!(processor.said(), ["DSS 0;"]);
    assert_eq!(processor.reply(&["AME 0 {206};"]), ["DUM 0 10|4:abcd", "AME 0 {206};"]);
    assert_eq!(processor.happened().last().unwrap(), "RestIsOriginal 0 from 10 [abcdefgh]");
}

#[test]
fn a_complete_adapted_message_lets_dwsr_take_effect() {
    let mut processor = Agent::processor_in_flow();
    processor.hear(&["DWSS 0;", "DWSR 0 0;"]);
    processor.send("abc");
    processor.connection.stop_sending(X);
    assert_eq!(processor.said(), ["DSS 0;"]);
    assert_eq!(processor.reply(&["AME 0;"]), ["AME 0 {206};"]);
}

#[test]
fn dwsr_after_the_rest_was_promised_ends_the_original() {
    let mut processor = Agent::processor_in_flow();
    processor.hear(&["DWSS 0;"]);
    processor.connection.stop_sending(X);
    processor.hear(&["AME 0 {206};"]);
    processor.forget();
    processor.send("abc");
    assert_eq!(processor.reply(&["DWSR 0 12;"]), ["DUM 0 10|2:ab", "AME 0 {206};"]);
    assert_eq!(processor.happened(), ["StopReceivingWanted 0 12"]);
}

#[test]
fn a_server_leaves_in_the_right_order() {
    let mut server = Agent::server_in_transaction();
    server.hear(&["DUM 0 0|3:abc"]);
    server.connection.start_message(X, "".into(), None);
    server.send("ABC");
    server.connection.want_stop_sending(X);
    server.connection.want_stop_receiving(X, 3);
    assert_eq!(server.said(), ["AMS 0;", "DWSS 0;", "DWSR 0 3;", "DUM 0 0|3:ABC"]);
    server.hear(&["DSS 0;"]);
    server.connection.end_message(X, crate::message::Outcome::PARTIAL);
    assert_eq!(server.reply(&["AME 0 {206};"]), ["AME 0 {206};"]);
    assert_eq!(server.happened().last().unwrap(), "MessageEnded 0 Partial");
}
