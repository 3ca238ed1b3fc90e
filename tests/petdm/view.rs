//! What the code has read, by the places where the declarations put it.
//!
//! Every pattern names every field, so that a message or parameter that is new in the code does not compile here until
//! it has a place, and that place is then compared with the declarations.

use ocp_proto::message::{Code, Feature, GroupId, Message, Outcome, Range, Service, Xid};

use crate::prose::Place;
use crate::shape::Shape;

/// A message as the code has read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct View {
    /// Its name.
    pub(crate) name: &'static str,
    /// The parameters that the code reads, with their values; `None` for absent ones.
    pub(crate) fields: Vec<(Place, Option<Shape>)>,
}

impl View {
    /// The value that was read from this place.
    pub(crate) fn at(&self, place: &Place) -> Option<&Shape> {
        self.fields.iter().find(|(at, _)| at == place).and_then(|(_, value)| value.as_ref())
    }
}

fn at(position: usize, value: &impl Seen) -> (Place, Option<Shape>) {
    (Place::Anonymous(position), value.seen())
}

fn named(name: &str, value: &impl Seen) -> (Place, Option<Shape>) {
    (Place::Named(name.to_owned()), value.seen())
}

/// The view of a known message; `None` for one that the code does not know.
pub(crate) fn view(message: &Message) -> Option<View> {
    let (name, fields) = match message {
        Message::Cs => ("CS", vec![]),
        Message::Ce(outcome) => ("CE", vec![at(0, outcome)]),
        Message::Sgc { group, services } => ("SGC", vec![at(0, group), at(1, services)]),
        Message::Sgd { group } => ("SGD", vec![at(0, group)]),
        Message::Ts { xid, group } => ("TS", vec![at(0, xid), at(1, group)]),
        Message::Te { xid, outcome } => ("TE", vec![at(0, xid), at(1, outcome)]),
        Message::Ams { xid, services } => ("AMS", vec![at(0, xid), named("Services", services)]),
        Message::Ame { xid, outcome } => ("AME", vec![at(0, xid), at(1, outcome)]),
        Message::Dum { xid, offset, as_is, kept, modp } => (
            "DUM",
            vec![
                at(0, xid),
                at(1, offset),
                named("As-is", as_is),
                named("Kept", kept),
                named("Modp", &modp.map(u64::from)),
            ],
        ),
        Message::Duy { xid, range } => ("DUY", ranged(xid, *range)),
        Message::Dpi { xid, range } => ("DPI", ranged(xid, *range)),
        Message::Dwsr { xid, size } => ("DWSR", vec![at(0, xid), at(1, size)]),
        Message::Dwss { xid } => ("DWSS", vec![at(0, xid)]),
        Message::Dss { xid } => ("DSS", vec![at(0, xid)]),
        Message::Dwp { xid, offset } => ("DWP", vec![at(0, xid), at(1, offset)]),
        Message::Dpm { xid } => ("DPM", vec![at(0, xid)]),
        Message::Dwm { xid, size_request } => ("DWM", vec![at(0, xid), named("Size-request", size_request)]),
        Message::No { features, group, pending } => {
            ("NO", vec![at(0, features), named("SG", group), named("Offer-Pending", pending)])
        }
        Message::Nr { selected, group, rejects, unknowns, pending } => (
            "NR",
            vec![
                at(0, selected),
                named("SG", group),
                named("Rejects", rejects),
                named("Unknowns", unknowns),
                named("Offer-Pending", pending),
            ],
        ),
        Message::Aq { feature } => ("AQ", vec![at(0, feature)]),
        Message::Aa { supported } => ("AA", vec![at(0, supported)]),
        Message::Pq { xid } => ("PQ", vec![at(0, xid)]),
        Message::Pa { xid, org_data } => ("PA", vec![at(0, xid), named("Org-Data", org_data)]),
        Message::Pr { xid, org_data } => ("PR", vec![at(0, xid), named("Org-Data", org_data)]),
        Message::Unknown => return None,
    };
    Some(View { name, fields })
}

fn ranged(xid: &Xid, range: Range) -> Vec<(Place, Option<Shape>)> {
    vec![at(0, xid), at(1, &range.offset), at(2, &range.size)]
}

/// A value that the code has read. An empty list is an absent value (RFC 4037 section 9).
trait Seen {
    fn seen(&self) -> Option<Shape>;
}

impl Seen for u64 {
    fn seen(&self) -> Option<Shape> {
        Some(Shape::atom(self.to_string()))
    }
}

impl Seen for bool {
    fn seen(&self) -> Option<Shape> {
        Some(Shape::atom(self.to_string()))
    }
}

impl Seen for Xid {
    fn seen(&self) -> Option<Shape> {
        self.0.seen()
    }
}

impl Seen for GroupId {
    fn seen(&self) -> Option<Shape> {
        self.0.seen()
    }
}

impl Seen for Range {
    fn seen(&self) -> Option<Shape> {
        let pair = [self.offset, self.size].map(|number| Shape::atom(number.to_string()));
        Some(Shape::Structure(pair.to_vec(), Vec::new()))
    }
}

impl Seen for Outcome {
    fn seen(&self) -> Option<Shape> {
        let code = match self.code {
            Code::Ok => "200",
            Code::Partial => "206",
            Code::Failure => "400",
        };
        let mut members = vec![Shape::atom(code)];
        if !self.reason.is_empty() {
            members.push(Shape::atom(&self.reason));
        }
        Some(Shape::Structure(members, Vec::new()))
    }
}

impl Seen for Feature {
    fn seen(&self) -> Option<Shape> {
        Some(Shape::of_structure(self.structure()))
    }
}

impl Seen for Service {
    fn seen(&self) -> Option<Shape> {
        Some(Shape::of_structure(self.structure()))
    }
}

impl<T: Seen> Seen for Option<T> {
    fn seen(&self) -> Option<Shape> {
        self.as_ref().and_then(T::seen)
    }
}

impl<T: Seen> Seen for Vec<T> {
    fn seen(&self) -> Option<Shape> {
        let items: Vec<_> = self.iter().filter_map(T::seen).collect();
        (!items.is_empty()).then_some(Shape::List(items))
    }
}

/// What the code is expected to see of a value: it knows these result codes and the first two members of a result
/// (RFC 4037 section 10.10), and an empty list is an absent value (section 9).
pub(crate) fn expected(value: &Shape, result_codes: Option<&[&str]>) -> Option<Shape> {
    match (value, result_codes) {
        (Shape::List(items), _) if items.is_empty() => None,
        (Shape::Structure(members, _), Some(codes)) => Some(result(members, codes)),
        (other, _) => Some(other.clone()),
    }
}

fn result(members: &[Shape], known: &[&str]) -> Shape {
    let code = match &members[0] {
        Shape::Atom(code) if known.iter().any(|known| known.as_bytes() == &code[..]) => members[0].clone(),
        _ => Shape::atom("400"),
    };
    let reason = members.get(1).filter(|reason| **reason != Shape::atom(""));
    Shape::Structure(std::iter::once(code).chain(reason.cloned()).collect(), Vec::new())
}
