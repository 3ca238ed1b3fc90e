//! Extensions that travel with an application profile (RFC 4037 section 15.1; `proto-spec/extensions/`).

use ocp_proto::codec::Value;
use ocp_proto::message::Feature;

/// Sizes and offsets past 2147483647.
pub const LARGE_SIZES: &str = "urn:x-opes:ocp:large-sizes";

/// Records for the OPES trace that services send along with messages.
pub const TRACE_RECORDS: &str = "urn:x-opes:ocp:trace-records";

/// What rules and services say to services.
pub const VARIABLES: &str = "urn:x-opes:ocp:variables";

/// The member of the profile's feature that lists extensions.
pub(super) const EXTENSIONS: &str = "Extensions";

/// A set of the extensions that are known here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extensions {
    /// [`LARGE_SIZES`].
    pub large_sizes: bool,
    /// [`TRACE_RECORDS`].
    pub trace_records: bool,
    /// [`VARIABLES`].
    pub variables: bool,
}

impl Extensions {
    /// Every extension.
    pub const ALL: Self = Self { large_sizes: true, trace_records: true, variables: true };

    /// Those that a feature lists, offered or selected.
    pub fn of(feature: &Feature) -> Self {
        Self::from_value(feature.named(EXTENSIONS))
    }

    /// Those in both sets.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self {
            large_sizes: self.large_sizes && other.large_sizes,
            trace_records: self.trace_records && other.trace_records,
            variables: self.variables && other.variables,
        }
    }

    /// The member's value; `None` when there is nothing to list.
    pub(super) fn to_value(self) -> Option<Value> {
        let all = [
            (self.large_sizes, LARGE_SIZES),
            (self.trace_records, TRACE_RECORDS),
            (self.variables, VARIABLES),
        ];
        let listed = all.into_iter().filter(|(is_in, _)| *is_in).map(|(_, name)| Value::atom(name));
        let listed: Vec<_> = listed.collect();
        (!listed.is_empty()).then_some(Value::List(listed))
    }

    /// Reads the member's value: names that are not known, and values that are no names, are left out.
    pub(super) fn from_value(value: Option<&Value>) -> Self {
        let items = value.and_then(Value::as_list).unwrap_or_default();
        let lists = |name: &str| items.iter().any(|item| item.as_atom() == Some(name.as_bytes()));
        Self {
            large_sizes: lists(LARGE_SIZES),
            trace_records: lists(TRACE_RECORDS),
            variables: lists(VARIABLES),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{AuxParts, Profile, Wanted, accept, answer, offer, offer_extended};

    const WANTED: Extensions = Extensions::ALL;

    fn negotiated(offered: &Feature) -> (Extensions, Extensions) {
        let wanted = Wanted { extensions: WANTED, ..Wanted::default() };
        let (selected, settings) = answer(offered, &wanted).unwrap().unwrap();
        (settings.extensions, accept(offered, &selected).unwrap().extensions)
    }

    #[test]
    fn both_sides_see_what_was_offered_and_wanted() {
        let offered = offer_extended(Profile::Response, AuxParts::NONE, Extensions::ALL);
        assert_eq!(negotiated(&offered), (Extensions::ALL, Extensions::ALL));
        assert_eq!(negotiated(&offer(Profile::Response, AuxParts::NONE)), Default::default());
    }

    #[test]
    fn each_extension_is_negotiated_by_itself() {
        let each = [
            Extensions { large_sizes: true, ..Extensions::default() },
            Extensions { trace_records: true, ..Extensions::default() },
            Extensions { variables: true, ..Extensions::default() },
        ];
        for extensions in each {
            let offered = offer_extended(Profile::Response, AuxParts::NONE, extensions);
            assert_eq!(negotiated(&offered), (extensions, extensions));
        }
    }

    // RFC 4037 section 15.1: an agent that does not know an extension is served without it.
    #[test]
    fn unknown_extensions_and_silence_select_nothing() {
        let unknown = Value::List(vec![Value::atom("urn:x-other:thing"), Value::List(Vec::new())]);
        let offered = Feature::new(Profile::Request.uri()).with(EXTENSIONS, unknown);
        assert_eq!(negotiated(&offered), Default::default());
        let offered = offer_extended(Profile::Request, AuxParts::NONE, Extensions::ALL);
        assert_eq!(
            accept(&offered, &Feature::new(Profile::Request.uri())).unwrap().extensions,
            Default::default()
        );
    }

    #[test]
    fn a_server_cannot_bring_an_extension_into_effect_on_its_own() {
        let offered = offer(Profile::Request, AuxParts::NONE);
        let selected = offer_extended(Profile::Request, AuxParts::NONE, Extensions::ALL);
        assert_eq!(accept(&offered, &selected).unwrap().extensions, Default::default());
    }
}
