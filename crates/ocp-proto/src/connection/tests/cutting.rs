//! The premature end of the original flow (RFC 4037 sections 8.1, 11.12).

use super::{Agent, X, is_failure_of};

const NOTHING: [&str; 0] = [];

// req: OCP-8.1-02, OCP-11.12-02, OCP-11.12-03
#[test]
fn dwsr_ends_the_original_once_the_prefix_was_sent() {
    for (size, rest) in [(0, ""), (10, ""), (11, "a"), (13, "abc")] {
        let mut processor = Agent::processor_in_flow();
        assert_eq!(processor.reply(&[&format!("DWSR 0 {size};")]).len(), usize::from(rest.is_empty()));
        for piece in ["a", "b", "cdef"] {
            let _ = processor.try_send(piece);
        }
        let end = "AME 0 {206};".to_owned();
        let expected = match rest.len() {
            0 => vec![],
            size => vec![format!("DUM 0 10|{size}:{rest}"), end],
        };
        assert_eq!(processor.said(), expected, "{size}");
        assert!(!processor.connection.is_sending(X));
        assert_eq!(processor.happened(), [format!("StopReceivingWanted 0 {size}")]);
        assert_eq!(processor.reply(&["DUM 0 0|3:own", "AME 0;"]), NOTHING);
        assert_eq!(processor.happened(), ["Data 0 [own]", "MessageEnded 0 Ok"]);
    }
}

// req: OCP-11.12-02, OCP-11.12-03
#[test]
fn dwsr_cuts_what_waits() {
    let mut processor = Agent::processor_in_flow();
    processor.hear(&["DWP 0 0;"]);
    processor.send("abc");
    processor.connection.send(X, "P: 1\r\n".into(), "def".into(), None).unwrap();
    processor.connection.send(X, "P: 1\r\n".into(), "".into(), None).unwrap();
    assert_eq!(processor.reply(&["DWSR 0 14;"]), ["DPM 0;"]);
    assert_eq!(processor.connection.queued_in(X), 4);
    assert_eq!(processor.reply(&["DWM 0;"]), ["DUM 0 10|3:abc", "DUM 0 13|P: 1||1:d", "AME 0 {206};"]);
}

// req: OCP-11.12-02, OCP-11.12-03
#[test]
fn dwsr_cuts_what_waits_although_its_end_was_given() {
    for (size, expected) in [
        (0, vec!["AME 0 {206};"]),
        (12, vec!["DUM 0 10|2:ab", "AME 0 {206};"]),
        (16, vec!["DUM 0 10|6:abcdef", "AME 0;"]),
        (99, vec!["DUM 0 10|6:abcdef", "AME 0;"]),
    ] {
        let mut processor = Agent::processor_in_flow();
        processor.send("abcdef");
        processor.end_message();
        assert_eq!(processor.reply(&[&format!("DWSR 0 {size};")]), expected, "{size}");
    }
}

#[test]
fn an_original_shorter_than_dwsr_wants_ends_whole() {
    let mut processor = Agent::processor_in_flow();
    processor.hear(&["DWSR 0 100;"]);
    processor.send("end");
    processor.end_message();
    assert_eq!(processor.said(), ["DUM 0 10|3:end", "AME 0;"]);
    assert_eq!(processor.reply(&["DWSR 0 0;"]), NOTHING);
}

// req: OCP-8.3-02
#[test]
fn after_the_original_was_cut_the_adapted_message_has_to_be_whole() {
    let mut processor = Agent::processor_in_flow();
    assert_eq!(processor.reply(&["DWSR 0 0;", "DWSS 0;"]), ["AME 0 {206};"]);
    processor.connection.stop_sending(X);
    assert_eq!(processor.said(), NOTHING);
    assert_eq!(processor.happened(), ["StopReceivingWanted 0 0"]);
    assert!(is_failure_of(&processor.reply(&["AME 0 {206};"])[0], 0));
}

// req: OCP-8.1-01, OCP-8.1-03, OCP-10.10-05
#[test]
fn a_server_takes_a_partial_original_that_it_asked_for() {
    let mut server = Agent::server_in_flow();
    server.connection.want_stop_receiving(X, 10);
    server.connection.want_stop_receiving(X, 99);
    assert_eq!(server.said(), ["DWSR 0 10;"]);
    assert_eq!(server.reply(&["DUM 0 10|1:x", "AME 0 {206};"]), NOTHING);
    assert_eq!(server.happened(), ["Data 0 [x]", "MessageEnded 0 Partial"]);
    server.send("all of it");
    server.end_message();
    assert_eq!(server.said(), ["DUM 0 0|9:all of it", "AME 0;"]);
}

#[test]
fn a_partial_original_that_nobody_asked_for_ends_the_transaction() {
    let mut server = Agent::server_in_flow();
    assert!(is_failure_of(&server.reply(&["AME 0 {206};"])[0], 0));
    let mut server = Agent::server_in_flow();
    server.connection.want_stop_receiving(X, 11);
    server.forget();
    assert!(is_failure_of(&server.reply(&["AME 0 {206};"])[0], 0), "less than was asked for");
}

#[test]
fn a_partial_original_does_no_harm_once_the_adapted_message_is_complete() {
    let mut server = Agent::server_in_flow();
    server.send("blocked");
    server.end_message();
    assert_eq!(server.reply(&["AME 0 {206};", "TE 0;"]), NOTHING);
    assert_eq!(server.happened(), ["MessageEnded 0 Partial", "TransactionEnded 0 Ok"]);
}

#[test]
fn a_profile_may_stop_the_original_as_dwsr_does() {
    let mut processor = Agent::processor_in_flow();
    processor.connection.stop_original_at(X, 12);
    processor.send("abcdef");
    assert_eq!(processor.said(), ["DUM 0 10|2:ab", "AME 0 {206};"]);
    let mut server = Agent::server_in_flow();
    server.connection.stop_receiving_at(X, 10);
    server.connection.want_stop_receiving(X, 0);
    assert_eq!(server.reply(&["AME 0 {206};"]), NOTHING);
    assert_eq!(server.happened(), ["MessageEnded 0 Partial"]);
}
