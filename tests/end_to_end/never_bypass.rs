//! Services that are never bypassed: there is no content without them (RFC 3897 section 4.2).

use http::Method;
use opes_tests::client::{self, Answer, request, with_field};
use opes_tests::config::{Config, DIGEST, Rule, SECOND, SUBSTITUTE, SYSTEM};
use opes_tests::opes::Opes;
use opes_tests::origin::{Origin, Page};
use opes_tests::records::Keeper;
use opes_tests::trace::{agents, entries, id};
use serde_json::{Value, json};

/// What the system's entry says of a wish that was not followed.
const IGNORED: &str = "bypass-ignored=required";

/// Origin, callout server, and a proxy that keeps records.
struct Insisting {
    origin: Origin,
    _server: Opes,
    keeper: Keeper,
}

impl Insisting {
    async fn start(change: impl Fn(Config) -> Config) -> Self {
        let (origin, server) = (Origin::start().await, Opes::server(&Config::server()));
        origin.page("/zoo", Page::text("a cat, a tiger"));
        let keeper = Keeper::start(change(Config::reverse(origin.address(), server.address)));
        Self { origin, _server: server, keeper }
    }

    async fn zoo(&self, bypass: Option<&str>) -> Answer {
        let asked = request(Method::GET, "/zoo");
        let asked = match bypass {
            Some(bypass) => with_field(asked, "opes-bypass", bypass),
            None => asked,
        };
        client::fetch(self.keeper.proxy.address, asked).await.expect("a whole response")
    }

    async fn record_of(&self, answer: &Answer) -> Value {
        self.keeper.record(&id(&answer.headers).expect("an id in the trace")).await
    }
}

/// Whether the system's entry says that a wish was not followed.
fn is_ignored(answer: &Answer) -> bool {
    let (agent, parameters) = entries(&answer.headers, "opes-system").pop().expect("an entry");
    assert_eq!(agent, SYSTEM);
    parameters.iter().any(|parameter| parameter == IGNORED)
}

fn bypasses(record: &Value) -> Vec<(&str, bool)> {
    let bypasses = record["bypasses"].as_array().expect("a list of bypasses").iter();
    let bypass = |bypass: &'_ Value| bypass["honoured"].as_bool().expect("a boolean");
    bypasses.map(|entry| (entry["entry"].as_str().expect("a uri"), bypass(entry))).collect()
}

// req: EEPC-4.2-02
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_content_needs_is_applied_whatever_a_client_wants() {
    let rule = Rule::response(&[SUBSTITUTE, SECOND]).insisting_on(&[SUBSTITUTE]);
    let insisting = Insisting::start(|config| config.rule(&rule)).await;
    let unknown = "http://nobody.example.net/service";
    for (bypass, expected, second) in [
        ("*", "a tiger, a tiger", false),
        (SYSTEM, "a tiger, a tiger", false),
        (unknown, "a tiger, a tiger", false),
        (SUBSTITUTE, "a lion, a lion", true),
    ] {
        let answer = insisting.zoo(Some(bypass)).await;
        assert_eq!(answer.text(), expected, "{bypass}");
        assert!(is_ignored(&answer), "{bypass}: {:?}", answer.headers);
        let via = agents(&answer.headers, "opes-via");
        assert!(via.iter().any(|agent| agent == SUBSTITUTE), "{bypass}: {via:?}");
        assert_eq!(via.iter().any(|agent| agent == SECOND), second, "{bypass}: {via:?}");
        let record = insisting.record_of(&answer).await;
        let left_out = if second { vec![] } else { vec![(SECOND, true)] };
        assert_eq!(bypasses(&record), [left_out, vec![(SUBSTITUTE, false)]].concat(), "{bypass}");
        let ignored = record["bypasses"].as_array().expect("a list").last().expect("an entry");
        assert!(ignored["why"].as_str().expect("a reason").contains("operator"), "{ignored}");
        assert_eq!(record["outcome"], "adapted", "{record}");
        let seen = insisting.origin.request(Method::GET, "/zoo");
        assert_eq!(seen.headers["opes-bypass"], bypass, "the next processor is asked as well");
    }
    for bypass in [None, Some(SECOND)] {
        let answer = insisting.zoo(bypass).await;
        assert!(!is_ignored(&answer), "every wish was followed: {:?}", answer.headers);
    }
    assert_eq!(insisting.zoo(Some(SECOND)).await.text(), "a tiger, a tiger");
}

// req: EEPC-4.2-02
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_may_be_required_wherever_it_is_used() {
    let table = format!("[[services]]\nuri = {SECOND:?}\nname = \"second\"\nnever_bypass = true\n");
    let insisting = Insisting::start(|config| {
        config.table(&table).rule(&Rule::response(&[SUBSTITUTE, "second", DIGEST]))
    });
    let insisting = insisting.await;
    let answer = insisting.zoo(Some("*")).await;
    assert_eq!(answer.text(), "a cat, a lion");
    assert!(is_ignored(&answer), "{:?}", answer.headers);
    let record = insisting.record_of(&answer).await;
    assert_eq!(bypasses(&record), [(SUBSTITUTE, true), (DIGEST, true), (SECOND, false)]);
}

/// An end can know beforehand.
// req: EEPC-4.2-02
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_of_the_system_says_which_services_cannot_be_bypassed() {
    let rule = Rule::response(&[SUBSTITUTE, SECOND]).insisting_on(&[SUBSTITUTE]);
    let insisting = Insisting::start(|config| config.rule(&rule)).await;
    let page = insisting.keeper.public("", "application/json").await;
    let page: Value = serde_json::from_str(&page.text()).expect("JSON");
    let services = page["bypass"]["services"].as_array().expect("services");
    let said: Vec<_> = services.iter().map(|service| (&service["uri"], &service["bypassable"])).collect();
    assert_eq!(said, [(&json!(SECOND), &json!(true)), (&json!(SUBSTITUTE), &json!(false))]);
    assert!(services[1]["why"].as_str().is_some_and(|why| !why.is_empty()), "{page}");
}
