//! Invalid input and its scope (RFC 4037 section 5).

use super::{Agent, X, is_connection_failure, is_failure_of};

const NOTHING: [&str; 0] = [];

// req: OCP-5-01, OCP-5-03, OCP-5-05, OCP-5-06, OCP-10.10-11
#[test]
fn an_invalid_message_of_a_transaction_ends_it_alone() {
    for bad in [
        "DUM 0 5|1:x",
        "DUM 0 0;",
        "DUM 0 x|1:x",
        "DUM 0 0|A: 1|A: 1||1:x",
        "AME 0 OK;",
        "DWP 0 x;",
        "DWM 0|Size-request: x|;",
    ] {
        let mut server = Agent::server_in_transaction();
        server.hear(&["TS 1 1;", "AMS 1;"]);
        server.forget();
        let said = server.reply(&[bad]);
        assert!(said.len() == 1 && is_failure_of(&said[0], 0), "{bad}: {said:?}");
        assert!(said[0].len() > "TE 0 {400 };".len(), "with a reason");
        assert_eq!(server.happened(), ["TransactionFailed 0"], "{bad}");
        assert_eq!(server.reply(&["DUM 1 0|2:ok", "AME 1;", "TS 2 1;"]), NOTHING);
        assert_eq!(server.happened(), ["Data 1 [ok]", "MessageEnded 1 Ok", "TransactionStarted 2 in 1"]);
    }
}

// req: OCP-5-04, OCP-5-05, OCP-5-07, OCP-6-01, OCP-10.10-11
#[test]
fn any_other_invalid_message_ends_the_connection() {
    for bad in [
        "DUM abc 0|1:x",
        "TE;",
        "SGC 2;",
        "SGD 2;",
        "SGD x;",
        "NO;",
        "NR;",
        "AQ abc;",
        "CE abc;",
        "PA x;",
        "X|A: 1|A: 1|;",
        "PQ ;",
        "garbage",
    ] {
        for mut agent in [Agent::server_in_transaction(), Agent::processor_in_transaction()] {
            let said = agent.reply(&[bad]);
            assert!(said.len() == 1 && is_connection_failure(&said[0]), "{bad}: {said:?}");
            assert_eq!(agent.connection.transactions(), 0);
            assert_eq!(agent.happened().len(), 1, "Closed stands for all that ends with it");
        }
    }
}

// req: OCP-5-04, OCP-5-07
#[test]
fn a_message_that_breaks_the_grammar_ends_the_connection_even_inside_a_transaction() {
    let mut server = Agent::server_in_transaction();
    let said = server.reply(&["DUM 0 0||05:hello"]);
    assert!(is_connection_failure(&said[0]), "{said:?}");
    assert_eq!(server.reply(&["PQ;", "TS 5 1;"]), NOTHING);
}

#[test]
fn an_invalid_message_that_crossed_our_te_is_ignored() {
    let mut server = Agent::server_in_transaction();
    server.connection.abort_transaction(X, "first");
    server.said();
    assert_eq!(
        server.reply(&["DUM 0 x|1:x", "DUM 0 9|1:x", "AME 0 OK;", "AMS 0;", "DUY 0 0 0;", "TE 0 x;"]),
        NOTHING
    );
}

// req: OCP-10.2-03, OCP-11-12
#[test]
fn an_invalid_message_uses_up_the_identifiers_below_it_only_if_it_is_a_ts() {
    let mut server = Agent::server();
    assert!(is_failure_of(&server.reply(&["DUM 9 x|1:x"])[0], 9));
    assert_eq!(server.reply(&["TS 3 1;"]), NOTHING);
    assert!(is_failure_of(&server.reply(&["TS 7;"])[0], 7));
    assert!(is_failure_of(&server.reply(&["TS 5 1;"])[0], 5));
}

// req: OCP-5-03
#[test]
fn messages_of_the_other_role_are_invalid() {
    for bad in ["DUY 0 0 0;", "DPI 0 0 0;", "DWSR 0 0;", "DWSS 0;"] {
        let mut server = Agent::server_in_transaction();
        assert!(is_failure_of(&server.reply(&[bad])[0], 0), "{bad}");
    }
    for bad in ["TS 0 1;", "DSS 0;"] {
        let mut processor = Agent::processor_in_transaction();
        assert!(is_failure_of(&processor.reply(&[bad])[0], 0), "{bad}");
    }
}

#[test]
fn payload_of_a_broken_transaction_is_dropped() {
    let mut server = Agent::server_in_transaction();
    server.hear_octets(b"DUM 0 0\r\n9:abc");
    server.connection.abort_transaction(X, "enough");
    server.forget();
    server.hear_octets(b"defghi\r\n;\r\nPQ;\r\n");
    assert!(server.happened().is_empty());
    assert_eq!(server.said(), ["PA;"]);
}

// req: OCP-5-03, OCP-11.5-03
#[test]
fn many_broken_transactions_leave_a_healthy_one_alone() {
    let mut server = Agent::server_in_transaction();
    for xid in 1..3000_u64 {
        let said =
            server.reply(&[&format!("TS {xid} 1;"), &format!("AMS {xid};"), &format!("DUM {xid} 1|1:x")]);
        assert!(said.len() == 1 && is_failure_of(&said[0], xid), "{said:?}");
        assert_eq!(server.reply(&[&format!("DUM 0 {}|1:x", xid - 1)]), NOTHING);
    }
    assert_eq!(server.connection.transactions(), 1);
    assert!(is_failure_of(&server.reply(&["AMS 5;"])[0], 5), "what ended long ago is answered again");
}

// req: OCP-5-06
#[test]
fn failures_have_a_reason() {
    let mut server = Agent::server_in_transaction();
    server.hear(&["DUM 0 5|1:x"]);
    assert_eq!(server.failure(), "data does not begin where the data before it ended");
    let mut server = Agent::server_in_transaction();
    server.hear(&["PQ ;"]);
    assert_eq!(server.failure(), "syntax: unexpected octet 0x3b where a value has to stand");
}
