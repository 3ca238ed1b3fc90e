//! Transactions from TS to TE (RFC 4037 sections 4, 10.2, 11.5 to 11.8).

use super::super::SendError;
use super::{Agent, X, is_connection_failure, is_failure_of};
use crate::event::Event;
use crate::message::{GroupId, Outcome, Xid};

const NOTHING: [&str; 0] = [];

// req: OCP-2.2-01, OCP-2.2-02, OCP-4-02, OCP-11.6-02, OCP-11.7-03, OCP-11.8-04
#[test]
fn a_processors_transaction_on_the_wire() {
    let mut processor = Agent::processor();
    let xid =
        processor.connection.start_transaction(GroupId(1), "AM-EL: 5\r\n".into(), processor.now).unwrap();
    processor.connection.send(xid, "AM-Part: body\r\n".into(), "hello".into(), None).unwrap();
    processor.connection.end_message(xid, Outcome::OK);
    let dum = "DUM 0 0|Kept: {0 5}|AM-Part: body||5:hello";
    assert_eq!(processor.said(), ["TS 0 1;", "AMS 0|AM-EL: 5|;", dum, "AME 0;"]);
    processor.hear(&["AMS 0;", "DUM 0 0|3:HEY", "AME 0;"]);
    assert_eq!(processor.happened(), ["MessageStarted 0", "Data 0 [HEY]", "MessageEnded 0 Ok"]);
    processor.connection.complete_transaction(xid);
    assert_eq!(processor.said(), ["TE 0;"]);
    assert!(!processor.connection.is_active(xid));
}

// req: OCP-2.3-01, OCP-2.3-02, OCP-4-05, OCP-11.5-07
#[test]
fn a_servers_transaction_on_the_wire() {
    let mut server = Agent::server();
    server.hear(&["TS 0 1;", "AMS 0|AM-EL: 5|;", "DUM 0 0|5:hello", "AME 0;"]);
    let events: Vec<_> = std::mem::take(&mut server.events);
    let [
        Event::TransactionStarted { xid: X, group: GroupId(1) },
        Event::MessageStarted { ams, .. },
        Event::Data { dum: Some(dum), .. },
        Event::MessageEnded { .. },
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(ams.named("AM-EL").and_then(|value| value.as_number()), Some(5));
    assert_eq!(dum.payload(), Some(5));
    server.connection.start_message(X, "AM-EL: 3\r\n".into(), Some(100));
    server.send("HEY");
    server.end_message();
    server.connection.end_transaction(X, Outcome::OK);
    assert_eq!(server.said(), ["AMS 0|AM-EL: 3|;", "DUM 0 0|Modp: 100||3:HEY", "AME 0;", "TE 0;"]);
}

// req: OCP-10.2-02, OCP-10.2-03
#[test]
fn a_processors_identifiers_grow() {
    let mut processor = Agent::processor();
    let first = processor.start();
    processor.connection.abort_transaction(first, "changed my mind");
    let second = processor.start();
    assert!(second > first);
    let said = processor.said();
    assert_eq!(said, ["TS 0 1;", "TE 0 {400 \"15:changed my mind\"};", "TS 1 1;", "AMS 1;"]);
}

// req: OCP-10.2-02, OCP-10.2-03
#[test]
fn identifiers_of_transactions_only_grow() {
    let mut server = Agent::server();
    assert_eq!(server.reply(&["TS 5 1;", "TE 5;", "TS 6 1;"]), NOTHING);
    for (bad, xid) in [("TS 5 1;", 5), ("TS 4 1;", 4), ("TS 0 1;", 0)] {
        assert!(is_failure_of(&server.reply(&[bad])[0], xid), "{bad}");
        assert!(server.connection.is_active(Xid(6)));
    }
    assert_eq!(server.reply(&["TS 2147483647 1;"]), NOTHING);
    assert!(is_failure_of(&server.reply(&["TS 6 1;"])[0], 6), "in use");
    assert!(!server.connection.is_active(Xid(6)));
}

// req: OCP-10.2-02
#[test]
fn an_invalid_ts_uses_its_identifier_up() {
    let mut server = Agent::server();
    assert!(is_failure_of(&server.reply(&["TS 5 x;"])[0], 5));
    assert!(is_failure_of(&server.reply(&["TS 5 1;"])[0], 5));
    assert_eq!(server.connection.transactions(), 0);
}

// req: OCP-11-12
#[test]
fn a_transaction_needs_an_active_group() {
    let mut server = Agent::server();
    assert!(is_failure_of(&server.reply(&["TS 5 2;"])[0], 5));
    assert_eq!(
        server.reply(&["AMS 5;", "DUM 5 0|1:x", "DUM 5 x|1:x", "AME 5;", "TE 5;"]),
        NOTHING,
        "crossed our TE"
    );
    assert!(server.happened().is_empty());
}

// req: OCP-11-12
#[test]
fn messages_of_an_unknown_transaction_end_it() {
    for message in [
        "AMS 7;",
        "AME 7;",
        "DUM 7 0|1:x",
        "DUY 7 0 1;",
        "DPI 7 0 1;",
        "DWSR 7 0;",
        "DWSS 7;",
        "DSS 7;",
        "DWP 7 0;",
        "DPM 7;",
        "DWM 7;",
    ] {
        for mut agent in [Agent::server_in_transaction(), Agent::processor_in_transaction()] {
            assert!(is_failure_of(&agent.reply(&[message])[0], 7), "{message}");
            assert!(agent.happened().is_empty(), "the agent above never knew it");
            assert_eq!(agent.reply(&[message, "PQ;"]), ["PA;"], "said once is enough");
            assert!(agent.connection.is_active(X));
        }
    }
}

// req: OCP-4-03, OCP-4-05, OCP-11-12, OCP-11.6-03
#[test]
fn te_ends_a_transaction_for_good() {
    for mut agent in [Agent::server_in_transaction(), Agent::processor_in_transaction()] {
        assert_eq!(agent.reply(&["TE 0;"]), NOTHING);
        assert_eq!(agent.happened(), ["TransactionEnded 0 Ok"]);
        assert_eq!(agent.try_send("late"), Err(SendError::NotOpen));
        assert!(is_failure_of(&agent.reply(&["DPM 0;"])[0], 0), "its identifier is inactive");
    }
}

// req: OCP-2.5-02, OCP-10.10-07, OCP-10.10-09
#[test]
fn how_a_transaction_ended_is_reported() {
    for (te, code) in [("TE 0;", "Ok"), ("TE 0 {400 x};", "Failure"), ("TE 0 {299};", "Failure")] {
        let mut processor = Agent::processor_in_transaction();
        processor.hear(&[te]);
        assert_eq!(processor.happened(), [format!("TransactionEnded 0 {code}")]);
        assert_eq!(processor.connection.transactions(), 0);
    }
}

#[test]
fn te_for_nothing_is_ignored() {
    for mut agent in [Agent::server_in_transaction(), Agent::processor_in_transaction()] {
        assert_eq!(agent.reply(&["TE 7;", "TE 7 {400};"]), NOTHING);
        agent.connection.abort_transaction(X, "no");
        assert_eq!(agent.reply(&["TE 0;", "AMS 0;", "DUM 0 0|1:x"]).len(), 1, "only our TE");
        assert!(agent.happened().is_empty());
    }
}

// req: OCP-11-11
#[test]
fn nothing_is_said_about_a_transaction_that_the_peer_has_ended() {
    let mut server = Agent::server_in_transaction();
    server.connection.start_message(X, "".into(), None);
    server.send("data");
    server.connection.pause(X);
    server.connection.want_stop_sending(X);
    server.connection.want_stop_receiving(X, 0);
    assert_eq!(server.reply(&["DPM 0;", "TE 0;", "PQ 0;"]), ["PA;"]);
    server.connection.resume(X, None, server.now);
    server.connection.report_progress(X, server.now);
    server.connection.dispose(X, 5);
    server.connection.end_transaction(X, Outcome::OK);
    assert_eq!(server.said(), NOTHING);
}

// req: OCP-11.5-02
#[test]
fn a_server_may_refuse_a_transaction() {
    let mut server = Agent::server();
    server.hear(&["TS 1 1;"]);
    server.connection.abort_transaction(Xid(1), "not now");
    assert_eq!(server.said(), ["TE 1 {400 \"7:not now\"};"]);
    assert_eq!(server.connection.transactions(), 0);
}

// req: OCP-11.7-01, OCP-11.7-06
#[test]
fn the_servers_services_are_reported() {
    let mut processor = Agent::processor_in_transaction();
    processor.hear(&["AMS 0|Services: ({a},{b})|;"]);
    let [Event::MessageStarted { services: Some(services), .. }] = &processor.events[..] else {
        panic!("{:?}", processor.events)
    };
    assert_eq!(services.iter().map(crate::message::Service::uri).collect::<Vec<_>>(), [b"a", b"b"]);
}

// req: OCP-11.7-02
#[test]
fn an_adapted_message_may_be_refused_before_it_begins() {
    let mut processor = Agent::processor_in_transaction();
    processor.hear(&["AME 0 {400 no};"]);
    assert_eq!(processor.happened(), ["MessageEnded 0 Failure"]);
    assert!(is_failure_of(&processor.reply(&["AMS 0;"])[0], 0), "not after its end");
}

// req: OCP-4-02, OCP-5-03
#[test]
fn ts_from_a_server_is_invalid() {
    let mut processor = Agent::processor_in_transaction();
    assert!(is_failure_of(&processor.reply(&["TS 7 1;"])[0], 7));
    assert!(is_failure_of(&processor.reply(&["TS 0 1;"])[0], 0));
    assert_eq!(processor.happened(), ["TransactionFailed 0"]);
}

// req: OCP-2.6-01, OCP-2.6-03
#[test]
fn many_transactions_take_turns() {
    let mut processor = Agent::processor();
    let large = bytes::Bytes::from(vec![b'x'; 300 * 1024]);
    let xids: Vec<Xid> = (0..3).map(|_| processor.start()).collect();
    for xid in &xids {
        processor.connection.send(*xid, "".into(), large.clone(), None).unwrap();
    }
    let said = processor.said();
    let order: Vec<u64> = said
        .iter()
        .filter_map(|message| message.strip_prefix("DUM "))
        .map(|rest| rest.split(' ').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(order.len(), 15, "64 KiB each");
    assert_eq!(order[..6], [0, 1, 2, 0, 1, 2]);
    assert_eq!(processor.connection.queued(), 0);
}

#[test]
fn no_more_goes_out_than_was_asked_for() {
    let mut processor = Agent::processor_in_transaction();
    processor.send(&"x".repeat(1 << 20));
    let mut out = crate::Transmit::default();
    processor.connection.poll_transmit(processor.now, &mut out, 100_000);
    assert!(out.len() < 100_000 + 66_000, "{}", out.len());
    assert_eq!(processor.connection.sent_in(X) + processor.connection.queued_in(X), 1 << 20);
    assert!(!processor.connection.is_flushed());
    out.take();
    while !processor.connection.is_flushed() {
        processor.connection.poll_transmit(processor.now, &mut out, 100_000);
        out.take();
    }
    assert_eq!(processor.connection.sent_in(X), 1 << 20);
}

// req: OCP-10.3-03
#[test]
fn a_message_larger_than_ocp_can_carry_is_not_taken() {
    let mut server = Agent::server_in_transaction();
    assert_eq!(server.reply(&["DUY 0 0 0;"]).len(), 1);
    let mut processor = Agent::processor_in_transaction();
    let chunk = bytes::Bytes::from(vec![b'x'; 1 << 20]);
    let mut out = crate::Transmit::default();
    for _ in 0..2047 {
        processor.connection.send(X, "".into(), chunk.clone(), None).unwrap();
        processor.connection.poll_transmit(processor.now, &mut out, usize::MAX);
        out = crate::Transmit::default();
    }
    assert_eq!(processor.connection.send(X, "".into(), chunk.clone(), None), Err(SendError::TooLarge));
    processor.connection.send(X, "".into(), chunk.slice(1..), None).unwrap();
    assert_eq!(processor.try_send("x"), Err(SendError::TooLarge));
    assert_eq!(processor.try_send(""), Ok(()));
}

#[test]
fn a_transaction_can_be_ended_once() {
    let mut server = Agent::server_in_transaction();
    assert!(!server.connection.is_ending(X));
    server.connection.end_transaction(X, Outcome::OK);
    server.connection.end_transaction(X, Outcome::failure("again"));
    assert!(server.connection.is_ending(X));
    server.connection.start_message(X, "".into(), None);
    assert_eq!(server.try_send("late"), Err(SendError::NotOpen));
    assert_eq!(server.said()[..], ["AMS 0;", "TE 0;"]);
    assert!(server.connection.is_ending(X));
    let mut server = Agent::server();
    assert!(is_connection_failure(&server.reply(&["TS x 1;"])[0]));
}

// req: OCP-5-03, OCP-11-11, OCP-11.6-03
#[test]
fn an_identifier_that_our_te_has_ended_before_its_transaction_began_stays_over() {
    let mut server = Agent::server();
    let ended = server.reply(&["AMS 1;", "AMS 4;"]);
    assert!(is_failure_of(&ended[0], 1) && is_failure_of(&ended[1], 4), "{ended:?}");
    server.forget();
    server.hear(&["TS 0 1;", "TS 1 1;", "AMS 1;", "DUM 1 0|1:x", "DUM 1 x|1:x", "TS 2 1;"]);
    assert_eq!(server.happened(), ["TransactionStarted 0 in 1", "TransactionStarted 2 in 1"]);
    assert_eq!(server.said(), NOTHING);
    assert!(is_failure_of(&server.reply(&["TS 1 1;"])[0], 1), "it was used up all the same");
    let mut processor = Agent::processor();
    assert_eq!(processor.reply(&["AMS 0;", "AMS 2;"]).len(), 2);
    assert_eq!([processor.start(), processor.start()], [Xid(1), Xid(3)]);
    assert_eq!(processor.said(), ["TS 1 1;", "AMS 1;", "TS 3 1;", "AMS 3;"]);
}
