//! The HTTP profiles (RFC 4236 section 3): message parts, negotiation, heads, and what each side needs to map
//! between HTTP messages and what services see.

pub mod attributes;
mod aux_parts;
pub mod correct;
mod describe;
mod extensions;
pub mod head;
mod media_type;
pub mod order;
pub mod part;
pub mod profile;
mod raw;
mod spelling;

pub use attributes::{attributes, describe, refusal};
pub use extensions::{Extensions, LARGE_SIZES, TRACE_RECORDS, VARIABLES};
pub use head::{
    HeadError, RequestHead, ResponseHead, encode_request, encode_response, encode_trailer, is_range,
    parse_trailer, status_of,
};
pub use order::{PartError, PartOrder, Transition};
pub use part::{AM_EL, AM_PART, Part, Side, am_el_parameter};
pub use profile::{AuxParts, Profile, ProfileError, Settings, Wanted, accept, answer, offer, offer_extended};
