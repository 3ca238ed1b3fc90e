//! What a peer cannot make an agent do or hold (RFC 4037 sections 5 and 13).

use super::{Agent, X, is_connection_failure, is_failure_of};
use crate::codec::DecoderLimits;
use crate::limits::Limits;
use crate::message::Xid;

const NOTHING: [&str; 0] = [];

// req: OCP-5-02
#[test]
fn there_is_a_limit_to_transactions() {
    let mut server = Agent::server_with(Limits { transactions: 3, ..Limits::default() });
    assert_eq!(server.reply(&["TS 0 1;", "TS 1 1;", "TS 2 1;"]), NOTHING);
    assert!(is_failure_of(&server.reply(&["TS 3 1;"])[0], 3));
    assert_eq!(server.reply(&["AMS 3;", "DUM 3 0|1:x", "TE 0;", "TS 4 1;"]), NOTHING);
    assert_eq!(server.connection.transactions(), 3);
}

// req: OCP-5-02
#[test]
fn messages_past_the_decoders_limits_end_the_connection() {
    let decoder = DecoderLimits { message_octets: 100, nesting_depth: 3 };
    for (good, bad) in [
        ("X (((1)));".to_owned(), "X ((((1))));".to_owned()),
        (format!("X {};", "x".repeat(95)), format!("X {};", "x".repeat(96))),
        ("X \"80:".to_owned() + &" ".repeat(80) + "\";", "X \"100:".to_owned()),
    ] {
        let mut server = Agent::server_with(Limits { decoder, ..Limits::default() });
        assert_eq!(server.reply(&[&good, "PQ;"]), ["PA;"]);
        server.hear_octets(bad.as_bytes());
        server.hear_octets(b"\r\n");
        assert!(is_connection_failure(&server.said()[0]), "{bad}");
    }
}

#[test]
fn an_endless_head_is_refused_and_not_held() {
    let mut server = Agent::server();
    server.hear_octets(b"X-");
    let mut most = 0;
    while !server.connection.is_closing() {
        server.hear_octets(&[b'a'; 4096]);
        most = most.max(server.connection.read_buffer().len());
    }
    assert!(most <= 65_536 + 4096, "{most}");
    assert!(is_connection_failure(&server.said()[0]));
}

#[test]
fn a_huge_payload_that_nobody_wants_is_not_held() {
    let mut server = Agent::server();
    server.hear_octets(b"PQ\r\n100000000:");
    for _ in 0..100 {
        server.hear_octets(&[b'p'; 1_000_000]);
        assert!(server.connection.read_buffer().is_empty());
    }
    server.hear_octets(b"\r\n;\r\n");
    assert_eq!(server.said(), ["PA;"]);
    assert!(server.happened().is_empty());
}

#[test]
fn tiny_pieces_of_data_share_few_buffers_while_they_wait() {
    let mut server = Agent::server_in_transaction();
    server.connection.start_message(X, "".into(), None);
    server.hear(&["DWP 0 0;"]);
    for offset in 0..100_000 {
        server.connection.send(X, "P: 1\r\n".into(), "x".into(), Some(offset)).unwrap();
    }
    let pieces = server.connection.transactions[&X].outgoing.queue.len();
    assert!(pieces < 100, "{pieces} pieces");
    assert_eq!(server.connection.queued_in(X), 100_000);
    server.said();
    server.hear(&["DWM 0;"]);
    let said = server.said();
    assert_eq!(said.len(), 2);
    assert_eq!(said.concat().matches('x').count(), 100_000);
}

#[test]
fn empty_pieces_that_wait_cost_nothing() {
    let mut server = Agent::server_in_transaction();
    server.connection.start_message(X, "".into(), None);
    server.hear(&["DUM 0 0|Kept: {0 1000}||0:", "DWP 0 0;"]);
    for _ in 0..100_000 {
        server.connection.send(X, "P: 1\r\n".into(), "".into(), Some(0)).unwrap();
    }
    assert_eq!(server.connection.transactions[&X].outgoing.queue.len(), 1);
}

#[test]
fn ended_transactions_are_forgotten_in_time() {
    let mut server = Agent::server();
    for xid in 0..5000_u64 {
        server.hear(&[&format!("TS {xid} 1;")]);
        server.connection.abort_transaction(Xid(xid), "no");
    }
    server.forget();
    assert_eq!(server.reply(&["AMS 4999;", "AMS 4500;"]), NOTHING);
    assert!(is_failure_of(&server.reply(&["AMS 0;"])[0], 0));
}

#[test]
fn transactions_with_any_identifiers_are_found() {
    let mut server = Agent::server();
    let xids: Vec<u64> = (0..1000).map(|number| number << 21).collect();
    for xid in &xids {
        assert_eq!(server.reply(&[&format!("TS {xid} 1;"), &format!("AMS {xid};")]), NOTHING);
    }
    for xid in &xids {
        assert_eq!(server.reply(&[&format!("PQ {xid};")]), [format!("PA {xid}|Org-Data: 0|;")]);
    }
}

#[test]
fn the_default_limits_are_those_of_the_contract() {
    let limits = Limits::default();
    assert_eq!((limits.transactions, limits.groups), (1024, 64));
    assert_eq!((limits.idle.as_secs(), limits.progress.as_secs()), (300, 60));
}
