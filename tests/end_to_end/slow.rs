//! Clients and origins that take their time.

use std::time::Duration;

use http::{HeaderMap, Method};
use opes_tests::body::fed;
use opes_tests::client::{Connection, collect, piece, request, with_body};
use opes_tests::config::{Config, Rule, SUBSTITUTE};
use opes_tests::memory::Watch;
use opes_tests::octets::Pattern;
use opes_tests::opes::Opes;
use opes_tests::oracle::{Substitution, Tally};
use opes_tests::origin::{Origin, Page};
use opes_tests::stack::Stack;

/// Longer than the progress time of both agents, several times.
const SILENCE: Duration = Duration::from_secs(7);

/// The proxy pauses the callout server, and the origin, as often as its client pauses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gibibyte_goes_down_to_a_client_that_stops_again_and_again() {
    let length: u64 = 1 << 30;
    let stack = Stack::start(&[Rule::response(&[SUBSTITUTE])]).await;
    stack.get("/bytes/100000").await; // what an agent sets up once is not counted as growth
    let watches =
        [Watch::begin("server", stack.server.process.id()), Watch::begin("proxy", stack.proxy.process.id())];
    let expected = tokio::task::spawn_blocking(move || {
        let (mut oracle, mut tally) = (Substitution::new(b"cat", b"tiger"), Tally::default());
        for piece in Pattern::new(71).pieces(length, 1 << 20) {
            tally.push(&oracle.push(&piece));
        }
        tally.push(&oracle.finish());
        tally
    });
    let mut connection = stack.connect().await;
    let asked = request(Method::GET, &format!("/bytes/{length}?seed=71&piece=100000"));
    let mut response = connection.send(asked).await.expect("a head");
    let (mut tally, mut next) = (Tally::default(), 1 << 20);
    while let Some(octets) = piece(&mut response).await.expect("a whole response") {
        tally.push(&octets);
        if tally.length() >= next {
            // Early, when everything is still empty behind us, and then every 192 MiB.
            tokio::time::sleep(Duration::from_millis(1200)).await;
            next += 192 << 20;
        }
    }
    let expected = expected.await.expect("the oracle");
    assert!(expected.length() > length, "the body holds what is looked for");
    assert_eq!((tally.length(), tally.sha256()), (expected.length(), expected.sha256()));
    watches.iter().for_each(Watch::assert_bounded);
}

/// An origin, a callout server and a proxy; both agents give up after two seconds what makes no progress.
async fn impatient(rule: &Rule<'_>) -> (Origin, Opes, Opes) {
    let origin = Origin::start().await;
    let server = Opes::server(&Config::server().table("[limits]\nprogress_seconds = 2"));
    let config = Config::reverse(origin.address(), server.address).table("[timeouts]\nprogress = 2");
    let proxy = Opes::proxy(&config.rule(rule));
    (origin, server, proxy)
}

async fn more(response: &mut http::Response<hyper::body::Incoming>, expected: &str) {
    let mut came = Vec::new();
    while came.len() < expected.len() {
        let octets = piece(response).await.expect("an unbroken response").expect("more of the response");
        came.extend_from_slice(&octets);
    }
    assert_eq!(String::from_utf8_lossy(&came), expected);
}

// RFC 4037 sections 2.7 and 11.24: the callout server learns that the processor still works on the message.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_stream_may_be_silent_for_longer_than_the_progress_time() {
    let (origin, _server, proxy) = impatient(&Rule::response(&[SUBSTITUTE])).await;
    let feed = origin.stage("/events", None);
    let mut connection = Connection::open(proxy.address).await;
    assert!(feed.send("data: a cat\n\n").await);
    let mut response = connection.send(request(Method::GET, "/events")).await.expect("a head");
    more(&mut response, "data: a tiger\n\n").await;
    for _ in 0..2 {
        tokio::time::sleep(SILENCE).await;
        assert!(feed.send("data: another cat\n\n").await, "the proxy still listens to the origin");
        more(&mut response, "data: another tiger\n\n").await;
    }
    drop(feed);
    assert_eq!(piece(&mut response).await.expect("a whole response"), None);
}

/// Not even the first octet of the body is there for long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_origin_may_be_silent_behind_its_head() {
    let (origin, _server, proxy) = impatient(&Rule::response(&[SUBSTITUTE]).or_pass()).await;
    let feed = origin.stage("/late", Some(5));
    let reading = tokio::spawn(async move {
        let mut connection = Connection::open(proxy.address).await;
        let response = connection.send(request(Method::GET, "/late")).await.expect("a head");
        let answer = collect(response).await.expect("a whole response");
        (answer, proxy)
    });
    tokio::time::sleep(SILENCE).await;
    assert!(feed.send("a cat").await, "the proxy still listens to the origin");
    drop(feed);
    let (answer, _proxy) = reading.await.expect("the client");
    assert_eq!(answer.text(), "a tiger", "and it was not given up for the original");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_may_pause_in_its_upload() {
    let (origin, _server, proxy) = impatient(&Rule::request(&[SUBSTITUTE])).await;
    origin.page("/cat", Page::text("A cat."));
    let (feed, body) = fed(None);
    let address = proxy.address;
    let sending = tokio::spawn(async move {
        let mut connection = Connection::open(address).await;
        connection.fetch(with_body(Method::POST, "/echo", body)).await.expect("a whole response")
    });
    assert!(feed.send("a cat, ").await);
    tokio::time::sleep(SILENCE).await;
    assert!(feed.send("a cat").await, "the proxy still reads");
    assert!(feed.trailers(HeaderMap::new()).await);
    drop(feed);
    assert_eq!(sending.await.expect("the client").text(), "a tiger, a tiger");
}
