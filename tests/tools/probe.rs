//! `opes probe`: what it says of a callout server, and of what is none.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;

use opes_tests::config::{Config, NOWHERE, SUBSTITUTE};
use opes_tests::opes::{Opes, run_opes};
use opes_tests::place::Nobody;
use opes_tests::process::Finished;

const REQUEST: &str = "http://www.iana.org/assignments/opes/ocp/http/request";
const RESPONSE: &str = "http://www.iana.org/assignments/opes/ocp/http/response";

fn probe(address: SocketAddr, more: &[&str]) -> Finished {
    let address = address.to_string();
    run_opes(&[&["probe", &address], more].concat())
}

fn assert_says(done: &Finished, status: i32, wanted: &[&str]) {
    let said = format!("{}{}", done.stdout, done.stderr);
    assert_eq!(done.status.code(), Some(status), "{said}");
    for text in wanted {
        assert!(said.contains(text), "{text:?} in:\n{said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn a_callout_server_tells_what_it_can() {
    let server = Opes::server(&Config::server());
    let done = probe(server.address, &["--service", SUBSTITUTE]);
    let features = [REQUEST, RESPONSE].map(|uri| format!("feature {uri}: supported"));
    let selects = format!("selects {RESPONSE}");
    let service = format!("service {SUBSTITUTE}: can be used");
    assert_says(&done, 0, &["connected in", "round trip", &features[0], &features[1], &selects, &service]);
}

#[test]
fn the_profile_that_is_asked_for_is_offered() {
    let server = Opes::server(&Config::server());
    for (profile, uri) in [("request", REQUEST), ("response", RESPONSE)] {
        let done = probe(server.address, &["--profile", profile]);
        assert_says(&done, 0, &[&format!("selects {uri}")]);
    }
}

#[test]
fn one_refusal_does_not_hide_what_else_was_asked_for() {
    let server = Opes::server(&Config::server());
    let done = probe(server.address, &["--service", NOWHERE, "--service", SUBSTITUTE]);
    let lines = [format!("service {NOWHERE}: refused: "), format!("service {SUBSTITUTE}: can be used")];
    assert_says(&done, 1, &[&lines[0], &lines[1], "one thing that was asked for is refused"]);
}

/// A server that takes connections, sends this on each, waits for the end and counts.
fn speaker(says: &'static [u8], connections: usize) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
    let address = listener.local_addr().expect("a bound address");
    let thread = std::thread::spawn(move || {
        for _ in 0..connections {
            let (mut stream, _) = listener.accept().expect("a connection");
            // Who does not like what it reads closes early.
            let _ = stream.write_all(says);
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    (address, thread)
}

fn says(says: &'static [u8], more: &[&str], status: i32, wanted: &[&str]) {
    let (address, thread) = speaker(says, 1);
    assert_says(&probe(address, more), status, wanted);
    thread.join().expect("the speaker");
}

/// All answers to what the probe asks: five PQ, two AQ.
const ANSWERS: &[u8] = b"CS;\r\nNR;\r\nPA;\r\nPA;\r\nPA;\r\nPA;\r\nPA;\r\nAA true;\r\nAA false;\r\n";

#[test]
fn a_server_without_the_profile_is_a_failure_only_where_it_was_asked_for() {
    let features = [format!("{REQUEST}: supported"), format!("{RESPONSE}: not supported")];
    let lines = ["selects none of the offered features", &features[0], &features[1]];
    says(ANSWERS, &[], 0, &lines);
    says(ANSWERS, &["--profile", "response"], 1, &lines);
}

#[test]
fn a_server_may_open_with_an_offer_of_its_own() {
    let offering = b"CS;\r\nNR\r\nOffer-Pending: true\r\n;\r\nNO ({\"5:urn:a\"});\r\nPA;\r\nPA;\r\nPA;\r\nPA;\r\nPA;\r\n\
                     AA false;\r\nAA false;\r\n";
    says(offering, &[], 0, &["selects none"]);
}

#[test]
fn what_is_no_callout_server_is_told_apart() {
    let nobody = Nobody::new();
    assert_says(
        &probe(nobody.address(), &[]),
        1,
        &["cannot connect", "refused", &nobody.address().to_string()],
    );
    says(b"HTTP/1.1 400 Bad Request\r\n\r\n", &[], 1, &["does not speak OCP", "HTTP/1.1 400 Bad Request"]);
    says(b"220 mail.example.com ESMTP\r\n", &[], 1, &["does not speak OCP", "220 mail.example.com"]);
    says(b"PQ;\r\n", &[], 1, &["does not speak OCP", "CS"]);
    says(b"CS;\r\nCE {400 \"8:too busy\"};\r\n", &[], 1, &["too busy"]);
    says(b"CS;\r\nNR {\"5:urn:b\"};\r\n", &[], 1, &["not offered"]);
}

#[test]
fn what_a_server_says_cannot_upset_a_terminal() {
    says(b"CS;\r\nCE {400 \"6:\x1b[2J\r\n\"};\r\n", &[], 1, &["\\x1b[2J\\r\\n"]);
    says(b"\x1b[2J\r\n", &[], 1, &["\\x1b[2J\\r\\n"]);
}

#[test]
fn silence_ends_the_probe() {
    says(b"", &[], 1, &["no CS within 5 s"]);
    says(b"CS;\r\n", &[], 1, &["no NR within 5 s"]);
    says(b"CS;\r\nNR;\r\nPA;\r\n", &[], 1, &["no PA within 5 s"]);
}

#[test]
fn a_wrong_command_line_is_an_error() {
    for arguments in [&["probe"][..], &["probe", "127.0.0.1:1", "--profile", "both"], &["probe", "127.0.0.1"]]
    {
        let done = run_opes(arguments);
        assert!(!done.status.success(), "{arguments:?}");
        assert!(!done.stderr.is_empty(), "{arguments:?}");
    }
}
