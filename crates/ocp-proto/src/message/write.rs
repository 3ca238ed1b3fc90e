//! Control messages as octets. Data messages are written by the transaction that owns the data.

use bytes::Bytes;

use super::types::{Code, Feature, GroupId, Outcome, Service, Xid};
use crate::codec::{MessageWriter, Structure, Value};

/// A message without data that waits to be sent.
#[derive(Debug, Clone)]
pub(crate) enum Control {
    Cs,
    Ce(Outcome),
    Sgc { group: GroupId, services: Vec<Service> },
    Sgd { group: GroupId },
    Ts { xid: Xid, group: GroupId },
    Te { xid: Xid, outcome: Outcome, extension: Bytes },
    Ams { xid: Xid, extension: Bytes },
    Dwsr { xid: Xid, size: u64 },
    Dwss { xid: Xid },
    Dss { xid: Xid },
    Dwp { xid: Xid, offset: u64 },
    Dpm { xid: Xid },
    Dwm { xid: Xid, size_request: Option<u64> },
    No { features: Vec<Feature>, group: Option<GroupId>, pending: bool },
    Nr { selected: Option<Feature>, group: Option<GroupId>, rejects: Vec<Feature>, unknowns: Vec<Feature> },
    Aa { supported: bool },
    Aq { feature: Feature },
    Pq { xid: Option<Xid> },
    Pa { xid: Option<Xid>, org_data: Option<u64> },
    Pr { xid: Option<Xid>, org_data: Option<u64> },
}

impl Control {
    /// RFC 4037 section 6.1: whether a negotiation phase lets it pass. CS comes before any phase.
    pub(crate) fn belongs_to_phase(&self) -> bool {
        matches!(
            self,
            Self::Cs
                | Self::Ce(_)
                | Self::No { .. }
                | Self::Nr { .. }
                | Self::Aq { .. }
                | Self::Aa { .. }
                | Self::Pq { .. }
                | Self::Pa { .. }
                | Self::Pr { .. }
        )
    }

    /// The transaction that has to be active when this is sent (RFC 4037 section 11). TS and TE begin and end it.
    pub(crate) fn needs(&self) -> Option<Xid> {
        match self {
            Self::Ams { xid, .. }
            | Self::Dwsr { xid, .. }
            | Self::Dwss { xid }
            | Self::Dss { xid }
            | Self::Dwp { xid, .. }
            | Self::Dpm { xid }
            | Self::Dwm { xid, .. } => Some(*xid),
            Self::Pr { xid, .. } => *xid,
            _ => None,
        }
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Cs => MessageWriter::new(out, "CS").end(),
            Self::Ce(outcome) => result(MessageWriter::new(out, "CE"), outcome).end(),
            Self::Sgc { group, services } => {
                let services = services.iter().map(Service::structure);
                MessageWriter::new(out, "SGC").number(group.0).list(services).end();
            }
            Self::Sgd { group } => MessageWriter::new(out, "SGD").number(group.0).end(),
            Self::Ts { xid, group } => MessageWriter::new(out, "TS").number(xid.0).number(group.0).end(),
            Self::Te { xid, outcome, extension } => {
                result(MessageWriter::new(out, "TE").number(xid.0), outcome).encoded(extension).end();
            }
            Self::Ams { xid, extension } => {
                MessageWriter::new(out, "AMS").number(xid.0).encoded(extension).end()
            }
            Self::Dwsr { xid, size } => MessageWriter::new(out, "DWSR").number(xid.0).number(*size).end(),
            Self::Dwss { xid } => MessageWriter::new(out, "DWSS").number(xid.0).end(),
            Self::Dss { xid } => MessageWriter::new(out, "DSS").number(xid.0).end(),
            Self::Dwp { xid, offset } => MessageWriter::new(out, "DWP").number(xid.0).number(*offset).end(),
            Self::Dpm { xid } => MessageWriter::new(out, "DPM").number(xid.0).end(),
            Self::Dwm { xid, size_request } => {
                let writer = MessageWriter::new(out, "DWM").number(xid.0);
                named(writer, "Size-request", *size_request).end();
            }
            Self::No { features, group, pending } => {
                let writer = MessageWriter::new(out, "NO").list(features.iter().map(Feature::structure));
                offer_pending(scope(writer, *group), *pending).end();
            }
            Self::Nr { selected, group, rejects, unknowns } => {
                let writer = MessageWriter::new(out, "NR");
                let writer = match selected {
                    Some(feature) => writer.structure(feature.structure()),
                    None => writer,
                };
                let writer = listed(scope(writer, *group), "Rejects", rejects);
                listed(writer, "Unknowns", unknowns).end();
            }
            Self::Aa { supported } => {
                MessageWriter::new(out, "AA").value(&boolean(*supported)).end();
            }
            Self::Aq { feature } => MessageWriter::new(out, "AQ").structure(feature.structure()).end(),
            Self::Pq { xid } => anonymous(MessageWriter::new(out, "PQ"), *xid).end(),
            Self::Pa { xid, org_data } => {
                named(anonymous(MessageWriter::new(out, "PA"), *xid), "Org-Data", *org_data).end();
            }
            Self::Pr { xid, org_data } => {
                named(anonymous(MessageWriter::new(out, "PR"), *xid), "Org-Data", *org_data).end();
            }
        }
    }
}

/// Adds the result of a TE or CE. Code 206 is for AME only (RFC 4037 section 10.10): here it would count as a failure,
/// and so it is said as one.
pub(crate) fn result<'a>(writer: MessageWriter<'a>, outcome: &Outcome) -> MessageWriter<'a> {
    match outcome.code {
        Code::Partial => flow_result(writer, &Outcome { code: Code::Failure, ..outcome.clone() }),
        Code::Ok | Code::Failure => flow_result(writer, outcome),
    }
}

/// Adds the result of an AME; success without a reason is expressed by its absence (RFC 4037 section 10.10).
pub(crate) fn flow_result<'a>(writer: MessageWriter<'a>, outcome: &Outcome) -> MessageWriter<'a> {
    if *outcome == Outcome::OK {
        return writer;
    }
    let code = match outcome.code {
        Code::Ok => 200,
        Code::Partial => 206,
        Code::Failure => 400,
    };
    let mut structure = Structure::new([Value::number(code)]);
    if !outcome.reason.is_empty() {
        structure.anonymous.push(Value::Atom(outcome.reason.clone()));
    }
    writer.structure(&structure)
}

fn boolean(value: bool) -> Value {
    Value::Atom(Bytes::from_static(if value { b"true" } else { b"false" }))
}

fn anonymous(writer: MessageWriter<'_>, xid: Option<Xid>) -> MessageWriter<'_> {
    match xid {
        Some(xid) => writer.number(xid.0),
        None => writer,
    }
}

fn named<'a>(writer: MessageWriter<'a>, name: &str, number: Option<u64>) -> MessageWriter<'a> {
    match number {
        Some(number) => writer.named_number(name, number),
        None => writer,
    }
}

fn scope(writer: MessageWriter<'_>, group: Option<GroupId>) -> MessageWriter<'_> {
    named(writer, "SG", group.map(|group| group.0))
}

fn offer_pending(writer: MessageWriter<'_>, pending: bool) -> MessageWriter<'_> {
    if pending { writer.named_bare("Offer-Pending", "true") } else { writer }
}

fn listed<'a>(writer: MessageWriter<'a>, name: &str, features: &[Feature]) -> MessageWriter<'a> {
    if features.is_empty() {
        return writer;
    }
    writer.named_list(name, features.iter().map(Feature::structure))
}
