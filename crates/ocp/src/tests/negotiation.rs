//! Offers to a host: conflicts, scopes, and what a response puts into effect (RFC 4037 sections 6, 11.18 and 11.19).

use std::sync::Arc;

use opes_profile::http::Profile;
use opes_services::Identity;

use super::alone::{Alone, create, data, dum, feature, host, is_failure_of, offer, part, scoped};
use crate::server::host::Host;

const HEAD: &str = "HTTP/1.1 200 OK\r\n\r\n";
const REQUEST_HEAD: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

fn request() -> String {
    feature(Profile::Request)
}

fn response() -> String {
    feature(Profile::Response)
}

/// A host with groups 1 and 2 of one service, without any profile.
fn server() -> Alone<Host> {
    let host = host(vec![Arc::new(Identity::new("urn:identity"))]);
    host.hear(&["CS;", "NO ();"]);
    host.hear(&[create(1, &["urn:identity"]), create(2, &["urn:identity"])]);
    assert_eq!(host.said(), ["CS;", "NR;"]);
    host
}

/// The profile under which a new transaction of the group is treated: the one whose parts it takes.
fn profile_of(host: &Alone<Host>, xid: u64, group: u64) -> Option<Profile> {
    let start = |xid| [format!("TS {xid} {group};"), format!("AMS {xid};")];
    let takes = |xid, data: String| {
        host.hear(&start(xid));
        let said = host.reply(&[data, format!("AME {xid};")]);
        let failed = said.iter().any(|message| is_failure_of(message, xid));
        assert!(failed != said.contains(&format!("AME {xid};")), "{said:?}");
        !failed
    };
    if takes(xid, dum(xid, 0, "data of no part")) {
        return None;
    }
    if takes(xid + 1, part(xid + 1, 0, "response-header", HEAD)) {
        return Some(Profile::Response);
    }
    assert!(takes(xid + 2, part(xid + 2, 0, "request-header", REQUEST_HEAD)));
    Some(Profile::Request)
}

/// Has the host accept this feature in this scope.
fn agree(host: &Alone<Host>, feature: &str, group: Option<u64>) {
    assert_eq!(host.reply(&[offer(&[feature], group)]), [scoped(&format!("NR {feature}"), group)]);
}

// req: OCP-6-07, OCP-11.18-15, OCP-11.18-16, OCP-11.18-17, OCP-11.19-15
#[test]
fn an_offer_that_conflicts_is_rejected_whatever_the_scopes() {
    let scopes = [
        (Some(1), Some(1)),
        (Some(2), Some(2)),
        (None, None),
        (Some(1), None),
        (Some(2), None),
        (None, Some(1)),
        (None, Some(2)),
    ];
    for (first, second) in scopes {
        for (one, other, profile) in
            [(request(), response(), Profile::Request), (response(), request(), Profile::Response)]
        {
            let host = server();
            agree(&host, &one, first);
            let rejects = format!("Rejects: ({other})|;");
            let sg = second.map_or_else(String::new, |group| format!("SG: {group}|"));
            let answer = host.reply(&[offer(&[&other], second)]);
            assert_eq!(answer, [format!("NR|{sg}{rejects}")], "{first:?} {second:?}");
            let group = first.or(second).unwrap_or(1);
            assert_eq!(profile_of(&host, 10, group), Some(profile), "{first:?} {second:?}");
        }
    }
}

// req: OCP-11.18-15, OCP-11.18-16, HTTP-3.2-03
#[test]
fn what_does_not_meet_does_not_conflict() {
    let host = server();
    agree(&host, &request(), Some(1));
    agree(&host, &response(), Some(2));
    assert_eq!(profile_of(&host, 10, 1), Some(Profile::Request));
    assert_eq!(profile_of(&host, 20, 2), Some(Profile::Response));
    // A group that has gone is in nobody's way.
    host.hear(&["SGD 1;"]);
    agree(&host, &response(), None);
}

// req: OCP-11.18-14, HTTP-3.2-03
#[test]
fn what_is_negotiated_for_the_connection_holds_for_all_groups() {
    let host = server();
    agree(&host, &response(), None);
    host.hear(&[create(3, &["urn:identity"])]);
    for group in [1, 2, 3] {
        assert_eq!(profile_of(&host, group * 10, group), Some(Profile::Response), "{group}");
    }
}

// req: OCP-11.19-15, OCP-11.19-16
#[test]
fn a_response_tells_what_does_not_fit_from_what_is_unknown() {
    let host = server();
    let unknown = ["{a}", "{\"5:urn:b\"}"];
    let said = host.reply(&[offer(&[unknown[0], &request(), unknown[1]], Some(1))]);
    assert_eq!(said, [format!("NR {}|SG: 1|Unknowns: ({},{})|;", request(), unknown[0], unknown[1])]);
    let said = host.reply(&[offer(&[unknown[1], &response(), unknown[0]], Some(1))]);
    assert_eq!(
        said,
        [format!("NR|SG: 1|Rejects: ({})|Unknowns: ({},{})|;", response(), unknown[1], unknown[0])]
    );
}

// req: OCP-11.19-15
#[test]
fn what_would_have_fitted_is_no_reject() {
    let host = server();
    let said = host.reply(&[offer(&[&response(), &request()], Some(1))]);
    assert_eq!(said, [format!("NR {}|SG: 1|;", response())], "both fit when the offer came");
}

// req: OCP-6-03, OCP-11.19-06
#[test]
fn a_feature_is_in_effect_right_after_its_response() {
    let host = server();
    let start = |xid| [format!("TS {xid} 1;"), format!("AMS {xid};"), dum(xid, 0, "data of no part")];
    // All in one read: the response is not even sent when the second transaction starts.
    let heard = [start(0).to_vec(), vec![offer(&[&response()], Some(1))], start(1).to_vec()].concat();
    let said = host.reply(&heard);
    let answered = said.iter().position(|message| message.starts_with("NR {")).expect("a response");
    let failed = said.iter().position(|message| is_failure_of(message, 1)).expect("no part, no data");
    assert!(answered < failed, "{said:?}");
    assert!(!said.iter().any(|message| is_failure_of(message, 0)), "{said:?}");
}

// req: OCP-6-04
#[test]
fn a_negative_response_changes_nothing() {
    let host = server();
    assert_eq!(host.reply(&["NO ({a})|SG: 1|;"]), ["NR|SG: 1|Unknowns: ({a})|;"]);
    assert_eq!(profile_of(&host, 10, 1), None);
    agree(&host, &response(), Some(1));
    let negative =
        [offer(&[], None), offer(&[], Some(1)), offer(&["{a}"], None), offer(&[&request()], Some(1))];
    for (xid, negative) in (20..).step_by(10).zip(negative) {
        let said = host.reply(&[&negative]);
        assert!(said.len() == 1 && !said[0].contains("NR {"), "{said:?}");
        assert_eq!(profile_of(&host, xid, 1), Some(Profile::Response), "{negative}");
        assert_eq!(profile_of(&host, xid + 5, 2), None, "{negative}");
    }
}

// req: OCP-11.19-08
#[test]
fn a_feature_is_in_effect_though_the_phase_goes_on() {
    let host = server();
    let pending = offer(&[&response()], Some(1)).replace("SG: 1|", "SG: 1|Offer-Pending: true|");
    assert_eq!(host.reply(&[pending]), [scoped(&format!("NR {}", response()), Some(1))]);
    // Still inside the phase the feature conflicts with another one.
    let other = offer(&[&request()], None).replace(';', "|Offer-Pending: true|;");
    assert_eq!(host.reply(&[other]), [format!("NR|Rejects: ({})|;", request())]);
    assert_eq!(host.reply(&["NO ();"]), ["NR;"], "the phase is over");
    assert_eq!(profile_of(&host, 10, 1), Some(Profile::Response));
}

// req: OCP-11.18-19
#[test]
fn pending_transactions_stay_as_they_are() {
    for scope in [Some(1), None] {
        let host = server();
        host.hear(&["TS 0 1;".to_owned(), "AMS 0;".to_owned(), "TS 1 1;".to_owned(), "AMS 1;".to_owned()]);
        host.hear(&[dum(0, 0, "before ")]);
        agree_beside_data(&host, scope);
        let said =
            host.reply(&[dum(0, 7, "after"), "AME 0;".to_owned(), dum(1, 0, "late"), "AME 1;".to_owned()]);
        assert_eq!((data(&said, 0), data(&said, 1)), ("after".to_owned(), "late".to_owned()), "{said:?}");
        assert!(said.contains(&"AME 0;".to_owned()) && said.contains(&"AME 1;".to_owned()));
        assert!(!said.iter().any(|message| message.contains("AM-Part")), "{said:?}");
        assert_eq!(profile_of(&host, 10, 1), Some(Profile::Response), "from the next one on");
    }
}

fn agree_beside_data(host: &Alone<Host>, scope: Option<u64>) {
    let said = host.reply(&[offer(&[&response()], scope)]);
    assert!(said.contains(&scoped(&format!("NR {}", response()), scope)), "{said:?}");
}
