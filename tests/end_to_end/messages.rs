//! Responses of every shape through `substitute` and `identity`.

use http::{Method, StatusCode, header};
use opes_tests::client::{request, with_field};
use opes_tests::config::{IDENTITY, Rule, SUBSTITUTE};
use opes_tests::octets::{Pattern, Random};
use opes_tests::oracle::substitute;
use opes_tests::origin::{Canned, Page};
use opes_tests::stack::Stack;
use opes_tests::trace::assert_framing;
use opes_tests::{client, config::Config, opes::Opes};

const SUBSTITUTED: &[Rule<'_>] = &[Rule::response(&[SUBSTITUTE])];
const UNCHANGED: &[Rule<'_>] = &[Rule::response(&[IDENTITY])];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_is_adapted() {
    let stack = Stack::start(SUBSTITUTED).await;
    stack.origin.page("/cats.txt", Page::text("A cat sat on the cat flap.\n").field("x-kept", "as it is"));
    let answer = stack.get("/cats.txt").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.text(), "A tiger sat on the tiger flap.\n");
    assert_framing(&answer.headers, 31);
    assert_eq!(answer.headers[header::CONTENT_TYPE], "text/plain; charset=utf-8");
    assert_eq!(answer.headers["x-kept"], "as it is");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn binary_octets_are_adapted_as_octets() {
    let stack = Stack::start(SUBSTITUTED).await;
    let mut octets = Random::new(1).octets(100_000);
    for at in [0, 7, 50_000, 99_997] {
        octets[at..at + 3].copy_from_slice(b"cat");
    }
    octets.extend((0..=255).chain(*b"ca"));
    stack.origin.page("/image", Page::new("application/octet-stream", octets.clone()));
    let answer = stack.get("/image").await;
    let expected = substitute(&octets, b"cat", b"tiger");
    assert_eq!(expected.len(), octets.len() + 8, "the body holds what is looked for");
    assert!(answer.body == expected, "{} octets came, {} expected", answer.body.len(), expected.len());
    assert_framing(&answer.headers, expected.len() as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_looked_for_is_found_across_chunks() {
    let stack = Stack::start(SUBSTITUTED).await;
    let body = Pattern::new(3).slice(0, 3000);
    let expected = substitute(&body, b"cat", b"tiger");
    for piece in [1, 2, 3, 7, 1000] {
        stack.origin.page("/chunked", Page::text(body.clone()).chunked(piece));
        let answer = stack.get("/chunked").await;
        assert!(answer.body == expected, "chunks of {piece}: {:?}", answer.text());
        assert_framing(&answer.headers, expected.len() as u64);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_body_stays_empty() {
    for rules in [SUBSTITUTED, UNCHANGED] {
        let stack = Stack::start(rules).await;
        stack.origin.page("/nothing", Page::text(""));
        stack.origin.page("/nothing-chunked", Page::text("").chunked(1));
        for path in ["/nothing", "/nothing-chunked"] {
            let answer = stack.get(path).await;
            assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 0), "{path}");
            assert_framing(&answer.headers, 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_response_has_no_body_and_no_false_length() {
    let page = || Page::text("A cat.").field("etag", "\"one\"");
    let stack = Stack::start(UNCHANGED).await;
    stack.origin.page("/cat", page());
    let mut connection = stack.connect().await;
    let answer = connection.fetch(request(Method::HEAD, "/cat")).await.expect("a whole response");
    assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 0));
    assert_eq!(answer.headers[header::CONTENT_LENGTH], "6", "identity modifies nothing and says so");
    assert_eq!(answer.headers[header::ETAG], "\"one\"");
    assert_eq!(connection.get("/cat").await.text(), "A cat.", "the connection goes on behind the HEAD");

    let stack = Stack::start(SUBSTITUTED).await;
    stack.origin.page("/cat", page());
    let mut connection = stack.connect().await;
    let answer = connection.fetch(request(Method::HEAD, "/cat")).await.expect("a whole response");
    assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 0));
    assert_eq!(
        answer.headers.get(header::CONTENT_LENGTH),
        None,
        "the original's length is not the adapted one's"
    );
    assert_eq!(answer.headers[header::ETAG], "W/\"one\"", "as in the response to GET");
    assert_eq!(connection.get("/cat").await.headers[header::ETAG], "W/\"one\"");
    assert_eq!(connection.get("/cat").await.text(), "A tiger.");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_204_has_neither_body_nor_framing() {
    for rules in [SUBSTITUTED, UNCHANGED] {
        let stack = Stack::start(rules).await;
        let mut connection = stack.connect().await;
        let answer = connection.get("/status/204").await;
        assert_eq!((answer.status, answer.body.len()), (StatusCode::NO_CONTENT, 0));
        assert_eq!(answer.headers.get(header::CONTENT_LENGTH), None);
        assert_eq!(answer.headers.get(header::TRANSFER_ENCODING), None);
        assert_eq!(
            connection.get("/status/204").await.status,
            StatusCode::NO_CONTENT,
            "the connection goes on"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_304_stays_a_304() {
    for (rules, tag) in [(UNCHANGED, Some("\"one\"")), (SUBSTITUTED, Some("W/\"one\""))] {
        let stack = Stack::start(rules).await;
        stack.origin.page("/cat", Page::text("A cat.").field("etag", "\"one\""));
        let mut connection = stack.connect().await;
        let asked = with_field(request(Method::GET, "/cat"), "if-none-match", "\"one\"");
        let answer = connection.fetch(asked).await.expect("a whole response");
        assert_eq!((answer.status, answer.body.len()), (StatusCode::NOT_MODIFIED, 0));
        assert_eq!(answer.headers.get(header::ETAG).map(|tag| tag.to_str().expect("ASCII")), tag);
        assert_eq!(
            connection.get("/cat").await.status,
            StatusCode::OK,
            "the connection goes on behind the 304"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_digest_of_the_original_is_not_sent_with_the_adapted_body() {
    let page = || Page::text("A cat.").field("content-md5", "Q2hlY2sgSW50ZWdyaXR5IQ==");
    let stack = Stack::start(SUBSTITUTED).await;
    stack.origin.page("/cat", page());
    let answer = stack.get("/cat").await;
    assert_eq!(answer.text(), "A tiger.");
    assert_ne!(
        answer.headers.get("content-md5").map(|value| value.to_str().expect("ASCII")),
        Some("Q2hlY2sgSW50ZWdyaXR5IQ=="),
        "RFC 4236 section 3.8.2"
    );

    let stack = Stack::start(UNCHANGED).await;
    stack.origin.page("/cat", page());
    let answer = stack.get("/cat").await;
    assert_eq!(
        (answer.text().as_str(), &answer.headers["content-length"]),
        ("A cat.", &"6".parse().unwrap())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn error_responses_are_adapted_and_keep_their_status() {
    let stack = Stack::start(SUBSTITUTED).await;
    for code in [404, 500, 503] {
        assert_eq!(stack.get(&format!("/status/{code}")).await.status.as_u16(), code);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trailers_of_a_response_pass() {
    let origin = Canned::start(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
         6\r\nA cat.\r\n0\r\nX-Sum: a cat in a trailer\r\n\r\n",
    )
    .await;
    let server = Opes::server(&Config::server());
    for (rules, body) in [(SUBSTITUTED, "A tiger."), (UNCHANGED, "A cat."), (&[], "A cat.")] {
        let config = Config::reverse(origin.address(), server.address);
        let proxy = Opes::proxy(&rules.iter().fold(config, Config::rule));
        let asked = with_field(request(Method::GET, "/"), "te", "trailers");
        let answer = client::fetch(proxy.address, asked).await.expect("a whole response");
        assert_eq!(answer.text(), body);
        assert_eq!(
            answer.trailers.get("x-sum").map(|value| value.to_str().expect("ASCII")),
            Some("a cat in a trailer"),
            "trailers are not payload, and are not lost"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_of_one_connection_do_not_cross_to_the_other() {
    let stack = Stack::start(SUBSTITUTED).await;
    let page = Page::text("A cat.").field("connection", "x-one-hop").field("x-one-hop", "1");
    stack.origin.page("/cat", page.field("keep-alive", "timeout=5"));
    let asked = with_field(request(Method::GET, "/cat"), "connection", "x-from-client");
    let answer = stack.fetch(with_field(asked, "x-from-client", "1")).await.expect("a whole response");
    assert_eq!(answer.text(), "A tiger.");
    assert_eq!(answer.headers.get("x-one-hop"), None);
    assert_eq!(answer.headers.get("keep-alive"), None);
    assert_eq!(stack.origin.request(Method::GET, "/cat").headers.get("x-from-client"), None);
}
