//! A link that is handed the server's messages.

use std::task::Waker;

use ocp_proto::Transmit;
use opes_profile::http::{AuxParts, Profile};

use super::*;
use crate::client::BreakerConfig;

fn link(spec: &GroupSpec, failures: &Arc<Failures>) -> Link {
    let settings = LinkSettings {
        failures: Arc::clone(failures),
        guard: Arc::new(Guard::new("by hand", BreakerConfig::default(), Clock::Real)),
        aux: AuxParts::REQUEST_HEADER,
        extensions: Extensions::ALL,
        limits: Limits::default(),
        clock: Clock::Real,
        budget: Budget::default(),
    };
    Link::new(vec![spec.clone()], settings)
}

/// Takes messages of the server; gives what the link says then.
fn hear(link: &mut Link, octets: &str) -> String {
    link.connection.read_buffer().extend_from_slice(octets.as_bytes());
    advance(link)
}

fn advance(link: &mut Link) -> String {
    let now = link.clock.now();
    link.advance(now, Waker::noop());
    let mut out = Transmit::default();
    link.connection.poll_transmit(now, &mut out, usize::MAX);
    String::from_utf8(out.take().to_vec()).unwrap()
}

/// A link that has asked for its group.
fn asking(spec: &GroupSpec, failures: &Arc<Failures>) -> Link {
    let mut link = link(spec, failures);
    let said = hear(&mut link, "CS;\r\nNR;\r\n");
    assert!(said.contains("SGC 1 "), "{said}");
    link
}

/// The server creates the group that the link has asked for last.
fn create(link: &mut Link, group: usize) -> String {
    let uri = Profile::Request.uri();
    hear(link, &format!("PA;\r\nNR {{\"{}:{uri}\"}}\r\nSG: {group}\r\n;\r\n", uri.len()))
}

#[test]
fn only_a_failing_ce_in_place_of_the_group_is_a_refusal_of_it() {
    let spec = GroupSpec::new(Profile::Request, ["http://s.example/"]);
    let refused = "CE {400 \"7:no such\"};\r\n";
    let created = format!("PA;\r\n{refused}");
    for (heard, blamed) in
        [(refused, true), ("CE;\r\n", false), ("CE {200 ok};\r\n", false), (&created, false)]
    {
        let failures = Arc::default();
        let mut link = asking(&spec, &failures);
        hear(&mut link, heard);
        assert!(link.closed().is_some());
        assert_eq!(failures.contains(&spec), blamed, "{heard}");
    }
}

#[test]
fn a_connection_that_is_lost_is_no_refusal_of_a_group() {
    let spec = GroupSpec::new(Profile::Request, ["http://s.example/"]);
    for lose in [Connection::transport_closed, |connection: &mut Connection| connection.end(Outcome::OK)] {
        let failures = Arc::default();
        let mut link = asking(&spec, &failures);
        lose(&mut link.connection);
        advance(&mut link);
        assert!(link.closed().is_some());
        assert!(!failures.contains(&spec), "the server has not answered");
    }
}

#[test]
fn a_transaction_whose_owner_has_gone_does_not_wait_for_the_server() {
    let spec = GroupSpec::new(Profile::Request, ["http://s.example/"]);
    let mut link = asking(&spec, &Arc::default());
    assert_eq!(create(&mut link, 1), "");
    let (xid, _) = link.start(&spec, Bytes::new()).unwrap();
    let head = "GET / HTTP/1.1\r\n\r\n";
    link.send(xid, Part::RequestHeader, head.into()).unwrap();
    advance(&mut link);
    // The server has stopped sending, and looks at the rest when it has time.
    let dum = format!("DUM 0 0\r\nAM-Part: request-header\r\n\r\n{}:{head}\r\n;\r\n", head.len());
    assert_eq!(hear(&mut link, &format!("AMS 0;\r\n{dum}DWSS 0;\r\n")), "DSS 0;\r\n");
    hear(&mut link, "DWP 0 0;\r\nAME 0 {206};\r\n");
    link.send(xid, Part::RequestBody, "body".into()).unwrap();
    link.complete(xid);
    assert_eq!(advance(&mut link), "");
    link.release(xid);
    let said = advance(&mut link);
    assert!(said.starts_with("TE 0 {400 "), "{said}");
    assert_eq!(link.load(), 0);
}

#[test]
fn past_the_limit_the_oldest_idle_group_that_came_on_demand_goes() {
    let spec = |number: usize| GroupSpec::new(Profile::Request, [format!("http://s.example/{number}")]);
    let mut link = asking(&spec(1), &Arc::default());
    create(&mut link, 1);
    let most = 1 + super::super::group::ON_DEMAND;
    for number in 2..=most {
        link.want_group(&spec(number));
        let said = advance(&mut link);
        assert!(said.contains(&format!("SGC {number} ")) && !said.contains("SGD"), "{said}");
        create(&mut link, number);
    }
    let (xid, _) = link.start(&spec(2), Bytes::new()).unwrap();
    link.want_group(&spec(most + 1));
    let said = advance(&mut link);
    assert!(said.contains("SGD 3;"), "neither one from the start nor one in use: {said}");
    create(&mut link, most + 1);
    link.release(xid);
    link.want_group(&spec(3));
    let said = advance(&mut link);
    assert!(said.contains("SGD 2;") && said.contains(&format!("SGC {} ", most + 2)), "{said}");
}

/// A link that is watched by a breaker which opens at the first failure, with a transaction under way.
fn watched() -> (Link, Xid) {
    let spec = GroupSpec::new(Profile::Request, ["http://s.example/"]);
    let mut link = asking(&spec, &Arc::default());
    let config = BreakerConfig { failures: 1, ..BreakerConfig::default() };
    link.guard = Arc::new(Guard::new("by hand", config, Clock::Real));
    create(&mut link, 1);
    let (xid, _) = link.start(&spec, Bytes::new()).unwrap();
    advance(&mut link);
    (link, xid)
}

fn is_left_alone(link: &Link) -> bool {
    link.guard.admit().is_err()
}

#[test]
fn a_connection_that_is_lost_with_work_under_way_is_a_failure_and_an_idle_one_is_none() {
    let (mut link, _) = watched();
    link.connection.transport_closed();
    advance(&mut link);
    assert!(is_left_alone(&link));
    let (mut link, xid) = watched();
    link.release(xid);
    link.connection.transport_closed();
    advance(&mut link);
    assert!(!is_left_alone(&link));
    for harmless in ["CE;\r\n", "CE {200 ok};\r\n"] {
        let (mut link, _) = watched();
        hear(&mut link, harmless);
        assert!(link.closed().is_some() && !is_left_alone(&link), "{harmless}");
    }
}

#[test]
fn whatever_a_server_answers_it_works() {
    for answer in ["AMS 0;\r\n", "TE 0;\r\n", "TE 0 {400 \"2:no\"};\r\n"] {
        let (mut link, _) = watched();
        link.guard.failed("in the test");
        assert!(is_left_alone(&link));
        hear(&mut link, answer);
        assert!(!is_left_alone(&link), "{answer}");
    }
}
