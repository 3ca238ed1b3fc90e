//! Identifiers mean something on their own connection only (RFC 4037 sections 10.7, 11.3 and 13).

use super::{Agent, X, is_connection_failure, is_failure_of};
use crate::message::{GroupId, Xid};

const NOTHING: [&str; 0] = [];

/// What a processor may say of transaction 7.
const OF_A_PROCESSOR: [&str; 9] = [
    "AMS 7;",
    "DUM 7 0|1:x",
    "AME 7;",
    "DSS 7;",
    "DWP 7 0;",
    "DPM 7;",
    "DWM 7;",
    "DUM 7 0|Kept: {0 1}||1:x",
    "AME 7 {400};",
];

/// What a server may say of transaction 0.
const OF_A_SERVER: [&str; 11] = [
    "AMS 0;",
    "DUM 0 0|1:x",
    "DUY 0 0 1;",
    "DPI 0 0 1;",
    "DWSS 0;",
    "DWSR 0 1;",
    "AME 0;",
    "AME 0 {206};",
    "DWP 0 0;",
    "DPM 0;",
    "DWM 0;",
];

/// A server with group 9 and transaction 7, whose original message has begun.
fn owner() -> Agent {
    let mut server = Agent::server();
    server.hear(&["SGC 9 ({own});", "TS 7 9;", "AMS 7;"]);
    server.forget();
    server
}

// req: OCP-10.7-01, OCP-13-01
#[test]
fn a_server_knows_no_transaction_of_another_connection() {
    for message in OF_A_PROCESSOR {
        let (mut owner, mut other) = (owner(), Agent::server());
        assert!(is_failure_of(&other.reply(&[message])[0], 7), "{message}");
        assert!(other.happened().is_empty(), "{message}");
        assert_eq!(other.reply(&["PQ 7;"]), ["PA;"], "it tells nothing of it");
        assert_eq!(owner.reply(&["DUM 7 0|2:ok", "PQ 7;"]), ["PA 7|Org-Data: 2|;"], "{message}");
        assert_eq!(owner.happened(), ["Data 7 [ok]"]);
    }
}

// req: OCP-10.7-01, OCP-13-01
#[test]
fn a_processor_knows_no_transaction_of_another_connection() {
    for message in OF_A_SERVER {
        let (mut owner, mut other) = (Agent::processor_in_transaction(), Agent::processor());
        owner.send("secret");
        owner.forget();
        assert!(is_failure_of(&other.reply(&[message])[0], 0), "{message}");
        assert!(other.happened().is_empty(), "{message}");
        assert!(owner.connection.is_active(X) && owner.said().is_empty(), "{message}");
    }
}

// req: OCP-10.7-01
#[test]
fn one_identifier_names_a_transaction_on_each_connection() {
    let (mut first, mut second) = (owner(), owner());
    first.hear(&["DUM 7 0|5:first"]);
    second.hear(&["DUM 7 0|6:second", "AME 7;"]);
    assert_eq!(first.happened(), ["Data 7 [first]"]);
    assert_eq!(second.happened(), ["Data 7 [second]", "MessageEnded 7 Ok"]);
    second.hear(&["TE 7;"]);
    assert!(first.connection.is_active(Xid(7)));
    assert_eq!(first.reply(&["DUM 7 5|1:!"]), NOTHING);
}

// req: OCP-11.3-04, OCP-13-01
#[test]
fn a_group_belongs_to_its_connection() {
    let (mut owner, mut other) = (owner(), Agent::server());
    assert!(is_failure_of(&other.reply(&["TS 1 9;"])[0], 1), "no transaction with it");
    assert!(is_connection_failure(&other.reply(&["NO ()|SG: 9|;"])[0]), "no offer for it");
    let mut other = Agent::server();
    assert!(is_connection_failure(&other.reply(&["SGD 9;"])[0]), "no end of it");
    assert_eq!(owner.reply(&["TS 8 9;", "NO ()|SG: 9|;", "SGD 9;"]), ["NR|SG: 9|;"]);
    assert_eq!(owner.happened(), ["TransactionStarted 8 in 9", "Offer of 0 for Some(9)", "GroupDestroyed 9"]);

    // Another connection may give the same identifier to other services.
    let mut other = Agent::server();
    other.hear(&["SGC 9 ({a},{b});", "SGD 9;"]);
    assert_eq!(other.happened(), ["GroupWanted 9 of 2", "GroupDestroyed 9"]);

    let mut processor = Agent::processor();
    let group = processor.connection.create_group(Vec::new()).unwrap();
    let mut other = Agent::processor();
    let started = |agent: &mut Agent, group| {
        agent.connection.start_transaction(group, bytes::Bytes::new(), agent.now).is_ok()
    };
    assert!(started(&mut processor, group) && !started(&mut other, group));
    assert_eq!(group, GroupId(2));
}
