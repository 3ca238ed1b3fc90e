//! The forward proxy: no origin is configured, the request names it.

use http::{Method, StatusCode};
use opes_tests::body::full;
use opes_tests::client::{self, Connection, request, with_body};
use opes_tests::config::{Config, Rule, SUBSTITUTE};
use opes_tests::opes::Opes;
use opes_tests::origin::{Origin, Page};

use crate::trace::assert_traced;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_request_goes_to_the_origin_that_it_names() {
    let (first, second) = (Origin::start().await, Origin::start().await);
    first.page("/cat", Page::text("the first cat"));
    second.page("/cat", Page::text("the second cat"));
    let server = Opes::server(&Config::server());
    let rules = [Rule::response(&[SUBSTITUTE]), Rule::request(&[SUBSTITUTE])];
    let proxy = Opes::proxy(&rules.iter().fold(Config::forward(server.address), Config::rule));
    let mut connection = Connection::open(proxy.address).await;
    for _ in 0..3 {
        let answer = connection.get(&format!("http://{}/cat", first.address())).await;
        assert_eq!(answer.text(), "the first tiger");
        assert_traced(&answer.headers, &[SUBSTITUTE]);
        assert_eq!(
            connection.get(&format!("http://{}/cat", second.address())).await.text(),
            "the second tiger"
        );
    }
    let target = format!("http://{}/echo", second.address());
    let answer = connection.fetch(with_body(Method::POST, &target, full("a cat"))).await;
    assert_eq!(answer.expect("a whole response").text(), "a tiger");
    let seen = second.request(Method::POST, "/echo");
    assert_eq!(seen.headers["host"], second.address().to_string());
    assert_eq!(seen.target, "/echo", "an origin is asked by path");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_names_no_origin_is_refused() {
    let server = Opes::server(&Config::server());
    let proxy = Opes::proxy(&Config::forward(server.address).rule(&Rule::response(&[SUBSTITUTE])));
    let answer = client::fetch(proxy.address, request(Method::GET, "/cat")).await.expect("a whole response");
    assert!(answer.status.is_client_error(), "{}", answer.status);
    let origin = Origin::start().await;
    origin.page("/cat", Page::text("a cat"));
    let answer = client::get(proxy.address, &format!("http://{}/cat", origin.address())).await;
    assert_eq!((answer.status, answer.text().as_str()), (StatusCode::OK, "a tiger"));
}
