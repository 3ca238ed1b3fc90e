//! What adaptation may not break of HTTP: caching, ranges, routing, and what intermediaries owe each other.

use std::io::{Read, Write};

use opes_tests::config::{Config, DIGEST, IDENTITY, Rule, SUBSTITUTE, SYSTEM};
use opes_tests::ocp::Peer;
use opes_tests::opes::Opes;
use opes_tests::raw::{Raw, field};

const GET: &str = "GET /cat HTTP/1.1\r\nHost: www.example.com\r\n";

fn answer(fields: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n{fields}Content-Length: 5\r\n\r\na cat")
}

fn substituting() -> Rule<'static> {
    Rule::response(&[SUBSTITUTE, DIGEST]).reading_only(&[DIGEST])
}

/// RFC 9110 section 7.7, RFC 9111 sections 5.2.1.6 and 5.2.2.6.
#[test]
fn what_must_not_be_transformed_is_only_looked_at() {
    let raw = Raw::with(|config| {
        config.top("no_transform = \"obey\"").rule(&substituting()).rule(&Rule::request(&[SUBSTITUTE]))
    });
    let (asked, got) =
        raw.exchange(&format!("{GET}\r\n"), &answer("Cache-Control: public, no-transform\r\n"));
    assert!(got.ends_with("\r\n\r\na cat"), "{got}");
    let via = field(&got, "opes-via").concat();
    assert!(via.contains(DIGEST) && !via.contains(SUBSTITUTE), "{got}");
    assert!(field(&asked, "opes-via").concat().contains(SUBSTITUTE), "the request may be changed: {asked}");

    let request = format!("{GET}Cache-Control: no-transform\r\n\r\n");
    let (asked, got) = raw.exchange(&request, &answer(""));
    assert_eq!(field(&asked, "opes-via"), [""; 0], "{asked}");
    assert_eq!(field(&asked, "opes-system"), [SYSTEM]);
    assert!(got.ends_with("\r\n\r\na cat"), "{got}");

    let (_, got) = raw.exchange(&format!("{GET}\r\n"), &answer("Cache-Control: max-age=5\r\n"));
    assert!(got.contains("\r\na tiger"), "{got}");
}

#[test]
fn a_reverse_proxy_acts_for_its_origin() {
    let raw = Raw::start(&[substituting()]);
    let (_, got) = raw.exchange(&format!("{GET}\r\n"), &answer("Cache-Control: no-transform\r\n"));
    assert!(got.contains("\r\na tiger"), "{got}");
}

#[test]
fn a_forward_proxy_obeys_unless_it_is_told_otherwise() {
    for (key, body) in [("", "a cat"), ("no_transform = \"ignore\"", "a tiger")] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let server = Opes::server(&Config::server());
        let proxy = Opes::proxy(&Config::forward(server.address).top(key).rule(&substituting()));
        let mut client = Peer::connect(proxy.address);
        client.send(format!("GET http://{address}/ HTTP/1.1\r\nHost: {address}\r\n\r\n"));
        let mut origin = Peer::accept(&listener);
        origin.expect("\r\n\r\n");
        origin.send(answer("Cache-Control: no-transform\r\n"));
        client.expect(body);
    }
}

/// RFC 9110 section 14: ranges are those of the content as the origin has it.
#[test]
fn ranges_are_asked_for_where_nothing_changes() {
    let request = format!("{GET}Range: bytes=0-4\r\nIf-Range: \"x\"\r\n\r\n");
    let changing = Raw::start(&[substituting()]);
    let (asked, got) = changing.exchange(&request, &answer("Accept-Ranges: bytes\r\n"));
    assert!(field(&asked, "range").is_empty() && field(&asked, "if-range").is_empty(), "{asked}");
    assert!(got.starts_with("http/1.1 200 ") && field(&got, "accept-ranges").is_empty(), "{got}");

    let looking = Raw::start(&[Rule::response(&[DIGEST]).reading_only(&[DIGEST])]);
    let partial = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-4/9\r\nETag: \"x\"\r\n\
         Accept-Ranges: bytes\r\nContent-Length: 5\r\n\r\na cat";
    let (asked, got) = looking.exchange(&request, partial);
    assert_eq!((field(&asked, "range"), field(&asked, "if-range")), (vec!["bytes=0-4"], vec!["\"x\""]));
    assert!(got.starts_with("http/1.1 206 ") && got.ends_with("a cat"), "{got}");
    assert_eq!((field(&got, "etag"), field(&got, "accept-ranges")), (vec!["\"x\""], vec!["bytes"]), "{got}");
}

/// RFC 9110 section 8.8.1.
#[test]
fn changed_content_has_a_weak_validator() {
    for (service, etag, ranges) in [(SUBSTITUTE, "w/\"x\"", &[][..]), (IDENTITY, "\"x\"", &["bytes"][..])] {
        let raw = Raw::start(&[Rule::response(&[service]).reading_only(&[IDENTITY][..ranges.len()])]);
        let (_, got) =
            raw.exchange(&format!("{GET}\r\n"), &answer("ETag: \"x\"\r\nAccept-Ranges: bytes\r\n"));
        assert_eq!(
            (field(&got, "etag"), field(&got, "accept-ranges")),
            (vec![etag], ranges.to_vec()),
            "{got}"
        );
    }
}

/// RFC 9110 section 7.6.2.
#[test]
fn max_forwards_is_counted_down() {
    let raw = Raw::start(&[]);
    let of = |method: &str, left: &str| {
        format!(
            "{method} /x HTTP/1.1\r\nHost: www.example.com\r\nMax-Forwards: {left}\r\nAuthorization: a\r\n\r\n"
        )
    };
    let got = raw.refusal(&of("TRACE", "0"));
    assert!(got.starts_with("http/1.1 200 ") && field(&got, "content-type") == ["message/http"], "{got}");
    let (_, reflected) = got.split_once("\r\n\r\n").expect("a body");
    assert!(reflected.starts_with("trace /x http/1.1\r\n") && !reflected.contains("authorization"), "{got}");
    let got = raw.refusal(&of("OPTIONS", "0"));
    assert!(got.starts_with("http/1.1 200 ") && !field(&got, "allow").is_empty(), "{got}");
    for (method, left) in [("OPTIONS", "7"), ("TRACE", "7"), ("GET", "8")] {
        let (asked, _) = raw.exchange(&of(method, "8"), &answer(""));
        assert_eq!(field(&asked, "max-forwards"), [left], "{method}: {asked}");
    }
}

#[test]
fn a_request_may_be_about_the_server_as_a_whole() {
    let raw = Raw::start(&[Rule::request(&[IDENTITY])]);
    let (asked, got) = raw.exchange("OPTIONS * HTTP/1.1\r\nHost: www.example.com\r\n\r\n", &answer(""));
    assert!(asked.starts_with("options * http/1.1\r\n"), "{asked}");
    assert!(got.starts_with("http/1.1 200 "), "{got}");
}

/// RFC 9112 section 3.2.
#[test]
fn a_request_has_one_host() {
    let raw = Raw::start(&[]);
    for fields in ["", "Host: a\r\nHost: b\r\n", "Host: a\r\nhost: a\r\n", "Host: a b\r\n", "Host: u@a\r\n"] {
        let got = raw.refusal(&format!("GET / HTTP/1.1\r\n{fields}\r\n"));
        assert!(got.starts_with("http/1.1 400 "), "{fields:?}: {got}");
    }
    let got = raw.refusal("GET a.example HTTP/1.1\r\nHost: a.example\r\n\r\n");
    assert!(got.starts_with("http/1.1 400 "), "authority form: {got}");
    for (line, host) in [
        ("GET / HTTP/1.1\r\nHost: a.example\r\n", "a.example"),
        ("GET http://b.example:81/ HTTP/1.1\r\nHost: a.example\r\n", "b.example:81"),
        ("GET http://u:p@b.example/ HTTP/1.1\r\nHost: a.example\r\n", "b.example"),
    ] {
        let (asked, _) = raw.exchange(&format!("{line}\r\n"), &answer(""));
        assert!(asked.starts_with("get / http/1.1\r\n"), "{asked}");
        assert_eq!(field(&asked, "host"), [host], "{asked}");
    }
}

#[test]
fn fields_about_a_connection_end_with_it() {
    let raw = Raw::start(&[Rule::request(&[IDENTITY])]);
    let request = format!(
        "{GET}Connection: x-one, keep-alive, te\r\nX-One: 1\r\nKeep-Alive: 5\r\nTE: trailers, gzip\r\n\
         Proxy-Connection: keep-alive\r\nX-Two: 2\r\n\r\n"
    );
    let (asked, got) = raw.exchange(&request, &answer("Connection: x-three\r\nX-Three: 3\r\nX-Four: 4\r\n"));
    for name in ["x-one", "keep-alive", "proxy-connection"] {
        assert!(field(&asked, name).is_empty(), "{name}: {asked}");
    }
    assert_eq!((field(&asked, "x-two"), field(&asked, "te")), (vec!["2"], vec!["trailers"]), "{asked}");
    assert_eq!((field(&got, "x-three"), field(&got, "x-four")), (vec![], vec!["4"]), "{got}");
    assert_eq!((field(&asked, "via"), field(&got, "via")), (vec!["1.1 opes"], vec!["1.1 opes"]));
}

/// RFC 9110 section 7.6.3: the version is that of the message as it came.
#[test]
fn via_says_what_was_received() {
    let raw = Raw::start(&[]);
    let (asked, got) = raw.exchange(
        "GET / HTTP/1.0\r\nHost: www.example.com\r\nVia: 1.1 first\r\n\r\n",
        &answer("").replace("HTTP/1.1", "HTTP/1.0"),
    );
    assert_eq!(field(&asked, "via"), ["1.1 first", "1.0 opes"], "{asked}");
    assert_eq!(field(&got, "via"), ["1.0 opes"], "{got}");
}

/// RFC 9112 section 6.3: the chunks are the body, and nothing after them is believed.
#[test]
fn a_request_with_two_framings_is_the_last_of_its_connection() {
    let raw = Raw::start(&[Rule::request(&[IDENTITY])]);
    for framings in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
    ] {
        let mut client = Peer::connect(raw.proxy.address);
        client.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{framings}\r\n3\r\ncat\r\n0\r\n\r\n"));
        let mut origin = Peer::accept(&raw.listener);
        origin.expect("cat");
        let asked = origin.text().to_lowercase();
        assert!(
            field(&asked, "content-length").len() + field(&asked, "transfer-encoding").len() == 1,
            "{asked}"
        );
        origin.send(answer(""));
        client.expect("a cat");
        client.send("GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
        client.expect_end();
        assert!(client.text().to_lowercase().contains("connection: close"), "{}", client.text());
        assert_eq!(client.text().matches("HTTP/1.1 ").count(), 1, "{}", client.text());
    }
}

/// Whoever reads to the end of the connection must not take what came for whole.
#[test]
fn a_response_that_fails_is_no_whole_one_for_an_old_client() {
    let raw = Raw::start(&[Rule::response(&[SUBSTITUTE])]);
    let mut client = std::net::TcpStream::connect(raw.proxy.address).expect("a connection");
    client.write_all(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n").expect("room");
    let mut origin = Peer::accept(&raw.listener);
    origin.expect("\r\n\r\n");
    origin.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n");
    let mut got = [0; 4096];
    let mut text = String::new();
    while !text.contains("beg") {
        let size = client.read(&mut got).expect("the beginning");
        assert!(size > 0, "{text}");
        text += &String::from_utf8_lossy(&got[..size]);
    }
    drop(origin);
    let ended = client.read_to_end(&mut Vec::new());
    assert_eq!(ended.expect_err("not like a whole response").kind(), std::io::ErrorKind::ConnectionReset);
}

/// RFC 9110 section 9.3.1: what a GET carries means nothing, but it is not for us to lose.
#[test]
fn a_body_is_carried_whatever_the_method() {
    for rules in [&[][..], &[Rule::request(&[SUBSTITUTE])]] {
        let raw = Raw::start(rules);
        for method in ["GET", "DELETE", "NEW"] {
            let mut client = Peer::connect(raw.proxy.address);
            client.send(format!(
                "{method} / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"
            ));
            let mut origin = Peer::accept(&raw.listener);
            origin.expect("body");
            origin.send(answer(""));
            client.expect("a cat");
        }
    }
}

/// RFC 9112 section 6.3: of two framings in a response, the chunks count.
#[test]
fn a_response_with_two_framings_is_read_by_its_chunks() {
    let raw = Raw::start(&[]);
    let both = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nall of i\r\n1\r\nt\r\n0\r\n\r\n";
    let (_, got) = raw.exchange(&format!("{GET}\r\n"), both);
    assert!(
        field(&got, "content-length").is_empty() && field(&got, "transfer-encoding") == ["chunked"],
        "{got}"
    );
    assert!(got.contains("8\r\nall of i\r\n1\r\nt\r\n"), "{got}");
}

/// RFC 9110 section 6.2: an intermediary has a version of its own.
#[test]
fn an_old_origin_makes_no_old_response() {
    let raw = Raw::start(&[]);
    let (_, got) = raw.exchange(&format!("{GET}\r\n"), "HTTP/1.0 200 OK\r\n\r\nto the end");
    assert!(got.starts_with("http/1.1 200 ") && field(&got, "transfer-encoding") == ["chunked"], "{got}");
    assert!(got.contains("to the end"), "{got}");
}

#[test]
fn a_client_that_has_sent_nothing_is_not_waited_for() {
    let mut raw = Raw::start(&[]);
    let mut silent = Peer::connect(raw.proxy.address);
    let _ = raw.exchange(&format!("{GET}\r\n"), &answer(""));
    raw.proxy.process.signal("TERM");
    assert!(raw.proxy.process.exit().success());
    silent.expect_end();
    assert!(!raw.proxy.process.stderr().contains("drain time is over"), "{}", raw.proxy.process.stderr());
}

/// RFC 7239.
#[test]
fn origins_are_told_of_clients_as_configured() {
    for (style, name, value) in [
        ("standard", "forwarded", "for=127.0.0.1;host=\"www.example.com\";proto=http"),
        ("x-forwarded", "x-forwarded-for", "127.0.0.1"),
        ("off", "forwarded", ""),
    ] {
        let raw = Raw::with(|config| config.top(&format!("forwarded = {style:?}")));
        let (asked, _) = raw.exchange(&format!("{GET}\r\n"), &answer(""));
        assert_eq!(field(&asked, name).concat(), value, "{asked}");
    }
}

#[test]
fn an_origin_that_does_not_answer_is_not_waited_for_for_ever() {
    let raw = Raw::with(|config| config.table("[timeouts]\nresponse_head = 1"));
    let mut client = Peer::connect(raw.proxy.address);
    client.send(format!("{GET}\r\n"));
    let mut origin = Peer::accept(&raw.listener);
    origin.expect("\r\n\r\n");
    client.expect("\r\n\r\n");
    assert!(client.text().starts_with("HTTP/1.1 504 "), "{}", client.text());
    origin.expect_end();
}

#[test]
fn a_client_that_stops_in_its_request_is_not_waited_for_for_ever() {
    let raw = Raw::with(|config| config.table("[timeouts]\nrequest_head = 1\nrequest_body = 1"));
    let mut client = Peer::connect(raw.proxy.address);
    client.send("GET / HTTP/1.1\r\nHost:");
    client.expect_end();
    let mut client = Peer::connect(raw.proxy.address);
    client.send("POST / HTTP/1.1\r\nHost: www.example.com\r\nContent-Length: 9\r\n\r\nabc");
    let mut origin = Peer::accept(&raw.listener);
    origin.expect("abc");
    origin.expect_end();
    client.expect_end();
    assert!(!client.text().starts_with("HTTP/1.1 2"), "{}", client.text());
}

#[test]
fn heads_are_limited() {
    let raw = Raw::with(|config| config.table("[limits]\nhead_bytes = 8192\nhead_fields = 10"));
    let long = format!("{GET}X: {}\r\n\r\n", "x".repeat(9000));
    let many = format!("{GET}{}\r\n", "X: x\r\n".repeat(10));
    for request in [long, many] {
        let got = raw.refusal(&request);
        assert!(got.starts_with("http/1.1 431 "), "{got}");
    }
    let (_, got) = raw.exchange(&format!("{GET}X: {}\r\n\r\n", "x".repeat(7000)), &answer(""));
    assert!(got.starts_with("http/1.1 200 "), "{got}");
}

#[test]
fn connections_past_the_limit_wait() {
    let raw = Raw::with(|config| config.table("[limits]\nconnections = 1"));
    let mut first = Peer::connect(raw.proxy.address);
    first.send(format!("{GET}\r\n"));
    let mut origin = Peer::accept(&raw.listener);
    origin.expect("\r\n\r\n");
    let mut second = Peer::connect(raw.proxy.address);
    second.send("OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\nConnection: close\r\n\r\n");
    second.read_for(std::time::Duration::from_millis(200));
    assert_eq!(second.text(), "", "it waits");
    first.abandon();
    drop(origin);
    second.expect("HTTP/1.1 200 OK");
}
