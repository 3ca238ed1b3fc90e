//! Header and trailer parts as octets, and as the types of the `http` crate (RFC 4236 section 3.1).

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use httparse::Header;

use super::{Profile, raw, spelling};

/// The most fields that a head or trailer may have.
pub const MAX_FIELDS: usize = 256;

/// A request header part: request line and fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHead {
    /// The method; extension methods are fine.
    pub method: Method,
    /// The request target as sent, in whichever of its four forms (RFC 9112 section 3.2).
    pub target: String,
    /// HTTP/1.0 or HTTP/1.1.
    pub version: Version,
    /// The fields.
    pub headers: HeaderMap,
}

/// A response header part: status line and fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseHead {
    /// HTTP/1.0 or HTTP/1.1.
    pub version: Version,
    /// The status code.
    pub status: StatusCode,
    /// The reason phrase, which may be empty.
    pub reason: Bytes,
    /// The fields.
    pub headers: HeaderMap,
}

/// Why octets are not a header or trailer part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// The empty line that ends the head is missing.
    #[error("the head is incomplete")]
    Incomplete,
    /// Octets follow the empty line that ends the head.
    #[error("octets follow the end of the head")]
    TrailingOctets,
    /// There are more than [`MAX_FIELDS`] fields.
    #[error("the head has more than {MAX_FIELDS} fields")]
    TooManyFields,
    /// A line ends with LF alone, or an empty line comes before the start line.
    #[error("a line of the head does not end with CRLF, or the head begins with an empty line")]
    LineEnd,
    /// The octets break the syntax of HTTP/1.0 and HTTP/1.1.
    #[error("{0}")]
    Invalid(httparse::Error),
    /// A field has more list members than any sane message.
    #[error("the field {0} has too many members")]
    TooManyMembers(&'static str),
    /// A value for this field is not one that a field can carry.
    #[error("a new value for the field {0} is invalid")]
    InvalidValue(&'static str),
}

impl RequestHead {
    /// Reads octets that must be exactly one request head, from the request line to the empty line.
    ///
    /// # Errors
    ///
    /// A [`HeadError`] when they are anything else: no line folding, no bare LF, nothing before or after.
    pub fn parse(octets: &[u8]) -> Result<Self, HeadError> {
        Self::parse_shared(&Bytes::copy_from_slice(octets))
    }

    /// As [`RequestHead::parse`], without copying: the values share, and so keep, the octets' memory.
    ///
    /// # Errors
    ///
    /// As [`RequestHead::parse`].
    pub fn parse_shared(octets: &Bytes) -> Result<Self, HeadError> {
        let mut slots = raw::slots();
        let head = raw::request(octets, &mut slots)?;
        let method = Method::from_bytes(head.method.as_bytes());
        Ok(Self {
            method: method.map_err(|_| HeadError::Invalid(httparse::Error::Token))?,
            target: head.target.to_owned(),
            version: head.version,
            headers: fields(octets, head.fields)?,
        })
    }

    /// The head as octets, from the request line to the empty line. Any version but HTTP/1.0 is written as
    /// HTTP/1.1. Octets that cannot stand in a request target are percent-encoded.
    pub fn encode(&self) -> Bytes {
        encode_request(&self.method, &self.target, self.version, &self.headers)
    }
}

impl ResponseHead {
    /// Reads octets that must be exactly one response head, from the status line to the empty line.
    ///
    /// # Errors
    ///
    /// A [`HeadError`] when they are anything else: no line folding, no bare LF, nothing before or after.
    pub fn parse(octets: &[u8]) -> Result<Self, HeadError> {
        Self::parse_shared(&Bytes::copy_from_slice(octets))
    }

    /// As [`ResponseHead::parse`], without copying: the values share, and so keep, the octets' memory.
    ///
    /// # Errors
    ///
    /// As [`ResponseHead::parse`].
    pub fn parse_shared(octets: &Bytes) -> Result<Self, HeadError> {
        let mut slots = raw::slots();
        let head = raw::response(octets, &mut slots)?;
        Ok(Self {
            version: head.version,
            status: head.status,
            reason: octets.slice_ref(head.reason),
            headers: fields(octets, head.fields)?,
        })
    }

    /// The head as octets, from the status line to the empty line. Any version but HTTP/1.0 is written as
    /// HTTP/1.1. Control characters in the reason phrase become spaces.
    pub fn encode(&self) -> Bytes {
        encode_response(self.version, self.status, &self.reason, &self.headers)
    }
}

/// As [`RequestHead::encode`], of what is elsewhere.
pub fn encode_request(method: &Method, target: &str, version: Version, headers: &HeaderMap) -> Bytes {
    let start = method.as_str().len() + target.len() + 14;
    let mut out = Vec::with_capacity(start + fields_length(headers));
    out.extend_from_slice(method.as_str().as_bytes());
    out.push(b' ');
    write_target(target, &mut out);
    out.push(b' ');
    out.extend_from_slice(version_text(version));
    out.extend_from_slice(b"\r\n");
    write_fields(headers, &mut out);
    out.extend_from_slice(b"\r\n");
    Bytes::from(out)
}

/// As [`ResponseHead::encode`], of what is elsewhere.
pub fn encode_response(version: Version, status: StatusCode, reason: &[u8], headers: &HeaderMap) -> Bytes {
    let mut out = Vec::with_capacity(reason.len() + 17 + fields_length(headers));
    out.extend_from_slice(version_text(version));
    out.push(b' ');
    out.extend_from_slice(status.as_str().as_bytes());
    out.push(b' ');
    out.extend(reason.iter().map(|octet| if is_text(*octet) { *octet } else { b' ' }));
    out.extend_from_slice(b"\r\n");
    write_fields(headers, &mut out);
    out.extend_from_slice(b"\r\n");
    Bytes::from(out)
}

/// The status code as it stands in the header part of a response, of which no more than the first line need be there.
pub fn status_of(head: &[u8]) -> Option<&[u8]> {
    head.split(|octet| *octet == b' ').nth(1)
}

/// Whether a message of this profile is a response with only a range of the content (RFC 9110 section 15.3.7).
pub fn is_range(profile: Profile, head: &[u8]) -> bool {
    profile == Profile::Response && status_of(head) == Some(b"206")
}

/// Reads a trailer part: field lines with CRLF each, with or without a final empty line.
///
/// # Errors
///
/// A [`HeadError`] when the octets are anything else.
pub fn parse_trailer(octets: &[u8]) -> Result<HeaderMap, HeadError> {
    let mut section = octets.to_vec();
    if octets != b"\r\n" && !octets.ends_with(b"\r\n\r\n") {
        section.extend_from_slice(b"\r\n");
    }
    let section = Bytes::from(section);
    let mut slots = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let lines = raw::fields(&section, &mut slots)?;
    fields(&section, lines)
}

/// A trailer part as octets: field lines with CRLF each, without a final empty line.
pub fn encode_trailer(trailer: &HeaderMap) -> Bytes {
    let mut out = Vec::with_capacity(fields_length(trailer));
    write_fields(trailer, &mut out);
    Bytes::from(out)
}

/// The fields as a map whose values are slices of `octets`, in which `lines` lie.
fn fields(octets: &Bytes, lines: &[Header<'_>]) -> Result<HeaderMap, HeadError> {
    let mut headers = HeaderMap::with_capacity(lines.len());
    for line in lines {
        let name = HeaderName::from_bytes(line.name.as_bytes())
            .map_err(|_| HeadError::Invalid(httparse::Error::HeaderName))?;
        let value = HeaderValue::from_maybe_shared(octets.slice_ref(line.value))
            .map_err(|_| HeadError::Invalid(httparse::Error::HeaderValue))?;
        headers.append(name, value);
    }
    Ok(headers)
}

fn fields_length(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

fn write_fields(headers: &HeaderMap, out: &mut Vec<u8>) {
    for (name, value) in headers {
        spelling::write(name, out);
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

fn write_target(target: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for octet in target.bytes() {
        if octet > b' ' && octet != 0x7f {
            out.push(octet);
        } else {
            out.extend_from_slice(&[b'%', HEX[usize::from(octet >> 4)], HEX[usize::from(octet & 15)]]);
        }
    }
}

fn version_text(version: Version) -> &'static [u8] {
    if version == Version::HTTP_10 { b"HTTP/1.0" } else { b"HTTP/1.1" }
}

/// Whether a reason phrase may hold this octet (RFC 9112 section 4).
fn is_text(octet: u8) -> bool {
    octet == b'\t' || (octet >= b' ' && octet != 0x7f)
}

#[cfg(test)]
mod tests;
