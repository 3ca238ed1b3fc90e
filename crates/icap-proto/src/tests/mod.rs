//! What RFC 3507 says, and what nobody should send.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is test code: a broken expectation ends the test"
)]

mod answers;
mod cuts;
mod encapsulation;
mod hostile;
mod requests;

use bytes::BytesMut;

use crate::{End, Error, Limits, Method, RequestPart, RequestReader, ResponsePart, ResponseReader, Section};

/// Parts with the pieces of a body put together, so that cuts do not show.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Head(String),
    Section(Section, Vec<u8>),
    Body(Vec<u8>),
    PreviewEnd,
    End(End),
}

fn add(seen: &mut Vec<Seen>, part: Seen) {
    match (seen.last_mut(), part) {
        (Some(Seen::Body(body)), Seen::Body(octets)) => body.extend(octets),
        (_, part) => seen.push(part),
    }
}

/// Reads requests that come in these pieces; the client goes on after its previews.
fn requests_in<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Seen>, Result<(), Error>) {
    requests_within(Limits::default(), pieces)
}

fn requests_within<'a>(
    limits: Limits,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Seen>, Result<(), Error>) {
    let (mut reader, mut buffer, mut seen) = (RequestReader::new(limits), BytesMut::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            let part = match reader.next(&mut buffer) {
                Ok(None) => break,
                Ok(Some(part)) => part,
                Err(error) => return (seen, Err(error)),
            };
            let part = match part {
                RequestPart::Head { head, .. } => {
                    Seen::Head(format!("{} {}", head.method, String::from_utf8_lossy(&head.uri)))
                }
                RequestPart::Section(section, octets) => Seen::Section(section, octets.to_vec()),
                RequestPart::Body(octets) => Seen::Body(octets.to_vec()),
                RequestPart::PreviewEnd => {
                    reader.go_on();
                    Seen::PreviewEnd
                }
                RequestPart::End(end) => Seen::End(end),
            };
            add(&mut seen, part);
        }
        assert!(buffer.len() <= limits.head.max(limits.sections).max(limits.line) + piece.len());
    }
    (seen, Ok(()))
}

/// Reads a whole request.
fn request(octets: &[u8]) -> Result<Vec<Seen>, Error> {
    let (seen, result) = requests_in([octets]);
    result.map(|()| seen)
}

/// Reads answers to requests with `method` that come in these pieces.
fn answers_in<'a>(
    method: Method,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Seen>, Result<(), Error>) {
    let mut reader = ResponseReader::new(Limits::default(), method);
    let (mut buffer, mut seen) = (BytesMut::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            let part = match reader.next(&mut buffer) {
                Ok(None) => break,
                Ok(Some(part)) => part,
                Err(error) => return (seen, Err(error)),
            };
            add(
                &mut seen,
                match part {
                    ResponsePart::Head { head, .. } => Seen::Head(head.status.to_string()),
                    ResponsePart::Section(section, octets) => Seen::Section(section, octets.to_vec()),
                    ResponsePart::Body(octets) => Seen::Body(octets.to_vec()),
                    ResponsePart::End(end) => Seen::End(end),
                },
            );
        }
    }
    (seen, Ok(()))
}

fn answer(method: Method, octets: &[u8]) -> Result<Vec<Seen>, Error> {
    let (seen, result) = answers_in(method, [octets]);
    result.map(|()| seen)
}

fn end() -> Seen {
    Seen::End(End::default())
}

/// A request with these sections and these chunks.
fn respmod(fields: &str, body: &str) -> Vec<u8> {
    let (get, ok) = ("GET /a HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n");
    let (first, second) = (get.len(), get.len() + ok.len());
    format!(
        "RESPMOD icap://icap.example.net/scan ICAP/1.0\r\nHost: icap.example.net\r\n{fields}\
         Encapsulated: req-hdr=0, res-hdr={first}, res-body={second}\r\n\r\n{get}{ok}{body}"
    )
    .into_bytes()
}
