//! Offers, answers and phases (RFC 4037 sections 6, 11.18, 11.19).

use super::super::Role;
use super::{Agent, is_connection_failure};
use crate::event::Event;
use crate::limits::Limits;
use crate::message::{Feature, GroupId};

const NOTHING: [&str; 0] = [];

fn features(uris: &[&'static str]) -> Vec<Feature> {
    uris.iter().map(|uri| Feature::new(*uri)).collect()
}

fn offer(agent: &mut Agent, uris: &[&'static str], group: Option<GroupId>) -> Result<(), &'static str> {
    agent.connection.offer(features(uris), group, agent.now)
}

// req: OCP-6-02, OCP-11.18-04, OCP-11.18-05, OCP-11.18-08, OCP-11.18-10, OCP-11.19-02, OCP-11.19-05
// req: OCP-11.19-11, OCP-11.19-14
#[test]
fn both_roles_answer_offers() {
    for mut agent in [Agent::server(), Agent::processor()] {
        let said = agent.reply(&["NO ({\"9:ocp://new\"},{\"10:ocp://able\"});"]);
        assert_eq!(said, ["NR {\"10:ocp://able\"}|Unknowns: ({\"9:ocp://new\"})|;"]);
        assert_eq!(agent.reply(&["NO ({\"9:ocp://new\"});"]), ["NR|Unknowns: ({\"9:ocp://new\"})|;"]);
        assert_eq!(agent.reply(&["NO ();"]), ["NR;"]);
        assert_eq!(agent.happened(), ["Offer of 2 for None", "Offer of 1 for None", "Offer of 0 for None"]);
    }
}

// req: OCP-11.18-08, OCP-11.18-10
#[test]
fn an_offer_that_nobody_answers_is_rejected() {
    let mut agent = Agent::server();
    agent.connection.read_buffer().extend_from_slice(b"NO ({a});\r\nPQ;\r\n");
    assert!(matches!(agent.connection.poll_event(agent.now), Some(Event::Offer { .. })));
    assert!(agent.connection.poll_event(agent.now).is_none());
    assert_eq!(agent.said(), ["NR|Unknowns: ({a})|;", "PA;"]);
    agent.connection.answer(None, vec![], vec![]);
    assert_eq!(agent.said(), NOTHING, "too late");
}

// req: OCP-10.12-03, OCP-11.18-02
#[test]
fn features_keep_the_order_of_preference() {
    let mut processor = Agent::processor();
    offer(&mut processor, &["b", "c", "a"], None).unwrap();
    assert_eq!(processor.said(), ["NO ({b},{c},{a});"], "the favourite first");
    let mut server = Agent::server();
    assert_eq!(server.reply(&["NO ({b},{c},{a});"]), ["NR|Unknowns: ({b},{c},{a})|;"]);
    assert!(matches!(&server.events[..], [Event::Offer { features: offered, .. }]
        if *offered == features(&["b", "c", "a"])));
    server.connection.read_buffer().extend_from_slice(b"NO ({b},{c},{a});\r\n");
    assert!(matches!(server.connection.poll_event(server.now), Some(Event::Offer { .. })));
    server.connection.answer(None, features(&["z", "y"]), features(&["b", "c", "a"]));
    assert_eq!(server.said(), ["NR|Rejects: ({z},{y})|Unknowns: ({b},{c},{a})|;"]);
}

// req: OCP-11.19-09
#[test]
fn an_answer_repeats_the_scope() {
    let mut server = Agent::server();
    assert_eq!(server.reply(&["NO ({\"10:ocp://able\"})|SG: 1|;"]), ["NR {\"10:ocp://able\"}|SG: 1|;"]);
    assert_eq!(server.reply(&["NO ()|SG: 1|;"]), ["NR|SG: 1|;"]);
    let mut processor = Agent::processor();
    assert_eq!(processor.reply(&["NO ({x})|SG: 1|;"]), ["NR|SG: 1|Unknowns: ({x})|;"]);
}

// req: OCP-11-12
#[test]
fn an_offer_for_a_group_that_never_was_is_invalid() {
    for mut agent in [Agent::server(), Agent::processor()] {
        for group in ["0", "2"] {
            let mut agent = Agent::new(agent.connection.role(), Limits::default());
            agent.hear(&["CS;"]);
            agent.forget();
            let said = agent.reply(&[&format!("NO ()|SG: {group}|;")]);
            assert!(is_connection_failure(&said[0]), "{said:?}");
        }
        assert!(is_connection_failure(&agent.reply(&["NO ()|SG: 0|;"])[0]));
    }
    let mut server = Agent::server();
    assert!(is_connection_failure(&server.reply(&["SGD 1;", "NO ()|SG: 1|;"])[0]));
}

#[test]
fn a_servers_offer_for_a_group_that_ends_meanwhile_is_answered() {
    let mut processor = Agent::processor();
    processor.connection.destroy_group(GroupId(1));
    assert_eq!(processor.reply(&["NO ({x})|SG: 1|;"]), ["SGD 1;", "NR|SG: 1|Unknowns: ({x})|;"]);
}

// req: OCP-11.19-07
#[test]
fn an_answer_reaches_the_agent_above() {
    let mut processor = Agent::processor();
    offer(&mut processor, &["ocp://a", "ocp://b"], Some(GroupId(1))).unwrap();
    assert_eq!(processor.said(), ["NO ({\"7:ocp://a\"},{\"7:ocp://b\"})|SG: 1|;"]);
    assert_eq!(processor.reply(&["NR {\"7:ocp://b\" 1|P: 2|}|SG: 1|;"]), NOTHING);
    assert_eq!(processor.happened(), ["Answer Some(\"ocp://b\") for Some(1)"]);
    offer(&mut processor, &[], None).unwrap();
    processor.hear(&["NR;"]);
    assert_eq!(processor.happened(), ["Answer None for None"]);
}

// req: OCP-6-01, OCP-11.18-11, OCP-11.19-03, OCP-11.19-04, OCP-11.19-10, OCP-11.19-12
#[test]
fn an_answer_that_does_not_fit_ends_the_connection() {
    for bad in [
        "NR {\"7:ocp://b\"}|SG: 1|;",
        "NR {\"7:ocp://a\"};",
        "NR {\"7:ocp://a\"}|SG: 2|;",
        "NR;",
        "NR|SG: 0|;",
    ] {
        let mut processor = Agent::processor();
        offer(&mut processor, &["ocp://a"], Some(GroupId(1))).unwrap();
        processor.forget();
        assert!(is_connection_failure(&processor.reply(&[bad])[0]), "{bad}");
    }
    let mut processor = Agent::processor();
    offer(&mut processor, &["ocp://a"], None).unwrap();
    processor.forget();
    assert!(is_connection_failure(&processor.reply(&["NR {\"7:ocp://a\"}|SG: 1|;"])[0]));
}

// req: OCP-11.18-11
#[test]
fn an_answer_without_offer_ends_the_connection() {
    for mut agent in [Agent::server(), Agent::processor()] {
        assert!(is_connection_failure(&agent.reply(&["NR;"])[0]));
    }
    let mut processor = Agent::processor();
    offer(&mut processor, &[], None).unwrap();
    processor.forget();
    assert!(is_connection_failure(&processor.reply(&["NR;", "NR;"])[0]), "only one answer");
}

// req: OCP-11.18-06
#[test]
fn there_is_one_offer_at_a_time() {
    let mut processor = Agent::processor();
    offer(&mut processor, &["ocp://a"], None).unwrap();
    assert!(offer(&mut processor, &["ocp://b"], None).is_err());
    assert_eq!(processor.said(), ["NO ({\"7:ocp://a\"});"]);
    processor.hear(&["NR;"]);
    offer(&mut processor, &["ocp://b"], None).unwrap();
    assert_eq!(processor.said(), ["NO ({\"7:ocp://b\"});"]);
}

// req: OCP-11-11
#[test]
fn offers_name_active_groups_only() {
    let mut processor = Agent::processor();
    assert!(offer(&mut processor, &[], Some(GroupId(2))).is_err());
    processor.connection.destroy_group(GroupId(1));
    assert!(offer(&mut processor, &[], Some(GroupId(1))).is_err());
    assert_eq!(processor.said(), ["SGD 1;"]);
    let mut server = Agent::server();
    assert!(offer(&mut server, &["ocp://a"], Some(GroupId(1))).is_ok(), "a group of the processor");
}

// req: OCP-6-09, OCP-11.18-07
#[test]
fn a_processor_disregards_an_offer_while_its_own_is_pending() {
    let mut processor = Agent::processor();
    offer(&mut processor, &["ocp://a"], None).unwrap();
    processor.forget();
    let crossing = ["NO ({\"10:ocp://able\"})|Offer-Pending: true|;", "NO ()|SG: 99|;"];
    assert_eq!(processor.reply(&crossing), NOTHING);
    assert!(processor.happened().is_empty());
    assert_eq!(processor.reply(&["NR;", "NO ();"]), ["NR;"]);
    assert!(!processor.connection.is_negotiating(), "the offer that was disregarded opens no phase");
}

// req: OCP-6-09, OCP-11.18-09, OCP-11.18-10
#[test]
fn a_server_disregards_its_own_offer_when_one_comes() {
    let mut server = Agent::server();
    offer(&mut server, &["ocp://a"], None).unwrap();
    server.forget();
    assert!(server.connection.is_negotiating());
    assert_eq!(server.reply(&["NO ({\"10:ocp://able\"});"]), ["NR {\"10:ocp://able\"};"]);
    assert!(!server.connection.is_negotiating());
    offer(&mut server, &["ocp://a"], None).unwrap();
    assert_eq!(server.said(), ["NO ({\"7:ocp://a\"});"], "it may offer again");
}

// req: OCP-1.3-01, OCP-11.18-10
#[test]
fn pipelined_offers_are_answered_in_order() {
    let mut server = Agent::server();
    server.hear_octets(b"NO ({\"10:ocp://able\"});\r\nNO ({b});\r\nPQ;\r\n");
    assert_eq!(server.said(), ["NR {\"10:ocp://able\"};", "NR|Unknowns: ({b})|;", "PA;"]);
}

// req: OCP-11.20-02, OCP-11.20-03, OCP-11.21-02
#[test]
fn abilities_are_told_truly_and_change_nothing() {
    for mut agent in [Agent::server(), Agent::processor()] {
        let said =
            agent.reply(&["AQ {\"10:ocp://able\" 1|X: 1|};", "AQ {\"10:ocp://Able\"};", "AQ {\"3:a/b\"};"]);
        assert_eq!(said, ["AA true;", "AA false;", "AA false;"]);
        assert!(agent.happened().is_empty() && !agent.connection.is_negotiating());
        agent.connection.query_ability(Feature::new("ocp://x"));
        assert_eq!(agent.said(), ["AQ {\"7:ocp://x\"};"]);
        agent.hear(&["AA true;", "AA false;"]);
        assert_eq!(agent.happened(), ["Ability true", "Ability false"]);
    }
}

// req: OCP-6.1-02
#[test]
fn a_new_connection_negotiates_nothing_by_itself() {
    let mut server = Agent::new(Role::Server, Limits::default());
    assert!(!server.connection.is_negotiating());
    assert_eq!(server.reply(&["CS;"]), ["CS;"]);
}
