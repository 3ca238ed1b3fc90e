//! The start of a connection (RFC 4037 sections 6.1, 11.1).

use super::super::{Role, StartError};
use super::{Agent, is_connection_failure};
use crate::limits::Limits;
use crate::message::{Feature, Outcome, Service};

fn new(role: Role) -> Agent {
    Agent::new(role, Limits::default())
}

const ROLES: [Role; 2] = [Role::Processor, Role::Server];

// req: OCP-11.1-02, OCP-11.1-04
#[test]
fn cs_is_said_first_and_once() {
    for role in ROLES {
        let mut agent = new(role);
        agent.connection.query_progress(None);
        assert_eq!(agent.said(), ["CS;", "PQ;"]);
        assert_eq!(agent.reply(&["CS;", "PQ;"]), ["PA;"]);
    }
}

#[test]
fn the_processors_offer_follows_cs() {
    let mut processor = new(Role::Processor);
    processor.connection.offer(Vec::new(), None, processor.now).unwrap();
    assert_eq!(processor.said(), ["CS;", "NO ();"]);
}

// req: OCP-5-05, OCP-11.1-03
#[test]
fn a_first_message_other_than_cs_ends_the_connection() {
    for role in ROLES {
        for first in
            ["PQ;", "NO ();", "X-hello 1;", "cs;", "CSE;", "TS 1 1;", "CE;", "CS|A: 1|A: 1|;", "DUM 1 0|1:x"]
        {
            let mut agent = new(role);
            let said = agent.reply(&[first]);
            assert_eq!(said[0], "CS;", "{first}");
            assert!(said.len() == 2 && is_connection_failure(&said[1]), "{first}: {said:?}");
            assert!(agent.connection.is_closing() && agent.connection.is_flushed());
        }
    }
}

// req: OCP-11.1-05
#[test]
fn repeated_cs_are_ignored() {
    for mut agent in [Agent::server(), Agent::processor()] {
        assert_eq!(agent.reply(&["CS;", "CS 1|A: 1||2:xx"]), [] as [&str; 0]);
        assert!(agent.happened().is_empty());
    }
}

// req: OCP-11.1-06, OCP-11.1-07, OCP-11.2-02
#[test]
fn a_server_may_refuse_at_once() {
    let mut server = new(Role::Server);
    server.connection.end(Outcome::failure("full"));
    assert_eq!(server.said(), ["CS;", "CE {400 full};"]);
    assert_eq!(server.reply(&["CS;", "NO ();"]), [] as [&str; 0]);
    assert_eq!(server.happened(), ["Closed: the connection was ended"]);
}

#[test]
fn nothing_starts_before_the_peer_has_spoken() {
    let mut processor = new(Role::Processor);
    assert_eq!(processor.connection.create_group(vec![]), Err(StartError::Closing));
    processor.connection.offer(vec![Feature::new("ocp://a")], None, processor.now).unwrap();
    processor.hear(&["CS;"]);
    assert_eq!(processor.connection.create_group(vec![]), Err(StartError::Negotiating));
    processor.hear(&["NR {\"7:ocp://a\"};"]);
    assert!(processor.connection.create_group(vec![Service::new("ocp://s")]).is_ok());
    assert_eq!(processor.happened(), ["Connected", "Answer Some(\"ocp://a\") for None"]);
}

#[test]
fn an_agent_knows_its_role() {
    for role in ROLES {
        assert_eq!(new(role).connection.role(), role);
    }
}
