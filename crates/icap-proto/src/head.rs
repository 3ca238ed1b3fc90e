//! Request lines and status lines with their fields (RFC 3507 sections 4.3.2 and 4.3.3).

use std::fmt;

use bytes::Bytes;

use crate::encapsulated::{Encapsulated, Form};
use crate::error::Error;
use crate::fields::{Fields, is_text, is_token};

/// What is asked of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    /// To modify a request.
    Reqmod,
    /// To modify a response.
    Respmod,
    /// To say what it can.
    Options,
    /// Something that RFC 3507 does not know: a token.
    Other(Bytes),
}

impl Method {
    fn parse(octets: Bytes) -> Result<Self, Error> {
        Ok(match &octets[..] {
            b"REQMOD" => Self::Reqmod,
            b"RESPMOD" => Self::Respmod,
            b"OPTIONS" => Self::Options,
            token if is_token(token) => Self::Other(octets),
            _ => return Err(Error::RequestLine),
        })
    }

    /// The sections that a request with this method may carry.
    pub(crate) fn request_form(&self) -> Form {
        match self {
            Self::Reqmod => Form::ReqmodRequest,
            Self::Respmod => Form::RespmodRequest,
            Self::Options | Self::Other(_) => Form::Options,
        }
    }

    /// The sections that its answer may carry.
    pub(crate) fn response_form(&self) -> Form {
        match self {
            Self::Reqmod => Form::ReqmodResponse,
            Self::Respmod => Form::RespmodResponse,
            Self::Options | Self::Other(_) => Form::Options,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reqmod => f.write_str("REQMOD"),
            Self::Respmod => f.write_str("RESPMOD"),
            Self::Options => f.write_str("OPTIONS"),
            Self::Other(name) => f.write_str(&String::from_utf8_lossy(name)),
        }
    }
}

/// The head of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// The URI of the service: visible ASCII.
    pub uri: Bytes,
    /// The fields.
    pub fields: Fields,
}

impl RequestHead {
    /// Reads a head up to the last CRLF before its empty line.
    pub(crate) fn parse(octets: Bytes) -> Result<Self, Error> {
        let (line, lines) = first_line(octets);
        let mut words = line.split(|octet| *octet == b' ');
        let (Some(method), Some(uri), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(Error::RequestLine);
        };
        if uri.is_empty() || !uri.iter().all(u8::is_ascii_graphic) {
            return Err(Error::RequestLine);
        }
        let method = Method::parse(line.slice_ref(method))?;
        match version {
            b"ICAP/1.0" => {}
            other if other.starts_with(b"ICAP/") => return Err(Error::Version),
            _ => return Err(Error::RequestLine),
        }
        let fields = Fields::parse(&lines)?;
        forbid_coding(&fields)?;
        Ok(Self { method, uri: line.slice_ref(uri), fields })
    }

    /// What it encapsulates.
    pub(crate) fn encapsulated(&self) -> Result<Encapsulated, Error> {
        match (Encapsulated::of(&self.fields)?, &self.method) {
            (Some(found), method) => found.check(method.request_form()),
            // RFC 3507 section 4.10.1: an OPTIONS request carries nothing, and its example says nothing of that.
            (None, Method::Options | Method::Other(_)) => Ok(Encapsulated::NOTHING),
            (None, Method::Reqmod | Method::Respmod) => Err(Error::NoEncapsulated),
        }
    }

    /// The path of the service in its URI, without the query: `/echo` in `icap://host:1344/echo?x=y`.
    pub fn path(&self) -> &str {
        let uri = std::str::from_utf8(&self.uri).unwrap_or_default();
        let rest = match uri.split_once("://") {
            Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
            None => uri,
        };
        rest.split(['?', '#']).next().unwrap_or(rest)
    }

    /// The octets of the head, with its empty line. `carries` becomes its Encapsulated field; an OPTIONS request needs
    /// none.
    pub fn encode(&self, carries: Option<&Encapsulated>) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        out.extend_from_slice(self.method.to_string().as_bytes());
        out.push(b' ');
        out.extend_from_slice(&self.uri);
        out.extend_from_slice(b" ICAP/1.0\r\n");
        finish(out, &self.fields, carries)
    }
}

/// The head of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseHead {
    /// The status, of three digits.
    pub status: u16,
    /// The fields.
    pub fields: Fields,
}

impl ResponseHead {
    /// An answer without fields.
    pub fn new(status: u16) -> Self {
        Self { status, fields: Fields::default() }
    }

    /// Reads a head up to the last CRLF before its empty line.
    pub(crate) fn parse(octets: Bytes) -> Result<Self, Error> {
        let (line, lines) = first_line(octets);
        let rest = line.strip_prefix(b"ICAP/").ok_or(Error::StatusLine)?;
        let rest = rest.strip_prefix(b"1.0 ").ok_or(Error::Version)?;
        let digits = rest.get(..3).ok_or(Error::StatusLine)?;
        let reason = &rest[3..];
        let good = digits.iter().all(u8::is_ascii_digit) && digits[0] != b'0';
        if !good || !(reason.is_empty() || reason[0] == b' ') || !reason.iter().all(|octet| is_text(*octet)) {
            return Err(Error::StatusLine);
        }
        let status = digits.iter().fold(0, |status, digit| status * 10 + u16::from(digit - b'0'));
        let fields = Fields::parse(&lines)?;
        forbid_coding(&fields)?;
        Ok(Self { status, fields })
    }

    /// What it encapsulates, as the answer to a request with `method`.
    pub(crate) fn encapsulated(&self, method: &Method) -> Result<Encapsulated, Error> {
        match Encapsulated::of(&self.fields)? {
            Some(found) => found.check(method.response_form()),
            None if self.status == 200 && matches!(method, Method::Reqmod | Method::Respmod) => {
                Err(Error::NoEncapsulated)
            }
            None => Ok(Encapsulated::NOTHING),
        }
    }

    /// The octets of the head, with its empty line. `carries` becomes its Encapsulated field; 100 Continue has none.
    pub fn encode(&self, carries: Option<&Encapsulated>) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        out.extend_from_slice(format!("ICAP/1.0 {} {}\r\n", self.status, reason(self.status)).as_bytes());
        finish(out, &self.fields, carries)
    }
}

/// RFC 3507 section 4.3.1.
fn forbid_coding(fields: &Fields) -> Result<(), Error> {
    match fields.all("transfer-encoding").next() {
        Some(_) => Err(Error::TransferEncoding),
        None => Ok(()),
    }
}

/// The first line without its end, and the lines after it.
fn first_line(mut octets: Bytes) -> (Bytes, Bytes) {
    match memchr::memmem::find(&octets, b"\r\n") {
        Some(end) => {
            let line = octets.split_to(end);
            (line, octets.slice(2..))
        }
        None => (octets, Bytes::new()),
    }
}

fn finish(mut out: Vec<u8>, fields: &Fields, carries: Option<&Encapsulated>) -> Vec<u8> {
    fields.write(&mut out);
    if let Some(carries) = carries {
        out.extend_from_slice(format!("Encapsulated: {carries}\r\n").as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// The reason that goes with a status (RFC 3507 section 4.3.3).
pub fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        200 => "OK",
        204 => "No Content",
        206 => "Partial Content",
        400 => "Bad Request",
        404 => "ICAP Service not found",
        405 => "Method not allowed for service",
        408 => "Request timeout",
        413 => "Content Too Large",
        500 => "Server error",
        501 => "Method not implemented",
        502 => "Bad Gateway",
        503 => "Service overloaded",
        505 => "ICAP version not supported by server",
        _ => "Unknown",
    }
}
