use proptest::prelude::*;

use super::*;

fn request(head: &str) -> Attributes {
    attributes(Profile::Request, None, head.as_bytes(), None).unwrap()
}

fn response(fields: &str) -> Attributes {
    let head = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
    attributes(Profile::Response, None, head.as_bytes(), None).unwrap()
}

fn uri(start: &str, fields: &str) -> Option<String> {
    request(&format!("{start} HTTP/1.1\r\n{fields}\r\n")).uri
}

fn accepted(fields: &str) -> Vec<String> {
    let aux = format!("GET / HTTP/1.1\r\n{fields}\r\n");
    let head = b"HTTP/1.1 200 OK\r\n\r\n";
    attributes(Profile::Response, Some(aux.as_bytes()), head, None).unwrap().accepted_codings
}

// RFC 4236 section 3.9, figure 13.
#[test]
fn figure_13() {
    let head = "GET http://www.restricted.example.com/ HTTP/1.1\r\n\
                Accept-Encoding: gzip, deflate\r\nHost: www.restricted.example.com\r\n\r\n";
    let found = attributes(Profile::Request, None, head.as_bytes(), Some(0)).unwrap();
    let expected = Attributes {
        uri: Some("http://www.restricted.example.com/".into()),
        method: Some("GET".into()),
        length: Some(0),
        ..Attributes::default()
    };
    assert_eq!(found, expected);
}

#[test]
fn a_response_with_its_auxiliary_request() {
    let aux = b"GET /opes/adsample.html HTTP/1.1\r\nHost: www.example.com\r\nAccept-Encoding: gzip\r\n\r\n";
    let head = b"HTTP/1.1 404 Not Found\r\nContent-Type: Text/HTML; charset=UTF-8\r\n\
        Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\n";
    let found = attributes(Profile::Response, Some(aux), head, Some(95)).unwrap();
    let expected = Attributes {
        uri: Some("http://www.example.com/opes/adsample.html".into()),
        method: Some("GET".into()),
        status: Some(404),
        media_type: Some("text/html".into()),
        charset: Some("utf-8".into()),
        coding: vec!["gzip".into()],
        accepted_codings: vec!["gzip".into()],
        length: Some(95),
        ..Attributes::default()
    };
    assert_eq!(found, expected);
}

#[test]
fn a_response_without_its_request_has_no_uri() {
    let found = response("Content-Type: text/plain\r\n");
    assert_eq!((found.uri, found.method, found.accepted_codings), (None, None, vec![]));
}

// RFC 4236 section 3.8.1: the Content-Length of the header part is not trusted.
// req: HTTP-3.8-03, HTTP-3.8.1-01
#[test]
fn the_length_comes_from_am_el_alone() {
    assert_eq!(response("Content-Length: 12\r\n").length, None);
}

// RFC 9112 section 3.3.
#[test]
fn the_uri_is_made_absolute() {
    let host = "Host: a.example:8080\r\n";
    assert_eq!(uri("GET /b?c", host).as_deref(), Some("http://a.example:8080/b?c"));
    assert_eq!(uri("GET https://b.example/", host).as_deref(), Some("https://b.example/"));
    assert_eq!(uri("OPTIONS *", host).as_deref(), Some("http://a.example:8080"));
    assert_eq!(uri("CONNECT b.example:443", host).as_deref(), Some("http://b.example:443"));
    assert_eq!(uri("GET /b://c", host).as_deref(), Some("http://a.example:8080/b://c"));
    assert_eq!(uri("GET /", "Host: [::1]:80\r\n").as_deref(), Some("http://[::1]:80/"));
}

#[test]
fn there_is_no_uri_where_the_head_does_not_tell() {
    assert_eq!(uri("GET /b", ""), None);
    assert_eq!(uri("GET /b", "Host:\r\n"), None);
    assert_eq!(uri("GET /b", "Host: a\r\nHost: a\r\n"), None);
    assert_eq!(uri("GET b", "Host: a\r\n"), None);
    assert_eq!(uri("CONNECT /b", "Host: a\r\n"), None);
    for odd in ["a/b", "a?b", "a#b", "u@a", "a b", "a\\b", "\u{e4}"] {
        assert_eq!(uri("GET /b", &format!("Host: {odd}\r\n")), None);
    }
}

#[test]
fn the_last_content_type_counts() {
    let found = response("Content-Type: text/plain; charset=a\r\nContent-Type: image/png\r\n");
    assert_eq!((found.media_type.as_deref(), found.charset), (Some("image/png"), None));
    assert_eq!(response("Content-Type: nonsense\r\n").media_type, None);
}

#[test]
fn codings_are_listed_in_the_order_of_application() {
    let found = response("Content-Encoding: X-GZIP, identity\r\ncontent-encoding: , br\r\n");
    assert_eq!(found.coding, ["gzip", "br"]);
}

#[test]
fn a_message_with_absurdly_many_codings_is_refused() {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {}\r\n\r\n", "gzip,".repeat(17));
    let refused = attributes(Profile::Response, None, head.as_bytes(), None);
    assert_eq!(refused, Err(HeadError::TooManyMembers("Content-Encoding")));
    assert_eq!(response(&format!("Content-Encoding: {}\r\n", "gzip,".repeat(16))).coding.len(), 16);
}

// RFC 9110 section 12.5.3.
#[test]
fn accepted_codings_are_those_with_a_weight_the_preferred_first() {
    let fields =
        "Accept-Encoding: deflate;q=0.5, GZIP ; q=0.8,identity;q=0\r\nAccept-Encoding: br, x-compress\r\n";
    assert_eq!(accepted(fields), ["br", "compress", "gzip", "deflate"]);
    assert_eq!(accepted("Accept-Encoding: *;q=0.001\r\n"), ["*"]);
    assert_eq!(accepted("Accept-Encoding:\r\n"), Vec::<String>::new());
    for bad in ["q=2", "q=1.001", "q=0.0001", "q=", "q", "q=.5", "q=-1", "q=0x1"] {
        assert_eq!(accepted(&format!("Accept-Encoding: gzip;{bad}\r\n")), Vec::<String>::new(), "{bad}");
    }
    assert_eq!(accepted(&format!("Accept-Encoding: {}\r\n", "a,".repeat(9999))).len(), MAX_ACCEPTED_CODINGS);
}

#[test]
fn accept_encoding_says_nothing_about_the_recipient_of_a_request() {
    assert!(request("GET / HTTP/1.1\r\nAccept-Encoding: gzip\r\n\r\n").accepted_codings.is_empty());
}

#[test]
fn broken_heads_are_errors() {
    let whole = b"HTTP/1.1 200 OK\r\n\r\n";
    let refused = attributes(Profile::Response, Some(b"GET / HTTP/1.1\r\n"), whole, None);
    assert_eq!(refused, Err(HeadError::Incomplete));
    assert!(attributes(Profile::Request, None, whole, None).is_err());
}

proptest! {
    #[test]
    fn arbitrary_fields_never_panic(
        names in proptest::collection::vec("Host|Content-Type|Content-Encoding|Accept-Encoding", 4),
        values in proptest::collection::vec("[ -~\u{e4}]{0,30}", 4),
        target in "[!-~]{1,20}", connect: bool,
    ) {
        let fields = names.iter().zip(&values).map(|(n, v)| format!("{n}: {v}\r\n")).collect::<String>();
        let method = if connect { "CONNECT" } else { "GET" };
        let aux = format!("{method} {target} HTTP/1.1\r\n{fields}\r\n");
        let head = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
        let _ = attributes(Profile::Request, None, aux.as_bytes(), None);
        let _ = attributes(Profile::Response, Some(aux.as_bytes()), head.as_bytes(), None);
    }

    #[test]
    fn arbitrary_octets_never_panic(octets in proptest::collection::vec(any::<u8>(), 0..100)) {
        let _ = attributes(Profile::Request, None, &octets, None);
        let _ = attributes(Profile::Response, Some(&octets), &octets, None);
    }
}
