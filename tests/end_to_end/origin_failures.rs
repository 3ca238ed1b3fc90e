//! The origin is down, breaks off, or sends what is not HTTP.

use http::{Method, StatusCode};
use opes_tests::body::{fed, full};
use opes_tests::client::{self, collect, request, with_body};
use opes_tests::config::{Config, IDENTITY, Rule, SUBSTITUTE};
use opes_tests::opes::Opes;
use opes_tests::origin::{Canned, Page};
use opes_tests::patience::eventually;
use opes_tests::place::Nobody;
use opes_tests::stack::Stack;

const RULES: [&[Rule<'_>]; 3] =
    [&[], &[Rule::response(&[SUBSTITUTE])], &[Rule::response(&[IDENTITY]).or_pass()]];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_truncated_response_never_looks_whole() {
    for rules in RULES {
        let stack = Stack::start(rules).await;
        for framing in ["length", "chunked"] {
            for (length, cut) in [(1000, 500), (1000, 0), (3_000_000, 2_999_999)] {
                let path = format!("/bytes/{length}?framing={framing}&cut={cut}");
                match stack.fetch(request(Method::GET, &path)).await {
                    Ok(answer) => assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{path} with {rules:?}"),
                    Err(broken) => assert!(broken.received <= length * 2, "{broken}"),
                }
            }
        }
        stack.origin.page("/cat", Page::text("lion"));
        assert_eq!(stack.get("/cat").await.text(), "lion", "the next message is served");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_origin_that_closes_early_or_speaks_no_http_is_a_502() {
    for answer in
        ["", "HTTP/1.1 200 OK\r\nContent-Le", "gibberish\r\n\r\n", "HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n"]
    {
        let origin = Canned::start(answer).await;
        let server = Opes::server(&Config::server());
        for rules in RULES {
            let config = Config::reverse(origin.address(), server.address);
            let proxy = Opes::proxy(&rules.iter().fold(config, Config::rule));
            assert_eq!(client::get(proxy.address, "/").await.status, StatusCode::BAD_GATEWAY, "{answer:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_origin_that_is_down_is_a_502() {
    let nobody = Nobody::new();
    let server = Opes::server(&Config::server());
    let proxy =
        Opes::proxy(&Config::reverse(nobody.address(), server.address).rule(&Rule::response(&[SUBSTITUTE])));
    for _ in 0..3 {
        let answer = client::fetch(proxy.address, with_body(Method::POST, "/", full("a cat"))).await;
        assert_eq!(answer.expect("a whole response").status, StatusCode::BAD_GATEWAY);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_breaks_off_makes_no_whole_request() {
    for rules in [&[][..], &[Rule::request(&[SUBSTITUTE])], &[Rule::request(&[IDENTITY]).or_pass()]] {
        let stack = Stack::start(rules).await;
        for length in [None, Some(1_000_000)] {
            let (feed, body) = fed(length);
            let mut connection = stack.connect().await;
            assert!(feed.send(vec![b'x'; 200_000]).await, "the first piece is taken");
            feed.cut().await;
            let answer = match connection.send(with_body(Method::POST, "/tally", body)).await {
                Ok(response) => collect(response).await,
                Err(broken) => Err(broken),
            };
            assert!(answer.is_err(), "{answer:?}");
        }
        // The proxy serves the next client.
        let answer = stack.fetch(with_body(Method::POST, "/tally", full("dog"))).await;
        assert!(answer.expect("a whole response").text().starts_with("3 "));
        eventually("the end of every request at the origin", || {
            stack.origin.seen().iter().all(opes_tests::origin::Seen::ended).then_some(())
        });
        for seen in stack.origin.seen() {
            let whole = seen.body.is_some_and(|body| body.whole && body.length != 3);
            assert!(!whole, "the origin took a part for the whole with {rules:?}");
        }
    }
}
