//! `OPES-Bypass` (RFC 4236 section 5, RFC 3897 section 4).

use http::Method;
use opes_tests::body::full;
use opes_tests::client::{self, Answer, request, with_body, with_field};
use opes_tests::config::{BLOCK, Config, IDENTITY, Rule, SECOND, SUBSTITUTE, SYSTEM};
use opes_tests::opes::Opes;
use opes_tests::origin::{Origin, Page};
use opes_tests::stack::Stack;
use opes_tests::tap::Tap;

use crate::trace::assert_traced;

async fn zoo(stack: &Stack, bypass: &str) -> Answer {
    stack.origin.page("/zoo", Page::text("a cat, a tiger"));
    let asked = with_field(request(Method::GET, "/zoo"), "opes-bypass", bypass);
    stack.fetch(asked).await.expect("a whole response")
}

// req: HTTP-5-03, EEPC-4.3-02
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_star_bypasses_every_service_and_leaves_the_trace_of_the_system() {
    let stack = Stack::start(&[Rule::response(&[SUBSTITUTE, SECOND]), Rule::request(&[BLOCK])]).await;
    let answer = zoo(&stack, "*").await;
    assert_eq!(answer.text(), "a cat, a tiger");
    assert_traced(&answer.headers, &[]);
    let seen = stack.origin.request(Method::GET, "/zoo");
    assert_eq!(seen.headers["opes-bypass"], "*", "the next processor is asked as well");
    assert_traced(&seen.headers, &[]);
}

// req: HTTP-5-02, EEPC-4.2-01, EEPC-4.3-03
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_service_is_bypassed_and_the_others_run() {
    let stack = Stack::start(&[Rule::response(&[SUBSTITUTE, SECOND])]).await;
    let answer = zoo(&stack, SUBSTITUTE).await;
    assert_eq!(answer.text(), "a cat, a lion");
    assert_traced(&answer.headers, &[SECOND]);
    let answer = zoo(&stack, SECOND).await;
    assert_eq!(answer.text(), "a tiger, a tiger");
    assert_traced(&answer.headers, &[SUBSTITUTE]);
    let answer = zoo(&stack, &format!("{SECOND}, {SUBSTITUTE}")).await;
    assert_eq!(answer.text(), "a cat, a tiger");
    assert_traced(&answer.headers, &[]);
}

/// RFC 3897 section 4.2: a URI of nobody known counts as the wildcard.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_uri_bypasses_everything() {
    let stack = Stack::start(&[Rule::response(&[SUBSTITUTE, SECOND])]).await;
    let answer = zoo(&stack, "http://nobody.example.net/service").await;
    assert_eq!(answer.text(), "a cat, a tiger");
    assert_traced(&answer.headers, &[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bypass_holds_for_one_message_only() {
    let stack = Stack::start(&[Rule::response(&[SUBSTITUTE])]).await;
    stack.origin.page("/zoo", Page::text("a cat, a tiger"));
    let mut connection = stack.connect().await;
    for _ in 0..3 {
        let asked = with_field(request(Method::GET, "/zoo"), "opes-bypass", SUBSTITUTE);
        assert_eq!(connection.fetch(asked).await.expect("a whole response").text(), "a cat, a tiger");
        assert_eq!(connection.get("/zoo").await.text(), "a tiger, a tiger");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bypass_works_on_requests_with_bodies() {
    let stack = Stack::start(&[Rule::request(&[SUBSTITUTE, SECOND]), Rule::response(&[IDENTITY])]).await;
    let asked = with_body(Method::POST, "/echo", full("a cat, a tiger"));
    let answer = stack.fetch(with_field(asked, "opes-bypass", SUBSTITUTE)).await.expect("a whole response");
    assert_eq!(answer.text(), "a cat, a lion");
    assert_traced(&stack.origin.request(Method::POST, "/echo").headers, &[SECOND]);
    assert_traced(&answer.headers, &[IDENTITY]);
}

/// How many transactions the processor has begun so far.
fn transactions(tap: &Tap) -> usize {
    let connections = tap.so_far();
    let said = connections.iter().map(|[processor, _]| String::from_utf8_lossy(processor));
    said.map(|said| said.lines().filter(|line| line.starts_with("TS ")).count()).sum()
}

// It is decided before anything of the message goes to a callout server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callout_server_gets_nothing_of_a_message_that_bypasses_it() {
    let (origin, server) = (Origin::start().await, Opes::server(&Config::server()));
    origin.page("/zoo", Page::text("a cat, a tiger"));
    let tap = Tap::start(server.address).await;
    let rules = [Rule::request(&[IDENTITY]), Rule::response(&[SUBSTITUTE])];
    let proxy = Opes::proxy(&rules.iter().fold(Config::reverse(origin.address(), tap.address), Config::rule));
    for (bypass, begun) in [("*", 0), (SYSTEM, 0), ("", 2), ("*", 2)] {
        let asked = with_field(request(Method::GET, "/zoo"), "opes-bypass", bypass);
        let asked = if bypass.is_empty() { request(Method::GET, "/zoo") } else { asked };
        let answer = client::fetch(proxy.address, asked).await.expect("a whole response");
        assert_eq!(answer.text(), if bypass.is_empty() { "a tiger, a tiger" } else { "a cat, a tiger" });
        assert_eq!(transactions(&tap), begun, "{bypass:?}");
        let said = tap
            .so_far()
            .iter()
            .map(|[said, _]| String::from_utf8_lossy(said).into_owned())
            .collect::<String>();
        assert_eq!(said.contains("/zoo"), begun > 0, "{said}");
    }
}
