//! ICAP messages in any pieces.

use bytes::BytesMut;
use icap_proto::{
    Encapsulated, End, Error, LastChunk, Limits, Method, RequestHead, RequestPart, RequestReader,
    ResponseHead, ResponsePart, ResponseReader, Section, write_last_chunk,
};

use crate::cuts::Cuts;

/// Small, so that inputs exceed them.
const NARROW: Limits = Limits { head: 120, sections: 60, line: 12, trailer: 20 };

/// A part, with the pieces of a body put together.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Request(RequestHead, Encapsulated),
    Response(ResponseHead, Encapsulated),
    Section(Section, Vec<u8>),
    Body(Vec<u8>),
    PreviewEnd,
    End(End),
}

type Outcome = (Vec<Seen>, Result<(), Error>);

/// Reads the input whole and in pieces, as a server or as a client: the same comes out.
pub fn icap(input: &[u8]) {
    let mut rest = input;
    let choice = rest.split_off_first().copied().unwrap_or_default();
    let mut cuts = Cuts::take(&mut rest);
    let octets = rest;
    let mut pieces = Vec::new();
    while let Some(piece) = cuts.next(&mut rest) {
        pieces.push(piece);
    }
    let limits = if choice & 1 == 0 { Limits::default() } else { NARROW };
    let method = if choice & 2 == 0 { Method::Reqmod } else { Method::Respmod };
    let read = |pieces: &[&[u8]]| match choice & 4 {
        0 => requests(pieces, limits, choice & 8 == 0),
        _ => answers(pieces, limits, method.clone()),
    };
    let whole = read(&[octets]);
    assert_eq!(read(&pieces), whole, "the same however the input is cut");
    whole.0.into_iter().for_each(|part| written_again(part, &method));
}

fn add(seen: &mut Vec<Seen>, part: Seen) {
    match (seen.last_mut(), part) {
        (Some(Seen::Body(body)), Seen::Body(octets)) => body.extend(octets),
        (_, part) => seen.push(part),
    }
}

/// `goes_on`: what the server does at the end of a preview.
fn requests(pieces: &[&[u8]], limits: Limits, goes_on: bool) -> Outcome {
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
                RequestPart::Head { head, encapsulated, .. } => Seen::Request(head, encapsulated),
                RequestPart::Section(section, octets) => Seen::Section(section, octets.to_vec()),
                RequestPart::Body(octets) => Seen::Body(octets.to_vec()),
                RequestPart::PreviewEnd => {
                    if goes_on {
                        reader.go_on()
                    } else {
                        reader.finish()
                    }
                    Seen::PreviewEnd
                }
                RequestPart::End(end) => Seen::End(end),
            };
            add(&mut seen, part);
        }
        bounded(&buffer, limits);
    }
    (seen, Ok(()))
}

fn answers(pieces: &[&[u8]], limits: Limits, method: Method) -> Outcome {
    let (mut reader, mut buffer) = (ResponseReader::new(limits, method), BytesMut::new());
    let mut seen = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            let part = match reader.next(&mut buffer) {
                Ok(None) => break,
                Ok(Some(part)) => part,
                Err(error) => return (seen, Err(error)),
            };
            let part = match part {
                ResponsePart::Head { head, encapsulated } => Seen::Response(head, encapsulated),
                ResponsePart::Section(section, octets) => Seen::Section(section, octets.to_vec()),
                ResponsePart::Body(octets) => Seen::Body(octets.to_vec()),
                ResponsePart::End(end) => Seen::End(end),
            };
            add(&mut seen, part);
        }
        bounded(&buffer, limits);
    }
    (seen, Ok(()))
}

fn bounded(buffer: &BytesMut, limits: Limits) {
    let most = limits.head.max(limits.sections).max(limits.line).max(limits.trailer);
    assert!(buffer.len() <= most, "{} octets are held", buffer.len());
}

/// What was read means the same when it is written and read again.
fn written_again(part: Seen, method: &Method) {
    // The field Encapsulated is one of the head's already; what it announces does not follow.
    let (seen, result) = match &part {
        Seen::Request(head, _) => requests(&[&head.encode(None)], Limits::default(), true),
        Seen::Response(head, _) => answers(&[&head.encode(None)], Limits::default(), method.clone()),
        Seen::End(End { ieof, original, trailer }) => {
            let mut octets = BytesMut::from(&b"ICAP/1.0 206 OK\r\nEncapsulated: res-body=0\r\n\r\n"[..]);
            let last = match original {
                Some(_) if !trailer.is_empty() => return,
                Some(from) => LastChunk::UseOriginal(*from),
                None if *ieof => LastChunk::Ieof(trailer),
                None => LastChunk::End(trailer),
            };
            write_last_chunk(&mut octets, last);
            let (mut seen, result) = answers(&[&octets], Limits::default(), Method::Respmod);
            let again = seen.pop();
            // An answer has no previews to be whole within.
            let end = End { ieof: false, original: *original, trailer: trailer.clone() };
            assert_eq!((again, result), (Some(Seen::End(end)), Ok(())));
            return;
        }
        Seen::Section(..) | Seen::Body(_) | Seen::PreviewEnd => return,
    };
    assert_eq!(result, Ok(()));
    assert_eq!(seen.first(), Some(&part));
    if let Seen::Request(_, carries) | Seen::Response(_, carries) = part {
        assert_eq!(Encapsulated::parse(carries.to_string().as_bytes()), Ok(carries));
    }
}
