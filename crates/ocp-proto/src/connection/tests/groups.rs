//! Service groups (RFC 4037 sections 10.2, 11.3, 11.4).

use super::super::StartError;
use super::{Agent, X, is_connection_failure, is_failure_of};
use crate::event::Event;
use crate::limits::Limits;
use crate::message::{GroupId, Service};

const NOTHING: [&str; 0] = [];

// req: OCP-10.2-02, OCP-10.2-03
#[test]
fn a_processor_creates_groups_with_growing_identifiers() {
    let mut processor = Agent::processor();
    let services = vec![Service::new("ocp://a"), Service::new("b")];
    assert_eq!(processor.connection.create_group(services), Ok(GroupId(2)));
    processor.connection.destroy_group(GroupId(2));
    assert_eq!(processor.connection.create_group(vec![]), Ok(GroupId(3)));
    assert_eq!(processor.said(), ["SGC 2 ({\"7:ocp://a\"},{b});", "SGD 2;", "SGC 3 ();"]);
}

// req: OCP-11-11, OCP-11.5-04
#[test]
fn a_group_that_is_not_active_is_not_named() {
    let mut processor = Agent::processor();
    let start =
        |agent: &mut Agent, group| agent.connection.start_transaction(GroupId(group), "".into(), agent.now);
    assert_eq!(start(&mut processor, 2), Err(StartError::NoGroup));
    processor.connection.destroy_group(GroupId(1));
    processor.connection.destroy_group(GroupId(1));
    processor.connection.destroy_group(GroupId(9));
    assert_eq!(start(&mut processor, 1), Err(StartError::NoGroup));
    assert_eq!(processor.said(), ["SGD 1;"]);
}

// req: OCP-11.3-02, OCP-11.3-03, OCP-11.3-05, OCP-11.3-06
#[test]
fn a_server_keeps_a_group_until_it_is_destroyed() {
    let mut server = Agent::server();
    server.hear(&["TS 1 1;", "TE 1;", "TS 2 1;"]);
    assert_eq!(
        server.happened(),
        ["TransactionStarted 1 in 1", "TransactionEnded 1 Ok", "TransactionStarted 2 in 1"]
    );
    assert_eq!(server.said(), NOTHING);
}

// req: OCP-11-12, OCP-11.4-02
#[test]
fn a_destroyed_group_is_gone_but_its_transactions_go_on() {
    let mut server = Agent::server_in_transaction();
    assert_eq!(server.reply(&["SGD 1;", "DUM 0 0|2:ok"]), NOTHING);
    assert_eq!(server.happened(), ["GroupDestroyed 1", "Data 0 [ok]"]);
    assert!(is_failure_of(&server.reply(&["TS 1 1;"])[0], 1));
    assert!(server.connection.is_active(X));
    assert!(is_connection_failure(&server.reply(&["SGD 1;"])[0]), "not twice");
}

// req: OCP-10.2-02, OCP-10.2-03
#[test]
fn identifiers_of_groups_only_grow() {
    for bad in ["SGC 1 ();", "SGC 0 ();", "SGC 5 ();", "SGC 4 ();"] {
        let mut server = Agent::server();
        assert_eq!(server.reply(&["SGC 5 ();", "SGD 5;"]), NOTHING);
        assert!(is_connection_failure(&server.reply(&[bad])[0]), "{bad}");
    }
    let mut server = Agent::server();
    assert_eq!(server.reply(&["SGC 2 ();", "SGC 2147483647 ();", "TS 0 2147483647;"]), NOTHING);
}

// req: OCP-11.3-07
#[test]
fn a_group_that_is_not_created_ends_the_connection_before_anything_else() {
    let mut server = Agent::server();
    server.connection.read_buffer().extend_from_slice(b"SGC 2 ({a});\r\nPQ;\r\n");
    assert!(matches!(server.connection.poll_event(server.now), Some(Event::GroupWanted { .. })));
    server.connection.refuse_group("no such service".to_owned());
    server.poll();
    assert_eq!(server.said(), ["CE {400 \"15:no such service\"};"]);
    assert_eq!(server.happened(), ["Closed: no such service"]);
}

// req: OCP-11.3-07
#[test]
fn silence_refuses_a_group() {
    let mut server = Agent::server();
    server.connection.read_buffer().extend_from_slice(b"SGC 2 ({a});\r\nPQ;\r\n");
    assert!(matches!(server.connection.poll_event(server.now), Some(Event::GroupWanted { .. })));
    server.connection.accept_group(GroupId(1));
    server.poll();
    let said = server.said();
    assert!(said.len() == 1 && is_connection_failure(&said[0]), "another group was accepted: {said:?}");
}

// req: OCP-5-02, OCP-11.3-07
#[test]
fn there_is_a_limit_to_groups() {
    let mut server = Agent::server_with(Limits { groups: 3, ..Limits::default() });
    assert_eq!(server.reply(&["SGC 2 ();", "SGC 3 ();", "SGD 2;", "SGC 4 ();"]), NOTHING);
    assert!(is_connection_failure(&server.reply(&["SGC 5 ();"])[0]));
}

#[test]
fn a_server_may_have_groups_too() {
    let mut processor = Agent::processor();
    assert_eq!(processor.reply(&["SGC 9 ({x});", "SGD 9;"]), NOTHING);
    assert_eq!(processor.happened(), ["GroupDestroyed 9"]);
}

#[test]
fn used_up_identifiers_end_what_can_be_started() {
    let mut processor = Agent::processor();
    processor.connection.skip_to(crate::message::Xid(2_147_483_647));
    assert_eq!(processor.start().0, 2_147_483_647);
    let started = processor.connection.start_transaction(GroupId(1), "".into(), processor.now);
    assert_eq!(started, Err(StartError::Exhausted));
    assert_eq!(processor.said(), ["TS 2147483647 1;", "AMS 2147483647;"]);
}
