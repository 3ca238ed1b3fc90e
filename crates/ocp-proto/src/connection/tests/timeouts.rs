//! What makes no progress ends (RFC 4037 section 2.7). The default limits: idle 300 s, progress 60 s.

use std::time::Duration;

use super::super::Role;
use super::{Agent, X, is_connection_failure, is_failure_of};
use crate::limits::Limits;

const NOTHING: [&str; 0] = [];

// req: OCP-2.7-01
#[test]
fn an_idle_connection_ends_without_failure() {
    for mut agent in [Agent::server(), Agent::processor()] {
        assert_eq!(agent.due(), Some(300));
        assert_eq!(agent.wait(299), NOTHING);
        assert_eq!(agent.wait(1), ["CE {200 idle};"]);
        assert_eq!(agent.happened(), ["Closed: the connection was ended"]);
        assert_eq!(agent.due(), None);
    }
}

// req: OCP-2.7-01, OCP-2.7-04
#[test]
fn complete_messages_keep_a_connection_alive() {
    let mut server = Agent::server();
    server.wait(200);
    assert_eq!(server.reply(&["PQ;"]), ["PA;"]);
    server.wait(200);
    server.hear_octets(b"PQ\r\n5:abc");
    assert_eq!(server.wait(200), ["PA;"], "a query is answered before its payload has come");
    server.hear_octets(b"de\r\n;\r\n");
    assert_eq!(server.wait(200), NOTHING);
    server.hear_octets(b"PQ 1");
    assert_eq!(server.due(), Some(100), "octets of a message that is not complete do not count");
    assert_eq!(server.wait(100), ["CE {200 idle};"]);
}

#[test]
fn a_connection_with_a_transaction_is_not_idle() {
    let mut processor = Agent::processor_in_transaction();
    assert_eq!(processor.wait(10_000), NOTHING, "the origin takes its time");
    processor.connection.abort_transaction(X, "enough");
    processor.poll();
    assert_eq!(processor.due(), Some(300), "idleness begins with the end of the transaction");
    assert_eq!(processor.wait(299), ["TE 0 {400 enough};"]);
    assert_eq!(processor.wait(1), ["CE {200 idle};"]);
}

// req: OCP-2.7-01, OCP-2.7-04
#[test]
fn a_peer_that_does_not_say_cs_is_given_up() {
    for role in [Role::Server, Role::Processor] {
        let mut agent = Agent::new(role, Limits::default());
        agent.said();
        agent.hear_octets(b"C");
        assert_eq!(agent.due(), Some(60));
        assert!(is_connection_failure(&agent.wait(60)[0]));
        assert_eq!(agent.happened(), ["Closed: no progress for 60s"]);
    }
}

// req: OCP-2.7-02, OCP-2.7-04
#[test]
fn an_offer_without_answer_ends_the_connection() {
    let mut processor = Agent::processor();
    processor.wait(100);
    processor.connection.offer(vec![], None, processor.now).unwrap();
    processor.said();
    assert_eq!(processor.due(), Some(60));
    assert_eq!(processor.reply(&["PQ;", "NO ();"]), ["PA;"]);
    assert_eq!(processor.wait(59), NOTHING);
    assert!(is_connection_failure(&processor.wait(1)[0]));
}

// req: OCP-2.7-02, OCP-6.1-11
#[test]
fn a_phase_that_stays_open_ends_the_connection() {
    let mut server = Agent::server();
    server.hear(&["NO ()|Offer-Pending: true|;"]);
    server.said();
    server.wait(50);
    server.hear(&["NO ()|Offer-Pending: true|;"]);
    assert_eq!(server.wait(50), ["NR;"], "each offer is progress");
    assert!(is_connection_failure(&server.wait(10)[0]));

    let mut processor = Agent::processor();
    processor.connection.offer(vec![], None, processor.now).unwrap();
    processor.hear(&["NR|Offer-Pending: true|;"]);
    processor.said();
    assert!(is_connection_failure(&processor.wait(60)[0]));

    let mut server = Agent::server();
    server.hear(&["NO ()|Offer-Pending: true|;", "NO ();"]);
    server.said();
    assert_eq!(server.wait(200), NOTHING, "the phase is over");
}

// req: OCP-2.7-03, OCP-5-06
#[test]
fn a_transaction_without_messages_ends_at_the_server() {
    let mut server = Agent::server_in_transaction();
    assert_eq!(server.due(), Some(60));
    server.wait(59);
    server.hear(&["DUM 0 0|1:x"]);
    assert_eq!(server.due(), Some(60));
    let said = server.wait(60);
    assert_eq!(said, ["TE 0 {400 \"19:no progress for 60s\"};"]);
    assert_eq!(server.happened(), ["Data 0 [x]", "TransactionFailed 0"]);
    assert_eq!(server.due(), Some(300));
}

// req: OCP-2.7-03
#[test]
fn only_what_stands_still_ends() {
    let mut server = Agent::server();
    server.hear(&["TS 1 1;", "TS 2 1;"]);
    server.wait(40);
    server.hear(&["AMS 2;"]);
    assert!(is_failure_of(&server.wait(20)[0], 1));
    assert_eq!(server.due(), Some(40));
    assert_eq!(server.reply(&["DUM 2 0|2:ok"]), NOTHING);
}

#[test]
fn queries_and_reports_that_name_the_transaction_are_progress() {
    for (message, counts) in
        [("PQ 0;", true), ("PR 0;", true), ("PA 0;", true), ("PQ;", false), ("PQ 7;", false), ("X 0;", false)]
    {
        let mut server = Agent::server_in_transaction();
        server.wait(50);
        server.reply(&[message]);
        assert_eq!(server.due(), Some(if counts { 60 } else { 10 }), "{message}");
    }
    let mut server = Agent::server_in_transaction();
    server.wait(50);
    server.connection.report_progress(X, server.now);
    assert_eq!(server.due(), Some(60), "so are our own");
}

#[test]
fn data_of_a_long_message_is_progress() {
    let mut server = Agent::server_in_transaction();
    server.hear_octets(b"DUM 0 0\r\n1000:");
    for _ in 0..10 {
        assert_eq!(server.wait(50), NOTHING);
        server.hear_octets(b"data");
    }
    assert!(is_failure_of(&server.wait(60)[0], 0));
}

#[test]
fn time_in_which_the_processor_has_paused_a_server_does_not_count() {
    let mut server = Agent::server_in_transaction();
    server.connection.start_message(X, "".into(), None);
    server.send("data");
    server.hear(&["DWP 0 0;"]);
    server.said();
    assert_eq!(server.due(), None);
    assert_eq!(server.wait(10_000), NOTHING);
    assert_eq!(server.reply(&["DWM 0;"]), ["DUM 0 0|4:data"]);
    assert_eq!(server.due(), Some(60));
}

#[test]
fn time_in_which_we_have_paused_the_peer_does_not_count() {
    let mut server = Agent::server_in_transaction();
    server.connection.pause(X);
    server.said();
    assert_eq!(server.wait(10_000), NOTHING);
    server.connection.resume(X, None, server.now);
    assert_eq!(server.due(), Some(60));
    server.connection.pause(X);
    server.said();
    server.hear(&["AME 0;"]);
    assert_eq!(server.due(), Some(60), "what has ended is not paused");
}

// req: OCP-2.7-03
#[test]
fn a_processor_waits_for_what_the_server_owes() {
    // Nothing is owed for an original that has not ended, when all of it was sent.
    let mut processor = Agent::processor_in_transaction();
    processor.send("abc");
    processor.said();
    assert_eq!(processor.wait(10_000), NOTHING);
    // An answer is owed after the end,
    processor.end_message();
    processor.said();
    assert_eq!(processor.due(), Some(60));
    assert!(is_failure_of(&processor.wait(60)[0], 0));
    // after DSS,
    let mut processor = Agent::processor_in_transaction();
    processor.hear(&["AMS 0;", "DWSS 0;"]);
    processor.wait(10_000);
    processor.connection.stop_sending(X);
    processor.said();
    assert_eq!(processor.due(), Some(60));
    // while the server pauses us,
    let mut processor = Agent::processor_in_transaction();
    processor.hear(&["DWP 0 0;"]);
    processor.said();
    assert_eq!(processor.due(), Some(60));
    processor.hear(&["DWM 0;"]);
    assert_eq!(processor.due(), None);
}

#[test]
fn the_clock_of_a_silent_transaction_starts_when_something_is_owed() {
    let acts: [fn(&mut Agent); 5] = [
        |agent| agent.send("data"),
        Agent::end_message,
        |agent| agent.connection.stop_sending(X),
        |agent| agent.connection.pause_original_at(X, 0),
        |agent| agent.connection.complete_transaction(X),
    ];
    for (index, act) in acts.iter().enumerate() {
        let mut processor = Agent::processor_in_transaction();
        processor.hear(&["AMS 0;", "DWSS 0;"]);
        processor.said();
        processor.now += Duration::from_secs(10_000);
        act(&mut processor);
        // The transport may take nothing just now.
        processor.connection.handle_timeout(processor.now);
        assert!(processor.connection.is_active(X), "act {index}");
        assert_eq!(processor.due(), Some(60), "act {index}");
        processor.now += Duration::from_secs(60);
        processor.connection.handle_timeout(processor.now);
        assert!(!processor.connection.is_active(X), "act {index}");
    }
}

#[test]
fn limits_may_be_endless() {
    let endless = Limits { idle: Duration::MAX, progress: Duration::MAX, ..Limits::default() };
    let mut server = Agent::server_with(endless.clone());
    assert_eq!(server.due(), None);
    server.hear(&["TS 0 1;"]);
    assert_eq!(server.due(), None);
    server.now += Duration::from_secs(1 << 30);
    server.connection.handle_timeout(server.now);
    assert!(server.connection.is_active(X));
    let waiting = Agent::new(Role::Server, endless);
    assert_eq!(waiting.due(), None);
}

fn reporting() -> Limits {
    Limits { report: Some(Duration::from_secs(10)), ..Limits::default() }
}

// req: OCP-11.24-03
#[test]
fn an_origin_that_takes_its_time_is_reported_to_the_server() {
    let mut processor = Agent::processor_with(reporting());
    processor.start();
    processor.send("abc");
    processor.said();
    for _ in 0..100 {
        assert_eq!(processor.due(), Some(10));
        assert_eq!(processor.wait(9), NOTHING);
        assert_eq!(processor.wait(1), ["PR 0|Org-Data: 3|;"]);
    }
    processor.wait(5);
    processor.send("def");
    processor.said();
    assert_eq!(processor.due(), Some(10), "what is said needs no report");
    processor.end_message();
    processor.said();
    assert_eq!(processor.due(), Some(60), "the server has everything, and owes the rest");
    assert_eq!(processor.wait(59), NOTHING);
    assert!(is_failure_of(&processor.wait(1)[0], 0));
}

#[test]
fn nobody_else_is_given_more_time_by_reports() {
    // A server that pauses us has to let us go on,
    let mut processor = Agent::processor_with(reporting());
    processor.start();
    processor.hear(&["AMS 0;", "DWP 0 0;"]);
    assert_eq!(processor.said().last().map(String::as_str), Some("DPM 0;"));
    assert_eq!(processor.due(), Some(60));
    assert!(is_failure_of(&processor.wait(60)[0], 0));
    // and a server has services of its own to report on.
    let mut server = Agent::server_with(reporting());
    server.hear(&["TS 0 1;", "AMS 0;"]);
    server.said();
    assert!(is_failure_of(&server.wait(60)[0], 0));
}

/// The peer may be as impatient as we are.
#[test]
fn reports_come_in_time() {
    let limits = Limits { report: Some(Duration::from_secs(500)), ..Limits::default() };
    let mut processor = Agent::processor_with(limits);
    processor.start();
    processor.said();
    assert_eq!(processor.due(), Some(15));
    assert_eq!(processor.wait(15), ["PR 0|Org-Data: 0|;"]);
}
