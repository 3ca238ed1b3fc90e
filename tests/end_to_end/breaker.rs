//! A callout server that stands still, or is away: it is noticed, left alone for a while, and found again.

use std::time::Instant;

use http::StatusCode;
use opes_tests::client::{self, request};
use opes_tests::config::{Config, Rule, SUBSTITUTE};
use opes_tests::opes::Opes;
use opes_tests::origin::{Origin, Page};
use opes_tests::patience::{PATIENCE, STEP};
use opes_tests::place::Nobody;
use opes_tests::stack::Stack;

/// Lines of the proxy's log.
const OPENED: &str = "gets no transactions for a while";
const TRIED: &str = "a transaction tries the callout server";
const CLOSED: &str = "works again";

struct Arrangement {
    origin: Origin,
    server: Opes,
    proxy: Opes,
}

/// A proxy with this configuration of its callout server, and these timeouts.
async fn arranged(rule: Rule<'_>, breaker: &str, timeouts: &str) -> Arrangement {
    let origin = Origin::start().await;
    origin.page("/cat", Page::text("A cat."));
    let server = Opes::server(&Config::server());
    // The breaker's keys belong to the last table there is.
    let config = Config::reverse(origin.address(), server.address).table(breaker).rule(&rule);
    let proxy = Opes::proxy(&config.table(&format!("[timeouts]\n{timeouts}\n")));
    Arrangement { origin, server, proxy }
}

impl Arrangement {
    async fn get(&self) -> (StatusCode, String) {
        let answer = client::get(self.proxy.address, "/cat").await;
        (answer.status, answer.text())
    }

    /// Gets again and again until the server's work comes; everything before is a clear failure.
    async fn until_adapted(&self) {
        let end = Instant::now() + PATIENCE;
        loop {
            let (status, text) = self.get().await;
            if status == StatusCode::OK {
                assert_eq!(text, "A tiger.");
                return;
            }
            assert_eq!(status, StatusCode::BAD_GATEWAY);
            assert!(Instant::now() < end, "the server is back, and the proxy does not find it");
            tokio::time::sleep(STEP).await;
        }
    }

    fn log(&self, line: &str) -> usize {
        self.proxy.process.stderr().matches(line).count()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stands_still_is_noticed_left_alone_and_found_again() {
    let timeouts = "connect = 1\nprogress = 2";
    let stack = arranged(Rule::response(&[SUBSTITUTE]), "breaker_seconds = 2", timeouts).await;
    assert_eq!(stack.get().await.1, "A tiger.");
    stack.server.process.stand_still();
    // Everything that is under way ends, with the failure of the policy.
    let (begun, address) = (Instant::now(), stack.proxy.address);
    let waiting = (0..10).map(|_| tokio::spawn(async move { client::get(address, "/cat").await }));
    for answer in waiting.collect::<Vec<_>>() {
        assert_eq!(answer.await.expect("an answer").status, StatusCode::BAD_GATEWAY);
    }
    println!("the transactions under way failed within {:?}", begun.elapsed());
    stack.proxy.process.log("the breaker's opening", |line| line.contains(OPENED).then_some(()));
    // While it is open, nobody waits for a server.
    let begun = Instant::now();
    let (status, text) = stack.get().await;
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    assert!(!text.contains("cat"), "nothing of the original: {text}");
    println!("a further one failed within {:?}", begun.elapsed());
    // One that tries it does wait, and opens it again.
    while stack.log(OPENED) < 2 {
        assert_eq!(stack.get().await.0, StatusCode::BAD_GATEWAY);
        tokio::time::sleep(STEP).await;
    }
    assert!(stack.log(TRIED) > 0 && stack.log(CLOSED) == 0, "{}", stack.proxy.process.stderr());
    stack.server.process.go_on();
    stack.until_adapted().await;
    stack.proxy.process.log("the breaker's closing", |line| line.contains(CLOSED).then_some(()));
    assert!(!stack.origin.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_pass_the_original_goes_on_and_at_once_while_the_breaker_is_open() {
    let timeouts = "connect = 1\nprogress = 1";
    let rule = Rule::response(&[SUBSTITUTE]).or_pass();
    let stack = arranged(rule, "breaker_seconds = 3600", timeouts).await;
    assert_eq!(stack.get().await.1, "A tiger.");
    stack.server.process.stand_still();
    assert_eq!(stack.get().await, (StatusCode::OK, "A cat.".to_owned()));
    stack.proxy.process.log("the breaker's opening", |line| line.contains(OPENED).then_some(()));
    for _ in 0..100 {
        assert_eq!(stack.get().await, (StatusCode::OK, "A cat.".to_owned()));
    }
    assert_eq!(stack.log(TRIED), 0);
    stack.server.process.go_on();
}

/// Whoever waits for room to send, since the server reads nothing more, waits no longer than anybody else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_in_the_middle_breaks_off_visibly() {
    let timeouts = "connect = 1\nprogress = 2";
    let stack = arranged(Rule::response(&[SUBSTITUTE]), "", timeouts).await;
    // A connection is there already, so that the message begins before the server stops.
    assert_eq!(client::get(stack.proxy.address, "/cat").await.text(), "A tiger.");
    let feed = stack.origin.stage("/long", None);
    let address = stack.proxy.address;
    let response =
        tokio::spawn(async move { client::fetch(address, request(http::Method::GET, "/long")).await });
    for _ in 0..64 {
        assert!(feed.send(vec![b'x'; 65_536]).await, "the first half is taken");
    }
    stack.server.process.stand_still();
    let feeding = tokio::spawn(async move { while feed.send(vec![b'x'; 65_536]).await {} });
    assert!(response.await.expect("the client").is_err(), "a message that only looks whole");
    feeding.await.expect("the origin's side ends, too");
    stack.server.process.go_on();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_is_left_alone_after_so_many_failures() {
    let (origin, nobody) = (Origin::start().await, Nobody::new());
    origin.page("/cat", Page::text("A cat."));
    let config = Config::reverse(origin.address(), nobody.address());
    let config = config.table("breaker_failures = 3\nbreaker_seconds = 3600");
    let proxy = Opes::proxy(&config.rule(&Rule::response(&[SUBSTITUTE])));
    for failures in 1..6 {
        assert_eq!(client::get(proxy.address, "/cat").await.status, StatusCode::BAD_GATEWAY);
        let opened = proxy.process.stderr().contains(OPENED);
        assert!(failures >= 3 || !opened, "after {failures} failures");
    }
    proxy.process.log("the breaker's opening", |line| line.contains(OPENED).then_some(()));
    assert_eq!(proxy.process.stderr().matches(OPENED).count(), 1);
}

/// What a service does not take is no failure of the server: nobody can close it to others with such messages.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_are_refused_do_not_count() {
    let stack = Stack::start(&[Rule::response(&[SUBSTITUTE])]).await;
    stack.origin.page("/cat", Page::text("A cat."));
    stack.origin.page("/broken", Page::text("this is no gzip").field("content-encoding", "gzip"));
    for _ in 0..20 {
        let answer = client::fetch(stack.proxy.address, request(http::Method::GET, "/broken")).await;
        assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status == StatusCode::BAD_GATEWAY));
    }
    assert_eq!(stack.get("/cat").await.text(), "A tiger.");
    assert!(!stack.proxy.process.stderr().contains(OPENED));
}
