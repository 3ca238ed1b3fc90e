//! The end of a connection (RFC 4037 section 11.2).

use super::super::{SendError, StartError};
use super::{Agent, X};
use crate::event::{Closed, Event};
use crate::fault::Cause;
use crate::message::{Feature, GroupId, Outcome, Service};

const NOTHING: [&str; 0] = [];

// req: OCP-4-04, OCP-10.10-08, OCP-11.2-03, OCP-11.2-07
#[test]
fn ce_ends_everything() {
    for mut agent in [Agent::server_in_transaction(), Agent::processor_in_transaction()] {
        agent.hear(&["DUM 9 0|1:x"]);
        agent.forget();
        agent.hear_octets(b"PQ;\r\nCE {400 \"3:bye\"};\r\nPQ;\r\nDUM 0 0\r\n1:x\r\n;\r\nnonsense\xff");
        assert_eq!(agent.happened(), ["Closed: the peer ended the connection: bye"]);
        assert_eq!(agent.said(), ["PA;"], "only what came before");
        assert!(agent.connection.is_closing() && agent.connection.is_flushed());
        assert_eq!(agent.connection.transactions(), 0);
        assert_eq!(agent.try_send("late"), Err(SendError::NotOpen));
        assert_eq!(agent.due(), None);
    }
}

// req: OCP-10.10-09, OCP-10.10-10
#[test]
fn how_the_peer_ended_the_connection_is_reported() {
    for (ce, failure) in [("CE;", false), ("CE {200 ok};", false), ("CE {400};", true), ("CE {299};", true)] {
        let mut agent = Agent::server();
        agent.hear(&[ce]);
        let Some(Event::Closed(Closed::ByPeer(outcome))) = agent.events.pop() else { panic!("{ce}") };
        assert_eq!(outcome.is_failure(), failure, "{ce}");
    }
}

// req: OCP-11.2-05, OCP-11.2-06
#[test]
fn a_transport_that_closes_is_a_failure() {
    for mut agent in [Agent::server_in_transaction(), Agent::processor_in_transaction()] {
        agent.hear_octets(b"DUM 0 0\r\n100:only a part");
        agent.connection.query_progress(None);
        agent.forget();
        agent.connection.transport_closed();
        agent.connection.transport_closed();
        agent.poll();
        let Some(Event::Closed(Closed::Fault(fault))) = agent.events.pop() else {
            panic!("{:?}", agent.events)
        };
        assert_eq!(fault.cause, Cause::Closed);
        assert!(agent.events.is_empty());
        assert_eq!(agent.said(), NOTHING, "nobody is there to hear");
        assert!(agent.connection.is_closing() && agent.connection.is_flushed());
    }
}

/// Agents of both roles that have made an offer, and whose peer keeps the phase open.
fn negotiating() -> [Agent; 2] {
    [Agent::server(), Agent::processor()].map(|mut agent| {
        agent.connection.offer(vec![Feature::new("a")], None, agent.now).unwrap();
        agent.hear(&["NR|Offer-Pending: true|;"]);
        agent.connection.offer(vec![Feature::new("b")], None, agent.now).unwrap();
        agent.forget();
        assert!(agent.connection.is_negotiating());
        agent
    })
}

// req: OCP-11.2-08
#[test]
fn ce_ends_negotiations() {
    for mut agent in negotiating() {
        agent.hear(&["CE;"]);
        assert!(!agent.connection.is_negotiating(), "no answer is due any more");
        assert_eq!(agent.due(), None, "and nobody waits for one");
        assert_eq!(agent.reply(&["NR {b};", "NO ({c});"]), NOTHING);
        assert_eq!(agent.happened(), ["Closed: the peer ended the connection"]);
    }
    for mut agent in negotiating() {
        agent.connection.end(Outcome::OK);
        assert!(!agent.connection.is_negotiating());
        assert_eq!((agent.said(), agent.due()), (vec!["CE;".to_owned()], None));
    }
}

// req: OCP-11.2-09
#[test]
fn ce_ends_service_groups() {
    for ends in
        [|agent: &mut Agent| agent.hear(&["CE;"]), |agent: &mut Agent| agent.connection.end(Outcome::OK)]
    {
        let mut server = Agent::server();
        server.hear(&["SGC 2 ({a});"]);
        let mut processor = Agent::processor();
        processor.hear(&["SGC 5 ({a});"]);
        for mut agent in [server, processor] {
            ends(&mut agent);
            agent.forget();
            let connection = &mut agent.connection;
            assert_eq!((connection.own_groups.len(), connection.peer_groups.len()), (0, 0));
            connection.destroy_group(GroupId(1));
            assert_eq!(agent.reply(&["TS 0 1;", "SGD 1;"]), NOTHING);
        }
    }
}

#[test]
fn a_transport_that_closes_after_ce_is_no_failure() {
    let mut agent = Agent::server();
    agent.hear(&["CE;"]);
    agent.connection.transport_closed();
    agent.poll();
    assert_eq!(agent.happened(), ["Closed: the peer ended the connection"]);
}

// req: OCP-11.2-02
#[test]
fn nothing_follows_our_ce() {
    for mut agent in [Agent::server_in_transaction(), Agent::processor_in_transaction()] {
        agent.hear_octets(b"NO ({a});\r\n");
        agent.forget();
        agent.connection.read_buffer().extend_from_slice(b"NO ({a});\r\n");
        assert!(matches!(agent.connection.poll_event(agent.now), Some(Event::Offer { .. })));
        agent.connection.end(Outcome::OK);
        agent.connection.answer(None, vec![], vec![]);
        agent.connection.end(Outcome::failure("again"));
        agent.connection.refuse_group("again".to_owned());
        agent.connection.query_progress(None);
        agent.connection.query_ability(Feature::new("a"));
        agent.connection.destroy_group(GroupId(1));
        agent.connection.pause(X);
        agent.connection.end_transaction(X, Outcome::OK);
        agent.connection.abort_transaction(X, "no");
        agent.connection.handle_timeout(agent.now + std::time::Duration::from_secs(1 << 20));
        assert!(agent.connection.offer(vec![], None, agent.now).is_err());
        assert_eq!(agent.reply(&["PQ;", "DUM 0 0|1:x", "NO ();", "NR;"]), ["CE;"]);
        assert_eq!(agent.happened(), ["Closed: the connection was ended"]);
    }
    let mut processor = Agent::processor();
    processor.connection.end(Outcome::OK);
    assert_eq!(processor.connection.create_group(vec![Service::new("a")]), Err(StartError::Closing));
}

// req: OCP-2.5-01, OCP-11.2-02
#[test]
fn what_was_said_before_ce_goes_out_before_it() {
    let mut processor = Agent::processor();
    processor.start();
    processor.connection.query_progress(None);
    processor.send("unsent data is lost");
    processor.connection.end(Outcome::failure("stopped"));
    assert_eq!(processor.said(), ["TS 0 1;", "PQ;", "CE {400 stopped};"]);
    assert_eq!((processor.connection.queued(), processor.connection.kept), (0, 0));
}

#[test]
fn input_after_the_end_is_dropped() {
    let mut agent = Agent::server();
    agent.connection.end(Outcome::OK);
    for _ in 0..100 {
        agent.hear_octets(&[b'x'; 10_000]);
        assert!(agent.connection.read_buffer().is_empty());
    }
}
