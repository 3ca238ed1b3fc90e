//! Each message without data is read back as what was said.

use bytes::Bytes;

use super::super::{Control, Feature, GroupId, Message, Outcome, Service, Xid};
use super::raw;
use crate::codec::{RawMessage, Structure, Value};

const XID: Xid = Xid(2_147_483_647);
const GROUP: GroupId = GroupId(0);

fn written(control: &Control) -> RawMessage {
    let mut out = Vec::new();
    control.write(&mut out);
    let text = String::from_utf8(out.to_vec()).unwrap();
    raw(text.strip_suffix("\r\n").unwrap())
}

fn assert_said(control: Control, message: Message) {
    assert_eq!(Message::parse(&written(&control)), Ok(message), "{control:?}");
}

fn service() -> Service {
    let parameters = Value::List(vec![Value::atom("a b"), Value::Structure(Structure::default())]);
    let structure = Structure::new([Value::atom("http://a/?b"), Value::atom("")]).with("P", parameters);
    Service::from_structure(structure).expect("a service")
}

// req: OCP-2.5-03, OCP-9.1-02, OCP-11-01
#[test]
fn connections_groups_and_transactions() {
    let failure = Outcome::failure("what \"went\" wrong;\r\n");
    assert_said(Control::Cs, Message::Cs);
    assert_said(Control::Ce(failure.clone()), Message::Ce(failure.clone()));
    assert_said(Control::Ce(Outcome::OK), Message::Ce(Outcome::OK));
    for services in [vec![], vec![service(), Service::new("b")]] {
        let said = Control::Sgc { group: GROUP, services: services.clone() };
        assert_said(said, Message::Sgc { group: GROUP, services });
    }
    assert_said(Control::Sgd { group: GROUP }, Message::Sgd { group: GROUP });
    assert_said(Control::Ts { xid: XID, group: GROUP }, Message::Ts { xid: XID, group: GROUP });
    for outcome in [Outcome::OK, Outcome { reason: "done".into(), ..Outcome::OK }, failure] {
        let said = Control::Te { xid: XID, outcome: outcome.clone(), extension: Bytes::new() };
        assert_said(said, Message::Te { xid: XID, outcome });
    }
    assert_said(
        Control::Ams { xid: XID, extension: Bytes::new() },
        Message::Ams { xid: XID, services: None },
    );
    let ams = Control::Ams { xid: XID, extension: Bytes::from_static(b"AM-EL: 5\r\nServices: ({a})\r\n") };
    assert_eq!(written(&ams).named("AM-EL").and_then(|value| value.as_number()), Some(5));
    assert_said(ams, Message::Ams { xid: XID, services: Some(vec![Service::new("a")]) });
}

// req: OCP-11-01
#[test]
fn data_control() {
    assert_said(Control::Dwsr { xid: XID, size: 9 }, Message::Dwsr { xid: XID, size: 9 });
    assert_said(Control::Dwss { xid: XID }, Message::Dwss { xid: XID });
    assert_said(Control::Dss { xid: XID }, Message::Dss { xid: XID });
    assert_said(Control::Dwp { xid: XID, offset: 0 }, Message::Dwp { xid: XID, offset: 0 });
    assert_said(Control::Dpm { xid: XID }, Message::Dpm { xid: XID });
    for size_request in [None, Some(0), Some(2_147_483_647)] {
        assert_said(Control::Dwm { xid: XID, size_request }, Message::Dwm { xid: XID, size_request });
    }
}

// req: OCP-11.19-14
#[test]
fn negotiation() {
    let feature =
        || Feature::new("http://a/").with("Sizes", Value::List(vec![Value::number(1), Value::atom("x y")]));
    for (group, pending) in [(None, false), (Some(GROUP), true)] {
        for features in [vec![], vec![feature(), Feature::new("b")]] {
            let said = Control::No { features: features.clone(), group, pending };
            assert_said(said, Message::No { features, group, pending });
        }
        for selected in [None, Some(feature())] {
            for (rejects, unknowns) in
                [(vec![], vec![]), (vec![feature()], vec![Feature::new("b"), feature()])]
            {
                let (r, u) = (rejects.clone(), unknowns.clone());
                let said = Control::Nr { selected: selected.clone(), group, rejects: r, unknowns: u };
                let message =
                    Message::Nr { selected: selected.clone(), group, rejects, unknowns, pending: false };
                assert_said(said, message);
            }
        }
    }
}

// req: OCP-11-01
#[test]
fn queries() {
    assert_said(Control::Aq { feature: Feature::new("a") }, Message::Aq { feature: Feature::new("a") });
    for supported in [true, false] {
        assert_said(Control::Aa { supported }, Message::Aa { supported });
    }
    for xid in [None, Some(XID)] {
        assert_said(Control::Pq { xid }, Message::Pq { xid });
        for org_data in [None, Some(0)] {
            assert_said(Control::Pa { xid, org_data }, Message::Pa { xid, org_data });
            assert_said(Control::Pr { xid, org_data }, Message::Pr { xid, org_data });
        }
    }
}

// req: OCP-6.1-04
#[test]
fn only_phase_messages_pass_a_negotiation_phase() {
    let passes = [
        Control::Ce(Outcome::OK),
        Control::No { features: vec![], group: None, pending: false },
        Control::Nr { selected: None, group: None, rejects: vec![], unknowns: vec![] },
        Control::Aq { feature: Feature::new("a") },
        Control::Aa { supported: true },
        Control::Pq { xid: None },
        Control::Pa { xid: None, org_data: None },
        Control::Pr { xid: None, org_data: None },
    ];
    assert!(passes.iter().all(Control::belongs_to_phase));
    let waits = [
        Control::Sgc { group: GROUP, services: vec![] },
        Control::Sgd { group: GROUP },
        Control::Ts { xid: XID, group: GROUP },
        Control::Te { xid: XID, outcome: Outcome::OK, extension: Bytes::new() },
        Control::Ams { xid: XID, extension: Bytes::new() },
        Control::Dwsr { xid: XID, size: 0 },
        Control::Dwss { xid: XID },
        Control::Dss { xid: XID },
        Control::Dwp { xid: XID, offset: 0 },
        Control::Dpm { xid: XID },
        Control::Dwm { xid: XID, size_request: None },
    ];
    assert!(!waits.iter().any(Control::belongs_to_phase));
}
