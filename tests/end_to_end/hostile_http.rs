//! Bad HTTP against the proxy: it is refused, nothing of it reaches the origin as a whole message, the others go on.

use http::Method;
use opes_tests::config::{Rule, SUBSTITUTE};
use opes_tests::memory::Watch;
use opes_tests::ocp::Peer;
use opes_tests::octets::Random;
use opes_tests::origin::{Page, Seen};
use opes_tests::patience::eventually;
use opes_tests::stack::Stack;

const BOTH: &[Rule<'_>] = &[Rule::request(&[SUBSTITUTE]), Rule::response(&[SUBSTITUTE])];

const HOST: &str = "Host: www.example.com\r\n";

/// The proxy lives, has not panicked and serves; the origin took nothing but what the caller says.
async fn assert_unharmed(mut stack: Stack, watch: Watch, posts: usize) {
    stack.origin.page("/cat", Page::text("A cat."));
    assert_eq!(stack.get("/cat").await.text(), "A tiger.");
    assert!(stack.proxy.process.alive());
    let log = stack.proxy.process.stderr();
    assert!(!log.contains("panicked"), "{log}");
    watch.assert_bounded();
    let seen = stack.origin.seen();
    let whole = seen
        .iter()
        .filter(|seen| seen.method == Method::POST && seen.body.as_ref().is_some_and(|body| body.whole));
    assert_eq!(whole.count(), posts, "{seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_are_no_http_are_refused() {
    let stack = Stack::start(BOTH).await;
    let watch = Watch::begin("proxy", stack.proxy.process.id());
    let long = "x".repeat(4 << 20);
    for (what, request) in [
        ("no version", "POST /tally\r\n\r\n".to_owned()),
        ("a space in a field name", format!("POST /tally HTTP/1.1\r\n{HOST}Bad Name: x\r\n\r\n")),
        ("another protocol", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\r\n\r\n".to_owned()),
        (
            "two lengths",
            format!("POST /tally HTTP/1.1\r\n{HOST}Content-Length: 1\r\nContent-Length: 2\r\n\r\nxy"),
        ),
        ("a length that is none", format!("POST /tally HTTP/1.1\r\n{HOST}Content-Length: -1\r\n\r\n")),
        ("a coding that is none", format!("POST /tally HTTP/1.1\r\n{HOST}Transfer-Encoding: magic\r\n\r\nx")),
        ("a folded field", format!("POST /tally HTTP/1.1\r\n{HOST}X: a\r\n b\r\nContent-Length: 0\r\n\r\n")),
        ("a folded length", format!("POST /tally HTTP/1.1\r\n{HOST}Content-Length:\r\n 0\r\n\r\n")),
        ("a length with a sign", format!("POST /tally HTTP/1.1\r\n{HOST}Content-Length: +1\r\n\r\nx")),
        ("a list of lengths", format!("POST /tally HTTP/1.1\r\n{HOST}Content-Length: 1, 2\r\n\r\nxy")),
        ("a bare return", format!("POST /tally HTTP/1.1\r\n{HOST}X: a\rY: b\r\n\r\n")),
        (
            "a coding after chunked",
            format!("POST /tally HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked, x\r\n\r\n0\r\n\r\n"),
        ),
        ("an endless target", format!("POST /{long} HTTP/1.1\r\n{HOST}\r\n")),
        ("an endless field", format!("POST /tally HTTP/1.1\r\n{HOST}X: {long}\r\n\r\n")),
    ] {
        let mut peer = Peer::connect(stack.proxy.address);
        peer.send(request);
        peer.expect_end();
        let text = peer.text();
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 4"), "{what}: {text:?}");
    }
    assert_unharmed(stack, watch, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_break_their_framing_are_no_whole_requests() {
    let stack = Stack::start(BOTH).await;
    let watch = Watch::begin("proxy", stack.proxy.process.id());
    for (what, body) in [
        ("a chunk size that is none", "Transfer-Encoding: chunked\r\n\r\nzz\r\ncat\r\n0\r\n\r\n"),
        ("a chunk without its end", "Transfer-Encoding: chunked\r\n\r\n3\r\ncatcat\r\n0\r\n\r\n"),
        ("a chunk out of range", "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\ncat"),
    ] {
        let mut peer = Peer::connect(stack.proxy.address);
        peer.send(format!("POST /tally HTTP/1.1\r\n{HOST}{body}"));
        peer.expect_end();
        assert!(!peer.text().contains(" 200 OK"), "{what}: {:?}", peer.text());
    }
    assert_unharmed(stack, watch, 0).await;
}

/// Whether a message has both framings is read the same way by everybody, or it is refused (RFC 9112 section 6.3).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_framings_at_once_smuggle_nothing() {
    let stack = Stack::start(BOTH).await;
    let watch = Watch::begin("proxy", stack.proxy.process.id());
    let mut peer = Peer::connect(stack.proxy.address);
    let inner = "POST /tally?smuggled HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
    peer.send(format!(
        "POST /tally?outer HTTP/1.1\r\n{HOST}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{inner}\r\n0\r\n\r\n",
        inner.len()
    ));
    peer.send(format!("GET /status/204 HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n"));
    peer.expect_end();
    let seen = stack.origin.seen();
    assert!(seen.iter().all(|seen| !seen.target.contains("smuggled")), "{seen:?}");
    for outer in seen.iter().filter(|seen| seen.target.contains("outer")) {
        assert!(
            !(outer.headers.contains_key("content-length")
                && outer.headers.contains_key("transfer-encoding"))
        );
        assert_eq!(outer.whole().length, inner.len() as u64, "the chunks are the body");
    }
    let posts = seen.iter().filter(|seen| seen.method == Method::POST).count();
    assert_unharmed(stack, watch, posts).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_go_away_leave_nothing_behind() {
    let stack = Stack::start(BOTH).await;
    let watch = Watch::begin("proxy", stack.proxy.process.id());
    let request =
        format!("POST /tally HTTP/1.1\r\n{HOST}Content-Length: 60000\r\n\r\n{}", "cat ".repeat(15_000));
    let mut random = Random::new(71);
    for _ in 0..200 {
        let mut peer = Peer::connect(stack.proxy.address);
        peer.send(&request[..random.below(request.len())]);
        peer.abandon();
    }
    let ended = || stack.origin.seen().iter().all(Seen::ended).then_some(());
    eventually("the end of every request at the origin", ended);
    assert_unharmed(stack, watch, 0).await; // none was sent to its end
}
