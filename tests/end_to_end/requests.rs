//! Requests with bodies through the request profile, alone and together with the response profile.

use http::{Method, StatusCode};
use opes_tests::body::{empty, fed, full, generated};
use opes_tests::client::{collect, piece, with_body};
use opes_tests::config::{IDENTITY, Rule, SECOND, SUBSTITUTE};
use opes_tests::octets::Pattern;
use opes_tests::oracle::{Substitution, sha256, substitute};
use opes_tests::origin::Page;
use opes_tests::stack::Stack;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_posted_body_is_adapted_before_the_origin_sees_it() {
    let stack = Stack::start(&[Rule::request(&[SUBSTITUTE])]).await;
    let answer = stack.fetch(with_body(Method::POST, "/echo", full("one cat, two cats"))).await;
    let answer = answer.expect("a whole response");
    assert_eq!((answer.status, answer.text().as_str()), (StatusCode::OK, "one tiger, two tigers"));
    let seen = stack.origin.request(Method::POST, "/echo");
    assert_eq!(seen.whole().length, 21);
    assert_eq!(seen.whole().sha256, sha256(b"one tiger, two tigers"));
    let length = seen.headers.get("content-length").map(|value| value.to_str().expect("ASCII").to_owned());
    let chunked = seen.headers.contains_key("transfer-encoding");
    assert!(matches!((length.as_deref(), chunked), (Some("21"), false) | (None, true)), "{:?}", seen.headers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chunked_upload_is_adapted() {
    let stack = Stack::start(&[Rule::request(&[SUBSTITUTE])]).await;
    let pattern = Pattern::new(5);
    let expected = substitute(&pattern.slice(0, 300_000), b"cat", b"tiger");
    for size in [997, 65_536] {
        let shape = opes_tests::body::Shape { chunked: true, piece: size, ..Default::default() };
        let body = generated(pattern.clone(), 300_000, shape);
        let answer = stack.fetch(with_body(Method::POST, "/tally", body)).await.expect("a whole response");
        assert_eq!(answer.text(), format!("{} {}\n", expected.len(), sha256(&expected)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_without_a_body_stays_one() {
    let stack = Stack::start(&[Rule::request(&[SUBSTITUTE])]).await;
    stack.origin.page("/cat", Page::text("A cat."));
    assert_eq!(stack.get("/cat").await.text(), "A cat.");
    let seen = stack.origin.request(Method::GET, "/cat");
    assert_eq!(seen.whole().length, 0);
    assert!(!seen.headers.contains_key("transfer-encoding"), "{:?}", seen.headers);

    let answer = stack.fetch(with_body(Method::POST, "/tally", empty())).await.expect("a whole response");
    assert_eq!(answer.text(), format!("0 {}\n", sha256(b"")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_and_response_each_have_their_rule() {
    let stack = Stack::start(&[Rule::request(&[SUBSTITUTE]), Rule::response(&[SECOND])]).await;
    let answer = stack.fetch(with_body(Method::POST, "/echo", full("a cat and a tiger"))).await;
    assert_eq!(answer.expect("a whole response").text(), "a lion and a lion");
    let seen = stack.origin.request(Method::POST, "/echo");
    assert_eq!(seen.whole().sha256, sha256(b"a tiger and a tiger"));
}

/// The origin echoes while the request is still on its way: each piece of the response that comes back is waited
/// for before the next piece of the request is sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_directions_stream_at_once() {
    let stack = Stack::start(&[Rule::request(&[SUBSTITUTE]), Rule::response(&[IDENTITY])]).await;
    let (feed, body) = fed(None);
    let mut connection = stack.connect().await;
    assert!(feed.send("first cat, ").await);
    let mut response = connection.send(with_body(Method::POST, "/echo", body)).await.expect("a head");
    let (mut sent, mut came) = (b"first cat, ".to_vec(), Vec::new());
    let pattern = Pattern::new(11);
    for round in 0..50 {
        let next = piece(&mut response).await.expect("the response goes on").expect("it has not ended");
        came.extend_from_slice(&next);
        let out = pattern.slice(round * 1000, (round + 1) * 1000);
        sent.extend_from_slice(&out);
        assert!(feed.send(out).await, "the request goes on in round {round}");
    }
    drop(feed);
    came.extend_from_slice(&collect(response).await.expect("a whole response").body);
    let mut oracle = Substitution::new(b"cat", b"tiger");
    let mut expected = oracle.push(&sent);
    expected.extend(oracle.finish());
    assert!(came == expected, "{} octets came, {} expected", came.len(), expected.len());
}

// req: HTTP-7-01
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn methods_and_targets_reach_the_origin_as_they_are() {
    let stack = Stack::start(&[Rule::request(&[SUBSTITUTE]), Rule::response(&[SUBSTITUTE])]).await;
    for (method, target) in [
        (Method::GET, "/tally?a=cat&b=%20c%C3%A9"),
        (Method::PUT, "/tally"),
        (Method::DELETE, "/tally/cat;x=1"),
        (Method::OPTIONS, "/tally/"),
        (Method::from_bytes(b"PROPFIND").unwrap(), "/tally//cat"),
    ] {
        stack.fetch(with_body(method.clone(), target, empty())).await.expect("a whole response");
        let seen = stack.origin.request(method, target.split('?').next().unwrap());
        assert_eq!(seen.target, target, "the URI is no payload");
    }
}
