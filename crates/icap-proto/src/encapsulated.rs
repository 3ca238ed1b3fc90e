//! What an ICAP message carries, and where it begins (RFC 3507 section 4.4.1).

use std::fmt;

use crate::error::Error;
use crate::fields::Fields;

/// An encapsulated head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// `req-hdr`.
    Request,
    /// `res-hdr`.
    Response,
}

/// The body that follows the heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyKind {
    /// `req-body`.
    Request,
    /// `res-body`.
    Response,
    /// `opt-body`.
    Options,
    /// `null-body`: there is none.
    Null,
}

/// Which sections are legal in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A REQMOD request.
    ReqmodRequest,
    /// A RESPMOD request.
    RespmodRequest,
    /// The answer to a REQMOD request.
    ReqmodResponse,
    /// The answer to a RESPMOD request.
    RespmodResponse,
    /// A request of another kind, or the answer to one.
    Options,
}

/// The lengths of the encapsulated heads, and what body follows them. A head that is there has a length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encapsulated {
    /// The octets of the request's head.
    pub request: Option<usize>,
    /// The octets of the response's head.
    pub response: Option<usize>,
    /// The body.
    pub body: BodyKind,
}

impl Encapsulated {
    /// Nothing is encapsulated.
    pub const NOTHING: Self = Self { request: None, response: None, body: BodyKind::Null };

    /// The heads in their order, with their lengths.
    pub fn heads(&self) -> impl Iterator<Item = (Section, usize)> {
        let request = self.request.map(|length| (Section::Request, length));
        request.into_iter().chain(self.response.map(|length| (Section::Response, length)))
    }

    /// What the fields of a message say; `None` where they do not say.
    pub(crate) fn of(fields: &Fields) -> Result<Option<Self>, Error> {
        let mut values = fields.all("encapsulated");
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => Self::parse(value).map(Some),
            (Some(_), Some(_)) => Err(Error::NoEncapsulated),
        }
    }

    /// Reads the value of an Encapsulated field.
    ///
    /// # Errors
    /// It cannot be read, offsets do not grow, or a section stands twice or in the wrong place.
    pub fn parse(value: &[u8]) -> Result<Self, Error> {
        let mut found = Self::NOTHING;
        let mut begun: Option<Section> = None;
        let (mut at, mut over) = (0, false);
        for element in value.split(|octet| *octet == b',') {
            let (name, offset) = element_of(element)?;
            // RFC 3507 section 4.4.1: one body, and nothing after it; the first section begins at 0.
            if over {
                return Err(Error::Encapsulated);
            }
            match begun {
                None if offset != 0 => return Err(Error::Offsets),
                None => {}
                Some(_) if offset <= at => return Err(Error::Offsets),
                Some(Section::Request) => found.request = Some(offset - at),
                Some(Section::Response) => found.response = Some(offset - at),
            }
            at = offset;
            match name {
                b"req-hdr" if begun.is_none() => begun = Some(Section::Request),
                b"res-hdr" if begun != Some(Section::Response) => begun = Some(Section::Response),
                b"req-body" => (found.body, over) = (BodyKind::Request, true),
                b"res-body" => (found.body, over) = (BodyKind::Response, true),
                b"opt-body" => (found.body, over) = (BodyKind::Options, true),
                b"null-body" => (found.body, over) = (BodyKind::Null, true),
                _ => return Err(Error::Encapsulated),
            }
        }
        if over { Ok(found) } else { Err(Error::Encapsulated) }
    }

    /// Whether such a message may carry this (RFC 3507 section 4.4.1).
    pub(crate) fn check(self, form: Form) -> Result<Self, Error> {
        use BodyKind::{Null, Options, Request, Response};
        let legal = matches!(
            (form, self.request.is_some(), self.response.is_some(), self.body),
            (Form::ReqmodRequest | Form::ReqmodResponse, _, false, Request | Null)
                | (Form::ReqmodResponse | Form::RespmodResponse, false, _, Response | Null)
                | (Form::RespmodRequest, _, _, Response | Null)
                | (Form::Options, false, false, Options | Null)
        );
        if legal { Ok(self) } else { Err(Error::Sections(form)) }
    }
}

fn element_of(element: &[u8]) -> Result<(&[u8], usize), Error> {
    let element = element.trim_ascii();
    let equals = memchr::memchr(b'=', element).ok_or(Error::Encapsulated)?;
    let (name, offset) = (element[..equals].trim_ascii_end(), element[equals + 1..].trim_ascii_start());
    Ok((name, number(offset).ok_or(Error::Encapsulated)?))
}

/// Decimal digits and nothing else.
pub(crate) fn number<N: std::str::FromStr>(digits: &[u8]) -> Option<N> {
    let digits = std::str::from_utf8(digits).ok()?;
    digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

/// The value of the field.
impl fmt::Display for Encapsulated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut at = 0;
        for (section, length) in self.heads() {
            let name = match section {
                Section::Request => "req-hdr",
                Section::Response => "res-hdr",
            };
            write!(f, "{name}={at}, ")?;
            at += length;
        }
        let body = match self.body {
            BodyKind::Request => "req-body",
            BodyKind::Response => "res-body",
            BodyKind::Options => "opt-body",
            BodyKind::Null => "null-body",
        };
        write!(f, "{body}={at}")
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReqmodRequest => "a REQMOD request",
            Self::RespmodRequest => "a RESPMOD request",
            Self::ReqmodResponse => "a REQMOD response",
            Self::RespmodResponse => "a RESPMOD response",
            Self::Options => "such a message",
        })
    }
}
