//! What a server may answer with, and what becomes of answers that break the rules (RFC 4236 section 3.2.1).

use http::{Method, StatusCode};
use opes_tests::client::{self, request};
use opes_tests::config::{Config, IDENTITY, Rule};
use opes_tests::opes::Opes;
use opes_tests::origin::{Origin, Page};

use crate::messages::Message;
use crate::scripted::{Script, Scripted, adapted};

/// The status that a client gets where the server answers each message of the rule's direction by this script, and
/// whether the origin was asked.
async fn status(rule: Rule<'_>, script: Script) -> (Option<StatusCode>, bool, Vec<Message>) {
    let origin = Origin::start().await;
    origin.page("/page", Page::text("a page"));
    let server = Scripted::start("", script).await;
    let proxy = Opes::proxy(&Config::reverse(origin.address(), server.address).rule(&rule));
    let answer = client::fetch(proxy.address, request(Method::GET, "/page")).await;
    let heard = server.heard("TE", |heard| heard.iter().any(|message| message.name() == "TE"));
    (answer.ok().map(|answer| answer.status), !origin.seen().is_empty(), heard)
}

const REQUEST: Rule<'_> = Rule::request(&[IDENTITY]);
const RESPONSE: Rule<'_> = Rule::response(&[IDENTITY]);

fn failed(heard: &[Message]) -> bool {
    heard.iter().any(|message| message.head.starts_with("TE ") && message.head.contains("{400 "))
}

const HEAD: &str = "HTTP/1.1 410 Gone\r\n\r\n";

fn at_end(message: &Message, parts: &[(&str, &str)]) -> String {
    if message.name() == "AME" { adapted(None, parts) } else { String::new() }
}

// req: HTTP-3.2.1-05, HTTP-3.2.1-13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_of_both_kinds_is_none() {
    let (_, asked, heard) =
        status(REQUEST, |message| at_end(message, &[("response-header", HEAD), ("request-body", "x")])).await;
    assert!(failed(&heard), "{heard:?}");
    assert!(!asked, "nothing of it reaches the origin");
}

// req: HTTP-3.2.1-05
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_response_made_of_request_parts_is_none() {
    let (status, _, heard) =
        status(RESPONSE, |message| at_end(message, &[("request-header", "GET / HTTP/1.1\r\n\r\n")])).await;
    assert!(failed(&heard), "{heard:?}");
    assert_eq!(status, Some(StatusCode::BAD_GATEWAY));
}

// req: HTTP-3.2.1-14
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_response_in_place_of_the_request_ends_the_exchange() {
    let (status, asked, _) = status(REQUEST, |message| at_end(message, &[("response-header", HEAD)])).await;
    assert_eq!((status, asked), (Some(StatusCode::GONE), false));
}
