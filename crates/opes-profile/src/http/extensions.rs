//! Extensions that travel with an application profile (RFC 4037 section 15.1; `proto-spec/extensions/`).

use ocp_proto::codec::Value;
use ocp_proto::message::Feature;

/// Sizes and offsets past 2147483647.
pub const LARGE_SIZES: &str = "urn:x-opes:ocp:large-sizes";

/// The member of the profile's feature that lists extensions.
pub(super) const EXTENSIONS: &str = "Extensions";

/// A set of the extensions that are known here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extensions {
    /// [`LARGE_SIZES`].
    pub large_sizes: bool,
}

impl Extensions {
    /// Every extension.
    pub const ALL: Self = Self { large_sizes: true };

    /// Those that a feature lists, offered or selected.
    pub fn of(feature: &Feature) -> Self {
        Self::from_value(feature.named(EXTENSIONS))
    }

    /// Those in both sets.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self { large_sizes: self.large_sizes && other.large_sizes }
    }

    /// The member's value; `None` when there is nothing to list.
    pub(super) fn to_value(self) -> Option<Value> {
        let listed = self.large_sizes.then(|| Value::atom(LARGE_SIZES));
        listed.map(|extension| Value::List(vec![extension]))
    }

    /// Reads the member's value: names that are not known, and values that are no names, are left out.
    pub(super) fn from_value(value: Option<&Value>) -> Self {
        let items = value.and_then(Value::as_list).unwrap_or_default();
        Self { large_sizes: items.iter().any(|item| item.as_atom() == Some(LARGE_SIZES.as_bytes())) }
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
