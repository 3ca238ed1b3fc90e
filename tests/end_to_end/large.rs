//! Bodies far larger than what the agents may hold.

use http::{Method, StatusCode};
use opes_tests::body::{Shape, generated};
use opes_tests::client::{request, summarise, with_body};
use opes_tests::config::{BLOCK, DIGEST, Rule, SUBSTITUTE};
use opes_tests::memory::Watch;
use opes_tests::octets::Pattern;
use opes_tests::oracle::{Substitution, Tally};
use opes_tests::stack::Stack;

/// Length and digest of a pattern's first `length` octets after `cat` has become `tiger`.
fn substituted(pattern: &Pattern, length: u64) -> Tally {
    let (mut oracle, mut tally) = (Substitution::new(b"cat", b"tiger"), Tally::default());
    for piece in pattern.pieces(length, 1 << 20) {
        tally.push(&oracle.push(&piece));
    }
    tally.push(&oracle.finish());
    tally
}

/// One small message first, so that what an agent sets up once is not counted as growth.
async fn watch(stack: &Stack) -> [Watch; 2] {
    stack.get("/bytes/100000").await;
    [Watch::begin("server", stack.server.process.id()), Watch::begin("proxy", stack.proxy.process.id())]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gibibyte_streams_down_through_substitute() {
    let length = 1 << 30;
    let stack = Stack::start(&[Rule::response(&[SUBSTITUTE])]).await;
    let watches = watch(&stack).await;
    let expected = tokio::task::spawn_blocking(move || substituted(&Pattern::new(21), length));
    let mut connection = stack.connect().await;
    let asked = request(Method::GET, &format!("/bytes/{length}?seed=21&piece=100000"));
    let answer = summarise(connection.send(asked).await.expect("a head")).await.expect("a whole response");
    let expected = expected.await.expect("the oracle");
    assert!(expected.length() > length, "the body holds what is looked for");
    assert_eq!((answer.length, answer.sha256), (expected.length(), expected.sha256()));
    watches.iter().for_each(Watch::assert_bounded);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quarter_gibibyte_streams_up_through_substitute() {
    let length = 256 << 20;
    let stack = Stack::start(&[Rule::request(&[SUBSTITUTE])]).await;
    let watches = watch(&stack).await;
    let expected = tokio::task::spawn_blocking(move || substituted(&Pattern::new(22), length));
    for chunked in [false, true] {
        let shape = Shape { chunked, piece: 100_000, ..Shape::default() };
        let body = generated(Pattern::new(22), length, shape);
        let answer = stack.fetch(with_body(Method::POST, "/tally", body)).await.expect("a whole response");
        assert_eq!(answer.status, StatusCode::OK);
    }
    let expected = expected.await.expect("the oracle");
    let uploads: Vec<_> =
        stack.origin.seen().into_iter().filter(|seen| seen.method == Method::POST).collect();
    assert_eq!(uploads.len(), 2);
    for seen in &uploads {
        assert_eq!((seen.whole().length, &seen.whole().sha256), (expected.length(), &expected.sha256()));
    }
    watches.iter().for_each(Watch::assert_bounded);
}

/// A client that stops reading stops everything behind it, and nobody piles up what it does not take.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_costs_no_memory() {
    let stack = Stack::start(&[Rule::response(&[DIGEST, SUBSTITUTE])]).await;
    let watches = watch(&stack).await;
    let length = 64 << 20;
    let mut idle = Vec::new();
    for _ in 0..4 {
        let mut connection = stack.connect().await;
        let asked = request(Method::GET, &format!("/bytes/{length}?seed=23&framing=chunked"));
        idle.push((connection.send(asked).await.expect("a head"), connection));
    }
    // Others are served meanwhile, and that takes long enough for what could pile up to do so.
    let busy = length / 4;
    let expected = substituted(&Pattern::new(24), busy);
    let mut connection = stack.connect().await;
    for _ in 0..4 {
        let asked = request(Method::GET, &format!("/bytes/{busy}?seed=24"));
        let answer =
            summarise(connection.send(asked).await.expect("a head")).await.expect("a whole response");
        assert_eq!((answer.length, answer.sha256), (expected.length(), expected.sha256()));
    }
    watches.iter().for_each(Watch::assert_bounded);
    let expected = substituted(&Pattern::new(23), length);
    for (response, _connection) in idle {
        let answer = summarise(response).await.expect("a whole response, late");
        assert_eq!((answer.length, answer.sha256), (expected.length(), expected.sha256()));
    }
    watches.iter().for_each(Watch::assert_bounded);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_upload_can_be_refused() {
    let stack = Stack::start(&[Rule::request(&[BLOCK])]).await;
    let shape = Shape { chunked: true, ..Shape::default() };
    let body = generated(Pattern::new(25), 64 << 20, shape);
    // The answer may come while the upload still runs; then the connection may break behind the head.
    let mut connection = stack.connect().await;
    let response = connection.send(with_body(Method::POST, "/tally", body)).await.expect("a head");
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert!(stack.origin.seen().is_empty(), "the origin sees nothing of it");
}
