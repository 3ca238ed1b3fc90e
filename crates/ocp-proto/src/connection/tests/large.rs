//! Sizes past 2147483647 (`proto-spec/extensions/large-sizes.md`): where they were negotiated, and nowhere else.

use super::{Agent, X, is_connection_failure, is_failure_of};
use crate::codec::number;
use crate::message::GroupId;

const NOTHING: [&str; 0] = [];

/// Shortly before the largest size of OCP Core.
const EDGE: u64 = number::MAX - 5;

/// An agent whose flows of [`X`] have come so far, with the original open.
fn at_the_edge(mut agent: Agent, extended: bool) -> Agent {
    if extended {
        agent.connection.allow_large_sizes(Some(GroupId(1)));
    }
    match agent.connection.role() {
        crate::Role::Processor => drop(agent.start()),
        crate::Role::Server => agent.hear(&["TS 0 1;", "AMS 0;"]),
    }
    let transaction = agent.connection.transactions.get_mut(&X).unwrap();
    transaction.incoming.offset = EDGE;
    transaction.outgoing.offset = EDGE;
    agent.forget();
    agent
}

#[test]
fn a_processor_sends_on_and_keeps_what_it_sends() {
    let mut processor = at_the_edge(Agent::processor(), true);
    processor.send("0123456789");
    assert_eq!(processor.said(), ["DUM 0 2147483642|Kept: {2147483642 10}||10:0123456789"]);
    processor.send("abc");
    assert_eq!(processor.said(), ["DUM 0 2147483652|Kept: {2147483642 13}||3:abc"]);
    processor.hear(&["AMS 0;", "DUY 0 2147483650 5;", "DUM 0 2147483647|As-is: 2147483650||1:x"]);
    assert_eq!(processor.said(), NOTHING);
    let events = ["MessageStarted 0", "Data 0 [89abc] original 2147483650", "Data 0 [x]"];
    assert_eq!(processor.happened(), events);
    processor.hear(&[
        "DPI 0 2147483652 3;",
        "DWP 0 2147483700;",
        "DWM 0|Size-request: 3000000000|;",
        "DWSR 0 2147483655;",
    ]);
    assert_eq!(processor.said(), ["AME 0 {206};"]);
}

#[test]
fn a_server_takes_and_reuses_it() {
    let mut server = at_the_edge(Agent::server(), true);
    server.hear(&["DUM 0 2147483642|Kept: {2147483642 100}||10:0123456789", "DUM 0 2147483652|3:abc"]);
    assert_eq!(server.happened(), ["Data 0 [0123456789]", "Data 0 [abc]"]);
    server.connection.start_message(X, Default::default(), None);
    let original = "x".repeat(100);
    server.connection.send(X, Default::default(), original.into(), Some(2_147_483_642)).unwrap();
    assert_eq!(server.said(), ["AMS 0;", "DUY 0 2147483642 100;"]);
    assert_eq!(server.reply(&["PQ 0;"]), ["PA 0|Org-Data: 13|;"]);
}

// req: OCP-10.3-01, OCP-10.3-03
#[test]
fn without_the_extension_nothing_passes_the_limit_of_core() {
    let mut processor = at_the_edge(Agent::processor(), false);
    assert!(processor.try_send("0123456789").is_err());
    assert!(processor.try_send("01234").is_ok());
    for message in ["DUM 0 2147483648|1:x", "DUY 0 2147483648 1;", "DWP 0 2147483648;", "DWSR 0 2147483648;"]
    {
        let mut processor = at_the_edge(Agent::processor(), false);
        let said = processor.reply(&["AMS 0;", message]);
        assert!(is_failure_of(&said[0], 0), "{message}: {said:?}");
    }
    let mut server = at_the_edge(Agent::server(), false);
    assert!(is_failure_of(&server.reply(&["DUM 0 2147483642|10:0123456789"])[0], 0));
}

/// Another group's extension does not help.
#[test]
fn large_sizes_hold_in_their_scope_only() {
    for message in [
        "DUM 0 2147483648|1:x",
        "DUM 0 2147483642|Kept: {0 2147483648}||1:x",
        "DUY 0 2147483648 1;",
        "DUY 0 0 2147483648;",
        "DWM 0|Size-request: 2147483648|;",
    ] {
        let mut server = Agent::server();
        server.hear(&["SGC 2 ({\"7:ocp://s\"});"]);
        server.connection.allow_large_sizes(Some(GroupId(2)));
        let mut server = at_the_edge(server, false);
        let said = server.reply(&[message]);
        assert!(is_failure_of(&said[0], 0), "{message}: {said:?}");
        assert_eq!(server.reply(&[message]), NOTHING, "it crossed our TE");
    }
}

#[test]
fn large_sizes_of_the_connection_hold_for_later_transactions_of_every_group() {
    let mut server = Agent::server();
    server.hear(&["TS 5 1;", "AMS 5;"]);
    server.connection.allow_large_sizes(None);
    server.hear(&["TS 6 1;", "AMS 6;"]);
    server.forget();
    assert_eq!(server.reply(&["DWM 6|Size-request: 2147483648|;"]), NOTHING);
    let said = server.reply(&["DWM 5|Size-request: 2147483648|;"]);
    assert!(
        is_failure_of(&said[0], 5),
        "RFC 4037 section 11.18: what was pending goes on as it began: {said:?}"
    );
}

/// Identifiers do not grow, and neither does what the extension allows.
#[test]
fn the_extension_has_limits_of_its_own() {
    let extended = || at_the_edge(Agent::server(), true);
    for message in ["TS 2147483648 1;", "PR|Org-Data: 2147483648|;"] {
        let said = extended().reply(&[message]);
        assert!(is_connection_failure(&said[0]), "{message}: {said:?}");
    }
    let said = extended().reply(&["DWM 0|Size-request: 4611686018427387904|;"]);
    assert!(is_failure_of(&said[0], 0), "{said:?}");
    assert_eq!(extended().reply(&["DWM 0|Size-request: 4611686018427387903|;"]), NOTHING);
}
