//! `opes decode`: real traffic is clean, and exit status and violations are what scripts rely on.

use std::io::Write;
use std::process::Stdio;

use http::Method;
use opes_tests::binary;
use opes_tests::body::full;
use opes_tests::client::{fetch, get, with_body};
use opes_tests::config::{BLOCK, Config, DIGEST, IDENTITY, Rule, SUBSTITUTE};
use opes_tests::opes::{Opes, run_opes};
use opes_tests::origin::{Origin, Page};
use opes_tests::place::Place;
use opes_tests::process::Finished;

use opes_tests::tap::Tap;

fn decode(captures: &[&[u8]]) -> Finished {
    let place = Place::new();
    let files = captures.iter().enumerate().map(|(index, octets)| place.write(&format!("{index}"), octets));
    let files: Vec<_> =
        files.map(|file| file.to_str().expect("a temporary path in UTF-8").to_owned()).collect();
    let mut arguments = vec!["decode"];
    arguments.extend(files.iter().map(String::as_str));
    run_opes(&arguments)
}

fn violations(done: &Finished) -> Vec<&str> {
    done.stdout.lines().filter_map(|line| line.strip_prefix("! ")).collect()
}

/// What a processor and a callout server of ours say to each other while messages of all kinds pass.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_traffic_is_clean() {
    let origin = Origin::start().await;
    origin.page("/cat", Page::text("A cat, a concatenation of cats."));
    for services in [&[IDENTITY][..], &[SUBSTITUTE, DIGEST], &[BLOCK]] {
        let server = Opes::server(&Config::server());
        let tap = Tap::start(server.address).await;
        let config = Config::reverse(origin.address(), tap.address);
        let rules = [Rule::response(services), Rule::request(services)];
        let mut proxy = Opes::proxy(&rules.iter().fold(config, |config, rule| config.rule(rule)));
        for _ in 0..3 {
            get(proxy.address, "/cat").await;
            get(proxy.address, "/bytes/700000?seed=3&framing=chunked&piece=5000").await;
            fetch(proxy.address, with_body(Method::POST, "/echo", full("two cats")))
                .await
                .expect("an answer");
        }
        proxy.process.signal("TERM");
        assert!(proxy.process.exit().success());
        let connections = tap.captured();
        assert!(!connections.is_empty(), "the processor has talked to the callout server");
        for [processor, server] in connections {
            for captures in [&[&processor[..], &server][..], &[&processor], &[&server]] {
                let done = decode(captures);
                assert_eq!(violations(&done), [""; 0], "{services:?}\n{}", done.stdout);
                assert_eq!(done.status.code(), Some(0), "{}", done.stderr);
                assert!(done.stdout.contains("Negotiation"), "{}", done.stdout);
            }
        }
    }
}

#[test]
fn a_violation_is_a_line_with_its_requirement_and_exit_status_1() {
    let octets = b"CS;\r\nNO ();\r\nSGC 1 ();\r\nTS 1 1;\r\nAMS 1;\r\nDUM 1 3\r\n0:\r\n;\r\nCE;\r\n";
    let done = decode(&[octets]);
    assert_eq!(done.status.code(), Some(1), "{}", done.stderr);
    let lines = violations(&done);
    assert_eq!(
        lines,
        ["OCP-11.9-05 at 41: transaction 1: data begins at 3, and the data before it ended at 0"]
    );
    assert!(done.stderr.contains("1 violation"), "{}", done.stderr);
}

#[test]
fn two_captures_are_checked_against_each_other() {
    let processor = b"CS;\r\nNO ({\"5:urn:a\"});\r\nCE;\r\n";
    let done = decode(&[processor, b"CS;\r\nNR {\"5:urn:a\"};\r\n"]);
    assert_eq!(done.status.code(), Some(0), "{}", done.stdout);
    let done = decode(&[processor, b"CS;\r\nNR {\"5:urn:b\"};\r\n"]);
    assert_eq!(done.status.code(), Some(1), "{}", done.stdout);
    assert!(violations(&done)[0].starts_with("OCP-6-02 at S 5: "), "{}", done.stdout);
}

#[test]
fn standard_input_is_read_where_no_file_is_named() {
    for arguments in [&["decode"][..], &["decode", "-"]] {
        let mut command = binary::opes();
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the binary");
        child.stdin.take().expect("a pipe").write_all(b"CS;\r\nCE;\r\n").expect("the pipe is read");
        let done = child.wait_with_output().expect("a child can be waited for");
        let text = String::from_utf8_lossy(&done.stdout);
        assert_eq!(done.status.code(), Some(0), "{text}");
        assert!(text.ends_with("2 messages, 0 violations\n"), "{text}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let done = run_opes(&["decode", "/nowhere/capture"]);
    assert_eq!(done.status.code(), Some(2), "{}", done.stdout);
    assert!(done.stderr.contains("/nowhere/capture"), "{}", done.stderr);
    assert_eq!(
        run_opes(&["decode", "a", "b", "c"]).status.code(),
        Some(2),
        "a connection has two directions"
    );
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let place = Place::new();
    let file = place.write("long", "CS;\r\n".repeat(200_000));
    let mut command = binary::opes();
    command.arg("decode").arg(file).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary");
    drop(child.stdout.take());
    let done = child.wait_with_output().expect("a child can be waited for");
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
}
