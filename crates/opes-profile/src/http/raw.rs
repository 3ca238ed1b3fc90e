//! Heads as `httparse` sees them: what reading a head whole and reading a few fields of it share.

use std::mem::MaybeUninit;

use http::{StatusCode, Version};
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
    pub(crate) status: StatusCode,
    pub(crate) reason: &'b [u8],
    pub(crate) fields: &'h [Header<'b>],
}

/// Reads octets that must be exactly one request head.
pub(crate) fn request<'h, 'b>(
    octets: &'b [u8],
    slots: &'h mut Slots<'b>,
) -> Result<RawRequest<'h, 'b>, HeadError> {
    let mut head = httparse::Request::new(&mut []);
    let end = complete(head.parse_with_uninit_headers(octets, slots))?;
    whole(octets, end)?;
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
    let end = complete(parser.parse_response_with_uninit_headers(&mut head, octets, slots))?;
    whole(octets, end)?;
    Ok(RawResponse {
        version: version(head.version)?,
        status: status(head.code)?,
        reason: reason(octets),
        fields: head.headers,
    })
}

/// Reads octets that must be exactly the field lines of one message and the empty line after them.
pub(crate) fn fields<'h, 'b: 'h>(
    octets: &'b [u8],
    slots: &'h mut [Header<'b>],
) -> Result<&'h [Header<'b>], HeadError> {
    let (end, lines) = complete(httparse::parse_headers(octets, slots))?;
    whole(octets, end)?;
    Ok(lines)
}

fn complete<T>(parsed: httparse::Result<T>) -> Result<T, HeadError> {
    match parsed {
        Ok(Status::Complete(found)) => Ok(found),
        Ok(Status::Partial) => Err(HeadError::Incomplete),
        Err(httparse::Error::TooManyHeaders) => Err(HeadError::TooManyFields),
        Err(error) => Err(HeadError::Invalid(error)),
    }
}

/// Checks that a parse up to `end` took all of the octets, and that each line of them ends with CRLF.
fn whole(octets: &[u8], end: usize) -> Result<(), HeadError> {
    if end < octets.len() {
        return Err(HeadError::TrailingOctets);
    }
    // The parser takes a bare LF and skips empty lines before the start line; RFC 4236 section 3.1 has
    // neither. It has seen to it that each CR is followed by LF, so as many of both means that each line ends
    // with CRLF.
    let empty_line_first = octets.starts_with(b"\r") && end > 2;
    if empty_line_first || excess_of_cr(octets) != 0 {
        return Err(HeadError::LineEnd);
    }
    Ok(())
}

/// How many more CR than LF there are. Counts in short runs of one size, which compiles to vector code.
fn excess_of_cr(octets: &[u8]) -> isize {
    let weight = |octet: u8| i8::from(octet == b'\r') - i8::from(octet == b'\n');
    let sum = |run: &[u8]| isize::from(run.iter().map(|octet| weight(*octet)).sum::<i8>());
    let (runs, rest) = octets.as_chunks::<32>();
    runs.iter().map(|run| sum(run)).sum::<isize>() + sum(rest)
}

/// The reason phrase; `httparse` gives none when it has octets above 127 (RFC 9112 section 4 allows them).
fn reason(octets: &[u8]) -> &[u8] {
    const STATUS_CODE_END: usize = "HTTP/1.1 200 ".len();
    let line = octets.split(|octet| *octet == b'\r').next().unwrap_or_default();
    line.get(STATUS_CODE_END..).unwrap_or_default()
}

fn status(code: Option<u16>) -> Result<StatusCode, HeadError> {
    let status = code.and_then(|code| StatusCode::from_u16(code).ok());
    status.ok_or(HeadError::Invalid(httparse::Error::Status))
}

fn version(minor: Option<u8>) -> Result<Version, HeadError> {
    match minor {
        Some(0) => Ok(Version::HTTP_10),
        Some(1) => Ok(Version::HTTP_11),
        _ => Err(HeadError::Invalid(httparse::Error::Version)),
    }
}
