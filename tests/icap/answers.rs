//! Which answer is given when (RFC 3507 sections 4.5 and 4.6, and the extension for partial content).

use opes_tests::config::{IDENTITY, SUBSTITUTE, SYSTEM};
use opes_tests::icap::{END, IEOF, chunk, reqmod, respmod, respmod_of};
use opes_tests::octets::Pattern;
use opes_tests::oracle::substitute;

use crate::Gateway;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";

fn traced(head: &str, service: &str) -> bool {
    head.lines().any(|line| line.to_ascii_lowercase().starts_with("opes-via:") && line.contains(service))
}

// RFC 3507 section 4.6: without `Allow: 204` the message comes back, changed or not.
#[test]
fn a_response_is_adapted_and_traced() {
    let gateway = Gateway::here(&["substitute"]);
    let mut client = gateway.connect();
    for (body, expected) in [("a cat sat", "a tiger sat"), ("nothing", "nothing")] {
        let answer = client.ask([respmod("", OK), chunk(body), END.into()].concat());
        assert_eq!((answer.status, answer.last.as_str()), (200, "0"));
        assert_eq!(String::from_utf8(answer.body.clone()).unwrap(), expected);
        assert!(answer.section.starts_with("HTTP/1.1 200 OK\r\n"), "{answer:?}");
        assert_eq!(answer.inner("opes-system"), Some(SYSTEM));
        assert!(traced(&answer.section, "http://here.example.com/substitute"), "{answer:?}");
        assert!(answer.inner("via").is_some_and(|via| via.starts_with("ICAP/1.0 ")), "{answer:?}");
        assert!(answer.field("istag").is_some());
    }
}

// RFC 3507 section 4.8: a request, and its answer by a service.
#[test]
fn a_request_is_adapted_or_answered() {
    let get = "GET http://origin.example.com/cat HTTP/1.1\r\nHost: origin.example.com\r\n";
    let post =
        "POST http://origin.example.com/ HTTP/1.1\r\nHost: origin.example.com\r\nContent-Length: 5\r\n";
    let gateway = Gateway::here(&["substitute"]);
    let mut client = gateway.connect();
    let answer = client.ask([reqmod("", post, "req-body"), chunk("a cat"), END.into()].concat());
    assert_eq!((answer.status, &answer.body[..]), (200, &b"a tiger"[..]));
    assert!(answer.section.starts_with("POST http://origin.example.com/ HTTP/1.1\r\n"), "{answer:?}");
    assert_ne!(answer.inner("content-length"), Some("5"), "{answer:?}");
    let answer = client.ask(reqmod("", get, "null-body"));
    assert_eq!((answer.status, &answer.body[..]), (200, &b""[..]));
    assert!(answer.field("encapsulated").is_some_and(|list| list.contains("null-body")), "{answer:?}");
    let answer = client.ask(reqmod("Allow: 204\r\n", get, "null-body"));
    assert_eq!(answer.status, 204, "nothing of it is changed: {answer:?}");

    let gateway = Gateway::here(&["block"]);
    let answer = gateway.connect().ask(reqmod("Preview: 0\r\nAllow: 204\r\n", get, "null-body"));
    assert_eq!(answer.status, 200);
    assert!(answer.section.starts_with("HTTP/1.1 403 "), "{answer:?}");
    assert!(answer.field("encapsulated").is_some_and(|list| list.starts_with("res-hdr=0, res-body")));
    assert!(String::from_utf8_lossy(&answer.body).contains("not here"), "{answer:?}");
}

// RFC 3507 section 4.5: the client is only told to go on when something is wanted of the rest.
#[test]
fn what_follows_a_preview_is_asked_for_when_it_is_wanted() {
    let gateway = Gateway::here(&["substitute"]);
    let mut client = gateway.connect();
    let answer = client.ask([respmod("Preview: 4\r\n", OK), chunk("a ca"), END.into()].concat());
    assert_eq!(answer.status, 100);
    let answer = client.ask([chunk("t sat"), END.into()].concat());
    assert_eq!((answer.status, &answer.body[..]), (200, &b"a tiger sat"[..]));
    // All of it was there: 100 Continue would be wrong.
    let answer = client.ask([respmod("Preview: 9\r\n", OK), chunk("a cat sat"), IEOF.into()].concat());
    assert_eq!((answer.status, &answer.body[..]), (200, &b"a tiger sat"[..]));
    let answer = client.ask([respmod("Preview: 9\r\n", OK), chunk("a dog sat"), IEOF.into()].concat());
    assert_eq!(answer.status, 204, "nothing is changed, and the client has all of it");
}

// RFC 3507 section 4.5: a service that has seen enough ends the transaction at the preview.
#[test]
fn services_that_leave_within_the_preview_leave_the_rest_to_the_client() {
    let mut gateway = Gateway::here(&["peek"]);
    let mut client = gateway.connect();
    let preview = [respmod("Preview: 16\r\n", OK), chunk("0123456789abcdef"), END.into()].concat();
    assert_eq!(client.ask(&preview).status, 204);
    assert_eq!(client.ask(&preview).status, 204, "the connection goes on");
    let bad = [respmod("Preview: 16\r\n", OK), chunk("12EICAR89abcdef."), END.into()].concat();
    let answer = client.ask(bad);
    assert_eq!(answer.status, 200);
    assert!(answer.section.starts_with("HTTP/1.1 403 "), "{answer:?}");
    assert_eq!(client.ask(&preview).status, 204);
    gateway.opes.process.signal("TERM");
    gateway.opes.process.exit();
    let log = gateway.opes.process.stderr();
    assert!(!log.contains("failed"), "what is answered by a reference has not failed: {log}");
}

/// A callout server is given some time for its word; on a busy machine it may come too late.
#[test]
fn services_elsewhere_may_leave_within_the_preview_too() {
    let peek = Gateway::elsewhere_by("peek", "first = 10\ndeny = \"EICAR\"\nreason = \"not here\"");
    let inject = Gateway::elsewhere_by("inject", "after = \"0\"\ntext = \"x\"\nwithin = 100");
    for (gateway, status) in [(peek, 204), (inject, 206)] {
        let mut client = gateway.connect();
        let preview =
            [respmod("Preview: 16\r\nAllow: 206\r\n", OK), chunk("0123456789abcdef"), END.into()].concat();
        let left = (0..300).any(|_| {
            let answer = client.ask(&preview);
            if answer.status == 100 {
                assert_eq!(client.ask([chunk("g"), END.into()].concat()).status, 200);
            }
            answer.status == status
        });
        assert!(left, "none of 300 messages was answered by {status}");
    }
}

// The extension for partial content.
#[test]
fn a_changed_beginning_comes_with_a_reference_to_the_rest() {
    let html = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n";
    let gateway = Gateway::here(&["inject"]);
    let mut client = gateway.connect();
    let page = "<html><body>And so on";
    let preview = |fields: &str| [respmod(fields, html), chunk(page), END.into()].concat();
    let answer = client.ask(preview("Preview: 21\r\nAllow: 204, 206\r\n"));
    assert_eq!(answer.status, 206, "{answer:?}");
    let from: usize = answer.last.strip_prefix("0; use-original-body=").unwrap().parse().unwrap();
    let all = [&answer.body[..], &page.as_bytes()[from..]].concat();
    assert_eq!(String::from_utf8(all).unwrap(), "<html><body><p>hello</p>And so on");
    assert!(traced(&answer.section, "http://here.example.com/inject"), "{answer:?}");
    // Squid says this where it cannot keep all of the message: only within the preview.
    assert_eq!(client.ask(preview("Preview: 21\r\nAllow: 206, trailers\r\n")).status, 206);
    // Without that word the rest has to come, and goes back.
    assert_eq!(client.ask(preview("Preview: 21\r\nAllow: 204\r\n")).status, 100);
    let answer = client.ask([chunk(", and on"), END.into()].concat());
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, b"<html><body><p>hello</p>And so on, and on");
}

// RFC 3507 section 4.6: services that only look.
#[test]
fn services_that_only_look_see_everything_and_the_client_keeps_it() {
    for gateway in [Gateway::here(&["digest"]), Gateway::elsewhere(&[IDENTITY])] {
        let mut client = gateway.connect();
        let octets = Pattern::new(7).slice(0, 2_000_000);
        let sent = |fields: &str| {
            let pieces: Vec<u8> = octets.chunks(50_000).flat_map(chunk).collect();
            [respmod(fields, OK), pieces, END.into()].concat()
        };
        let answer = client.ask(sent("Allow: 204\r\n"));
        assert_eq!(answer.status, 204, "{:?}", answer.head);
        let mut writer = client.stream.try_clone().unwrap();
        let echo = sent("");
        let writing = std::thread::spawn(move || std::io::Write::write_all(&mut writer, &echo).unwrap());
        let answer = client.answer();
        writing.join().unwrap();
        assert_eq!(answer.status, 200);
        assert!(answer.body == octets, "{} octets came", answer.body.len());
    }
}

// ecosystem: Squid stops reading where an answer does not begin before it has sent everything.
#[test]
fn the_answer_begins_while_the_message_still_comes() {
    for gateway in [Gateway::here(&["substitute"]), Gateway::elsewhere(&[SUBSTITUTE])] {
        let mut client = gateway.connect();
        client.say([respmod("", OK), chunk("a cat ".repeat(20_000))].concat());
        let mut first = [0; 4];
        std::io::Read::read_exact(&mut client.stream, &mut first).unwrap();
        assert_eq!(&first, b"ICAP", "before the end of the body was sent");
        client.say([chunk("cat"), END.into()].concat());
        let rest = client.answer_after(&first);
        let expected = substitute(&["a cat ".repeat(20_000).as_bytes(), b"cat"].concat(), b"cat", b"tiger");
        assert!(rest.body == expected, "{} octets came", rest.body.len());
    }
}

#[test]
fn a_bypass_is_honoured_in_both_directions() {
    let gateway = Gateway::here(&["substitute"]);
    let mut client = gateway.connect();
    let asked = "GET http://origin.example.com/ HTTP/1.1\r\nHost: origin.example.com\r\nOPES-Bypass: *\r\n";
    let answer = client.ask([respmod_of(asked, "", OK), chunk("a cat"), END.into()].concat());
    assert_eq!((answer.status, &answer.body[..]), (200, &b"a cat"[..]));
    assert_eq!(answer.inner("opes-system"), Some(SYSTEM));
    assert_eq!(answer.inner("opes-via"), None);
    let answer = client.ask([respmod_of(asked, "Allow: 204\r\n", OK), chunk("a cat"), END.into()].concat());
    assert_eq!(answer.status, 204);
}

#[test]
fn a_trace_can_be_wanted_of_messages_that_are_left_as_they_were() {
    let tables = "[[rules]]\nservices = [\"peek\"]\n";
    let text = tables.to_owned();
    let nobody = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
    let config = opes_tests::config::Config::gateway(nobody).table(crate::SERVICES).table(&text);
    let config = config.to_string().replace("[icap]\n", "[icap]\nalways_trace = true\n");
    let config = opes_tests::config::Config::default().table(&config);
    let gateway = opes_tests::opes::Opes::gateway(&config);
    let mut client = opes_tests::icap::Icap::open(gateway.address);
    let preview =
        [respmod("Preview: 16\r\nAllow: 206\r\n", OK), chunk("0123456789abcdef"), END.into()].concat();
    let answer = client.ask(preview);
    assert_eq!(answer.status, 206, "{answer:?}");
    assert!(traced(&answer.section, "http://here.example.com/peek"), "{answer:?}");
    let from: usize = answer.last.strip_prefix("0; use-original-body=").unwrap().parse().unwrap();
    assert_eq!(answer.body.len(), from);
}

// RFC 3507 section 4.8.1: requests follow one another on a connection, and may do so before they are answered.
#[test]
fn requests_are_answered_in_their_order() {
    let gateway = Gateway::elsewhere(&[SUBSTITUTE]);
    let mut client = gateway.connect();
    let mut all = Vec::new();
    for number in 0..20 {
        all.extend(respmod("", OK));
        all.extend(chunk(format!("cat {number}")));
        all.extend(END.as_bytes());
    }
    client.say(all);
    for number in 0..20 {
        let answer = client.answer();
        assert_eq!(String::from_utf8(answer.body).unwrap(), format!("tiger {number}"));
    }
    let last = client.ask([respmod("Connection: close\r\n", OK), chunk("a"), END.into()].concat());
    assert_eq!((last.status, last.field("connection")), (200, Some("close")));
    assert!(client.has_ended());
}

// RFC 9110 section 14.2: changed content has other ranges than the origin's.
#[test]
fn ranges_are_not_asked_for_where_the_response_may_be_changed() {
    let get = "GET http://origin.example.com/page HTTP/1.1\r\nHost: origin.example.com\r\n\
               Range: bytes=5-\r\nIf-Range: \"a\"\r\n";
    let responses = "[[rules]]\nname = \"responses\"\nservices = [\"SERVICE\"]\n\
                     when = \"request.path == '/page'\"\n";
    let paths = "[[icap.paths]]\npath = \"/scan\"\nrules = [\"requests\"]\n\n\
                 [[rules]]\nname = \"requests\"\ndirection = \"request\"\nservices = [\"digest\"]\n\n";
    for (tables, asked, status) in [
        (responses.replace("SERVICE", "substitute"), get.to_owned(), 200),
        (responses.replace("SERVICE", "substitute"), get.replace("/page", "/other"), 204),
        (responses.replace("SERVICE", "substitute"), format!("{get}OPES-Bypass: *\r\n"), 204),
        (responses.replace("SERVICE", "digest"), get.to_owned(), 204),
        // The path that the request is sent to does not know what becomes of its response.
        (format!("{paths}{}", responses.replace("SERVICE", "substitute")), get.to_owned(), 204),
    ] {
        let gateway = Gateway::with(&tables);
        let answer = gateway.connect().ask(reqmod("Allow: 204, 206\r\n", &asked, "null-body"));
        assert_eq!(answer.status, status, "{tables}\n{asked}\n{answer:?}");
        if status == 200 {
            assert_eq!((answer.inner("range"), answer.inner("if-range")), (None, None), "{answer:?}");
            assert!(answer.section.starts_with("GET http://origin.example.com/page "), "{answer:?}");
        }
    }
}

// RFC 9112 section 7.1.2.
#[test]
fn a_trailer_goes_through() {
    let gateway = Gateway::here(&["substitute"]);
    let mut client = gateway.connect();
    let sent =
        [respmod("Allow: trailers\r\n", OK), chunk("a cat"), b"0\r\nX-Sum: 7\r\n\r\n".to_vec()].concat();
    let answer = client.ask(sent);
    assert_eq!(answer.body, b"a tiger");
    assert_eq!(answer.trailer.to_ascii_lowercase(), "x-sum: 7\r\n");
}

// What a service makes of a message of which it has released nothing is a failure that everybody can see.
#[test]
fn a_callout_server_that_is_away_is_a_failure_by_policy() {
    let nobody = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
    for (policy, status, line) in [("fail", 200, "HTTP/1.1 502 "), ("pass", 204, "")] {
        let text = format!(
            "[[rules]]\ncallout_server = \"adapt\"\nservices = [{SUBSTITUTE:?}]\non_failure = {policy:?}\n"
        );
        let gateway =
            opes_tests::opes::Opes::gateway(&opes_tests::config::Config::gateway(nobody).table(&text));
        let mut client = opes_tests::icap::Icap::open(gateway.address);
        let answer = client.ask([respmod("Allow: 204\r\n", OK), chunk("a cat"), END.into()].concat());
        assert_eq!(answer.status, status, "{policy}: {answer:?}");
        assert!(answer.section.starts_with(line), "{policy}: {answer:?}");
    }
}
