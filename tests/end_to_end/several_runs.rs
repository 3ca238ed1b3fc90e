//! Records of messages that pass several runs of services: in the order of application, with what came in and what went
//! out, and of several ends the worst (RFC 3897 section 3.1).

use http::{Method, Request, StatusCode};
use opes_tests::body::{Body, full};
use opes_tests::client::{self, Answer, request, with_body};
use opes_tests::config::{BLOCK, Config, DIGEST, NOWHERE};
use opes_tests::opes::Opes;
use opes_tests::origin::{Origin, Page};
use opes_tests::records::Keeper;
use opes_tests::trace::id;
use serde_json::Value;

/// Replaces `cat` by `lion` in the proxy's own process.
const HERE: &str = "http://services.example.com/here";

/// What the client gets for a request where the origin has this page, by these tables; and the record of that.
async fn exchanged(page: Page, tables: &str, asked: Request<Body>) -> (Answer, Value) {
    let (origin, server) = (Origin::start().await, Opes::server(&Config::server()));
    origin.page("/zoo", page);
    let config = Config::reverse(origin.address(), server.address);
    let config = config.service(HERE, "substitute", "from = \"cat\"\nto = \"lion\"").table(tables);
    let keeper = Keeper::start(config);
    let answer = client::fetch(keeper.proxy.address, asked).await.expect("a whole response");
    let record = keeper.record(&id(&answer.headers).expect("an id in the trace")).await;
    (answer, record)
}

/// The same for a request for the page.
async fn adapted(page: Page, tables: &str) -> (Answer, Value) {
    exchanged(page, tables, request(Method::GET, "/zoo")).await
}

fn rule(point: &str, services: &[&str], on_failure: &str) -> String {
    let services = format!("point = {point:?}\nservices = {services:?}\non_failure = {on_failure:?}\n");
    format!("[[rules]]\ncallout_server = \"adapt\"\n{services}")
}

fn services(record: &Value) -> Vec<(&str, u64)> {
    let services = record["services"].as_array().expect("a list of services");
    let told = services.iter().map(|service| (service["uri"].as_str(), service["run"].as_u64()));
    told.map(|(uri, run)| (uri.expect("a uri"), run.expect("a run"))).collect()
}

// The callout server says its last after the message is complete, and so after the service that comes behind it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_stand_in_the_order_of_application_whoever_ends_first() {
    for (order, expected) in
        [([DIGEST, HERE], [(DIGEST, 0), (HERE, 1)]), ([HERE, DIGEST], [(HERE, 0), (DIGEST, 1)])]
    {
        let (answer, record) = adapted(Page::text("a cat"), &rule("response-out", &order, "fail")).await;
        assert_eq!(answer.text(), "a lion");
        assert_eq!(services(&record), expected, "{record}");
        assert_eq!((&record["octets_in"], &record["octets_out"]), (&5.into(), &6.into()), "{record}");
        assert_eq!(record["outcome"], "adapted", "{record}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_fails_in_the_end_has_failed_although_its_original_was_passed_on_before() {
    let tables = rule("response-in", &[NOWHERE], "pass") + &rule("response-out", &[NOWHERE], "fail");
    let (answer, record) = adapted(Page::text("a cat"), &tables).await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert_eq!((&record["outcome"], &record["status"]), (&"failed".into(), &502.into()), "{record}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_original_that_was_passed_on_has_its_octets_in_the_record() {
    let (answer, record) = adapted(Page::text("a cat"), &rule("response-in", &[NOWHERE], "pass")).await;
    assert_eq!(answer.text(), "a cat");
    assert_eq!(record["outcome"], "original-passed", "{record}");
    assert_eq!((&record["octets_in"], &record["octets_out"]), (&5.into(), &5.into()), "{record}");

    let tables = rule("response-in", &[NOWHERE], "pass") + &rule("response-out", &[HERE], "fail");
    let (answer, record) = adapted(Page::text("a cat"), &tables).await;
    assert_eq!(answer.text(), "a lion");
    assert_eq!(record["outcome"], "original-passed", "{record}");
    assert_eq!((&record["octets_in"], &record["octets_out"]), (&5.into(), &6.into()), "{record}");
}

// The run before it is given up, but not by an end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_later_run_answers_in_the_place_of_the_message_is_no_message_that_was_given_up() {
    let large = "a cat, ".repeat(100_000);
    for point in ["response-in", "request-in"] {
        let asked = match point {
            "request-in" => with_body(Method::POST, "/echo", full(large.clone())),
            _ => request(Method::GET, "/zoo"),
        };
        let tables = rule(point, &[HERE, BLOCK], "fail");
        let (answer, record) = exchanged(Page::text(large.clone()), &tables, asked).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{point}");
        assert_eq!(record["outcome"], "answered", "{point}: {record}");
        assert_eq!(services(&record), [(HERE, 0), (BLOCK, 1)], "{point}: {record}");
    }
}

// RFC 4037 section 10.10.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_result_code_of_a_run_that_fails_is_in_the_record() {
    let page = Page::text("this is not gzip").field("content-encoding", "gzip");
    let (answer, record) = adapted(page, &rule("response-out", &[HERE], "fail")).await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert_eq!(record["services"][0]["result"], 400, "{record}");
    assert_eq!(record["outcome"], "failed", "{record}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_about_which_no_rule_could_decide_has_a_record_of_that() {
    let tables = rule("response-out", &[HERE], "fail") + "when = 'int(request.query) == 1'\n";
    let (answer, record) = adapted(Page::text("a cat"), &tables).await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert_eq!((&record["outcome"], &record["status"]), (&"failed".into(), &502.into()), "{record}");
    assert!(record["failure"].as_str().is_some_and(|why| why.contains("could not be told")), "{record}");
    assert_eq!(services(&record), [], "{record}");
}
