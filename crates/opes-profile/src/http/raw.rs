//! Heads as `httparse` sees them: what reading a head whole and reading a few fields of it share.

use std::mem::MaybeUninit;

use http::Version;
use httparse::{Header, Status};

use super::head::{HeadError, MAX_FIELDS};

/// Room for the fields of one head.
pub(crate) type Slots<'b> = [MaybeUninit<Header<'b>>; MAX_FIELDS];

/// Fresh room for the fields of one head; costs nothing, as it is not written.
pub(crate) fn slots<'b>() -> Slots<'b> {
    [const { MaybeUninit::uninit() }; MAX_FIELDS]
}

/// A request head, borrowed.
pub(crate) struct RawRequest<'h, 'b> {
    pub(crate) method: &'b str,
    pub(crate) target: &'b str,
    pub(crate) version: Version,
    pub(crate) fields: &'h [Header<'b>],
}

/// A response head, borrowed.
pub(crate) struct RawResponse<'h, 'b> {
    pub(crate) version: Version,
    pub(crate) status: u16,
    pub(crate) reason: &'b [u8],
    pub(crate) fields: &'h [Header<'b>],
}

/// Reads octets that must be exactly one request head.
pub(crate) fn request<'h, 'b>(
    octets: &'b [u8],
    slots: &'h mut Slots<'b>,
) -> Result<RawRequest<'h, 'b>, HeadError> {
    let mut head = httparse::Request::new(&mut []);
    whole(octets, head.parse_with_uninit_headers(octets, slots))?;
    Ok(RawRequest {
        method: head.method.ok_or(HeadError::Incomplete)?,
        target: head.path.ok_or(HeadError::Incomplete)?,
        version: version(head.version)?,
        fields: head.headers,
    })
}

/// Reads octets that must be exactly one response head.
pub(crate) fn response<'h, 'b>(
    octets: &'b [u8],
    slots: &'h mut Slots<'b>,
) -> Result<RawResponse<'h, 'b>, HeadError> {
    let mut head = httparse::Response::new(&mut []);
    let parser = httparse::ParserConfig::default();
    whole(octets, parser.parse_response_with_uninit_headers(&mut head, octets, slots))?;
    Ok(RawResponse {
        version: version(head.version)?,
        status: head.code.ok_or(HeadError::Incomplete)?,
        reason: reason(octets),
        fields: head.headers,
    })
}

/// Checks that a parse took all of the octets, and that each line of them ends with CRLF.
pub(crate) fn whole(octets: &[u8], parsed: httparse::Result<usize>) -> Result<(), HeadError> {
    let end = match parsed {
        Ok(Status::Complete(end)) => end,
        Ok(Status::Partial) => return Err(HeadError::Incomplete),
        Err(httparse::Error::TooManyHeaders) => return Err(HeadError::TooManyFields),
        Err(error) => return Err(HeadError::Invalid(error)),
    };
    if end < octets.len() {
        return Err(HeadError::TrailingOctets);
    }
    // The parser takes a bare LF and skips empty lines before the start line; RFC 4236 section 3.1 has neither.
    // It has seen to it that every CR is followed by LF, so equal counts mean that every line ends with CRLF.
    let count = |line_end: u8| octets.iter().filter(|octet| **octet == line_end).count();
    if octets.starts_with(b"\r") && end > 2 || count(b'\r') != count(b'\n') {
        return Err(HeadError::LineEnd);
    }
    Ok(())
}

/// The reason phrase; `httparse` gives none when it has octets above 127 (RFC 9112 section 4 allows them).
fn reason(octets: &[u8]) -> &[u8] {
    const STATUS_CODE_END: usize = "HTTP/1.1 200 ".len();
    let line = octets.split(|octet| *octet == b'\r').next().unwrap_or_default();
    line.get(STATUS_CODE_END..).unwrap_or_default()
}

fn version(minor: Option<u8>) -> Result<Version, HeadError> {
    match minor {
        Some(0) => Ok(Version::HTTP_10),
        Some(1) => Ok(Version::HTTP_11),
        _ => Err(HeadError::Invalid(httparse::Error::Version)),
    }
}
