//! Several messages on one connection, and many connections at once.

use http::{Method, StatusCode};
use opes_tests::body::{Shape, generated};
use opes_tests::client::{Connection, request, with_body};
use opes_tests::config::{Rule, SECOND, SUBSTITUTE};
use opes_tests::ocp::Peer;
use opes_tests::octets::Pattern;
use opes_tests::oracle::substitute;
use opes_tests::origin::Page;
use opes_tests::stack::Stack;

/// What comes back from `/echo`: the services may find what the services before them have made.
fn there_and_back(body: &[u8]) -> Vec<u8> {
    let there = substitute(body, b"cat", b"tiger");
    substitute(&substitute(&there, b"cat", b"tiger"), b"tiger", b"lion")
}

const BOTH: &[Rule<'_>] = &[Rule::request(&[SUBSTITUTE]), Rule::response(&[SUBSTITUTE, SECOND])];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_every_shape_follow_each_other_on_one_connection() {
    let stack = Stack::start(BOTH).await;
    stack.origin.page("/cat", Page::text("A cat."));
    stack.origin.page("/chunks", Page::text("A cat, in chunks.").chunked(3));
    stack.origin.page("/empty", Page::text(""));
    let mut connection = stack.connect().await;
    for round in 0..5 {
        assert_eq!(connection.get("/cat").await.text(), "A lion.", "round {round}");
        assert_eq!(connection.get("/chunks").await.text(), "A lion, in chunks.");
        assert_eq!(connection.get("/empty").await.text(), "");
        assert_eq!(connection.get("/status/204").await.status, StatusCode::NO_CONTENT);
        let head = connection.fetch(request(Method::HEAD, "/cat")).await.expect("a whole response");
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
        assert_eq!(connection.get("/status/404").await.status, StatusCode::NOT_FOUND);
        let shape = Shape { chunked: round % 2 == 0, piece: 1000, ..Shape::default() };
        let body = generated(Pattern::new(round), 10_000, shape);
        let answer =
            connection.fetch(with_body(Method::POST, "/echo", body)).await.expect("a whole response");
        let lions = there_and_back(&Pattern::new(round).slice(0, 10_000));
        assert!(
            answer.body == lions,
            "round {round}: {} octets, {} expected",
            answer.body.len(),
            lions.len()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_connections_do_not_mix_their_messages() {
    let stack = Stack::start(BOTH).await;
    let address = stack.proxy.address;
    let mut clients = Vec::new();
    for client in 0..24_u64 {
        clients.push(tokio::spawn(async move {
            let mut connection = Connection::open(address).await;
            for round in 0..10 {
                let seed = client * 100 + round;
                let length = 1 + seed * 37 % 50_000;
                let body = Pattern::new(seed).slice(0, length);
                let expected = substitute(&substitute(&body, b"cat", b"tiger"), b"tiger", b"lion");
                let answer = connection.get(&format!("/bytes/{length}?seed={seed}&piece=5000")).await;
                assert!(answer.body == expected, "GET, client {client}, round {round}");
                let sent = generated(Pattern::new(seed), length, Shape { piece: 7000, ..Shape::default() });
                let answer = connection.fetch(with_body(Method::POST, "/echo", sent)).await;
                assert!(
                    answer.expect("a whole response").body == there_and_back(&body),
                    "POST, client {client}, round {round}"
                );
            }
        }));
    }
    for client in clients {
        client.await.expect("every client is served");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipelined_requests_are_answered_in_their_order() {
    let stack = Stack::start(BOTH).await;
    for number in 0..5 {
        stack.origin.page(&format!("/{number}"), Page::text(format!("cat {number}.")).chunked(2 + number));
    }
    let mut peer = Peer::connect(stack.proxy.address);
    let ask = |number| format!("GET /{number} HTTP/1.1\r\nHost: www.example.com\r\n\r\n");
    let last = "GET /4 HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n\r\n".to_owned();
    assert!(peer.send((0..4).map(ask).chain([last]).collect::<String>()));
    peer.expect_end();
    let text = peer.text();
    // Chunked framing stands between the octets of a body: the digit of each page is enough to tell them apart.
    let bodies: Vec<_> = text.split("HTTP/1.1 200 OK\r\n").skip(1).collect();
    assert_eq!(bodies.len(), 5, "{text}");
    for (number, body) in bodies.iter().enumerate() {
        let (_, body) = body.split_once("\r\n\r\n").expect("a head and a body");
        let letters: String = body.split("\r\n").filter(|line| !is_chunk_size(line)).collect();
        assert_eq!(letters, format!("lion {number}."), "{text}");
    }
}

/// The lines between the data of a chunked body; none of the bodies here has a line like that.
fn is_chunk_size(line: &str) -> bool {
    line.is_empty() || u64::from_str_radix(line, 16).is_ok()
}
