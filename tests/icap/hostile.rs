//! Clients that break the protocol, or off: they are told, and nobody else notices.

use std::io::{ErrorKind, Write};
use std::time::Duration;

use opes_tests::config::Config;
use opes_tests::icap::{END, Icap, chunk, reqmod, respmod};
use opes_tests::memory;
use opes_tests::opes::Opes;
use opes_tests::patience::eventually;

use crate::{Gateway, SERVICES, rules};

const OK: &str = "HTTP/1.1 200 OK\r\n";

fn good(gateway: &Gateway) {
    let answer = gateway.connect().ask([respmod("", OK), chunk("a cat"), END.into()].concat());
    assert_eq!((answer.status, &answer.body[..]), (200, &b"a tiger"[..]));
}

#[test]
fn what_is_no_icap_is_refused_and_the_connection_ends() {
    let gateway = Gateway::here(&["substitute"]);
    let with = |encapsulated: &str| {
        format!(
            "REQMOD icap://a/scan ICAP/1.0\r\nHost: a\r\nEncapsulated: {encapsulated}\r\n\r\n\
             GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n"
        )
    };
    let long = |size| "x".repeat(size);
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("another protocol", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec()),
        ("another version", b"OPTIONS icap://a/scan ICAP/9.0\r\nHost: a\r\n\r\n".to_vec()),
        ("no Encapsulated", b"REQMOD icap://a/scan ICAP/1.0\r\nHost: a\r\n\r\n".to_vec()),
        ("an offset within a head", with("req-hdr=0, null-body=10").into()),
        ("offsets that fall", with("req-hdr=5, null-body=0").into()),
        ("an offset past everything", with("req-hdr=0, null-body=99999999").into()),
        ("an offset that wraps", with("req-hdr=0, null-body=18446744073709551616").into()),
        ("a response in a REQMOD request", with("res-hdr=0, null-body=38").into()),
        ("no chunk", [respmod("", OK), b"zz\r\n".to_vec()].concat()),
        ("a chunk that does not end", [respmod("", OK), b"2\r\nabc\r\n".to_vec()].concat()),
        ("a head that is too long", format!("OPTIONS icap://a/scan ICAP/1.0\r\nX: {}", long(70_000)).into()),
        ("a chunk line that is too long", [respmod("", OK), format!("1;{}", long(5000)).into()].concat()),
        (
            "a trailer that is too long",
            [respmod("", OK), format!("0\r\nX: {}", long(70_000)).into()].concat(),
        ),
        ("a preview that is too long", [respmod("Preview: 2\r\n", OK), chunk("abc")].concat()),
        ("a preview that nobody asked for", respmod("Preview: 99999999\r\n", OK)),
        (
            "another length",
            [respmod("", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n"), chunk("a"), END.into()].concat(),
        ),
        (
            "a longer length",
            [respmod("", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"), chunk("a"), END.into()].concat(),
        ),
    ];
    for (what, octets) in cases {
        let mut client = gateway.connect();
        client.say(octets);
        let said = String::from_utf8_lossy(&client.rest()).into_owned();
        let status = if what == "another version" { "ICAP/1.0 505 " } else { "ICAP/1.0 400 " };
        // What has begun cannot be taken back: it is broken off.
        let begun = said.starts_with("ICAP/1.0 200 ") && !said.ends_with("0\r\n\r\n");
        assert!(said.starts_with(status) || begun, "{what}: {said:?}");
    }
    good(&gateway);
}

#[test]
fn an_encapsulated_head_that_is_none_is_refused_and_the_connection_goes_on() {
    let gateway = Gateway::here(&["substitute"]);
    let mut client = gateway.connect();
    for head in ["GET\r\n", "GET http://a/ HTTP/1.1\r\nno field\r\n", "GET http://a b/ HTTP/1.1\r\n"] {
        assert_eq!(client.ask(reqmod("", head, "null-body")).status, 400, "{head:?}");
    }
    assert_eq!(client.ask([respmod("", OK), chunk("a cat"), END.into()].concat()).body, b"a tiger");
}

// RFC 3507 section 4.5: a client that forgets `ieof` is told to go on, and what it says then is no chunk.
#[test]
fn a_preview_without_its_mark_ends_in_a_refusal() {
    let gateway = Gateway::here(&["substitute"]);
    let mut client = gateway.connect();
    let answer = client.ask([respmod("Preview: 100\r\n", OK), chunk("a cat"), END.into()].concat());
    assert_eq!(answer.status, 100);
    client.say(reqmod("", "GET http://a/ HTTP/1.1\r\nHost: a\r\n", "null-body"));
    let said = String::from_utf8_lossy(&client.rest()).into_owned();
    let refused = said.starts_with("ICAP/1.0 400 ");
    assert!(refused || !said.ends_with("\r\n0\r\n\r\n"), "it must not look whole: {said}");
    good(&gateway);
}

#[test]
fn what_never_ends_is_not_kept() {
    let gateway = Gateway::here(&["substitute"]);
    let before = memory::resident(gateway.opes.process.id());
    for start in [
        b"OPTIONS icap://a/scan ICAP/1.0\r\n".to_vec(),
        b"REQMOD icap://a/scan ICAP/1.0\r\nEncapsulated: req-hdr=0, null-body=16000000\r\n\r\n".to_vec(),
        [respmod("", OK), b"1;".to_vec()].concat(),
        [respmod("", OK), b"0\r\n".to_vec()].concat(),
    ] {
        let mut client = gateway.connect();
        client.say(&start);
        // It stops reading at some time, or ends the connection.
        client.stream.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
        let line = b"X: 0123456789abcdef\r\n".repeat(1000);
        for _ in 0..2000 {
            if client.stream.write_all(&line).is_err() {
                break;
            }
        }
    }
    let after = memory::resident(gateway.opes.process.id());
    assert!(after < before + (32 << 20), "{before} octets became {after}");
    good(&gateway);
}

#[test]
fn clients_that_go_away_leave_nothing_behind() {
    // A connection that stayed would be the only one.
    let gateway =
        Gateway::with(&format!("{}\n[limits]\nconnections = 1\n", rules("services = [\"substitute\"]")));
    let preview = [respmod("Preview: 1000\r\n", OK), chunk("a cat ".repeat(100)), END.into()].concat();
    let message = [respmod("", OK), chunk("a cat ".repeat(200_000))].concat();
    for (all, cut) in [(&preview, 10), (&preview, 60), (&preview, 150), (&preview, 260), (&preview, 300)]
        .into_iter()
        .chain([(&preview, preview.len()), (&message, 300), (&message, message.len() - 1)])
    {
        let mut client = gateway.connect();
        client.stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
        // What cannot be written any more, because nobody reads the answer, has not come either.
        let _ = client.stream.write_all(&all[..cut]);
        drop(client);
        good(&gateway);
    }
}

#[test]
fn a_client_that_sends_octet_by_octet_is_answered() {
    let gateway = Gateway::here(&["substitute"]);
    let mut client = gateway.connect();
    let preview = [respmod("Preview: 4\r\n", OK), chunk("a ca"), END.into()].concat();
    let rest = [chunk("t sat"), b"0\r\nX-Sum: 7\r\n\r\n".to_vec()].concat();
    for _ in 0..2 {
        for (octets, status) in [(&preview, 100), (&rest, 200)] {
            octets.chunks(1).for_each(|octet| client.say(octet));
            let answer = client.answer();
            assert_eq!(answer.status, status, "{answer:?}");
            assert!(status == 100 || answer.body == b"a tiger sat", "{answer:?}");
        }
    }
}

/// With little patience.
fn impatient(services: &str) -> Opes {
    let nobody = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
    let tables =
        format!("[timeouts]\nrequest_head = 1\nrequest_body = 1\n\n[[rules]]\nservices = {services}\n");
    Opes::gateway(&Config::gateway(nobody).table(SERVICES).table(&tables))
}

// RFC 3507 section 4.3.3: 408. Octets now and then do not buy more time.
#[test]
fn a_client_that_drips_its_head_is_not_waited_for_for_ever() {
    let gateway = impatient("[\"substitute\"]");
    let mut client = Icap::open(gateway.address);
    client.say("OPTIONS icap://a/scan ICAP/1.0\r\n");
    eventually("an end", || {
        // Until it is refused; what it says after that is not heard.
        client.stream.write_all(b"X: y\r\n").and_then(|()| client.stream.set_nonblocking(true)).ok()?;
        let heard = client.stream.peek(&mut [0]);
        client.stream.set_nonblocking(false).unwrap();
        heard.is_ok().then_some(())
    });
    assert_eq!(client.answer().status, 408);
}

#[test]
fn a_client_that_takes_no_answer_is_ended_and_others_are_served() {
    let gateway = impatient("[\"substitute\"]");
    let before = memory::resident(gateway.process.id());
    let mut client = Icap::open(gateway.address);
    client.say(respmod("", OK));
    let piece = chunk("a cat ".repeat(100_000));
    let writing = std::thread::spawn(move || {
        // Far more than sockets and the gateway hold.
        let ended = (0..1000).find_map(|_| client.stream.write_all(&piece).err());
        (ended, client)
    });
    for _ in 0..5 {
        let mut other = Icap::open(gateway.address);
        let answer = other.ask([respmod("", OK), chunk("a cat"), END.into()].concat());
        assert_eq!((answer.status, &answer.body[..]), (200, &b"a tiger"[..]));
    }
    let (ended, _client) = writing.join().unwrap();
    let kind = ended.expect("it is not read to the end").kind();
    assert!(!matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut), "the connection was ended: {kind}");
    let after = memory::resident(gateway.process.id());
    assert!(after < before + (32 << 20), "{before} octets became {after}");
}

// RFC 3507 section 4.3.3: 408.
#[test]
fn a_client_that_stops_within_a_message_is_not_waited_for_for_ever() {
    let gateway = impatient("[\"digest\", \"block\"]");
    let mut head = Icap::open(gateway.address);
    head.say("OPTIONS icap://a/scan ICAP/1.0\r\n");
    assert_eq!(head.answer().status, 408);
    let mut body = Icap::open(gateway.address);
    body.say([respmod("", OK), chunk("a cat")].concat());
    // A service may have answered before that; the connection ends either way.
    let said = body.rest();
    assert!(said.starts_with(b"ICAP/1.0 "), "{}", String::from_utf8_lossy(&said));
    let mut idle = Icap::open(gateway.address);
    assert!(idle.has_ended(), "an idle connection is ended without a word");
}

#[test]
fn the_gateway_finishes_what_is_under_way_and_ends() {
    let mut gateway = Gateway::here(&["substitute"]);
    let (mut client, mut idle) = (gateway.connect(), gateway.connect());
    client.say([respmod("", OK), chunk("a cat".repeat(10_000))].concat());
    let mut first = [0; 4];
    std::io::Read::read_exact(&mut client.stream, &mut first).unwrap();
    gateway.opes.process.signal("TERM");
    assert!(idle.has_ended());
    client.say(END);
    assert_eq!(client.answer_after(&first).body, "a tiger".repeat(10_000).as_bytes());
    assert!(client.has_ended());
    assert!(gateway.opes.process.exit().success());
}
