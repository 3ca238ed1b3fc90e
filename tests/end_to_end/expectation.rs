//! Responses before the response (RFC 9110 section 15.2), and clients that wait for one (section 10.1.1).

use std::time::Duration;

use opes_tests::config::{DIGEST, IDENTITY, Rule};
use opes_tests::ocp::Peer;
use opes_tests::patience::PATIENCE;
use opes_tests::raw::Raw;

const EXPECTING: &str = "POST /upload HTTP/1.1\r\nHost: www.example.com\r\nContent-Length: 5\r\n\
     Expect: 100-continue\r\n\r\n";

#[test]
fn the_body_is_asked_for_when_the_origin_wants_it() {
    let raw = Raw::start(&[]);
    let mut client = Peer::connect(raw.proxy.address);
    client.send(EXPECTING);
    let mut origin = Peer::accept(&raw.listener);
    origin.expect("\r\n\r\n");
    assert!(origin.text().to_lowercase().contains("expect: 100-continue\r\n"), "{}", origin.text());
    client.read_for(Duration::from_millis(200));
    assert_eq!(client.text(), "", "not asked before the origin wants it");
    origin.send("HTTP/1.1 100 Continue\r\n\r\n");
    client.expect("HTTP/1.1 100 Continue\r\n\r\n");
    client.send("12345");
    origin.expect("12345");
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    client.expect("\r\n\r\nok");
    assert_eq!(client.text().matches("100 Continue").count(), 1, "{}", client.text());
}

#[test]
fn an_origin_that_refuses_gets_no_body() {
    let raw = Raw::start(&[]);
    let mut client = Peer::connect(raw.proxy.address);
    client.send(EXPECTING);
    let mut origin = Peer::accept(&raw.listener);
    origin.expect("\r\n\r\n");
    origin.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno");
    client.expect("\r\n\r\nno");
    assert!(client.text().starts_with("HTTP/1.1 401 "), "{}", client.text());
}

#[test]
fn an_origin_that_knows_nothing_of_it_is_waited_for_a_second() {
    for rules in [&[][..], &[Rule::request(&[IDENTITY])]] {
        let raw = Raw::start(rules);
        let mut client = Peer::connect(raw.proxy.address);
        client.send(EXPECTING);
        client.expect("HTTP/1.1 100 Continue\r\n\r\n");
        client.send("12345");
        let mut origin = Peer::accept(&raw.listener);
        origin.expect("12345");
        origin.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        client.expect("\r\n\r\nok");
    }
}

/// RFC 4236 section 3: an OPES processor has all messages adapted, also those that hyper cannot pass on.
// req: HTTP-3.5-02, HTTP-7-01
#[test]
fn informational_responses_are_adapted_and_dropped() {
    let raw = Raw::start(&[Rule::response(&[DIGEST])]);
    let mut client = Peer::connect(raw.proxy.address);
    client.send("GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n");
    let mut origin = Peer::accept(&raw.listener);
    origin.expect("\r\n\r\n");
    origin.send("HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n");
    let digests = |log: &str| log.matches("sha256=").count();
    raw.server.process.log("the digest of an early hint", |line| (digests(line) == 1).then_some(()));
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    client.expect("\r\n\r\nok");
    assert!(client.text().starts_with("HTTP/1.1 200 OK\r\n"), "{}", client.text());
    let end = std::time::Instant::now() + PATIENCE;
    while digests(&raw.server.process.stderr()) < 2 {
        assert!(std::time::Instant::now() < end, "{}", raw.server.process.stderr());
        std::thread::sleep(Duration::from_millis(10));
    }
}
