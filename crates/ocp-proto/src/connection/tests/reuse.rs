//! Preserved data as a server uses it (RFC 4037 sections 7, 11.9 to 11.11).

use super::{Agent, X, is_failure_of};

const NOTHING: [&str; 0] = [];

/// A server that was sent `original` with this Kept parameter, and whose adapted flow is open.
fn offered(kept: &str, original: &str) -> Agent {
    let mut server = Agent::server_in_transaction();
    server.hear(&[&format!("DUM 0 0|Kept: {kept}||{}:{original}", original.len())]);
    server.connection.start_message(X, "".into(), None);
    server.forget();
    server
}

fn echo(server: &mut Agent, original: &str, offset: usize) {
    let octets = bytes::Bytes::copy_from_slice(original.as_bytes());
    server.connection.send(X, "".into(), octets, Some(offset as u64)).unwrap();
}

// req: OCP-7-03, OCP-11.9-13, OCP-11.10-02
#[test]
fn a_server_uses_what_is_kept() {
    let original = "o".repeat(100);
    for kept in ["{0 100}", "0 100", "{0 2147483647}"] {
        let mut server = offered(kept, &original);
        echo(&mut server, &original, 0);
        assert_eq!(server.said(), ["DUY 0 0 100;"], "{kept}");
    }
    for kept in ["{1 99}", "{0 50}", "{0 0}", "{200 100}"] {
        let mut server = offered(kept, &original);
        echo(&mut server, &original, 0);
        assert_eq!(server.said(), [format!("DUM 0 0|As-is: 0||100:{original}")], "{kept}");
    }
}

// req: OCP-7-03, OCP-11.10-02
#[test]
fn a_server_uses_the_kept_part_of_what_it_echoes() {
    let original = "o".repeat(300);
    let mut server = offered("{0 200}", &original);
    for (index, piece) in original.as_bytes().chunks(30).enumerate() {
        echo(&mut server, std::str::from_utf8(piece).unwrap(), 30 * index);
    }
    let rest = "o".repeat(100);
    assert_eq!(server.said(), ["DUY 0 0 200;".to_owned(), format!("DUM 0 200|As-is: 200||100:{rest}")]);
    assert_eq!((server.connection.sent_in(X), server.connection.queued_in(X)), (300, 0));
}

// req: OCP-11.9-18
#[test]
fn large_pieces_in_one_message_stand_as_is_only_where_they_follow_each_other() {
    let original = "o".repeat(20_000);
    for (second, as_is) in [(20_000, "As-is: 0||"), (20_001, ""), (0, "")] {
        let mut server = offered("{0 0}", "o");
        echo(&mut server, &original, 0);
        echo(&mut server, &original, second);
        assert!(server.said() == [format!("DUM 0 0|{as_is}40000:{original}{original}")], "{second}");
    }
}

// req: OCP-10.15-02, OCP-11.9-05, OCP-11.9-16
#[test]
fn offsets_run_over_dum_and_duy_alike() {
    let original = "o".repeat(100);
    let mut server = offered("{0 100}", &original);
    server.connection.predict(X, 50);
    server.connection.send(X, "".into(), "new".into(), None).unwrap();
    echo(&mut server, &original, 0);
    server.connection.send(X, "".into(), "end".into(), None).unwrap();
    assert_eq!(server.said(), ["DUM 0 0|Modp: 50||3:new", "DUY 0 0 100;", "DUM 0 103|3:end"]);
    server.connection.predict(X, 60);
    server.connection.send(X, "P: 1\r\n".into(), original.clone().into(), Some(0)).unwrap();
    assert_eq!(server.said(), ["DUM 0 106|Modp: 60|P: 1||0:", "DUY 0 0 100;"], "a prediction needs a DUM");
}

// req: OCP-7-10, OCP-11.9-14
#[test]
fn a_broken_promise_before_duy_means_no_duy_and_that_is_said_at_once() {
    let original = "o".repeat(100);
    let mut server = offered("{0 100}", &original);
    assert_eq!(server.reply(&["DUM 0 100|Kept: {50 100}||1:x"]), ["DPI 0 2147483647 0;"]);
    assert_eq!(server.reply(&["DUM 0 101|Kept: {0 1000}||1:x", "DUM 0 102|Kept: {9 9}||1:x"]), NOTHING);
    echo(&mut server, &original, 0);
    assert_eq!(server.said(), [format!("DUM 0 0|As-is: 0||100:{original}")]);
    server.connection.dispose(X, 100);
    assert_eq!(server.said(), NOTHING, "it is said already");
}

// req: OCP-11.9-15
#[test]
fn a_broken_promise_after_duy_ends_the_transaction() {
    for (kept, broken) in
        [("{0 100}", false), ("{0 200}", false), ("{0 99}", true), ("{1 99}", true), ("{0 0}", true)]
    {
        let mut server = offered("{0 100}", &"o".repeat(100));
        echo(&mut server, &"o".repeat(100), 0);
        assert_eq!(server.said(), ["DUY 0 0 100;"]);
        let said = server.reply(&[&format!("DUM 0 100|Kept: {kept}||1:x")]);
        assert_eq!(said.first().is_some_and(|te| is_failure_of(te, 0)), broken, "{kept}");
    }
}

// req: OCP-7-07, OCP-11.9-12
#[test]
fn a_commitment_may_begin_earlier_and_end_later() {
    let mut server = Agent::server_in_transaction();
    let original = "o".repeat(100);
    server.hear(&[&format!("DUM 0 0|Kept: {{50 10}}||100:{original}"), "DUM 0 100|Kept: {0 5000}||0:"]);
    server.connection.start_message(X, "".into(), None);
    server.forget();
    echo(&mut server, &original, 0);
    assert_eq!(server.said(), ["DUY 0 0 100;"]);
}

// req: OCP-7-08, OCP-7-10, OCP-11.11-03, OCP-11.11-07
#[test]
fn a_server_says_what_it_will_not_use() {
    let original = "o".repeat(200);
    let mut server = offered("{0 200}", &original);
    echo(&mut server, &original[..100], 0);
    server.connection.dispose(X, 100);
    server.connection.dispose(X, 50);
    assert_eq!(
        server.said(),
        ["DUY 0 0 100;", "DPI 0 100 2147483547;"],
        "after what is queued, and never growing"
    );
    echo(&mut server, &original[..100], 0);
    assert_eq!(
        server.said(),
        [format!("DUM 0 100|As-is: 0||100:{}", &original[..100])],
        "disposable is disposable"
    );
    echo(&mut server, &original[100..], 100);
    assert_eq!(server.said(), ["DUY 0 100 100;"]);
    assert_eq!(server.reply(&["DUM 0 200|Kept: {100 200}||0:"]), NOTHING, "the processor may follow");
}

#[test]
fn nothing_is_disposed_of_when_nothing_is_kept() {
    let mut server = Agent::server_in_transaction();
    server.connection.start_message(X, "".into(), None);
    server.connection.dispose(X, 100);
    assert_eq!(server.said(), ["AMS 0;"]);
}
