//! What passes by the services: connections that change their protocol, and what programs leave in extensions.

use axum::body::Body;
use axum::routing::get;
use axum::{Extension, Router};
use http::header::{CONNECTION, UPGRADE};
use http::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use opes_processor::http::{AdaptLayer, Processor};
use opes_processor::rules::Rules;
use opes_processor::system::System;
use opes_tests::client::{request, with_body};
use opes_tests::config::{BLOCK, Config, IDENTITY, SUBSTITUTE, SYSTEM};
use opes_tests::ocp::Peer;
use opes_tests::opes::Opes;
use opes_tests::origin::Origin;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower_layer::Layer;
use tower_service::Service;

use crate::stage::{Rule, Stage};

/// Changes to a protocol in which every octet is sent back, up to an exclamation mark.
async fn upgrade(mut request: Request<Body>) -> Response<Body> {
    assert_eq!(request.headers()[UPGRADE], "echo");
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let mut stream = TokioIo::new(upgraded.await.expect("the client has asked for it"));
        while let Ok(octet) = stream.read_u8().await {
            stream.write_u8(octet).await.expect("the client reads");
            if octet == b'!' {
                break;
            }
        }
    });
    let response = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
    response.header(CONNECTION, "upgrade").header(UPGRADE, "echo").body(Body::empty()).expect("a head")
}

async fn upgrading(rules: &[Rule]) -> (Stage, Peer) {
    let stage = Stage::around(Origin::start().await, Router::new().fallback(upgrade), rules).await;
    let mut client = Peer::connect(stage.address());
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
    (stage, client)
}

// RFC 9110 section 7.8.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_may_change_the_protocol() {
    for rules in [&[][..], &[Rule::request(&[IDENTITY]), Rule::response(&[IDENTITY])]] {
        let (_stage, mut client) = upgrading(rules).await;
        client.expect("\r\n\r\n");
        assert!(client.text().starts_with("HTTP/1.1 101 "), "{}", client.text());
        assert!(client.text().to_ascii_lowercase().contains("upgrade: echo\r\n"), "{}", client.text());
        client.send("a cat!");
        client.expect("a cat!");
        client.expect_end();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_change_of_protocol_is_none() {
    let (_stage, mut client) = upgrading(&[Rule::response(&[BLOCK])]).await;
    client.expect("\r\n\r\n");
    assert!(client.text().starts_with("HTTP/1.1 403 "), "{}", client.text());
    assert!(!client.text().to_ascii_lowercase().contains("upgrade"), "{}", client.text());
}

/// What a program knows of a request.
#[derive(Clone, Copy)]
struct Known(&'static str);

fn layer(server: &Opes, rules: &[Rule]) -> AdaptLayer {
    let rules = rules.iter().map(|rule| rule.in_code(server.address)).collect();
    let system = System::new(SYSTEM, None).unwrap();
    AdaptLayer::new(Processor::new(system, Rules::new(rules, Vec::new())))
}

// A router or a server leaves things in extensions; adaptation makes new heads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn extensions_pass_by_services_that_change_the_message() {
    let server = Opes::server(&Config::server());
    let app = Router::new().fallback(async |Extension(Known(known)): Extension<Known>, asked: String| {
        (Extension(Known("response")), format!("{known}: {asked}, another cat"))
    });
    let mut asked = with_body(http::Method::POST, "/", opes_tests::body::full("a cat"));
    asked.extensions_mut().insert(Known("request"));
    let layer = layer(&server, &[Rule::request(&[SUBSTITUTE]), Rule::response(&[SUBSTITUTE])]);
    let response = layer.layer(app).call(asked).await.unwrap();
    assert_eq!(response.extensions().get::<Known>().map(|known| known.0), Some("response"));
    let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
    assert_eq!(body, "request: a tiger, another tiger");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn routes_may_be_adapted_one_by_one() {
    let server = Opes::server(&Config::server());
    let adapted = get("A cat.").layer(layer(&server, &[Rule::response(&[SUBSTITUTE])]));
    let app = Router::new().route("/adapted", adapted).route("/plain", get("A cat."));
    let stage = Stage::around(Origin::start().await, app, &[]).await;
    assert_eq!(stage.get("/adapted").await.text(), "A tiger.");
    assert_eq!(stage.get("/plain").await.text(), "A cat.");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_may_close_its_connection() {
    let app = Router::new().fallback(async || ([(CONNECTION, "close")], "A cat."));
    let stage = Stage::around(Origin::start().await, app, &[Rule::response(&[SUBSTITUTE])]).await;
    let answer = stage.fetch(request(http::Method::GET, "/")).await;
    assert_eq!((&*answer.text(), &answer.headers[CONNECTION]), ("A tiger.", &"close".parse().unwrap()));
}
