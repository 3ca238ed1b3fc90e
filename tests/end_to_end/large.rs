//! Bodies far larger than what the agents may hold.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};

use http::{Method, StatusCode};
use opes_tests::body::{Shape, generated};
use opes_tests::client::{self, request, summarise, with_body};
use opes_tests::config::{BLOCK, Config, DIGEST, Rule, SUBSTITUTE};
use opes_tests::memory::Watch;
use opes_tests::octets::Pattern;
use opes_tests::opes::Opes;
use opes_tests::oracle::{Substitution, Tally};
use opes_tests::origin::Origin;
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

/// Past the 2147483647 octets of OCP Core: our own agents negotiate `large-sizes`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_core_can_count_streams_down() {
    let length = 2_200_000_000;
    let stack = Stack::start(&[Rule::response(&[SUBSTITUTE])]).await;
    let watches = watch(&stack).await;
    let expected = tokio::task::spawn_blocking(move || substituted(&Pattern::new(26), length));
    let mut connection = stack.connect().await;
    let asked = request(Method::GET, &format!("/bytes/{length}?seed=26&piece=1000000"));
    let answer = summarise(connection.send(asked).await.expect("a head")).await.expect("a whole response");
    let expected = expected.await.expect("the oracle");
    assert_eq!((answer.length, answer.sha256), (expected.length(), expected.sha256()));
    watches.iter().for_each(Watch::assert_bounded);
}

/// A callout server that supports the response profile and no extension; it answers what a processor asks before its
/// first transaction, and nothing else.
fn plain_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
    let address = listener.local_addr().expect("a bound address");
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let (mut heard, mut answered) = (String::new(), 0);
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = stream.read(&mut buffer) {
                heard += &String::from_utf8_lossy(&buffer[..count]);
                let offers = heard.matches("NO (").count();
                while answered < offers {
                    let answer = match answered {
                        0 => "CS;\r\nNR;\r\n".to_owned(),
                        group => format!(
                            "PA;\r\nNR {{\"54:http://www.iana.org/assignments/opes/ocp/http/response\"}}\r\nSG: {group}\r\n;\r\n"
                        ),
                    };
                    stream.write_all(answer.as_bytes()).expect("a processor that reads");
                    answered += 1;
                }
            }
        }
    });
    address
}

// RFC 4037 section 10.3: without an extension, larger messages have to stay out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_core_cannot_count_is_refused_before_the_first_octet() {
    let origin = Origin::start().await;
    let callout = plain_server();
    let target = "/bytes/2147483647?seed=27";
    let proxy = Opes::proxy(&Config::reverse(origin.address(), callout).rule(&Rule::response(&[SUBSTITUTE])));
    let answer = client::get(proxy.address, target).await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);

    let rule = Rule::response(&[SUBSTITUTE]).or_pass();
    let proxy = Opes::proxy(&Config::reverse(origin.address(), callout).rule(&rule));
    let mut connection = client::Connection::open(proxy.address).await;
    let mut response = connection.send(request(Method::GET, target)).await.expect("a head");
    assert_eq!(response.status(), StatusCode::OK);
    let first = client::piece(&mut response).await.expect("the original").expect("octets of it");
    assert!(first == Pattern::new(27).slice(0, first.len() as u64), "{} octets", first.len());
}
