//! The callout server is down, silent, dies in the middle, or comes back.

use std::net::SocketAddr;

use http::{Method, StatusCode};
use opes_tests::body::{fed, full};
use opes_tests::client::{self, Connection, collect, piece, request, summarise, with_body};
use opes_tests::config::{Config, NOWHERE, REASON, Rule, SECOND, SUBSTITUTE};
use opes_tests::octets::Pattern;
use opes_tests::opes::Opes;
use opes_tests::oracle::{Tally, sha256};
use opes_tests::origin::{Origin, Page};
use opes_tests::patience::{PATIENCE, STEP, eventually};
use opes_tests::place::Nobody;
use opes_tests::stack::Stack;
use tokio::net::TcpListener;

async fn before(callout: SocketAddr, rules: &[Rule<'_>], rest: &str) -> (Origin, Opes) {
    let origin = Origin::start().await;
    origin.page("/cat", Page::text("A cat."));
    let config = Config::reverse(origin.address(), callout).table(rest);
    let proxy = Opes::proxy(&rules.iter().fold(config, Config::rule));
    (origin, proxy)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_down_is_a_502() {
    let nobody = Nobody::new();
    let rules = [Rule::request(&[SUBSTITUTE])];
    let (origin, proxy) = before(nobody.address(), &rules, "").await;
    let mut connection = Connection::open(proxy.address).await;
    for _ in 0..3 {
        let answer = connection.fetch(with_body(Method::POST, "/tally", full("a cat"))).await;
        assert_eq!(answer.expect("a whole response").status, StatusCode::BAD_GATEWAY);
        connection = Connection::open(proxy.address).await;
    }
    assert!(origin.seen().is_empty(), "nothing unadapted reaches the origin");

    let (_origin, proxy) = before(nobody.address(), &[Rule::response(&[SUBSTITUTE])], "").await;
    let answer = client::get(proxy.address, "/cat").await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert!(!answer.text().contains("cat"), "nothing of the original: {}", answer.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_pass_the_original_goes_on() {
    let nobody = Nobody::new();
    let rules = [Rule::request(&[SUBSTITUTE]).or_pass(), Rule::response(&[SUBSTITUTE]).or_pass()];
    let (origin, proxy) = before(nobody.address(), &rules, "").await;
    assert_eq!(client::get(proxy.address, "/cat").await.text(), "A cat.");
    let octets = Pattern::new(41).slice(0, 400_000);
    let upload = with_body(Method::POST, "/tally", full(octets.clone()));
    let answer = client::fetch(proxy.address, upload).await.expect("a whole response");
    assert_eq!(answer.text(), format!("{} {}\n", octets.len(), sha256(&octets)));
    assert!(origin.request(Method::POST, "/tally").whole().whole);
    let answer = client::get(proxy.address, "/bytes/3000000?seed=42&framing=chunked").await;
    assert!(answer.body == Pattern::new(42).slice(0, 3_000_000), "{} octets", answer.body.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_says_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
    let silent = listener.local_addr().expect("a bound address");
    let timeouts = "[timeouts]\nconnect = 1\nprogress = 1\n";
    let (_origin, proxy) = before(silent, &[Rule::response(&[SUBSTITUTE])], timeouts).await;
    assert_eq!(client::get(proxy.address, "/cat").await.status, StatusCode::BAD_GATEWAY);
    let (_origin, proxy) = before(silent, &[Rule::response(&[SUBSTITUTE]).or_pass()], timeouts).await;
    assert_eq!(client::get(proxy.address, "/cat").await.text(), "A cat.");
}

/// Whatever the policy: once adapted octets are out, the message breaks visibly.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_in_mid_response_breaks_the_message() {
    for (rule, framed) in
        [(Rule::response(&[SUBSTITUTE]), false), (Rule::response(&[SUBSTITUTE]).or_pass(), true)]
    {
        let mut stack = Stack::start(&[rule]).await;
        let (half, pattern) = (4 << 20, Pattern::new(43));
        let feed = stack.origin.stage("/long", framed.then_some(2 * half));
        let mut connection = stack.connect().await;
        let feeding = tokio::spawn(async move {
            for octets in pattern.pieces(half, 65_536) {
                assert!(feed.send(octets).await, "the first half is taken");
            }
            feed
        });
        let mut response = connection.send(request(Method::GET, "/long")).await.expect("a head");
        assert_eq!(response.status(), StatusCode::OK);
        piece(&mut response).await.expect("the response has begun").expect("it has not ended");
        stack.server.process.kill();
        let rest = tokio::spawn(summarise(response));
        let feed = feeding.await.expect("the first half is fed");
        for octets in Pattern::new(44).pieces(half, 65_536) {
            if !feed.send(octets).await {
                break; // the proxy has hung up on the origin, as it may
            }
        }
        drop(feed);
        let broken = rest.await.expect("the reader").expect_err("a message that only looks whole");
        assert_eq!(broken.status, Some(StatusCode::OK));
        assert!(stack.proxy.process.alive(), "the proxy goes on");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_in_mid_request_never_makes_a_whole_request() {
    let mut stack = Stack::start(&[Rule::request(&[SUBSTITUTE])]).await;
    let (feed, body) = fed(None);
    let mut connection = stack.connect().await;
    let answer = tokio::spawn(async move {
        match connection.send(with_body(Method::POST, "/tally", body)).await {
            Ok(response) => collect(response).await,
            Err(broken) => Err(broken),
        }
    });
    for octets in Pattern::new(45).pieces(4 << 20, 65_536) {
        assert!(feed.send(octets).await, "the first part is taken");
    }
    stack.server.process.kill();
    for octets in Pattern::new(46).pieces(4 << 20, 65_536) {
        if !feed.send(octets).await {
            break; // the proxy has hung up on us, as it may
        }
    }
    drop(feed);
    match answer.await.expect("the client") {
        Ok(answer) => assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{}", answer.text()),
        Err(broken) => println!("the connection broke: {broken}"),
    }
    let uploads = stack.origin.seen().into_iter().filter(|seen| seen.method == Method::POST);
    for seen in uploads.filter_map(|seen| seen.body) {
        assert!(!seen.whole, "the origin took a part for the whole");
    }
    assert!(stack.proxy.process.alive(), "the proxy goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_restarts_loses_nothing() {
    let rules = [Rule::response(&[SUBSTITUTE]), Rule::request(&[SUBSTITUTE])];
    let mut stack = Stack::start_on("127.0.7.1", &rules).await;
    stack.origin.page("/cat", Page::text("A cat."));
    let mut connection = stack.connect().await;
    for round in 0..3 {
        assert_eq!(connection.get("/cat").await.text(), "A tiger.", "round {round}");
        let address = stack.server.address;
        stack.server.process.kill();
        stack.server = Opes::server_at(address, &Config::server());
        // The first request after it, with a body and without.
        let answer = connection.fetch(with_body(Method::POST, "/echo", full("a cat"))).await;
        assert_eq!(answer.expect("a whole response").text(), "a tiger", "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_away_is_found_again() {
    let mut stack = Stack::start_on("127.0.7.2", &[Rule::response(&[SUBSTITUTE])]).await;
    stack.origin.page("/cat", Page::text("A cat."));
    assert_eq!(stack.get("/cat").await.text(), "A tiger.");
    let address = stack.server.address;
    stack.server.process.kill();
    for _ in 0..5 {
        assert_eq!(stack.get("/cat").await.status, StatusCode::BAD_GATEWAY);
    }
    stack.server = Opes::server_at(address, &Config::server());
    assert_found_again(&stack).await;
}

/// The callout server is back: within a bound, and by then only with clear failures, adapted messages come again.
async fn assert_found_again(stack: &Stack) {
    stack.origin.page("/again", Page::text("A cat again."));
    let end = tokio::time::Instant::now() + PATIENCE;
    loop {
        let answer = stack.get("/again").await;
        if answer.status == StatusCode::OK {
            assert_eq!(answer.text(), "A tiger again.");
            return;
        }
        assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
        assert!(tokio::time::Instant::now() < end, "the server is back, and the proxy does not find it");
        tokio::time::sleep(STEP).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_whose_service_nobody_hosts_leaves_the_other_alone() {
    let rules = [Rule::response(&[NOWHERE]), Rule::request(&[SUBSTITUTE])];
    let stack = Stack::start(&rules).await;
    for _ in 0..5 {
        let answer = stack.fetch(with_body(Method::POST, "/tally", full("a cat"))).await;
        assert_eq!(answer.expect("a whole response").status, StatusCode::BAD_GATEWAY);
        let seen = stack.origin.request(Method::POST, "/tally");
        assert_eq!(seen.whole().sha256, sha256(b"a tiger"), "the request rule works");
    }

    let rules = [Rule::request(&[SUBSTITUTE, NOWHERE]).or_pass(), Rule::response(&[SUBSTITUTE, SECOND])];
    let stack = Stack::start(&rules).await;
    for _ in 0..5 {
        let answer = stack.fetch(with_body(Method::POST, "/echo", full("a cat"))).await;
        assert_eq!(answer.expect("a whole response").text(), "a lion", "the response rule works");
        let seen = stack.origin.request(Method::POST, "/echo");
        assert_eq!(seen.whole().sha256, sha256(b"a cat"), "and the request went on as it was");
    }
}

/// Transactions in flight on the pool when one connection breaks: none of them may give a wrong message.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_under_load_gives_right_messages_or_visible_failures() {
    let mut stack = Stack::start_on("127.0.7.3", &[Rule::response(&[SUBSTITUTE])]).await;
    let (address, length) = (stack.proxy.address, 200_000);
    let mut expected = Tally::default();
    expected.push(&opes_tests::oracle::substitute(&Pattern::new(47).slice(0, length), b"cat", b"tiger"));
    let expected = expected.sha256();
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let expected = expected.clone();
            tokio::spawn(async move {
                let (mut right, mut failed) = (0, 0);
                for _ in 0..40 {
                    let asked = request(Method::GET, &format!("/bytes/{length}?seed=47"));
                    match client::fetch(address, asked).await {
                        Ok(answer) if answer.status == StatusCode::OK => {
                            assert_eq!(sha256(&answer.body), expected, "a whole but wrong message");
                            right += 1;
                        }
                        Ok(answer) => {
                            assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
                            assert!(!answer.text().contains(REASON));
                            failed += 1;
                        }
                        Err(_) => failed += 1,
                    }
                }
                (right, failed)
            })
        })
        .collect();
    let server = stack.server.address;
    for _ in 0..3 {
        // Until the crash some transactions have gone through: the origin has been asked anew.
        let asked = stack.origin.seen().len();
        eventually("more requests at the origin", || {
            let done = clients.iter().all(tokio::task::JoinHandle::is_finished);
            (done || stack.origin.seen().len() > asked + 5).then_some(())
        });
        stack.server.process.kill();
        stack.server = Opes::server_at(server, &Config::server());
    }
    let (mut right, mut failed) = (0, 0);
    for client in clients {
        let (of_one, missed) = client.await.expect("every client ends");
        right += of_one;
        failed += missed;
    }
    println!("{right} right messages, {failed} visible failures");
    assert!(right > 0, "the proxy recovers");
    assert!(stack.proxy.process.alive(), "the proxy goes on");
    assert_found_again(&stack).await;
}
