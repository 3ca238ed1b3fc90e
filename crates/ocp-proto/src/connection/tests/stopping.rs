//! The premature end of the adapted flow (RFC 4037 sections 8.2, 11.13, 11.14).

use super::{Agent, X, is_failure_of};
use crate::message::Outcome;

const NOTHING: [&str; 0] = [];

// req: OCP-8.2-04, OCP-8.2-05, OCP-8.2-08, OCP-11.14-05, OCP-11.14-06
#[test]
fn after_ame_206_the_original_goes_on_where_dss_was_said() {
    let mut processor = Agent::processor_in_flow();
    processor.send("ab");
    assert_eq!(processor.reply(&["DWSS 0;"]), ["DUM 0 10|2:ab"]);
    processor.send("not sent");
    processor.connection.stop_sending(X);
    processor.send(" yet");
    processor.end_message();
    assert_eq!(processor.said(), ["DSS 0;"], "the original rests");
    assert_eq!(processor.reply(&["DUM 0 0|3:new", "AME 0 {206};"]), ["DUM 0 12|12:not sent yet", "AME 0;"]);
    let rest = "RestIsOriginal 0 from 12 [not sent yet]";
    assert_eq!(processor.happened(), ["StopSendingWanted 0", "Data 0 [new]", rest]);
}

// req: OCP-8.2-08
#[test]
fn the_original_flow_goes_on_after_the_rest_was_promised() {
    let mut processor = Agent::processor_in_flow();
    processor.hear(&["DWSS 0;"]);
    processor.connection.stop_sending(X);
    processor.hear(&["AME 0 {206};"]);
    assert_eq!(processor.happened()[1..], ["RestIsOriginal 0 from 10 []"]);
    processor.send("later");
    processor.end_message();
    assert_eq!(processor.said(), ["DSS 0;", "DUM 0 10|5:later", "AME 0;"]);
    processor.connection.end_transaction(X, Outcome::OK);
    assert_eq!(processor.said(), ["TE 0;"]);
}

#[test]
fn dss_may_be_said_after_the_original_has_ended() {
    let mut processor = Agent::processor_in_flow();
    processor.end_message();
    processor.hear(&["DWSS 0;"]);
    processor.connection.stop_sending(X);
    assert_eq!(processor.reply(&["AME 0 {206};"]), ["DSS 0;", "AME 0;"]);
    let mut processor = Agent::processor_in_flow();
    processor.end_message();
    assert_eq!(processor.reply(&["DWSS 0;"]), ["AME 0;"]);
    processor.connection.stop_sending(X);
    assert_eq!(processor.reply(&["AME 0 {206};"]), ["DSS 0;"]);
    assert_eq!(processor.happened(), ["StopSendingWanted 0", "RestIsOriginal 0 from 10 []"]);
}

// req: OCP-8-01, OCP-11.13-03, OCP-11.13-04
#[test]
fn ame_206_before_dss_ends_the_transaction() {
    let mut processor = Agent::processor_in_flow();
    assert!(is_failure_of(&processor.reply(&["AME 0 {206};"])[0], 0));
    let mut processor = Agent::processor_in_flow();
    assert!(is_failure_of(&processor.reply(&["DWSS 0;", "AME 0 {206};"])[0], 0));
    assert_eq!(processor.happened(), ["StopSendingWanted 0", "TransactionFailed 0"]);
}

#[test]
fn dss_is_said_once_and_only_when_wanted() {
    let mut processor = Agent::processor_in_flow();
    processor.connection.stop_sending(X);
    assert_eq!(processor.said(), NOTHING);
    processor.hear(&["DWSS 0;", "DWSS 0;"]);
    assert_eq!(processor.happened(), ["StopSendingWanted 0"]);
    processor.connection.stop_sending(X);
    processor.connection.stop_sending(X);
    assert_eq!(processor.said(), ["DSS 0;"]);
    assert_eq!(processor.reply(&["DWSS 0;"]), NOTHING);
}

// req: OCP-8.2-08
#[test]
fn an_adapted_message_that_ends_meanwhile_needs_no_dss() {
    let mut processor = Agent::processor_in_flow();
    processor.hear(&["DWSS 0;", "AME 0;"]);
    processor.connection.stop_sending(X);
    processor.send("more");
    assert_eq!(processor.said(), ["DUM 0 10|4:more"], "and the original does not rest");
    let mut processor = Agent::processor_in_flow();
    processor.hear(&["AME 0;", "DWSS 0;"]);
    assert_eq!(processor.happened(), ["MessageEnded 0 Ok"]);
}

// req: OCP-8.2-04, OCP-8.2-08
#[test]
fn the_original_rests_no_longer_when_the_end_crossed_dss() {
    let mut processor = Agent::processor_in_flow();
    processor.hear(&["DWSS 0;"]);
    processor.connection.stop_sending(X);
    processor.send("more");
    processor.end_message();
    assert_eq!(processor.said(), ["DSS 0;"]);
    assert_eq!(processor.reply(&["AME 0;"]), ["DUM 0 10|4:more", "AME 0;"]);
    assert_eq!(processor.happened(), ["StopSendingWanted 0", "MessageEnded 0 Ok"]);
}

// req: OCP-8.2-01, OCP-8.2-02
#[test]
fn a_server_asks_goes_on_and_stops_at_dss() {
    let mut server = Agent::server_in_flow();
    server.send("as ");
    server.connection.want_stop_sending(X);
    server.connection.want_stop_sending(X);
    assert_eq!(server.said(), ["DWSS 0;", "DUM 0 0|3:as "]);
    server.send("usual");
    assert_eq!(server.reply(&["DUM 0 10|1:x", "DSS 0;"]), ["DUM 0 3|5:usual"]);
    assert_eq!(server.happened(), ["Data 0 [x]", "Stopped 0"]);
    server.connection.end_message(X, Outcome::PARTIAL);
    assert_eq!(server.said(), ["AME 0 {206};"]);
    assert_eq!(server.reply(&["DSS 0;", "DUM 0 11|1:y", "AME 0;"]), NOTHING);
    assert_eq!(server.happened(), ["Data 0 [y]", "MessageEnded 0 Ok"], "it still reads on");
}

// req: OCP-11.14-04
#[test]
fn an_unsolicited_dss_is_invalid() {
    let mut server = Agent::server_in_flow();
    assert!(is_failure_of(&server.reply(&["DSS 0;"])[0], 0));
    assert_eq!(server.happened(), ["TransactionFailed 0"]);
    let mut server = Agent::server_in_transaction();
    assert!(is_failure_of(&server.reply(&["DSS 0;"])[0], 0), "also before the adapted flow");
    let mut processor = Agent::processor_in_flow();
    assert!(is_failure_of(&processor.reply(&["DSS 0;"])[0], 0), "and never from a server");
}

// req: OCP-11.14-03
#[test]
fn dss_after_the_end_is_ignored() {
    let mut server = Agent::server_in_flow();
    server.send("all");
    server.end_message();
    assert_eq!(server.reply(&["DSS 0;"]), ["DUM 0 0|3:all", "AME 0;"], "the end was decided");
    assert_eq!(server.reply(&["DSS 0;", "DSS 0;"]), NOTHING);
    assert!(server.happened().is_empty());
}

#[test]
fn a_server_asks_inside_its_flow_only() {
    let mut server = Agent::server_in_transaction();
    server.connection.want_stop_sending(X);
    server.connection.start_message(X, "".into(), None);
    server.end_message();
    server.connection.want_stop_sending(X);
    assert_eq!(server.said(), ["AMS 0;", "AME 0;"]);
    server.hear(&["AME 0;"]);
    server.connection.want_stop_receiving(X, 0);
    assert_eq!(server.said(), NOTHING);
}

// req: OCP-11.6-02, OCP-11.8-04
#[test]
fn a_complete_adapted_message_ends_the_transaction_at_once() {
    let mut processor = Agent::processor_in_flow();
    processor.send("never sent");
    processor.hear(&["AME 0;"]);
    processor.connection.complete_transaction(X);
    assert_eq!(processor.said(), ["AME 0 {206};", "TE 0;"]);
    let mut processor = Agent::processor_in_flow();
    processor.end_message();
    processor.hear(&["AME 0;"]);
    processor.connection.complete_transaction(X);
    assert_eq!(processor.said(), ["AME 0;", "TE 0;"], "the original was complete");
}
