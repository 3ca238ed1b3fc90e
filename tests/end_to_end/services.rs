//! What each stock service does to a message.

use http::{Method, StatusCode};
use opes_tests::body::full;
use opes_tests::client::with_body;
use opes_tests::config::{BLOCK, DIGEST, IDENTITY, REASON, Rule, SECOND, SUBSTITUTE};
use opes_tests::ocp::Peer;
use opes_tests::octets::Pattern;
use opes_tests::oracle::{sha256, substitute};
use opes_tests::origin::Page;
use opes_tests::stack::Stack;
use opes_tests::trace::assert_framing;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn identity_changes_no_octet() {
    let stack = Stack::start(&[Rule::response(&[IDENTITY])]).await;
    let body = Pattern::new(2).slice(0, 1_000_000);
    for framing in ["length", "chunked"] {
        let answer = stack.get(&format!("/bytes/1000000?seed=2&framing={framing}")).await;
        assert!(answer.body == body, "{} octets came with {framing}", answer.body.len());
        assert_framing(&answer.headers, 1_000_000);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_of_a_rule_apply_in_their_order() {
    let stack = Stack::start(&[Rule::response(&[SUBSTITUTE, SECOND])]).await;
    stack.origin.page("/zoo", Page::text("cat tiger lion"));
    assert_eq!(stack.get("/zoo").await.text(), "lion lion lion");
    let stack = Stack::start(&[Rule::response(&[SECOND, SUBSTITUTE])]).await;
    stack.origin.page("/zoo", Page::text("cat tiger lion"));
    assert_eq!(stack.get("/zoo").await.text(), "tiger lion lion");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn block_answers_403_with_the_reason() {
    let stack = Stack::start(&[Rule::response(&[BLOCK])]).await;
    stack.origin.page("/secret", Page::text("the secret of the cat"));
    let mut connection = stack.connect().await;
    for _ in 0..3 {
        let answer = connection.get("/secret").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert!(answer.text().contains(REASON), "{:?}", answer.text());
        assert!(!answer.text().contains("secret of the cat"), "nothing of the original gets through");
        assert_framing(&answer.headers, answer.body.len() as u64);
    }
}

// req: HTTP-3.2.1-12, HTTP-3.2.1-14
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_request_never_reaches_the_origin() {
    let stack = Stack::start(&[Rule::request(&[BLOCK])]).await;
    let mut connection = stack.connect().await;
    for _ in 0..3 {
        let asked = with_body(Method::POST, "/tally", full("a cat"));
        let answer = connection.fetch(asked).await.expect("a whole response");
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert!(answer.text().contains(REASON), "{:?}", answer.text());
    }
    assert!(stack.origin.seen().is_empty(), "{:?}", stack.origin.seen());
}

/// RFC 9112 section 9.6: the answer is not lost to a reset because the client still sends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_on_sending_reads_why_it_was_refused() {
    let stack = Stack::start(&[Rule::request(&[BLOCK])]).await;
    let mut client = Peer::connect(stack.proxy.address);
    client.send("POST /tally HTTP/1.1\r\nHost: www.example.com\r\nContent-Length: 8000000\r\n\r\n");
    assert!(client.send(vec![b'x'; 4_000_000]), "the first half");
    assert!(client.send(vec![b'x'; 3_999_999]), "all but the last octet");
    client.expect(REASON);
    client.expect_end();
    assert!(client.text().starts_with("HTTP/1.1 403"), "{:?}", client.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn digest_changes_nothing_and_logs_the_digest() {
    let stack = Stack::start(&[Rule::response(&[DIGEST]), Rule::request(&[DIGEST])]).await;
    let body = Pattern::new(4).slice(0, 300_000);
    let answer = stack.get("/bytes/300000?seed=4&framing=chunked&piece=4000").await;
    assert!(answer.body == body, "{} octets came", answer.body.len());
    assert_logged_once(&stack, &sha256(&body));

    let answer =
        stack.fetch(with_body(Method::POST, "/tally", full("a cat"))).await.expect("a whole response");
    assert_eq!(answer.text(), format!("5 {}\n", sha256(b"a cat")));
    assert_logged_once(&stack, &sha256(b"a cat"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn digest_behind_substitute_sees_the_adapted_body() {
    let stack = Stack::start(&[Rule::response(&[SUBSTITUTE, DIGEST])]).await;
    stack.origin.page("/cat", Page::text("A cat."));
    assert_eq!(stack.get("/cat").await.text(), "A tiger.");
    assert_logged_once(&stack, &sha256(&substitute(b"A cat.", b"cat", b"tiger")));
}

/// One line of the server's log has the digest, and names the transaction.
fn assert_logged_once(stack: &Stack, digest: &str) {
    let line =
        stack.server.process.log("digest in the log", |line| line.contains(digest).then(|| line.to_owned()));
    assert!(line.contains(" xid="), "the line names the transaction: {line}");
    let count = stack.server.process.stderr().lines().filter(|line| line.contains(digest)).count();
    assert_eq!(count, 1, "one line for a transaction");
}
