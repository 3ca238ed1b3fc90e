//! Negotiation phases (RFC 4037 section 6.1).

use super::super::StartError;
use super::{Agent, X, is_connection_failure};
use crate::event::Event;
use crate::message::GroupId;

const NOTHING: [&str; 0] = [];

/// Makes an empty offer.
fn offer(processor: &mut Agent) {
    processor.connection.offer(Vec::new(), None, processor.now).unwrap();
}

// req: OCP-6.1-01, OCP-6.1-03, OCP-6.1-04, OCP-6.1-05, OCP-6.1-10, OCP-6.1-11
#[test]
fn a_phase_that_the_server_keeps_open_holds_everything_else_back() {
    let mut processor = Agent::processor_in_transaction();
    processor.send("before ");
    assert_eq!(processor.said(), ["DUM 0 0|Kept: {0 7}||7:before "]);
    offer(&mut processor);
    processor.hear(&["NR|Offer-Pending: true|;"]);
    processor.send("inside");
    processor.connection.pause(X);
    processor.connection.destroy_group(GroupId(1));
    processor.connection.query_progress(Some(X));
    assert_eq!(processor.connection.create_group(vec![]), Err(StartError::Negotiating));
    assert_eq!(
        processor.reply(&["PQ 0;", "AQ {\"10:ocp://able\"};"]),
        ["NO ();", "PQ 0;", "PA 0|Org-Data: 7|;", "AA true;"]
    );
    assert!(processor.connection.is_flushed(), "nothing can be sent now");
    assert_eq!(processor.reply(&["NO ();"]), ["NR;", "DWP 0 0;", "SGD 1;", "DUM 0 7|Kept: {0 13}||6:inside"]);
    assert!(!processor.connection.is_negotiating());
}

// req: OCP-6.1-02, OCP-6.1-03, OCP-6.1-04, OCP-6.1-05
#[test]
fn a_phase_that_the_processor_keeps_open_holds_the_server_back() {
    let mut server = Agent::server_in_transaction();
    server.connection.start_message(X, "".into(), None);
    server.send("data");
    assert_eq!(server.reply(&["NO ()|Offer-Pending: true|;"]), ["AMS 0;", "NR;"]);
    server.connection.pause(X);
    assert_eq!(server.said(), NOTHING);
    assert_eq!(server.reply(&["NO ({x})|Offer-Pending: true|;"]), ["NR|Unknowns: ({x})|;"]);
    assert_eq!(server.reply(&["NO ();"]), ["NR;", "DWP 0 0;", "DUM 0 0|4:data"]);
}

// req: OCP-1.3-01, OCP-6.1-02, OCP-6.1-03, OCP-6.1-04
#[test]
fn an_answer_ends_the_phase_before_anything_held_back_goes_out() {
    let mut server = Agent::server_in_transaction();
    server.connection.read_buffer().extend_from_slice(b"NO ({a});\r\n");
    assert!(matches!(server.connection.poll_event(server.now), Some(Event::Offer { .. })));
    server.connection.pause(X);
    assert_eq!(server.said(), NOTHING, "the answer comes first");
    server.connection.answer(None, vec![], vec![]);
    assert_eq!(server.said(), ["NR;", "DWP 0 0;"]);
}

// req: OCP-6-01, OCP-6.1-04
#[test]
fn other_messages_inside_a_phase_end_the_connection() {
    for bad in ["SGC 2 ();", "SGD 1;", "TS 1 1;", "TE 0;", "AME 0;", "DUM 0 0|1:x", "DWP 0 0;", "DWM 0;"] {
        let mut server = Agent::server_in_transaction();
        assert_eq!(server.reply(&["NO ()|Offer-Pending: true|;"]), ["NR;"]);
        assert!(is_connection_failure(&server.reply(&[bad])[0]), "{bad}");

        let mut processor = Agent::processor_in_transaction();
        offer(&mut processor);
        processor.hear(&["NR|Offer-Pending: true|;"]);
        processor.forget();
        assert!(is_connection_failure(&processor.reply(&[bad])[0]), "{bad}");
    }
}

#[test]
fn messages_may_cross_an_answer_to_the_offer_of_a_server() {
    let mut processor = Agent::processor_in_transaction();
    assert_eq!(processor.reply(&["NO ()|Offer-Pending: true|;"]), ["NR;"]);
    assert_eq!(processor.reply(&["AMS 0;", "DUM 0 0|1:x", "DUM 7 0|1:x"]), NOTHING);
    assert_eq!(processor.happened().last().map(String::as_str), Some("Data 0 [x]"));
    let said = processor.reply(&["NO ();"]);
    assert_eq!(said[0], "NR;");
    assert!(said[1].starts_with("TE 7 {400 "), "held back until the phase is over: {said:?}");
}

#[test]
fn what_a_phase_holds_back_has_a_limit() {
    let mut processor = Agent::processor();
    processor.hear(&["NO ()|Offer-Pending: true|;"]);
    processor.forget();
    let flood = (100..5000).map(|xid| format!("DUM {xid} 0\r\n0:\r\n;\r\n")).collect::<String>();
    processor.hear_octets(flood.as_bytes());
    let said = processor.said();
    assert!(said.len() == 1 && is_connection_failure(&said[0]), "{} messages", said.len());
}

// req: OCP-6-05, OCP-6.1-01, OCP-6.1-06
#[test]
fn there_may_be_many_rounds_and_phases() {
    let mut server = Agent::server();
    for round in 0..40 {
        let pending = round % 2 == 0;
        let said = server.reply(&[&format!("NO ({{f{round}}})|Offer-Pending: {pending}|;")]);
        assert_eq!(said, [format!("NR|Unknowns: ({{f{round}}})|;")]);
        assert_eq!(server.connection.is_negotiating(), pending);
    }
    assert_eq!(server.reply(&["TS 1 1;", "AMS 1;"]), NOTHING);
}
