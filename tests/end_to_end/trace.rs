//! OPES trace in the heads of requests and responses (RFC 4236 section 4, RFC 3897).

use http::{HeaderMap, Method, StatusCode};
use opes_tests::body::full;
use opes_tests::client::{request, with_body, with_field};
use opes_tests::config::{BLOCK, IDENTITY, Rule, SECOND, SUBSTITUTE, SYSTEM};
use opes_tests::origin::Page;
use opes_tests::stack::Stack;
use opes_tests::trace::agents;

/// The system's entry is there, octet for octet, once and last; each invoked service has an entry, in order.
pub(crate) fn assert_traced(headers: &HeaderMap, services: &[&str]) {
    assert_eq!(agents(headers, "opes-system").last().map(String::as_str), Some(SYSTEM), "{headers:?}");
    let system = agents(headers, "opes-system");
    assert_eq!(system.iter().filter(|agent| *agent == SYSTEM).count(), 1, "{headers:?}");
    let via = agents(headers, "opes-via");
    let invoked: Vec<_> =
        via.iter().filter(|agent| agent.starts_with("http://services.example.com/")).collect();
    assert_eq!(invoked, services, "{headers:?}");
    for field in ["opes-system", "opes-via"] {
        assert!(headers.get_all(field).iter().count() <= 1, "a trace stands in a single field: {headers:?}");
    }
}

// req: HTTP-4-01, HTTP-4-03, HTTP-4-04, EEPC-3-01, EEPC-3.1-01
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_directions_carry_the_trace() {
    let stack = Stack::start(&[Rule::request(&[SECOND]), Rule::response(&[SUBSTITUTE, IDENTITY])]).await;
    let answer =
        stack.fetch(with_body(Method::POST, "/echo", full("a cat"))).await.expect("a whole response");
    assert_traced(&answer.headers, &[SUBSTITUTE, IDENTITY]);
    assert_traced(&stack.origin.request(Method::POST, "/echo").headers, &[SECOND]);
}

// req: HTTP-4-03
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_without_a_rule_carry_the_systems_entry() {
    let stack = Stack::start(&[]).await;
    stack.origin.page("/cat", Page::text("A cat."));
    let answer = stack.get("/cat").await;
    assert_eq!(answer.text(), "A cat.");
    assert_traced(&answer.headers, &[]);
    assert_traced(&stack.origin.request(Method::GET, "/cat").headers, &[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_response_is_traced() {
    let stack = Stack::start(&[Rule::response(&[SUBSTITUTE])]).await;
    stack.origin.page("/cat", Page::text("A cat.").field("etag", "\"one\""));
    let head = stack.fetch(request(Method::HEAD, "/cat")).await.expect("a whole response");
    assert_traced(&head.headers, &[SUBSTITUTE]);
    assert_traced(&stack.get("/status/204").await.headers, &[SUBSTITUTE]);
    let asked = with_field(request(Method::GET, "/cat"), "if-none-match", "\"one\"");
    let answer = stack.fetch(asked).await.expect("a whole response");
    assert_eq!(answer.status, StatusCode::NOT_MODIFIED);
    assert_traced(&answer.headers, &[SUBSTITUTE]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_message_names_who_blocked_it() {
    let stack = Stack::start(&[Rule::response(&[BLOCK])]).await;
    let answer = stack.get("/status/200").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_traced(&answer.headers, &[BLOCK]);
}

// req: HTTP-4-05, HTTP-4-06
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_of_others_stay_before_ours() {
    let stack = Stack::start(&[Rule::response(&[SUBSTITUTE]), Rule::request(&[IDENTITY])]).await;
    let page = Page::text("A cat.").field("opes-system", "http://other.example.net/sys;id=1");
    let page = page.field("opes-via", "http://other.example.net/sys, http://other.example.net/scan;v=2");
    stack.origin.page("/cat", page);
    let asked = with_field(request(Method::GET, "/cat"), "opes-system", "http://first.example.net/");
    let answer = stack.fetch(asked).await.expect("a whole response");

    assert_eq!(agents(&answer.headers, "opes-system"), ["http://other.example.net/sys", SYSTEM]);
    let via = agents(&answer.headers, "opes-via");
    assert_eq!(via[..2], ["http://other.example.net/sys", "http://other.example.net/scan"]);
    assert!(via[2..].iter().any(|agent| agent == SYSTEM), "RFC 4236 section 4: OPES-Via was in use: {via:?}");
    assert_traced(&answer.headers, &[SUBSTITUTE]);

    let seen = stack.origin.request(Method::GET, "/cat");
    assert_eq!(agents(&seen.headers, "opes-system"), ["http://first.example.net/", SYSTEM]);
}
