//! ICAP against the crate's own server, and against servers that go wrong.

use super::{load, peers};
use crate::{BenchError, Mode, Profile, Target, run};

#[test]
fn both_directions_come_back_whole() {
    let address = peers::icap();
    for profile in [Profile::Response, Profile::Request] {
        for size in [0, 1, 300, 100_000] {
            let mut load = load(Target::Icap, address, 50);
            (load.profile, load.size) = (profile, size);
            let outcome = run(&load, |_| ()).unwrap();
            assert_eq!((outcome.transactions, outcome.errors), (50, 0), "{profile:?} {size}");
            assert!(outcome.octets_in >= 50 * size as u64, "{profile:?} {size}");
        }
    }
}

#[test]
fn what_is_only_looked_at_is_left() {
    let mut load = load(Target::Icap, peers::icap(), 100);
    (load.mode, load.size) = (Mode::Look, 10_000);
    let outcome = run(&load, |_| ()).unwrap();
    assert_eq!((outcome.transactions, outcome.errors), (100, 0));
    assert!(outcome.octets_in < outcome.octets_out / 10);
}

#[test]
fn a_preview_is_enough_or_the_rest_follows() {
    let address = peers::icap();
    for (mode, preview) in [(Mode::Look, 100), (Mode::Echo, 0), (Mode::Echo, 100), (Mode::Echo, 1000)] {
        let mut load = load(Target::Icap, address, 50);
        (load.mode, load.preview) = (mode, Some(preview));
        let outcome = run(&load, |_| ()).unwrap();
        assert_eq!((outcome.transactions, outcome.errors), (50, 0), "{mode:?} {preview}");
        // What a preview saves on the way out: the rest of the body.
        assert_eq!(outcome.octets_out < 50 * 1000, mode == Mode::Look, "{mode:?} {preview}");
    }
}

/// An answer with this body.
fn answer(body: &[u8]) -> Vec<u8> {
    let head = format!("ICAP/1.0 200 OK\r\nEncapsulated: res-body=0\r\n\r\n{:x}\r\n", body.len());
    [head.as_bytes(), body, b"\r\n0\r\n\r\n"].concat()
}

fn body() -> Vec<u8> {
    crate::message::pattern(1000).collect()
}

#[test]
fn a_wrong_octet_is_an_error() {
    // Of every ten messages on a connection, the fourth comes back wrong.
    let address = peers::answering(b"\r\n0\r\n\r\n", |number| {
        let mut body = body();
        body[700] ^= u8::from(number % 10 == 3);
        answer(&body)
    });
    let mut load = load(Target::Icap, address, 100);
    load.inflight = 1;
    let outcome = run(&load, |_| ()).unwrap();
    assert_eq!((outcome.transactions, outcome.errors, outcome.latency.len()), (90, 10, 90));
    assert_eq!(outcome.first_error.as_deref(), Some("the message came back with other octets"));
}

#[test]
fn less_and_more_than_was_sent_are_errors() {
    for (body, why) in [(&body()[..999], "999 of 1000 octets"), (&[body(), vec![0]].concat(), "other octets")]
    {
        let body = body.to_vec();
        let address = peers::answering(b"\r\n0\r\n\r\n", move |_| answer(&body));
        let error = run(&load(Target::Icap, address, 10), |_| ()).unwrap_err();
        assert!(matches!(error, BenchError::Nothing { .. }) && error.to_string().contains(why), "{error}");
    }
}

#[test]
fn a_refusal_says_what_the_server_said() {
    let refusal = b"ICAP/1.0 404 Service not found\r\nEncapsulated: null-body=0\r\n\r\n";
    let address = peers::answering(b"\r\n0\r\n\r\n", |_| refusal.to_vec());
    let error = run(&load(Target::Icap, address, 10), |_| ()).unwrap_err();
    assert!(error.to_string().contains("ICAP/1.0 404 Service not found"), "{error}");
    // Nobody allowed it.
    let address = peers::answering(b"\r\n0\r\n\r\n", |_| b"ICAP/1.0 204 No Content\r\n\r\n".to_vec());
    assert!(matches!(run(&load(Target::Icap, address, 10), |_| ()), Err(BenchError::Nothing { .. })));
}

#[test]
fn a_server_that_closes_now_and_then_gets_new_connections() {
    // As c-icap does after `MaxKeepAliveRequests`: with a word in the answer, or without.
    for says in [true, false] {
        let address = peers::each(move |mut stream| {
            use std::io::{Read, Write};
            for number in 0..5 {
                let (mut request, mut octet) = (Vec::new(), [0]);
                while !request.ends_with(b"\r\n0\r\n\r\n") {
                    stream.read_exact(&mut octet)?;
                    request.push(octet[0]);
                }
                let close =
                    if says && number == 4 { "Connection: close\r\nEncapsulated" } else { "Encapsulated" };
                let answer = String::from_utf8_lossy(&answer(b"")).replacen("Encapsulated", close, 1);
                let (head, _) = answer.split_once("\r\n\r\n").unwrap();
                let body = answer_body();
                stream.write_all(&[head.as_bytes(), b"\r\n\r\n", &body].concat())?;
            }
            Ok(())
        });
        let outcome = run(&load(Target::Icap, address, 100), |_| ()).unwrap();
        assert_eq!((outcome.transactions, outcome.errors), (100, 0), "says: {says}");
    }
}

fn answer_body() -> Vec<u8> {
    [b"3e8\r\n", &body()[..], b"\r\n0\r\n\r\n"].concat()
}

#[test]
fn what_is_not_icap_ends_the_run() {
    let address = peers::answering(b"\r\n0\r\n\r\n", |_| b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec());
    let error = run(&load(Target::Icap, address, 10), |_| ()).unwrap_err();
    assert!(error.to_string().contains("not ICAP"), "{error}");
}
