//! What it takes to tell whether a rule matches: `cargo bench -p opes-processor`.
#![allow(clippy::expect_used)]

use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use opes_processor::rules::{
    Allowed, Condition, Facts, Point, RequestFacts, ResponseFacts, Rule, Rules, Run, Variables,
};
use opes_profile::bypass::Bypass;
use opes_services::Identity;
use std::sync::Arc;

fn main() {
    divan::main();
}

/// Conditions from a plain one to one that looks at much.
const CONDITIONS: [&str; 6] = [
    "response.type == 'text/html'",
    "request.method == 'GET' && response.status == 200",
    "request.path.startsWith('/images/') || response.type.startsWith('image/')",
    "request.host == 'shop.example' && response.type == 'text/html'",
    "request.headers['cookie'] == []",
    "request.path.matches('^/cart/[0-9]+$')",
];

#[divan::bench(args = CONDITIONS)]
fn condition(bencher: divan::Bencher<'_, '_>, text: &str) {
    let point = Point::ResponseOut;
    let condition = Condition::new(text, point).expect("a condition");
    let run = Run::here(vec![Arc::new(Identity::new("http://services.example.com/identity"))]);
    let rule = Rule { condition: Some(condition), ..Rule::new("rule", point, vec![run]) };
    let rules = Rules::new(vec![rule], Vec::new());
    let (uri, mut headers) = (Uri::from_static("/cart/7?buy=1"), HeaderMap::new());
    headers.insert("host", HeaderValue::from_static("shop.example:8080"));
    let mut answer = HeaderMap::new();
    answer.insert("content-type", HeaderValue::from_static("text/html; charset=utf-8"));
    let variables = Variables::new();
    let request =
        RequestFacts { method: &Method::GET, uri: &uri, secure: false, headers: &headers, length: Some(0) };
    let response = Some(ResponseFacts { status: StatusCode::OK, headers: &answer, length: Some(1024) });
    let facts = Facts { request, response, client: Some("192.0.2.7"), variables: &variables };
    bencher.bench(|| rules.select(point, &facts, &Bypass::None, Allowed::All).map(|plan| plan.is_some()));
}
