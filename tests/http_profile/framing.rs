//! Fields that depend on the body, towards HTTP peers (RFC 4236 sections 3.7 and 3.8).

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use opes_tests::client::{self, Answer, request, with_field};
use opes_tests::config::{Config, DIGEST, IDENTITY, Rule, SUBSTITUTE};
use opes_tests::ocp::Peer;
use opes_tests::opes::Opes;
use opes_tests::origin::{Canned, Origin, Page};
use opes_tests::stack::Stack;

use crate::messages::Message;
use crate::scripted::{Script, Scripted, adapted};

/// What a client gets where the server answers every response by this script.
async fn answered(script: Script) -> Answer {
    let origin = Origin::start().await;
    origin.page("/page", Page::text("an original of its own length").field("content-md5", "b3JpZ2luYWw="));
    let server = Scripted::start("", script).await;
    let proxy =
        Opes::proxy(&Config::reverse(origin.address(), server.address).rule(&Rule::response(&[IDENTITY])));
    client::get(proxy.address, "/page").await
}

/// A server's answer with these fields.
fn nine_long(message: &Message, length: Option<u64>, fields: &str) -> String {
    let head = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n");
    match message.name() {
        "AME" => adapted(length, &[("response-header", &head), ("response-body", "nine long")]),
        _ => String::new(),
    }
}

// req: HTTP-3.7-06, HTTP-3.8-01, HTTP-3.8.1-01, HTTP-3.8.1-02, HTTP-3.8.1-04, HTTP-3.8.1-05
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_framing_that_a_server_returns_is_not_believed() {
    let answer =
        answered(|message| nine_long(message, None, "Content-Length: 3\r\nTransfer-Encoding: gzip, x")).await;
    assert_eq!(answer.text(), "nine long");
    assert_eq!(answer.headers.get(TRANSFER_ENCODING).map(|value| value.as_bytes()), Some(&b"chunked"[..]));
    assert_eq!(
        answer.headers.get(CONTENT_LENGTH),
        None,
        "the length is not known, and the coding is chunked"
    );
}

// req: HTTP-3.3-05, HTTP-3.8-01, HTTP-3.8.1-01, HTTP-3.8.1-03
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_announced_length_becomes_the_content_length() {
    let answer = answered(|message| nine_long(message, Some(9), "Content-Length: 3")).await;
    assert_eq!(answer.text(), "nine long");
    assert_eq!(answer.headers[CONTENT_LENGTH], "9");
    assert_eq!(answer.headers.get(TRANSFER_ENCODING), None);
}

// req: HTTP-3.8-01, HTTP-3.8.2-01, HTTP-3.8.2-02, HTTP-3.8.2-03
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checksum_that_a_server_returns_is_not_passed_on() {
    let answer = answered(|message| nine_long(message, None, "Content-MD5: b3JpZ2luYWw=")).await;
    assert_eq!((answer.text().as_str(), answer.headers.get("content-md5")), ("nine long", None));
}

// req: HTTP-3.8.2-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checksum_stays_where_nothing_was_modified_and_none_is_made() {
    let stack = Stack::start(&[Rule::response(&[DIGEST])]).await;
    stack.origin.page("/with", Page::text("A cat.").field("content-md5", "b3JpZ2luYWw="));
    stack.origin.page("/without", Page::text("A cat."));
    assert_eq!(stack.get("/with").await.headers["content-md5"], "b3JpZ2luYWw=");
    assert_eq!(stack.get("/without").await.headers.get("content-md5"), None);
}

// req: HTTP-3.8.1-02, HTTP-3.8.1-05, HTTP-3.8.1-07
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_client_is_told_the_end_by_the_end_of_the_connection() {
    let stack = Stack::start(&[Rule::response(&[SUBSTITUTE])]).await;
    stack.origin.page("/cat", Page::text("A cat."));
    let mut client = Peer::connect(stack.proxy.address);
    client.send("GET /cat HTTP/1.0\r\nHost: a\r\n\r\n");
    client.expect_end();
    let text = client.text();
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    assert_eq!(body, "A tiger.");
    let head = head.to_lowercase();
    assert!(!head.contains("content-length:") && !head.contains("transfer-encoding:"), "{head}");
}

// req: HTTP-4-12
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_trace_entry_stands_in_a_trailer() {
    let origin = Canned::start(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
         6\r\nA cat.\r\n0\r\nX-Sum: a sum\r\n\r\n",
    )
    .await;
    let server = Opes::server(&Config::server());
    let config = Config::reverse(origin.address(), server.address).rule(&Rule::response(&[SUBSTITUTE]));
    let proxy = Opes::proxy(&config);
    let asked = with_field(request(http::Method::GET, "/"), "te", "trailers");
    let answer = client::fetch(proxy.address, asked).await.expect("a whole response");
    assert!(answer.headers.contains_key("opes-system") && answer.headers.contains_key("opes-via"));
    let names: Vec<_> = answer.trailers.keys().map(|name| name.as_str()).collect();
    assert_eq!(names, ["x-sum"]);
}
