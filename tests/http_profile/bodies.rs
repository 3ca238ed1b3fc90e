//! How much of bodies crosses (RFC 4236 sections 3.2.3 to 3.2.7).

use http::{Method, StatusCode};
use opes_tests::body::full;
use opes_tests::client::with_body;
use opes_tests::coding;
use opes_tests::config::{BLOCK, IDENTITY, Rule, SUBSTITUTE};
use opes_tests::origin::{Origin, Page};
use opes_tests::{client, config::Config, opes::Opes};

use crate::messages::{Message, parts};
use crate::scripted::{Script, Scripted, adapted};
use crate::wired::{PEEK, Wired};

fn body_octets(said: &[Message], part: &str) -> usize {
    let data = said.iter().filter(|message| message.part() == Some(part));
    data.map(|message| message.payload.len()).sum()
}

fn selected(wired: &Wired, member: &str) -> Vec<Option<String>> {
    let [_, said] = wired.said();
    let answers = said.iter().filter(|message| message.name() == "NR" && message.head.contains("SG: "));
    answers.map(|message| message.named(member).map(|value| value.trim_end_matches('}').to_owned())).collect()
}

// req: HTTP-3.2.4-01, HTTP-3.2.4-02
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_large_body_only_the_prefix_that_decides_crosses() {
    let wired = Wired::start(&[Rule::response(&[PEEK]), Rule::request(&[PEEK])]).await;
    let large = "good ".repeat(200_000);
    let answer = wired.fetch(with_body(Method::POST, "/echo", full(large.clone()))).await;
    assert!(answer.body == large, "{} octets came", answer.body.len());
    let said = wired.original(2);
    assert_eq!(selected(&wired, "Pause-At-Body"), [Some("16".to_owned()), Some("16".to_owned())]);
    assert_eq!(body_octets(&said, "request-body"), 16);
    assert_eq!(body_octets(&said, "response-body"), 16);
    wired.origin.page("/evil", Page::text("evil inside"));
    assert_eq!(wired.get("/evil").await.status, StatusCode::FORBIDDEN);
}

// req: HTTP-3.2.5-01, HTTP-3.2.5-03, HTTP-3.2.5-05
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_body_that_is_blocked_nothing_crosses() {
    let wired = Wired::start(&[Rule::response(&[BLOCK])]).await;
    wired.origin.page("/large", Page::text("x".repeat(1_000_000)));
    for _ in 0..3 {
        assert_eq!(wired.get("/large").await.status, StatusCode::FORBIDDEN);
    }
    let said = wired.original(3);
    assert_eq!(selected(&wired, "Stop-Receiving-Body"), [Some("0".to_owned())]);
    assert_eq!(selected(&wired, "Preservation-Interest-Body"), [Some("0".to_owned())]);
    assert_eq!(body_octets(&said, "response-body"), 0);
}

// req: HTTP-3.2.7-02, HTTP-3.2.7-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_content_coding_keeps_a_message_from_its_services() {
    let wired = Wired::start(&[Rule::response(&[SUBSTITUTE])]).await;
    for codings in ["gzip", "br"] {
        let octets = coding::encode(codings, b"looks like a cat");
        wired.origin.page("/coded", Page::new("text/plain", octets).field("content-encoding", codings));
        let answer = wired.get("/coded").await;
        assert_eq!(coding::decode(codings, &answer.body), b"looks like a tiger", "{codings}");
    }
    let wired = Wired::start(&[Rule::response(&[IDENTITY])]).await;
    wired.origin.page("/coded", Page::text("as it is").field("content-encoding", "x-new"));
    let answer = wired.get("/coded").await;
    assert_eq!(answer.text(), "as it is");
    let via = answer.headers["opes-via"].to_str().expect("text");
    assert!(via.contains(IDENTITY), "a coding that nobody knows: {via}");
}

/// A proxy before this callout server, and what it was asked to pass through it.
async fn through(members: &'static str, script: Script, body: String) -> (Scripted, client::Answer) {
    let origin = Origin::start().await;
    origin.page("/page", Page::text(body));
    let server = Scripted::start(members, script).await;
    let proxy =
        Opes::proxy(&Config::reverse(origin.address(), server.address).rule(&Rule::response(&[IDENTITY])));
    let answer = client::get(proxy.address, "/page").await;
    (server, answer)
}

fn whole() -> String {
    adapted(Some(4), &[("response-header", "HTTP/1.1 200 OK\r\n\r\n"), ("response-body", "done")])
}

/// Answers once the processor is done; wakes it when it pauses.
fn at_pause(message: &Message) -> String {
    match message.name() {
        "DPM" => "DWM $;|".to_owned(),
        "AME" => whole(),
        _ => String::new(),
    }
}

fn at_end(message: &Message) -> String {
    if message.name() == "AME" { whole() } else { String::new() }
}

/// How much of the body had come when this message came.
fn before(heard: &[Message], name: &str) -> usize {
    let until = heard.iter().position(|message| message.name() == name).expect("the message");
    body_octets(&heard[..until], "response-body")
}

// req: HTTP-3.2.4-02, HTTP-3.2.4-03, HTTP-3.2.4-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_proxy_pauses_where_it_was_asked_to() {
    for (members, offset) in [
        ("Pause-At-Body: 0|", 0),
        ("Pause-At-Body: 300|", 300),
        ("Pause-At-Body: 300|Aux-Parts: (request-header)|", 300),
    ] {
        let (server, answer) = through(members, at_pause, "y".repeat(1000)).await;
        assert_eq!(answer.text(), "done");
        let heard = server.heard("AME", |heard| heard.iter().any(|message| message.name() == "AME"));
        assert_eq!(before(&heard, "DPM"), offset, "{members}");
        assert_eq!(before(&heard, "AME"), 1000, "the rest came once it was wanted");
    }
}

// req: HTTP-3.2.5-03, HTTP-3.2.5-04, HTTP-3.2.5-05
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_proxy_stops_where_it_was_asked_to() {
    for (members, offset) in [
        ("Stop-Receiving-Body: 0|", 0),
        ("Stop-Receiving-Body: 300|", 300),
        ("Stop-Receiving-Body: 300|Aux-Parts: (request-header)|", 300),
    ] {
        let (server, answer) = through(members, at_end, "y".repeat(1000)).await;
        assert_eq!(answer.text(), "done");
        let heard = server.heard("TE", |heard| heard.iter().any(|message| message.name() == "TE"));
        assert_eq!(body_octets(&heard, "response-body"), offset, "{members}");
        assert!(
            heard.iter().any(|message| message.head.starts_with("AME ") && message.head.contains("{206"))
        );
    }
}

// req: HTTP-3.2.6-02
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_proxy_keeps_what_is_of_interest() {
    for (members, size) in
        [("Preservation-Interest-Body: 0|", 0), ("Preservation-Interest-Body: 300|", 300), ("", 1000)]
    {
        let (server, answer) = through(members, at_end, "y".repeat(1000)).await;
        assert_eq!(answer.text(), "done");
        let heard = server.heard("TE", |heard| heard.iter().any(|message| message.name() == "TE"));
        let head: usize = parts(&heard, 0)[0].1.len();
        let kept =
            heard.iter().filter_map(|message| message.named("Kept")?.trim_end_matches('}').split(' ').nth(1));
        let kept = kept.filter_map(|size| size.parse::<usize>().ok()).max();
        assert_eq!(kept, Some(head + size), "{members}");
    }
}

// req: HTTP-3.2.3-06
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_selects_what_was_not_offered_adapts_nothing() {
    let (server, answer) = {
        let origin = Origin::start().await;
        origin.page("/page", Page::text("a page"));
        let server = Scripted::start("Aux-Parts: (request-body)|", at_end).await;
        let config = Config::reverse(origin.address(), server.address).rule(&Rule::response(&[IDENTITY]));
        let proxy = Opes::proxy(&config);
        (server, client::fetch(proxy.address, client::request(Method::GET, "/page")).await)
    };
    assert_eq!(answer.expect("an answer of the proxy's own").status, StatusCode::BAD_GATEWAY);
    let heard = server.heard("CE", |heard| heard.iter().any(|message| message.name() == "CE"));
    assert!(!heard.iter().any(|message| message.name() == "TS"), "{heard:?}");
    assert!(heard.iter().any(|message| message.head.starts_with("CE {400 ")), "{heard:?}");
}
