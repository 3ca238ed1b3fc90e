//! Requests, previews and what they allow.

use bytes::BytesMut;

use super::*;
use crate::{LastChunk, Permissions, RequestHead, Stage, write_chunk, write_last_chunk};

// RFC 3507 section 4.8.3, example 1.
#[test]
fn a_reqmod_request_without_a_body_is_read() {
    let get = "GET / HTTP/1.1\r\nHost: www.origin-server.com\r\nAccept: text/html, text/plain\r\n\r\n";
    let octets = format!(
        "REQMOD icap://icap-server.net/server?arg=87 ICAP/1.0\r\nHost: icap-server.net\r\n\
         Encapsulated: req-hdr=0, null-body={}\r\n\r\n{get}",
        get.len()
    );
    let seen = request(octets.as_bytes()).unwrap();
    assert_eq!(
        seen,
        [
            Seen::Head("REQMOD icap://icap-server.net/server?arg=87".to_owned()),
            Seen::Section(Section::Request, get.into()),
            end(),
        ]
    );
}

// RFC 3507 section 4.5.
#[test]
fn a_preview_ends_where_the_client_waits_and_the_body_goes_on_after_it() {
    let octets = respmod("Preview: 4\r\n", "4\r\nabcd\r\n0\r\n\r\n3\r\nefg\r\n0\r\n\r\n");
    let seen = request(&octets).unwrap();
    assert_eq!(
        seen[3..],
        [Seen::Body(b"abcd".to_vec()), Seen::PreviewEnd, Seen::Body(b"efg".to_vec()), end()]
    );
}

// RFC 3507 section 4.5: `ieof`.
#[test]
fn a_body_that_is_whole_within_its_preview_ends_there() {
    for last in ["0; ieof\r\n\r\n", "0;ieof\r\n\r\n", "0 ; IEOF\r\n\r\n"] {
        let seen = request(&respmod("Preview: 1024\r\n", &format!("3\r\nabc\r\n{last}"))).unwrap();
        assert_eq!(seen[4..], [Seen::End(End { ieof: true, ..End::default() })], "{last:?}");
    }
}

// RFC 3507 section 4.5: the client stops and waits, so nothing is read before the server has said how it goes on.
#[test]
fn after_a_preview_nothing_is_read_before_the_server_has_decided() {
    let octets = respmod("Preview: 0\r\n", "0\r\n\r\n");
    for goes_on in [true, false] {
        let (mut reader, mut buffer) = (RequestReader::new(Limits::default()), BytesMut::from(&octets[..]));
        while reader.next(&mut buffer).unwrap() != Some(RequestPart::PreviewEnd) {}
        buffer.extend_from_slice(b"1\r\nx\r\n0\r\n\r\n");
        assert_eq!(reader.next(&mut buffer).unwrap(), None);
        assert!(reader.is_within());
        if goes_on {
            reader.go_on();
            assert_eq!(reader.next(&mut buffer).unwrap(), Some(RequestPart::Body("x".into())));
        } else {
            reader.finish();
            buffer.clear();
            buffer.extend_from_slice(&octets);
            assert!(!reader.is_within());
            assert!(matches!(reader.next(&mut buffer), Ok(Some(RequestPart::Head { .. }))));
        }
    }
}

// RFC 3507 section 4.4.2 and 4.5: no body, no preview of one.
#[test]
fn a_preview_of_no_body_is_nothing_to_wait_for() {
    let octets = b"REQMOD icap://a/b ICAP/1.0\r\nPreview: 0\r\nEncapsulated: req-hdr=0, null-body=18\r\n\r\n\
                   GET / HTTP/1.1\r\n\r\n";
    assert_eq!(request(octets).unwrap().last(), Some(&end()));
}

// RFC 3507 section 4.10.1.
#[test]
fn an_options_request_needs_no_encapsulated() {
    let seen = request(b"OPTIONS icap://icap.server.net/sample-service ICAP/1.0\r\nHost: x\r\n\r\n").unwrap();
    assert_eq!(seen, [Seen::Head("OPTIONS icap://icap.server.net/sample-service".to_owned()), end()]);
}

#[test]
fn requests_follow_one_another() {
    let octets = respmod("", "1\r\na\r\n0\r\n\r\n");
    let all = [&octets[..], b"\r\n", &octets].concat();
    let (one, two) = (request(&octets).unwrap(), request(&all).unwrap());
    assert_eq!(two.len(), 2 * one.len());
    assert_eq!(two[one.len()..], one);
}

// RFC 9112 section 7.1.2.
#[test]
fn a_trailer_is_read() {
    let seen = request(&respmod("", "1;x=y\r\na\r\n0\r\nDigest: abc\r\nX: \r\n\r\n")).unwrap();
    let Some(Seen::End(end)) = seen.last() else { panic!("{seen:?}") };
    assert_eq!(end.trailer.get("digest"), Some("abc"));
    assert_eq!(end.trailer.get("x"), Some(""));
}

// RFC 3507 section 4.6: 204 outside of a preview only where it was allowed. 206 asks for the same and for its own word.
#[test]
fn what_may_be_answered_follows_from_allow_and_preview() {
    let allowed = |fields: &str| {
        let octets = respmod(fields, "0\r\n\r\n");
        let mut reader = RequestReader::new(Limits::default());
        match reader.next(&mut BytesMut::from(&octets[..])) {
            Ok(Some(RequestPart::Head { permissions, .. })) => permissions,
            other => panic!("{other:?}"),
        }
    };
    let answers = |permissions: Permissions, stage| {
        (permissions.may_be_unchanged(stage), permissions.may_be_partial(stage))
    };
    let (preview, message) = (Stage::Preview, Stage::Message);
    let nothing = allowed("");
    assert_eq!(nothing.first_stage(), message);
    assert_eq!(answers(nothing, message), (false, false));
    let squid = allowed("Preview: 1024\r\nAllow: 206, trailers\r\n");
    assert_eq!((squid.first_stage(), squid.trailers), (preview, true));
    assert_eq!(answers(squid, preview), (true, true));
    assert_eq!(answers(squid, message), (false, false));
    let all = allowed("Allow: 204\r\nAllow: 206\r\n");
    assert_eq!(answers(all, message), (true, true));
    assert_eq!(answers(allowed("Allow: 204\r\n"), message), (true, false));
    assert_eq!(answers(allowed("Preview: 0\r\n"), preview), (true, false));
}

// RFC 3507 section 4.2: the path names the service.
#[test]
fn the_path_of_a_service_is_found_in_its_uri() {
    let path = |uri: &'static str| {
        RequestHead { method: Method::Options, uri: uri.into(), fields: Default::default() }.path().to_owned()
    };
    assert_eq!(path("icap://host:1344/scan?mode=a/b"), "/scan");
    assert_eq!(path("icap://host"), "/");
    assert_eq!(path("/scan"), "/scan");
    assert_eq!(path("icap://host/a/b"), "/a/b");
}

#[test]
fn what_a_client_writes_is_what_a_server_reads() {
    let (get, ok) = (&b"GET / HTTP/1.1\r\n\r\n"[..], &b"HTTP/1.1 200 OK\r\n\r\n"[..]);
    let carries = crate::Encapsulated {
        request: Some(get.len()),
        response: Some(ok.len()),
        body: crate::BodyKind::Response,
    };
    let mut head =
        RequestHead { method: Method::Respmod, uri: "icap://h/s".into(), fields: Default::default() };
    head.fields.push("Preview", "2").unwrap();
    let mut octets = BytesMut::from(&head.encode(Some(&carries))[..]);
    octets.extend_from_slice(get);
    octets.extend_from_slice(ok);
    write_chunk(&mut octets, b"ab");
    write_chunk(&mut octets, b"");
    write_last_chunk(&mut octets, LastChunk::Ieof(&Default::default()));
    assert_eq!(
        request(&octets).unwrap(),
        [
            Seen::Head("RESPMOD icap://h/s".to_owned()),
            Seen::Section(Section::Request, get.to_vec()),
            Seen::Section(Section::Response, ok.to_vec()),
            Seen::Body(b"ab".to_vec()),
            Seen::End(End { ieof: true, ..End::default() }),
        ]
    );
}
