//! Sets of auxiliary parts (RFC 4236 section 3.2.3).

use ocp_proto::codec::Value;

use super::{Part, Side};

/// A set of auxiliary parts. Only request parts can be auxiliary (RFC 4236 section 3.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct AuxParts(u8);

impl AuxParts {
    /// No auxiliary part.
    pub const NONE: Self = Self(0);
    /// The header, body and trailer of the request.
    pub const ALL: Self = Self(0b111);

    /// The header of the request, which is all that response services need to know what was asked for.
    pub const REQUEST_HEADER: Self = Self(0b001);

    /// Whether `part` is in the set.
    pub fn contains(self, part: Part) -> bool {
        self.0 & bit(part) != 0
    }

    /// Adds `part` and says whether it can be auxiliary; a response part cannot and is left out.
    pub fn insert(&mut self, part: Part) -> bool {
        self.0 |= bit(part);
        bit(part) != 0
    }

    /// The parts that are in both sets.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether the set is empty.
    pub fn is_empty(self) -> bool {
        self == Self::NONE
    }

    /// The parts of the set, in order.
    pub fn iter(self) -> impl Iterator<Item = Part> {
        Part::ALL.into_iter().filter(move |part| self.contains(*part))
    }

    /// The set as a list of `am-part` atoms; `None` when it is empty, as the parameter may then be left out.
    pub fn to_value(self) -> Option<Value> {
        let atoms = self.iter().map(|part| Value::atom(part.token())).collect();
        (!self.is_empty()).then_some(Value::List(atoms))
    }

    /// The auxiliary parts in a list of atoms; all other atoms are ignored, as a callout server must do with
    /// an offer (RFC 4236 section 3.2.3). `None` when the value is not a list of atoms.
    pub fn from_value(value: &Value) -> Option<Self> {
        let tokens = value.as_list()?.iter().map(Value::as_atom).collect::<Option<Vec<_>>>()?;
        Some(tokens.into_iter().filter_map(Part::from_token).collect())
    }
}

impl FromIterator<Part> for AuxParts {
    fn from_iter<I: IntoIterator<Item = Part>>(parts: I) -> Self {
        Self(parts.into_iter().fold(0, |set, part| set | bit(part)))
    }
}

fn bit(part: Part) -> u8 {
    match part.side() {
        Side::Request => 1 << part as u8,
        Side::Response => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(tokens: &[&'static str]) -> Value {
        Value::List(tokens.iter().map(|token| Value::atom(*token)).collect())
    }

    #[test]
    fn the_set_holds_request_parts_in_order() {
        let mut set = AuxParts::default();
        assert!(set.is_empty());
        assert!(set.insert(Part::RequestTrailer));
        assert!(set.insert(Part::RequestHeader));
        assert!(!set.insert(Part::ResponseHeader));
        assert_eq!(set.iter().collect::<Vec<_>>(), [Part::RequestHeader, Part::RequestTrailer]);
        assert!(set.contains(Part::RequestTrailer) && !set.contains(Part::RequestBody));
        assert!(!AuxParts::ALL.contains(Part::ResponseBody));
        assert_eq!(AuxParts::ALL.intersection(set), set);
        assert_eq!(AuxParts::ALL.iter().count(), 3);
    }

    // RFC 4236 section 3.2.3, figure 3.
    #[test]
    fn the_set_is_written_as_a_list_of_tokens() {
        let figure_3 = list(&["request-header", "request-body"]);
        let set = AuxParts::from_value(&figure_3).unwrap();
        assert_eq!(set.iter().collect::<Vec<_>>(), [Part::RequestHeader, Part::RequestBody]);
        assert_eq!(set.to_value(), Some(figure_3));
        assert_eq!(AuxParts::NONE.to_value(), None);
    }

    // RFC 4236 section 3.2.3: non-auxiliary parts in an offer are ignored.
    #[test]
    fn other_tokens_are_ignored_and_other_types_refused() {
        let mixed = list(&["response-body", "request-header", "preamble"]);
        assert_eq!(AuxParts::from_value(&mixed), Some([Part::RequestHeader].into_iter().collect()));
        assert_eq!(AuxParts::from_value(&list(&[])), Some(AuxParts::NONE));
        assert_eq!(AuxParts::from_value(&Value::atom("request-header")), None);
        assert_eq!(AuxParts::from_value(&Value::List(vec![Value::List(vec![])])), None);
    }
}
