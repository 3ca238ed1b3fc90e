//! What every HTTP processor does, whatever form it has.

use http::{Method, StatusCode};
use opes_tests::body::full;
use opes_tests::client::{request, with_body, with_field};
use opes_tests::config::{BLOCK, IDENTITY, NOWHERE, REASON, SECOND, SUBSTITUTE, SYSTEM};
use opes_tests::octets::Pattern;
use opes_tests::oracle::sha256;
use opes_tests::origin::Page;
use opes_tests::trace::{agents, assert_framing};

use crate::stage::{Rule, Stage};

/// The services that a head names, and the system, which it names in any case.
fn traced(headers: &http::HeaderMap) -> Vec<String> {
    assert_eq!(agents(headers, "opes-system"), [SYSTEM], "{headers:?}");
    let via = agents(headers, "opes-via").into_iter();
    via.filter(|agent| agent.starts_with("http://services.example.com/")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_response_is_adapted() {
    for stage in Stage::both(&[Rule::response(&[SUBSTITUTE, SECOND])]).await {
        for page in [Page::text("a cat, a tiger"), Page::text("a cat, a tiger").chunked(5)] {
            stage.origin.page("/zoo", page.field("etag", "\"one\""));
            let answer = stage.get("/zoo").await;
            assert_eq!(answer.text(), "a lion, a lion", "{}", stage.name);
            assert_eq!(traced(&answer.headers), [SUBSTITUTE, SECOND], "{}", stage.name);
            assert_eq!(answer.headers["etag"], "W/\"one\"", "{}: other octets", stage.name);
            assert_framing(&answer.headers, answer.body.len() as u64);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_adapted() {
    for stage in Stage::both(&[Rule::request(&[SUBSTITUTE])]).await {
        let answer = stage.fetch(with_body(Method::POST, "/tally", full("a cat"))).await;
        assert_eq!(answer.text(), format!("7 {}\n", sha256(b"a tiger")), "{}", stage.name);
        assert_eq!(traced(&answer.headers), [""; 0], "{}", stage.name);
        let seen = stage.origin.request(Method::POST, "/tally");
        assert_eq!(traced(&seen.headers), [SUBSTITUTE], "{}", stage.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_answers_in_place_of_whoever_was_asked() {
    for stage in Stage::both(&[Rule::request(&[BLOCK])]).await {
        let answer = stage.fetch(with_body(Method::POST, "/tally", full("a cat"))).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", stage.name);
        assert!(answer.text().contains(REASON), "{}: {:?}", stage.name, answer.text());
        assert_eq!(traced(&answer.headers), [BLOCK], "{}", stage.name);
        assert!(stage.origin.seen().is_empty(), "{}", stage.name);
    }
    for stage in Stage::both(&[Rule::response(&[BLOCK])]).await {
        stage.origin.page("/secret", Page::text("the secret of the cat"));
        let answer = stage.get("/secret").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", stage.name);
        assert!(!answer.text().contains("secret of the cat"), "{}", stage.name);
        assert_framing(&answer.headers, answer.body.len() as u64);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bypass_is_honoured() {
    for stage in Stage::both(&[Rule::response(&[SUBSTITUTE, SECOND]), Rule::request(&[BLOCK])]).await {
        stage.origin.page("/zoo", Page::text("a cat, a tiger"));
        let expected: [(&str, &str, &[&str]); 2] =
            [("*", "a cat, a tiger", &[]), (&format!("{SUBSTITUTE}, {BLOCK}"), "a cat, a lion", &[SECOND])];
        for (bypass, text, services) in expected {
            let answer = stage.fetch(with_field(request(Method::GET, "/zoo"), "opes-bypass", bypass)).await;
            assert_eq!(answer.text(), text, "{}", stage.name);
            assert_eq!(traced(&answer.headers), services, "{}", stage.name);
            let seen = stage.origin.request(Method::GET, "/zoo");
            assert_eq!(seen.headers["opes-bypass"], *bypass, "{}: the next is asked as well", stage.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_system_has_a_page() {
    for stage in Stage::both(&[Rule::request(&[BLOCK])]).await {
        let mut asked = request(Method::GET, "/system");
        asked.headers_mut().insert("host", "opes.example.com".parse().unwrap());
        let answer = stage.fetch(asked).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", stage.name);
        assert!(answer.text().contains(SYSTEM), "{}", stage.name);
        assert_eq!(traced(&answer.headers), [""; 0], "{}", stage.name);
        assert!(stage.origin.seen().is_empty(), "{}", stage.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_adaptation_is_a_502_or_by_policy_the_original() {
    let response = Rule::response(&[NOWHERE]);
    for (rule, status) in [(response, StatusCode::BAD_GATEWAY), (response.or_pass(), StatusCode::OK)] {
        for stage in Stage::both(&[rule]).await {
            stage.origin.page("/cat", Page::text("A cat."));
            let answer = stage.get("/cat").await;
            assert_eq!(answer.status, status, "{}", stage.name);
            assert_eq!(answer.text() == "A cat.", status == StatusCode::OK, "{}", stage.name);
            assert_eq!(traced(&answer.headers), [""; 0], "{}", stage.name);
        }
    }
    let rule = Rule::request(&[NOWHERE]);
    for (rule, status) in [(rule, StatusCode::BAD_GATEWAY), (rule.or_pass(), StatusCode::OK)] {
        for stage in Stage::both(&[rule]).await {
            let answer = stage.fetch(with_body(Method::POST, "/tally", full("a cat"))).await;
            assert_eq!(answer.status, status, "{}", stage.name);
            assert_eq!(stage.origin.seen().is_empty(), status != StatusCode::OK, "{}", stage.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_without_a_rule_carry_the_systems_entry() {
    for stage in Stage::both(&[]).await {
        stage.origin.page("/cat", Page::text("A cat."));
        let answer = stage.get("/cat").await;
        assert_eq!(answer.text(), "A cat.", "{}", stage.name);
        assert_eq!(traced(&answer.headers), [""; 0], "{}", stage.name);
        let seen = stage.origin.request(Method::GET, "/cat");
        assert_eq!(traced(&seen.headers), [""; 0], "{}", stage.name);
    }
}

// RFC 9110 section 7.7 is about proxies that nobody has chosen to change content.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_transform_does_not_bind_whoever_acts_for_the_origin() {
    for stage in Stage::both(&[Rule::response(&[SUBSTITUTE])]).await {
        stage.origin.page("/cat", Page::text("A cat.").field("cache-control", "no-transform"));
        assert_eq!(stage.get("/cat").await.text(), "A tiger.", "{}", stage.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_range_is_asked_for_where_services_change_the_whole() {
    for stage in Stage::both(&[Rule::response(&[SUBSTITUTE])]).await {
        stage.origin.page("/cat", Page::text("A cat.").field("accept-ranges", "bytes"));
        let answer = stage.fetch(with_field(request(Method::GET, "/cat"), "range", "bytes=0-1")).await;
        assert_eq!(answer.text(), "A tiger.", "{}", stage.name);
        assert!(!answer.headers.contains_key("accept-ranges"), "{}", stage.name);
        let seen = stage.origin.request(Method::GET, "/cat");
        assert!(!seen.headers.contains_key("range"), "{}", stage.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_without_a_body_are_adapted_too() {
    for stage in Stage::both(&[Rule::response(&[SUBSTITUTE])]).await {
        stage.origin.page("/cat", Page::text("A cat.").field("etag", "\"one\""));
        let answer = stage.fetch(request(Method::HEAD, "/cat")).await;
        assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 0), "{}", stage.name);
        assert_eq!(traced(&answer.headers), [SUBSTITUTE], "{}", stage.name);
        let asked = with_field(request(Method::GET, "/cat"), "if-none-match", "\"one\"");
        let answer = stage.fetch(asked).await;
        assert_eq!(answer.status, StatusCode::NOT_MODIFIED, "{}", stage.name);
        assert_eq!(traced(&answer.headers), [SUBSTITUTE], "{}", stage.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_bodies_pass_in_both_directions() {
    let octets = Pattern::new(7).slice(0, 1_000_000);
    for stage in Stage::both(&[Rule::request(&[IDENTITY]), Rule::response(&[IDENTITY])]).await {
        let answer = stage.fetch(with_body(Method::POST, "/echo", full(octets.clone()))).await;
        assert!(answer.body == octets, "{}: {} octets came", stage.name, answer.body.len());
        assert_eq!(traced(&answer.headers), [IDENTITY], "{}", stage.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_response_that_breaks_off_never_looks_whole() {
    for stage in Stage::both(&[Rule::response(&[IDENTITY])]).await {
        let asked = request(Method::GET, "/bytes/100000?framing=chunked&cut=50000");
        let fetched = opes_tests::client::fetch(stage.address(), asked).await;
        // It may break off before there is a head to be passed on.
        let status = fetched.as_ref().map_or(StatusCode::BAD_GATEWAY, |answer| answer.status);
        assert_eq!(status, StatusCode::BAD_GATEWAY, "{}: {fetched:?}", stage.name);
    }
}
