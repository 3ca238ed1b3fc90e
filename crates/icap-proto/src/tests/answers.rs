//! Answers as a client reads them.

use bytes::BytesMut;

use super::*;
use crate::{BodyKind, Encapsulated, Fields, LastChunk, ResponseHead, write_chunk, write_last_chunk};

// RFC 3507 sections 4.5 and 4.6.
#[test]
fn answers_without_a_body_end_with_their_heads() {
    let octets = b"ICAP/1.0 100 Continue\r\n\r\nICAP/1.0 204 No Content\r\nISTag: \"a\"\r\n\r\n";
    let seen = answer(Method::Respmod, octets).unwrap();
    assert_eq!(seen, [Seen::Head("100".to_owned()), end(), Seen::Head("204".to_owned()), end()]);
}

// The extension for partial content.
#[test]
fn partial_content_says_where_the_original_goes_on() {
    let head = b"HTTP/1.1 200 OK\r\n\r\n";
    let carries = Encapsulated { request: None, response: Some(head.len()), body: BodyKind::Response };
    let write = |status, last: LastChunk<'_>| {
        let mut octets = BytesMut::from(&ResponseHead::new(status).encode(Some(&carries))[..]);
        octets.extend_from_slice(head);
        write_chunk(&mut octets, b"new");
        write_last_chunk(&mut octets, last);
        octets
    };
    let seen = answer(Method::Respmod, &write(206, LastChunk::UseOriginal(17))).unwrap();
    assert_eq!(seen[2], Seen::Body(b"new".to_vec()));
    assert_eq!(seen[3], Seen::End(End { original: Some(17), ..End::default() }));
    // Without the mark nothing of the original follows.
    let seen = answer(Method::Respmod, &write(206, LastChunk::End(&Fields::default()))).unwrap();
    assert_eq!(seen[3], end());
    assert_eq!(answer(Method::Respmod, &write(200, LastChunk::UseOriginal(17))), Err(Error::OriginalBody));
}

// RFC 3507 section 4.8.2: a request may be answered by a response.
#[test]
fn a_reqmod_request_may_be_answered_by_a_request_or_a_response() {
    let octets =
        b"ICAP/1.0 200 OK\r\nEncapsulated: res-hdr=0, null-body=26\r\n\r\nHTTP/1.1 403 Forbidden\r\n\r\n";
    assert_eq!(answer(Method::Reqmod, octets).unwrap().len(), 3);
    let octets = b"ICAP/1.0 200 OK\r\nEncapsulated: req-hdr=0, null-body=18\r\n\r\nGET / HTTP/1.1\r\n\r\n";
    assert_eq!(answer(Method::Reqmod, octets).unwrap().len(), 3);
    assert_eq!(answer(Method::Respmod, octets), Err(Error::Sections(crate::Form::RespmodResponse)));
}

// RFC 9112 section 5.2: lines that begin with a tab belong to the one before. X-Violations-Found is written so.
#[test]
fn a_field_may_go_on_in_further_lines() {
    let mut head = ResponseHead::new(204);
    head.fields.push("X-Violations-Found", "1\r\n\t-\r\n\tEicar").unwrap();
    head.fields.push("After", "x").unwrap();
    let mut octets = BytesMut::from(&head.encode(Some(&Encapsulated::NOTHING))[..]);
    let mut reader = ResponseReader::new(Limits::default(), Method::Respmod);
    let Ok(Some(ResponsePart::Head { head, .. })) = reader.next(&mut octets) else { panic!("a head") };
    assert_eq!(head.fields.get("x-violations-found"), Some("1\r\n\t-\r\n\tEicar"));
    assert_eq!(head.fields.get("after"), Some("x"));
}

// RFC 3507 section 4.3.3.
#[test]
fn status_lines_are_read_strictly() {
    for bad in ["ICAP/1.0 20 OK", "ICAP/1.0 2000 OK", "ICAP/1.0 020", "HTTP/1.1 200 OK", "ICAP/1.0 2x0 OK"] {
        assert_eq!(
            answer(Method::Options, format!("{bad}\r\n\r\n").as_bytes()),
            Err(Error::StatusLine),
            "{bad}"
        );
    }
    assert_eq!(answer(Method::Options, b"ICAP/2.0 200 OK\r\n\r\n"), Err(Error::Version));
    assert!(answer(Method::Options, b"ICAP/1.0 200\r\n\r\n").is_ok());
}

// RFC 3507 section 4.4.1: it is in every message; where it matters it is asked for.
#[test]
fn an_answer_with_a_message_says_what_it_encapsulates() {
    assert_eq!(answer(Method::Respmod, b"ICAP/1.0 200 OK\r\n\r\n"), Err(Error::NoEncapsulated));
    assert!(answer(Method::Respmod, b"ICAP/1.0 404 x\r\n\r\n").is_ok());
    let options = b"ICAP/1.0 200 OK\r\nEncapsulated: opt-body=0\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    assert_eq!(answer(Method::Options, options).unwrap()[1], Seen::Body(b"ok".to_vec()));
}
