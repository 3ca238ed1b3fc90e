//! Every message in every state of a transaction, for both roles: taken, or TE or CE with code 400.

use super::super::Role;
use super::{Agent, X, is_connection_failure, is_failure_of};
use crate::message::Xid;

/// The transaction of the walk. Others come before and after it.
const XID: u64 = 1;

/// The states that are walked, in the order of the columns below.
const STATES: [&str; 6] =
    ["before TS", "after TS", "after AMS", "after AME", "after the peer's TE", "after our TE"];

/// What a server does about a message of a processor: `.` takes or ignores it, `T` answers TE 400, `C` answers CE 400,
/// `E` is the end that the message asks for.
const SERVER: &[(&str, &str)] = &[
    ("CS;", "......"),
    ("CE;", "EEEEEE"),
    ("CE x;", "CCCCCC"),
    ("SGC 9 ({s});", "......"),
    ("SGC 1 ({s});", "CCCCCC"),
    ("SGC 9;", "CCCCCC"),
    ("SGD 1;", "......"),
    ("SGD 9;", "CCCCCC"),
    ("TS 1 1;", ".TTTTT"),
    ("TS 1 9;", "TTTTTT"),
    ("TS 1;", "TTTTT."),
    ("TE 1;", "......"),
    ("TE 1 {400};", "......"),
    ("TE 1 x;", "TTTTT."),
    ("AMS 1;", "T.TTT."),
    ("AMS 1|Services: x|;", "TTTTT."),
    ("AME 1;", "TT.TT."),
    ("AME 1 {206};", "TTTTT."),
    ("AME 1 {400};", "T..TT."),
    ("AME 1 {x};", "TTTTT."),
    ("DUM 1 0|1:x", "TT.TT."),
    ("DUM 1 0|0:", "TT.TT."),
    ("DUM 1 1|1:x", "TTTTT."),
    ("DUM 1 0;", "TTTTT."),
    ("DUM 1 0|Kept: {0 5}||1:x", "TT.TT."),
    ("DUY 1 0 0;", "TTTTT."),
    ("DPI 1 0 0;", "TTTTT."),
    ("DWSR 1 0;", "TTTTT."),
    ("DWSS 1;", "TTTTT."),
    ("DSS 1;", "TTTTT."),
    ("DWP 1 0;", "T...T."),
    ("DWP 1 9;", "T...T."),
    ("DWP 1;", "TTTTT."),
    ("DPM 1;", "T...T."),
    ("DWM 1;", "T...T."),
    ("DWM 1|Size-request: x|;", "TTTTT."),
    ("NO ();", "......"),
    ("NO ({a})|SG: 1|;", "......"),
    ("NO ()|SG: 9|;", "CCCCCC"),
    ("NR;", "CCCCCC"),
    ("AQ {a};", "......"),
    ("AQ;", "CCCCCC"),
    ("AA true;", "......"),
    ("AA 1;", "CCCCCC"),
    ("PQ;", "......"),
    ("PQ 1;", "......"),
    ("PQ x;", "......"),
    ("PA;", "......"),
    ("PA 1;", "......"),
    ("PA x;", "CCCCCC"),
    ("PR 1|Org-Data: 5|;", "......"),
    ("PR 1|Org-Data: x|;", "CCCCCC"),
    ("X-new 1|1:x", "......"),
];

/// The same for a processor and a server's messages; AMS and AME are those of the adapted flow.
const PROCESSOR: &[(&str, &str)] = &[
    ("CS;", "......"),
    ("CE;", "EEEEEE"),
    ("CE x;", "CCCCCC"),
    ("SGC 9 ({s});", "......"),
    ("SGC 1;", "CCCCCC"),
    ("SGD 1;", "CCCCCC"),
    ("TS 1 1;", "TTTTT."),
    ("TE 1;", "......"),
    ("TE 1 {400};", "......"),
    ("TE 1 x;", "TTTTT."),
    ("AMS 1;", "T.TTT."),
    ("AMS 1|Services: ({a})|;", "T.TTT."),
    ("AMS 1|Services: x|;", "TTTTT."),
    ("AME 1;", "TT.TT."),
    ("AME 1 {206};", "TTTTT."),
    ("AME 1 {400};", "T..TT."),
    ("AME 1 {x};", "TTTTT."),
    ("DUM 1 0|1:x", "TT.TT."),
    ("DUM 1 0|0:", "TT.TT."),
    ("DUM 1 1|1:x", "TTTTT."),
    ("DUM 1 0;", "TTTTT."),
    ("DUY 1 0 0;", "TT.TT."),
    ("DUY 1 0 4;", "TT.TT."),
    ("DUY 1 0 5;", "TTTTT."),
    ("DPI 1 0 4;", "T...T."),
    ("DPI 1 x 4;", "TTTTT."),
    ("DWSR 1 0;", "T...T."),
    ("DWSR 1;", "TTTTT."),
    ("DWSS 1;", "T...T."),
    ("DSS 1;", "TTTTT."),
    ("DWP 1 0;", "T...T."),
    ("DWP 1 9;", "T...T."),
    ("DWP 1;", "TTTTT."),
    ("DPM 1;", "T...T."),
    ("DWM 1;", "T...T."),
    ("DWM 1|Size-request: x|;", "TTTTT."),
    ("NO ();", "......"),
    ("NO ({a})|SG: 1|;", "......"),
    ("NO ()|SG: 9|;", "CCCCCC"),
    ("NR;", "CCCCCC"),
    ("AQ {a};", "......"),
    ("AQ;", "CCCCCC"),
    ("AA true;", "......"),
    ("AA 1;", "CCCCCC"),
    ("PQ;", "......"),
    ("PQ 1;", "......"),
    ("PQ x;", "......"),
    ("PA;", "......"),
    ("PA 1;", "......"),
    ("PA x;", "CCCCCC"),
    ("PR 1|Org-Data: 5|;", "......"),
    ("PR 1|Org-Data: x|;", "CCCCCC"),
    ("X-new 1|1:x", "......"),
];

/// A server in one of the states.
fn server(state: usize) -> Agent {
    let mut server = Agent::server();
    server.hear(&["TS 0 1;", "AMS 0;"]);
    if state > 0 {
        server.hear(&["TS 1 1;"]);
    }
    if state > 1 {
        server.hear(&["AMS 1;"]);
    }
    match state {
        3 => server.hear(&["AME 1;"]),
        4 => server.hear(&["TE 1;"]),
        5 => server.connection.abort_transaction(Xid(XID), "over"),
        _ => {}
    }
    server.forget();
    server
}

/// A processor in one of the states. "before TS", another agent may still say anything about the transaction to come.
fn processor(state: usize) -> Agent {
    let mut processor = Agent::processor_in_transaction();
    if state > 0 {
        let xid = processor.start();
        assert_eq!(xid, Xid(XID));
        processor.connection.send(xid, "".into(), "data".into(), None).unwrap();
        processor.said();
    }
    if state > 1 {
        processor.hear(&["AMS 1;"]);
    }
    match state {
        3 => processor.hear(&["AME 1;"]),
        4 => processor.hear(&["TE 1;"]),
        5 => processor.connection.abort_transaction(Xid(XID), "over"),
        _ => {}
    }
    processor.forget();
    processor
}

/// What the agent did about a message.
fn reaction(agent: &mut Agent, message: &str) -> char {
    let said = agent.reply(&[message]);
    if said.iter().any(|said| is_connection_failure(said)) {
        assert_eq!(said.len(), 1, "{message}: {said:?}");
        return 'C';
    }
    if agent.connection.is_closing() {
        return 'E';
    }
    assert!(agent.connection.is_active(X), "{message} leaves the other transaction alone");
    if said.iter().any(|said| is_failure_of(said, XID)) {
        assert_eq!(said.len(), 1, "{message}: {said:?}");
        assert!(!agent.connection.is_active(Xid(XID)));
        return 'T';
    }
    assert!(!said.iter().any(|said| said.starts_with("TE")), "{message}: {said:?}");
    '.'
}

fn walk(role: Role, table: &[(&str, &str)], agent: fn(usize) -> Agent) {
    let mut differences = Vec::new();
    for (message, expected) in table {
        let walked: String = (0..STATES.len()).map(|state| reaction(&mut agent(state), message)).collect();
        if walked != *expected {
            differences.push(format!("{role:?} {message} {walked} and not {expected}"));
        }
    }
    assert!(differences.is_empty(), "{STATES:?}\n{}", differences.join("\n"));
}

// req: OCP-5-03, OCP-5-04, OCP-5-05, OCP-5-07, OCP-11-12
#[test]
fn a_server_takes_each_message_in_its_states_only() {
    walk(Role::Server, SERVER, server);
}

// req: OCP-5-03, OCP-5-04, OCP-5-05, OCP-5-07, OCP-11-12
#[test]
fn a_processor_takes_each_message_in_its_states_only() {
    walk(Role::Processor, PROCESSOR, processor);
}

#[test]
fn the_walk_meets_every_message() {
    let names = "CS CE SGC SGD TS TE AMS AME DUM DUY DPI DWSR DWSS DSS DWP DPM DWM NO NR AQ AA PQ PA PR";
    for table in [SERVER, PROCESSOR] {
        for name in names.split(' ') {
            assert!(
                table.iter().any(|(message, _)| message.split([' ', ';']).next() == Some(name)),
                "{name}"
            );
        }
    }
}
