//! The layer around a hyper client.

use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use opes_processor::http::ProxyBody;
use opes_tests::body::{Body, full};
use opes_tests::client::with_body;
use opes_tests::config::{BLOCK, Config, NOWHERE, REASON, SECOND, SUBSTITUTE};
use opes_tests::opes::Opes;
use opes_tests::oracle::sha256;
use opes_tests::origin::{Origin, Page};
use opes_tests::trace::agents;
use tower_service::Service;

use crate::hyper_client::{self, Result};
use crate::stage::Rule;

struct Asking {
    origin: Origin,
    server: Opes,
}

impl Asking {
    async fn start() -> Self {
        Self { origin: Origin::start().await, server: Opes::server(&Config::server()) }
    }

    async fn ask(&self, rule: Rule, request: Request<Body>) -> Response<ProxyBody> {
        let mut client = hyper_client::client(vec![rule.in_code(self.server.address)]).unwrap();
        client.call(request).await.unwrap()
    }

    fn post(&self) -> Request<Body> {
        with_body(Method::POST, &format!("http://{}/tally", self.origin.address()), full("a cat, a tiger"))
    }
}

async fn text(response: Response<ProxyBody>) -> String {
    let body = response.into_body().collect().await.unwrap();
    String::from_utf8(body.to_bytes().to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_adapted_before_it_leaves() {
    let asking = Asking::start().await;
    let response = asking.ask(Rule::request(&[SUBSTITUTE]), asking.post()).await;
    assert_eq!(text(response).await, format!("16 {}\n", sha256(b"a tiger, a tiger")));
    let seen = asking.origin.request(Method::POST, "/tally");
    assert!(agents(&seen.headers, "opes-via").iter().any(|agent| agent == SUBSTITUTE), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_response_is_adapted_before_it_arrives() {
    let asking = Asking::start().await;
    asking.origin.page("/zoo", Page::text("a cat, a tiger"));
    let uri = format!("http://{}/zoo", asking.origin.address());
    let asked = opes_tests::client::request(Method::GET, &uri);
    let response = asking.ask(Rule::response(&[SECOND]), asked).await;
    assert_eq!(text(response).await, "a cat, a lion");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_refuses_what_must_not_leave() {
    let asking = Asking::start().await;
    let response = asking.ask(Rule::request(&[BLOCK]), asking.post()).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert!(text(response).await.contains(REASON));
    let response = asking.ask(Rule::request(&[NOWHERE]), asking.post()).await;
    assert_eq!(response.status(), StatusCode::BAD_GATEWAY, "what cannot be looked at does not leave either");
    assert!(asking.origin.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_the_client_fails_its_caller() {
    let asking = Asking::start().await;
    // Nobody listens on this port of an address of its own.
    let asked = with_body(Method::POST, "http://127.7.7.7:1/", full("a cat"));
    let rule = Rule::request(&[SUBSTITUTE]).in_code(asking.server.address);
    let error = hyper_client::client(vec![rule]).unwrap().call(asked).await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_rules_a_client_is_what_it_was() -> Result {
    let asking = Asking::start().await;
    let response = hyper_client::client(Vec::new())?.call(asking.post()).await?;
    assert_eq!(text(response).await, format!("14 {}\n", sha256(b"a cat, a tiger")));
    Ok(())
}
