//! The two HTTP profiles and their negotiation (RFC 4236 section 3.2).

use ocp_proto::codec::{Structure, Value, number};
use ocp_proto::message::Feature;

pub use super::aux_parts::AuxParts;
use super::extensions::EXTENSIONS;
pub use super::extensions::Extensions;
use super::{Part, Side};

/// The identifier of the request profile (RFC 4236 section 3.2).
pub const REQUEST: &str = "http://www.iana.org/assignments/opes/ocp/http/request";

/// The identifier of the response profile (RFC 4236 section 3.2).
pub const RESPONSE: &str = "http://www.iana.org/assignments/opes/ocp/http/response";

/// An HTTP profile (RFC 4236 section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Adapts requests; the callout server answers with a request or, short-circuiting, with a response.
    Request,
    /// Adapts responses; parts of the request can come along as auxiliary parts.
    Response,
}

impl Profile {
    /// The profile's feature identifier.
    pub fn uri(self) -> &'static str {
        match self {
            Self::Request => REQUEST,
            Self::Response => RESPONSE,
        }
    }

    /// The profile that a feature identifier names; `None` when it names no HTTP profile.
    pub fn from_uri(uri: &[u8]) -> Option<Self> {
        [Self::Request, Self::Response].into_iter().find(|profile| profile.uri().as_bytes() == uri)
    }

    /// Whether an OPES processor may send `part`, given the auxiliary parts that were negotiated.
    pub fn original_part_allowed(self, part: Part, aux: AuxParts) -> bool {
        match (self, part.side()) {
            (Self::Request, Side::Request) | (Self::Response, Side::Response) => true,
            (Self::Request, Side::Response) => false,
            (Self::Response, Side::Request) => aux.contains(part),
        }
    }

    /// Whether a callout server may send `part`.
    pub fn adapted_part_allowed(self, part: Part) -> bool {
        match self {
            Self::Request => true,
            Self::Response => part.side() == Side::Response,
        }
    }

    /// The header part of the message that is adapted.
    pub fn header(self) -> Part {
        match self {
            Self::Request => Part::RequestHeader,
            Self::Response => Part::ResponseHeader,
        }
    }

    /// The body part of the message that is adapted: what body offsets and AM-EL count.
    pub fn body(self) -> Part {
        match self {
            Self::Request => Part::RequestBody,
            Self::Response => Part::ResponseBody,
        }
    }

    /// The trailer part of the message that is adapted.
    pub fn trailer(self) -> Part {
        match self {
            Self::Request => Part::RequestTrailer,
            Self::Response => Part::ResponseTrailer,
        }
    }
}

/// What was negotiated for a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The profile.
    pub profile: Profile,
    /// The auxiliary parts that the processor sends where they are present (RFC 4236 section 3.2.3).
    pub aux: AuxParts,
    /// The body offset, in octets, at which the original dataflow pauses (RFC 4236 section 3.2.4).
    pub pause_at_body: Option<u64>,
    /// The body offset, in octets, past which the server wants no data (RFC 4236 section 3.2.5).
    pub stop_receiving_body: Option<u64>,
    /// The size, in octets, of the body prefix that the server may use from the processor's copy
    /// (RFC 4236 section 3.2.6).
    pub preservation_interest_body: Option<u64>,
    /// The content codings that the server prefers, the best first, in lower case (RFC 4236 section 3.2.7).
    pub content_encodings: Vec<String>,
    /// The extensions in effect (`proto-spec/extensions/`).
    pub extensions: Extensions,
}

impl Settings {
    /// The largest size or offset in the transactions of the scope (RFC 4037 section 10.3), in octets.
    pub fn largest_size(&self) -> u64 {
        if self.extensions.large_sizes { number::LARGE_MAX } else { number::MAX }
    }
}

/// What a callout server would like to select. Sizes past [`number::MAX`] are not asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Auxiliary parts; selected as far as they are offered.
    pub aux: AuxParts,
    /// See [`Settings::pause_at_body`].
    pub pause_at_body: Option<u64>,
    /// See [`Settings::stop_receiving_body`].
    pub stop_receiving_body: Option<u64>,
    /// See [`Settings::preservation_interest_body`].
    pub preservation_interest_body: Option<u64>,
    /// See [`Settings::content_encodings`].
    pub content_encodings: Vec<String>,
    /// Extensions; selected as far as they are offered.
    pub extensions: Extensions,
}

/// Why the negotiation of an HTTP profile fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// A parameter of the profile has a value of another type than RFC 4236 section 3.2.2 gives it.
    #[error("the profile parameter {0} has a value of the wrong type")]
    IllTyped(&'static str),
    /// The server selected a part that was not in the offer (RFC 4236 section 3.2.3).
    #[error("the server selected part {0:?}, which was not offered")]
    NotOffered(String),
    /// The server selected another feature than this offer's.
    #[error("the server selected another feature than the offered profile")]
    OtherProfile,
}

/// An OPES processor's offer of `profile` with these auxiliary parts, which only the response profile has.
pub fn offer(profile: Profile, aux: AuxParts) -> Feature {
    offer_extended(profile, aux, Extensions::default())
}

/// As [`offer`], with extensions.
pub fn offer_extended(profile: Profile, aux: AuxParts, extensions: Extensions) -> Feature {
    let aux = auxiliary_of(profile, aux).to_value();
    let parameters = Parameters { aux, extensions, ..Parameters::default() };
    parameters.into_feature(profile)
}

/// A callout server's answer to an offered feature, with what is then negotiated: of the auxiliary parts
/// those both `wanted` and offered, and the rest as `wanted`. `None` when the feature is not an HTTP profile.
///
/// # Errors
///
/// [`ProfileError::IllTyped`] when a parameter of the offer has a value of the wrong type.
pub fn answer(offered: &Feature, wanted: &Wanted) -> Result<Option<(Feature, Settings)>, ProfileError> {
    let Some(profile) = Profile::from_uri(offered.uri()) else {
        return Ok(None);
    };
    Parameters::read(offered.structure())?;
    // RFC 4236 section 3.2.3: non-auxiliary parts in the offer are ignored.
    let available = offered_parts(profile, offered)?;
    let settings = Settings {
        profile,
        // RFC 4236 section 3.2.3: select nothing that was not explicitly offered.
        aux: wanted.aux.intersection(available),
        pause_at_body: expressible(wanted.pause_at_body),
        stop_receiving_body: expressible(wanted.stop_receiving_body),
        preservation_interest_body: expressible(wanted.preservation_interest_body),
        content_encodings: wanted.content_encodings.iter().map(|c| c.to_ascii_lowercase()).collect(),
        extensions: wanted.extensions.intersection(Extensions::of(offered)),
    };
    Ok(Some((Parameters::from(&settings).into_feature(profile), settings)))
}

/// An OPES processor's reading of the feature that the server selected in answer to `offered`.
///
/// # Errors
///
/// [`ProfileError::OtherProfile`] when the identifiers differ or name no HTTP profile,
/// [`ProfileError::NotOffered`] when a part was selected that the offer does not list, and
/// [`ProfileError::IllTyped`] when a parameter has a value of the wrong type.
pub fn accept(offered: &Feature, selected: &Feature) -> Result<Settings, ProfileError> {
    let profile = Profile::from_uri(selected.uri())
        .filter(|_| offered.uri() == selected.uri())
        .ok_or(ProfileError::OtherProfile)?;
    let parameters = Parameters::read(selected.structure())?;
    let available = offered_parts(profile, offered)?;
    Ok(Settings {
        profile,
        aux: selected_parts(parameters.aux.as_ref(), available)?,
        pause_at_body: parameters.pause_at_body,
        stop_receiving_body: parameters.stop_receiving_body,
        preservation_interest_body: parameters.preservation_interest_body,
        content_encodings: parameters.content_encodings,
        // What was not offered cannot come into effect.
        extensions: parameters.extensions.intersection(Extensions::of(offered)),
    })
}

const AUX_PARTS: &str = "Aux-Parts";
const PAUSE_AT_BODY: &str = "Pause-At-Body";
const STOP_RECEIVING_BODY: &str = "Stop-Receiving-Body";
const PRESERVATION_INTEREST_BODY: &str = "Preservation-Interest-Body";
const CONTENT_ENCODINGS: &str = "Content-Encodings";

/// The named parameters of the profile structure (RFC 4236 section 3.2.2).
#[derive(Default)]
struct Parameters {
    aux: Option<Value>,
    pause_at_body: Option<u64>,
    stop_receiving_body: Option<u64>,
    preservation_interest_body: Option<u64>,
    content_encodings: Vec<String>,
    extensions: Extensions,
}

impl Parameters {
    fn read(structure: &Structure) -> Result<Self, ProfileError> {
        Ok(Self {
            aux: structure.named(AUX_PARTS).cloned(),
            pause_at_body: size(structure, PAUSE_AT_BODY)?,
            stop_receiving_body: size(structure, STOP_RECEIVING_BODY)?,
            preservation_interest_body: size(structure, PRESERVATION_INTEREST_BODY)?,
            content_encodings: codings(structure)?,
            extensions: Extensions::from_value(structure.named(EXTENSIONS)),
        })
    }

    fn into_feature(self, profile: Profile) -> Feature {
        let codings = self.content_encodings.into_iter().map(Value::atom).collect::<Vec<_>>();
        let members = [
            (AUX_PARTS, self.aux),
            (PAUSE_AT_BODY, self.pause_at_body.map(Value::number)),
            (STOP_RECEIVING_BODY, self.stop_receiving_body.map(Value::number)),
            (PRESERVATION_INTEREST_BODY, self.preservation_interest_body.map(Value::number)),
            (CONTENT_ENCODINGS, (!codings.is_empty()).then_some(Value::List(codings))),
            (EXTENSIONS, self.extensions.to_value()),
        ];
        let present = members.into_iter().filter_map(|(name, value)| Some((name, value?)));
        present.fold(Feature::new(profile.uri()), |feature, (name, value)| feature.with(name, value))
    }
}

impl From<&Settings> for Parameters {
    fn from(settings: &Settings) -> Self {
        Self {
            aux: settings.aux.to_value(),
            pause_at_body: settings.pause_at_body,
            stop_receiving_body: settings.stop_receiving_body,
            preservation_interest_body: settings.preservation_interest_body,
            content_encodings: settings.content_encodings.clone(),
            extensions: settings.extensions,
        }
    }
}

fn size(structure: &Structure, name: &'static str) -> Result<Option<u64>, ProfileError> {
    let Some(value) = structure.named(name) else {
        return Ok(None);
    };
    value.as_number().map(Some).ok_or(ProfileError::IllTyped(name))
}

fn codings(structure: &Structure) -> Result<Vec<String>, ProfileError> {
    let Some(value) = structure.named(CONTENT_ENCODINGS) else {
        return Ok(Vec::new());
    };
    let ill_typed = ProfileError::IllTyped(CONTENT_ENCODINGS);
    let items = value.as_list().ok_or_else(|| ill_typed.clone())?;
    items.iter().map(|item| coding(item).ok_or_else(|| ill_typed.clone())).collect()
}

/// A content coding is a token and its case does not matter (RFC 9110 section 8.4.1).
fn coding(value: &Value) -> Option<String> {
    let token = value.as_atom().filter(|atom| crate::list::is_token(atom))?;
    Some(std::str::from_utf8(token).ok()?.to_ascii_lowercase())
}

fn expressible(size: Option<u64>) -> Option<u64> {
    size.filter(|size| *size <= number::MAX)
}

/// Only the response profile has auxiliary parts (RFC 4236 section 3.2).
fn auxiliary_of(profile: Profile, parts: AuxParts) -> AuxParts {
    match profile {
        Profile::Request => AuxParts::NONE,
        Profile::Response => parts,
    }
}

fn offered_parts(profile: Profile, offered: &Feature) -> Result<AuxParts, ProfileError> {
    let Some(value) = offered.named(AUX_PARTS) else {
        return Ok(AuxParts::NONE);
    };
    let parts = AuxParts::from_value(value).ok_or(ProfileError::IllTyped(AUX_PARTS))?;
    Ok(auxiliary_of(profile, parts))
}

fn selected_parts(selected: Option<&Value>, offered: AuxParts) -> Result<AuxParts, ProfileError> {
    let Some(value) = selected else {
        return Ok(AuxParts::NONE);
    };
    let items = value.as_list().ok_or(ProfileError::IllTyped(AUX_PARTS))?;
    let mut parts = AuxParts::NONE;
    for item in items {
        let token = item.as_atom().ok_or(ProfileError::IllTyped(AUX_PARTS))?;
        // RFC 4236 section 3.2.3: any part that was not offered is a violation, auxiliary or not.
        match Part::from_token(token).filter(|part| offered.contains(*part)) {
            Some(part) => parts.insert(part),
            None => return Err(ProfileError::NotOffered(excerpt(token))),
        };
    }
    Ok(parts)
}

/// Enough of a foreign token to recognise it in a log.
fn excerpt(token: &[u8]) -> String {
    String::from_utf8_lossy(&token[..token.len().min(40)]).into_owned()
}

#[cfg(test)]
mod tests;
