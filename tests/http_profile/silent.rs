//! A callout server that negotiates and then says nothing.

use http::{Method, StatusCode};
use opes_tests::client::{self, request};
use opes_tests::config::{Config, IDENTITY, Rule};
use opes_tests::opes::Opes;
use opes_tests::origin::{Origin, Page};

use crate::messages::Message;
use crate::scripted::{Scripted, adapted};

const OPENED: &str = "gets no transactions for a while";

/// What comes of a page, with this policy and progress within 2 s.
async fn got(rule: Rule<'_>, server: &Scripted) -> (StatusCode, String, Opes, Origin) {
    let origin = Origin::start().await;
    origin.page("/page", Page::text("a page"));
    let config = Config::reverse(origin.address(), server.address).table("breaker_seconds = 3600");
    let proxy = Opes::proxy(&config.rule(&rule).table("[timeouts]\nprogress = 2"));
    let answer = client::fetch(proxy.address, request(Method::GET, "/page")).await.expect("a whole response");
    (answer.status, answer.text(), proxy, origin)
}

fn asked(message: &Message) -> bool {
    message.name() == "PQ" && message.xid().is_some()
}

// req: OCP-2.7-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_is_asked_after_and_then_ends_the_connection_and_opens_the_breaker() {
    let rules = [(Rule::response(&[IDENTITY]), StatusCode::BAD_GATEWAY)];
    for (rule, expected) in rules.into_iter().chain([(Rule::response(&[IDENTITY]).or_pass(), StatusCode::OK)])
    {
        let server = Scripted::start("", |_| String::new()).await;
        let (status, text, proxy, _origin) = got(rule, &server).await;
        assert_eq!(status, expected);
        assert_eq!(text == "a page", expected == StatusCode::OK, "{text}");
        let heard = server.heard("CE", |heard| heard.iter().any(|message| message.name() == "CE"));
        assert_eq!(heard.iter().filter(|message| asked(message)).count(), 1, "{heard:?}");
        proxy.process.log("the breaker's opening", |line| line.contains(OPENED).then_some(()));
        let again =
            client::fetch(proxy.address, request(Method::GET, "/page")).await.expect("a whole response");
        assert_eq!(again.status, expected);
        let later = server.heard("nothing more", |_| true);
        let started = |heard: &[Message]| heard.iter().filter(|message| message.name() == "TS").count();
        assert_eq!((started(&heard), started(&later)), (1, 1), "no transaction while it is open");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_answers_the_question_is_slow_and_not_dead() {
    let server = Scripted::start("", |message| match message.name() {
        "PQ" => adapted(None, &[("response-header", "HTTP/1.1 200 OK\r\n\r\n"), ("response-body", "slow")]),
        _ => String::new(),
    })
    .await;
    let (status, text, proxy, _origin) = got(Rule::response(&[IDENTITY]), &server).await;
    assert_eq!((status, &text[..]), (StatusCode::OK, "slow"));
    assert!(!proxy.process.stderr().contains(OPENED));
}
