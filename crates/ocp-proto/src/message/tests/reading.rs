//! Valid messages and what they mean.

use super::super::{Feature, GroupId, Message, Outcome, Range, Service, Xid};
use super::parse;
use crate::codec::Value;

const XID: Xid = Xid(5);
const GROUP: GroupId = GroupId(7);

fn assert_read(text: &str, message: Message) {
    assert_eq!(parse(text), Ok(message), "{text}");
}

fn services() -> Vec<Service> {
    vec![Service::new("ocp://a"), Service::new("ocp://b")]
}

fn range(offset: u64, size: u64) -> Range {
    Range { offset, size }
}

// req: OCP-9.1-01, OCP-10.10-10, OCP-10.13-01, OCP-10.14-01, OCP-11.1-01, OCP-11.2-01, OCP-11.3-01
// req: OCP-11.4-01
#[test]
fn messages_about_connections_and_groups() {
    assert_read("CS;", Message::Cs);
    assert_read("CE;", Message::Ce(Outcome::OK));
    assert_read("CE {400 \"4:a  b\"};", Message::Ce(Outcome::failure("a  b")));
    assert_read(
        "SGC 7 ({\"7:ocp://a\"},{\"7:ocp://b\"});",
        Message::Sgc { group: GROUP, services: services() },
    );
    assert_read("SGD 7;", Message::Sgd { group: GROUP });
}

// req: OCP-9.1-01, OCP-10.14-02, OCP-11.5-01, OCP-11.6-01, OCP-11.7-01, OCP-11.8-01
#[test]
fn messages_about_transactions() {
    assert_read("TS 5 7;", Message::Ts { xid: XID, group: GROUP });
    assert_read("TS \"1:5\" \"1:7\";", Message::Ts { xid: XID, group: GROUP });
    assert_read("TE 5;", Message::Te { xid: XID, outcome: Outcome::OK });
    assert_read("TE 5 {400};", Message::Te { xid: XID, outcome: Outcome::failure("") });
    assert_read("AMS 5;", Message::Ams { xid: XID, services: None });
    assert_read(
        "AMS 5|Services: ({\"7:ocp://a\"},{\"7:ocp://b\"})|;",
        Message::Ams { xid: XID, services: Some(services()) },
    );
    assert_read("AMS 5|Services: ()|;", Message::Ams { xid: XID, services: Some(Vec::new()) });
    assert_read("AME 5;", Message::Ame { xid: XID, outcome: Outcome::OK });
    assert_read("AME 5 {206};", Message::Ame { xid: XID, outcome: Outcome::PARTIAL });
}

// req: OCP-9.1-01, OCP-9.1-04, OCP-10.3-01, OCP-10.4-01, OCP-10.5-01, OCP-10.9-01, OCP-11-02, OCP-11.9-01
// req: OCP-11.9-02, OCP-11.9-03, OCP-11.9-04, OCP-11.9-08, OCP-11.10-01, OCP-11.11-01
#[test]
fn messages_about_data() {
    let dum = |as_is, kept, modp| Message::Dum { xid: XID, offset: 9, as_is, kept, modp };
    assert_read("DUM 5 9|0:|;", dum(None, None, None));
    assert_read("DUM 5 9|As-is: 3||1:x|;", dum(Some(3), None, None));
    for kept in ["Kept: {1 2}", "Kept: 1 2", "Kept: {\"1:1\" 2 extra}", "Kept: \"1:1\" \"1:2\""] {
        assert_read(&format!("DUM 5 9|{kept}||1:x|;"), dum(None, Some(range(1, 2)), None));
    }
    for (modp, percent) in [("0", 0), ("1", 1), ("100", 100)] {
        assert_read(&format!("DUM 5 9|Modp: {modp}||1:x|;"), dum(None, None, Some(percent)));
    }
    for order in
        ["As-is: 3|Kept: 1 2|Modp: 50", "Modp: 50|Kept: {1 2}|As-is: 3", "Kept: 1 2|As-is: 3|Modp: 50"]
    {
        assert_read(&format!("DUM 5 9|{order}||1:x|;"), dum(Some(3), Some(range(1, 2)), Some(50)));
    }
    assert_read("DUY 5 0 2147483647;", Message::Duy { xid: XID, range: range(0, 2_147_483_647) });
    assert_read("DPI 5 2147483647 0;", Message::Dpi { xid: XID, range: range(2_147_483_647, 0) });
}

// req: OCP-11.9-20
#[test]
fn an_as_is_of_no_offset_is_ignored() {
    for as_is in ["x", "-1", "2147483648", "(1)", "{}", "01"] {
        let read = parse(&format!("DUM 5 9|As-is: {as_is}||1:x|;"));
        assert_eq!(
            read,
            Ok(Message::Dum { xid: XID, offset: 9, as_is: None, kept: None, modp: None }),
            "{as_is}"
        );
    }
}

// req: OCP-3.1-20, OCP-11.12-01, OCP-11.13-01, OCP-11.14-01, OCP-11.15-01, OCP-11.16-01, OCP-11.17-01
// req: OCP-11.17-04
#[test]
fn messages_about_stopping_and_pausing() {
    assert_read("DWSR 5 9;", Message::Dwsr { xid: XID, size: 9 });
    assert_read("DWSS 5;", Message::Dwss { xid: XID });
    assert_read("DSS 5;", Message::Dss { xid: XID });
    assert_read("DWP 5 9;", Message::Dwp { xid: XID, offset: 9 });
    assert_read("DPM 5;", Message::Dpm { xid: XID });
    assert_read("DWM 5;", Message::Dwm { xid: XID, size_request: None });
    assert_read("DWM 5|Size-request: 9|;", Message::Dwm { xid: XID, size_request: Some(9) });
    assert_read("DWM 5|Size-Request: 9|;", Message::Dwm { xid: XID, size_request: None });
}

// req: OCP-9-02, OCP-10.6-01, OCP-10.11-01, OCP-10.12-01, OCP-10.12-02, OCP-11.18-01, OCP-11.18-12
// req: OCP-11.19-01, OCP-11.19-02, OCP-11.19-05, OCP-11.19-13
#[test]
fn messages_about_negotiation() {
    let features = || vec![Feature::new("ocp://a").with("P", Value::number(1)), Feature::new("ocp://b")];
    assert_read("NO ();", Message::No { features: vec![], group: None, pending: false });
    assert_read(
        "NO ({\"7:ocp://a\"|P: 1|},{\"7:ocp://b\"})|SG: 7|Offer-Pending: true|;",
        Message::No { features: features(), group: Some(GROUP), pending: true },
    );
    let nr = |selected, rejects, unknowns, pending| Message::Nr {
        selected,
        group: None,
        rejects,
        unknowns,
        pending,
    };
    assert_read("NR;", nr(None, vec![], vec![], false));
    assert_read("NR {\"7:ocp://b\"};", nr(Some(Feature::new("ocp://b")), vec![], vec![], false));
    assert_read(
        "NR|Unknowns: ({\"7:ocp://b\"})|Offer-Pending: true|Rejects: ({\"7:ocp://a\"|P: 1|})|;",
        nr(None, features()[..1].to_vec(), features()[1..].to_vec(), true),
    );
    assert_read("NR|Offer-Pending: false|Rejects: ()|;", nr(None, vec![], vec![], false));
    let scoped =
        Message::Nr { selected: None, group: Some(GROUP), rejects: vec![], unknowns: vec![], pending: false };
    assert_read("NR|SG: 7|;", scoped);
}

// req: OCP-3.1-20, OCP-11.20-01, OCP-11.21-01, OCP-11.22-01, OCP-11.23-01, OCP-11.24-01
#[test]
fn messages_about_abilities_and_progress() {
    assert_read("AQ {\"7:ocp://a\"};", Message::Aq { feature: Feature::new("ocp://a") });
    assert_read("AA true;", Message::Aa { supported: true });
    assert_read("AA \"5:false\";", Message::Aa { supported: false });
    assert_read("PQ;", Message::Pq { xid: None });
    assert_read("PQ 5;", Message::Pq { xid: Some(XID) });
    for no_xid in ["x", "05", "2147483648", "(5)", "{}"] {
        assert_read(&format!("PQ {no_xid};"), Message::Pq { xid: None });
    }
    assert_read("PA;", Message::Pa { xid: None, org_data: None });
    assert_read("PA 5|Org-Data: 9|;", Message::Pa { xid: Some(XID), org_data: Some(9) });
    assert_read("PA 5|Org-data: 9|;", Message::Pa { xid: Some(XID), org_data: None });
    assert_read("PR 5|Org-Data: 9|;", Message::Pr { xid: Some(XID), org_data: Some(9) });
}

// req: OCP-3.1-19, OCP-9-03, OCP-9-04, OCP-9-05, OCP-9-06, OCP-11-07, OCP-11-08, OCP-11-09, OCP-11-10
#[test]
fn what_is_not_known_is_ignored() {
    for unknown in ["X-new;", "cs;", "CSE;", "TSX 1 1;", "dum 5 0|1:x|;", "X 1|A: 1|;"] {
        assert_read(unknown, Message::Unknown);
    }
    assert_read("CS 1 {a} (b)|X-Name: v||4:CE;x|;", Message::Cs);
    assert_read("TS 5 7 8 (9)|xid: 1|;", Message::Ts { xid: XID, group: GROUP });
    assert_read("AME 5 {200 OK extra|More: 1|} more|X: {}|;", Message::Ame { xid: XID, outcome: ok() });
    assert_read("SGD 7|SG: 9||0:|;", Message::Sgd { group: GROUP });
    let service = Service::from_structure(structure("{a b (c)|D: e|}"));
    assert_read(
        "SGC 7 ({a b (c)|D: e|});",
        Message::Sgc { group: GROUP, services: service.into_iter().collect() },
    );
    assert_read("DUM 5 9 1 2|as-is: 3|X: 1||1:x|;", dum_without_parameters());
}

fn ok() -> Outcome {
    Outcome { reason: "OK".into(), ..Outcome::OK }
}

fn dum_without_parameters() -> Message {
    Message::Dum { xid: XID, offset: 9, as_is: None, kept: None, modp: None }
}

fn structure(text: &str) -> crate::codec::Structure {
    let raw = super::raw(&format!("X {text};"));
    raw.anonymous(0).and_then(|value| value.as_structure()).expect(text).to_structure()
}

#[test]
fn a_message_knows_its_transaction() {
    for text in [
        "TS 5 7;",
        "TE 5;",
        "AMS 5;",
        "AME 5;",
        "DUM 5 0|0:|;",
        "DUY 5 0 0;",
        "DPI 5 0 0;",
        "DWSR 5 0;",
        "DWSS 5;",
        "DSS 5;",
        "DWP 5 0;",
        "DPM 5;",
        "DWM 5;",
    ] {
        assert_eq!(parse(text).map(|message| message.xid()), Ok(Some(XID)), "{text}");
    }
    for text in [
        "CS;",
        "CE;",
        "SGC 5 ();",
        "SGD 5;",
        "NO ();",
        "NR;",
        "AQ {a};",
        "AA true;",
        "PQ 5;",
        "PA 5;",
        "PR 5;",
        "X 5;",
    ] {
        assert_eq!(parse(text).map(|message| message.xid()), Ok(None), "{text}");
    }
}

// req: OCP-10.12-01, OCP-10.14-01
#[test]
fn lists_keep_their_order_and_parameters() {
    let Ok(Message::No { features, .. }) = parse("NO ({b|Z: 1|},{a},{b});") else { panic!("an offer") };
    assert_eq!(features.iter().map(Feature::uri).collect::<Vec<_>>(), [b"b", b"a", b"b"]);
    assert_eq!(features[0].named("Z"), Some(&Value::number(1)));
    let Ok(Message::Sgc { services, .. }) = parse("SGC 1 ({z},{y},{x 8});") else { panic!("a group") };
    assert_eq!(services.iter().map(Service::uri).collect::<Vec<_>>(), [b"z", b"y", b"x"]);
    assert_eq!(services[2].structure().anonymous[1], Value::number(8));
}
