use http::header;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn map(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    fields.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).fold(
        HeaderMap::new(),
        |mut headers, (name, value)| {
            headers.append(name, value);
            headers
        },
    )
}

// RFC 4236 section 3.4, figure 12: a header part of 64 octets.
#[test]
fn figure_12() {
    let octets = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 51\r\n\r\n";
    assert_eq!(octets.len(), 64);
    let head = ResponseHead::parse(octets).unwrap();
    assert_eq!((head.version, head.status, &head.reason[..]), (Version::HTTP_11, StatusCode::OK, &b"OK"[..]));
    assert_eq!(head.headers, map(&[("content-type", "text/html"), ("content-length", "51")]));
    assert_eq!(&head.encode()[..], octets);
}

// RFC 4236 section 3.9, figure 13: a request head of 235 octets.
#[test]
fn figure_13() {
    let octets = b"GET http://www.restricted.example.com/ HTTP/1.1\r\n\
        Accept: */*\r\n\
        Accept-Language: de\r\n\
        Accept-Encoding: gzip, deflate\r\n\
        User-Agent: Mozilla/4.0 (compatible; Windows NT 5.0)\r\n\
        Host: www.restricted.example.com\r\n\
        Proxy-Connection: Keep-Alive\r\n\
        \r\n";
    let head = RequestHead::parse(octets).unwrap();
    assert_eq!((&head.method, &head.target[..]), (&Method::GET, "http://www.restricted.example.com/"));
    assert_eq!(head.headers.len(), 6);
    assert_eq!(head.headers[header::HOST], "www.restricted.example.com");
    assert_eq!(&head.encode()[..], octets);
}

#[test]
fn start_lines_of_both_versions_are_read_and_written() {
    for octets in [
        &b"PROPFIND * HTTP/1.0\r\n\r\n"[..],
        b"X-EXTENSION /a?b=c HTTP/1.1\r\nHost: a\r\nX-One: 1\r\n\r\n",
        b"CONNECT a.example:443 HTTP/1.1\r\n\r\n",
    ] {
        assert_eq!(&RequestHead::parse(octets).unwrap().encode()[..], octets);
    }
    for octets in [
        &b"HTTP/1.0 404 Not Found\r\n\r\n"[..],
        b"HTTP/1.1 299 \r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 999 gr\xc3\xbc\xdfe \t!\r\n\r\n",
    ] {
        assert_eq!(&ResponseHead::parse(octets).unwrap().encode()[..], octets);
    }
    let no_space = ResponseHead::parse(b"HTTP/1.1 204\r\n\r\n").unwrap();
    assert_eq!(&no_space.encode()[..], b"HTTP/1.1 204 \r\n\r\n");
}

// RFC 4236 section 3.1: a header part ends with the empty line that separates it from the body.
// req: HTTP-3.1-02
#[test]
fn a_head_must_be_whole() {
    let octets = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for end in 0..octets.len() {
        assert_eq!(RequestHead::parse(&octets[..end]), Err(HeadError::Incomplete), "{end}");
    }
    let octets = b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n";
    for end in 0..octets.len() {
        assert_eq!(ResponseHead::parse(&octets[..end]), Err(HeadError::Incomplete), "{end}");
    }
}

#[test]
fn nothing_may_follow_a_head() {
    assert_eq!(RequestHead::parse(b"GET / HTTP/1.1\r\n\r\nx"), Err(HeadError::TrailingOctets));
    assert_eq!(ResponseHead::parse(b"HTTP/1.1 200 OK\r\n\r\n\r\n"), Err(HeadError::TrailingOctets));
}

#[test]
fn every_line_ends_with_crlf_and_no_empty_line_comes_first() {
    for octets in [
        &b"GET / HTTP/1.1\nHost: a\r\n\r\n"[..],
        b"GET / HTTP/1.1\r\nHost: a\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n\n",
        b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\nGET / HTTP/1.1\r\n\r\n",
    ] {
        assert_eq!(RequestHead::parse(octets), Err(HeadError::LineEnd));
    }
    for octets in [&b"HTTP/1.1 200 OK\n\n"[..], b"\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"] {
        assert_eq!(ResponseHead::parse(octets), Err(HeadError::LineEnd));
    }
}

#[test]
fn invalid_heads_are_refused() {
    for octets in [
        &b"GET / HTTP/2.0\r\n\r\n"[..],
        b"GET / HTTP/1.2\r\n\r\n",
        b"GET  / HTTP/1.1\r\n\r\n",
        b"GET /a b HTTP/1.1\r\n\r\n",
        b"G(T / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\n A: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: b\rc\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: b\0c\r\n\r\n",
        b"GET / HTTP/1.1\r\n: b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ] {
        assert!(matches!(RequestHead::parse(octets), Err(HeadError::Invalid(_))), "{octets:?}");
    }
    for octets in [
        &b"HTTP/1.1 099 Low\r\n\r\n"[..],
        b"HTTP/1.1 20 Short\r\n\r\n",
        b"HTTP/1.1  200 OK\r\n\r\n",
        b"HTTP/3.0 200 OK\r\n\r\n",
        b"HTTP/1.1 200 O\0K\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\r\n\tfolded\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
    ] {
        assert!(matches!(ResponseHead::parse(octets), Err(HeadError::Invalid(_))), "{octets:?}");
    }
}

#[test]
fn the_number_of_fields_is_limited() {
    let head = |fields: usize| format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(fields));
    let most = RequestHead::parse(head(MAX_FIELDS).as_bytes()).unwrap();
    assert_eq!(most.headers.len(), MAX_FIELDS);
    assert_eq!(RequestHead::parse(head(MAX_FIELDS + 1).as_bytes()), Err(HeadError::TooManyFields));
    let trailer = "A: b\r\n".repeat(MAX_FIELDS + 1);
    assert_eq!(parse_trailer(trailer.as_bytes()), Err(HeadError::TooManyFields));
}

#[test]
fn equal_names_keep_their_order() {
    let octets = b"HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nSet-Cookie: c\r\n\r\n";
    let head = ResponseHead::parse(octets).unwrap();
    assert_eq!(head.headers.get_all(header::SET_COOKIE).iter().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(&head.encode()[..], octets);
}

#[test]
fn a_head_that_was_put_together_cannot_smuggle_lines() {
    let request = RequestHead {
        method: Method::GET,
        target: "/a b\r\nX: y\x7f".into(),
        version: Version::HTTP_2,
        headers: HeaderMap::new(),
    };
    assert_eq!(&request.encode()[..], b"GET /a%20b%0D%0AX:%20y%7F HTTP/1.1\r\n\r\n");
    let response = ResponseHead {
        version: Version::HTTP_11,
        status: StatusCode::OK,
        reason: Bytes::from_static(b"O\r\nK: \0"),
        headers: HeaderMap::new(),
    };
    assert_eq!(&response.encode()[..], b"HTTP/1.1 200 O  K:  \r\n\r\n");
}

// RFC 4236 section 3.1: a trailer part has the trailer's fields.
// req: HTTP-3.1-04
#[test]
fn trailers_are_field_lines_without_an_empty_line() {
    let trailer = map(&[("x-sum", "42"), ("etag", "\"e\"")]);
    let octets = b"X-Sum: 42\r\nETag: \"e\"\r\n";
    assert_eq!(&encode_trailer(&trailer)[..], octets);
    assert_eq!(parse_trailer(octets), Ok(trailer.clone()));
    assert_eq!(parse_trailer(&[&octets[..], b"\r\n"].concat()), Ok(trailer));
    for empty in [&b""[..], b"\r\n"] {
        assert_eq!(parse_trailer(empty), Ok(HeaderMap::new()));
    }
    assert_eq!(encode_trailer(&HeaderMap::new()), "");
}

#[test]
fn broken_trailers_are_refused() {
    assert_eq!(parse_trailer(b"X-Sum: 42"), Err(HeadError::Incomplete));
    assert_eq!(parse_trailer(b"X-Sum: 42\n"), Err(HeadError::LineEnd));
    assert_eq!(parse_trailer(b"X-Sum: 42\r\n\r\nY: z\r\n"), Err(HeadError::TrailingOctets));
    assert_eq!(parse_trailer(b"\r\nY: z\r\n"), Err(HeadError::TrailingOctets));
    assert!(matches!(parse_trailer(b"X Sum: 42\r\n"), Err(HeadError::Invalid(_))));
}

fn headers() -> impl Strategy<Value = HeaderMap> {
    vec(("[a-zA-Z!#$%&'*+.^_`|~0-9-]{1,20}", value()), 0..20).prop_map(|fields| {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value);
        }
        headers
    })
}

/// Field values as they come out of a parse: any text without white space around it.
fn value() -> impl Strategy<Value = HeaderValue> {
    vec(prop_oneof![Just(b'\t'), b' '..=0x7e_u8, 0x80..=0xff_u8], 0..30)
        .prop_map(|octets| HeaderValue::from_bytes(octets.trim_ascii()).unwrap())
}

fn version() -> impl Strategy<Value = Version> {
    prop_oneof![Just(Version::HTTP_10), Just(Version::HTTP_11)]
}

proptest! {
    #[test]
    fn request_heads_round_trip(
        method in "[A-Z!-]{1,12}", target in "[!-~]{1,40}", version in version(), headers in headers(),
    ) {
        let method = Method::from_bytes(method.as_bytes());
        let head = RequestHead { method: method.unwrap(), target, version, headers };
        prop_assert_eq!(RequestHead::parse(&head.encode()), Ok(head));
    }

    #[test]
    fn response_heads_round_trip(
        status in 100..=999_u16, version in version(), headers in headers(),
        reason in vec(prop_oneof![Just(b'\t'), b' '..=0x7e_u8, 0x80..=0xff_u8], 0..20),
    ) {
        let status = StatusCode::from_u16(status).unwrap();
        let head = ResponseHead { version, status, reason: reason.into(), headers };
        prop_assert_eq!(ResponseHead::parse(&head.encode()), Ok(head));
    }

    #[test]
    fn trailers_round_trip(trailer in headers()) {
        prop_assert_eq!(parse_trailer(&encode_trailer(&trailer)), Ok(trailer));
    }

    #[test]
    fn arbitrary_octets_never_panic(octets in vec(any::<u8>(), 0..200)) {
        let _ = (RequestHead::parse(&octets), ResponseHead::parse(&octets), parse_trailer(&octets));
    }

    #[test]
    fn almost_heads_never_panic_and_what_is_read_can_be_written(
        start in prop_oneof!["GET / HTTP/1\\.1", "HTTP/1\\.1 200 OK", "[ -~]{0,20}"],
        rest in vec(
            prop_oneof![Just("\r\n"), Just("\n"), Just(":"), Just(" "), Just("a"), Just("\u{e4}")],
            0..30,
        ),
    ) {
        let octets = format!("{start}\r\n{}\r\n\r\n", rest.concat());
        if let Ok(head) = RequestHead::parse(octets.as_bytes()) {
            prop_assert_eq!(RequestHead::parse(&head.encode()), Ok(head));
        }
        if let Ok(head) = ResponseHead::parse(octets.as_bytes()) {
            prop_assert_eq!(ResponseHead::parse(&head.encode()), Ok(head));
        }
    }
}
