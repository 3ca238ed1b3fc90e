//! `opes trace explain`: from the header that a client got to all that is kept of the message.

use http::{HeaderMap, Method, StatusCode};
use opes_tests::binary;
use opes_tests::client::{self, Answer, request, with_field};
use opes_tests::config::{Config, Rule, SECOND, SUBSTITUTE, SYSTEM};
use opes_tests::opes::Opes;
use opes_tests::origin::{Origin, Page};
use opes_tests::process::{Finished, run};
use opes_tests::records::Keeper;
use opes_tests::trace::id;

/// A header as it is pasted.
fn pasted(headers: &HeaderMap) -> String {
    let lines = headers.iter().map(|(name, value)| format!("{name}: {}\r\n", value.to_str().expect("text")));
    ["HTTP/1.1 200 OK\r\n".to_owned()].into_iter().chain(lines).collect()
}

fn explain(text: &str, link: &str) -> Finished {
    let mut command = binary::opes();
    command.args(["trace", "explain", "--system", SYSTEM, "--admin", link, "--", text]);
    run(command)
}

/// A proxy that keeps records, and its answer from `/zoo` to a client that sends this field.
async fn answered(name: &'static str, value: &str) -> (Origin, Opes, Keeper, Answer) {
    let (origin, server) = (Origin::start().await, Opes::server(&Config::server()));
    origin.page("/zoo", Page::text("a cat, a dog").field("x-kind", "zoo"));
    let config = Config::reverse(origin.address(), server.address);
    let config = config.rule(&Rule::response(&[SUBSTITUTE, SECOND]));
    let keeper = Keeper::keeping(config, "client = \"full\"\nheaders = [\"X-Kind\"]\n");
    let asked = with_field(request(Method::GET, "/zoo"), name, value);
    let answer = client::fetch(keeper.proxy.address, asked).await.expect("a whole response");
    assert_eq!(answer.status, StatusCode::OK);
    (origin, server, keeper, answer)
}

// req: EEPC-3.2-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pasted_header_is_explained_with_all_that_is_kept() {
    let (_origin, server, keeper, answer) = answered("x-nothing", "special").await;
    let id = id(&answer.headers).expect("an id in the trace");
    let record = keeper.record(&id).await;
    let done = explain(&pasted(&answer.headers), &keeper.link());
    assert!(done.status.success(), "{}", done.stderr);
    let (entries, told) = done.stdout.split_once("\n\n").expect("entries, then records");
    assert!(
        entries.lines().count() >= 4 && entries.lines().all(|line| line.contains(", ours: ")),
        "{entries}"
    );
    assert_eq!(
        told.lines().filter(|line| *line == id).count(),
        1,
        "once, though it is in two fields: {told}"
    );
    let place = format!("    where      callout server adapt at {}", server.address);
    let took = format!("  took         {} us", record["micros"]);
    let worked = |at: usize| {
        let service = &record["services"][at];
        format!("    worked     from {} us to {} us", service["start"], service["end"])
    };
    for line in [
        "  status       200",
        "  outcome      adapted",
        "  client       127.0.0.1",
        took.as_str(),
        "  payload      12 octets in, 13 octets out",
        "  rule         #1 at response-out",
        &format!("  service      {SUBSTITUTE}"),
        &format!("  service      {SECOND}"),
        place.as_str(),
        "    result     200",
        worked(0).as_str(),
        worked(1).as_str(),
        "  field        x-kind: zoo",
    ] {
        assert!(told.lines().any(|told| told == line), "{line}: {told}");
    }
    assert!(told.contains("  message      response of GET "), "{told}");
    for entry in record["trace"].as_array().expect("a trace") {
        assert!(told.contains(&format!("  trace        {}\n", entry.as_str().expect("text"))), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bypass_is_told_and_a_wrong_token_is_refused() {
    let (_origin, _server, keeper, answer) = answered("opes-bypass", SUBSTITUTE).await;
    keeper.record(&id(&answer.headers).expect("an id in the trace")).await;
    let done = explain(&pasted(&answer.headers), &keeper.link());
    assert!(done.stdout.contains(&format!("  bypass       {SUBSTITUTE} honoured\n")), "{}", done.stdout);

    let refused = explain(&pasted(&answer.headers), &format!("http://{}/?token=another", keeper.admin));
    assert!(!refused.status.success() && refused.stderr.contains("401"), "{}", refused.stderr);
    assert!(
        refused.stdout.contains(", ours: ") && !refused.stdout.contains("  outcome "),
        "{}",
        refused.stdout
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_trace_asks_for_few_records() {
    let (_origin, _server, keeper, answer) = answered("x-nothing", "special").await;
    let known = id(&answer.headers).expect("an id in the trace");
    keeper.record(&known).await;
    let made_up = (0..1_500).map(|number| format!("{SYSTEM};id={number:024}"));
    let entries: Vec<_> = [format!("{SYSTEM};id={known}")].into_iter().chain(made_up).collect();
    let done = explain(&entries.join(", "), &keeper.link());
    assert!(done.status.success(), "{}", done.stderr);
    assert_eq!(done.stdout.matches(": there is no record of it").count(), 31, "{}", done.stderr);
    assert!(done.stdout.contains("  outcome      adapted\n"), "{}", done.stdout);
    assert!(
        done.stdout.ends_with("There are 1469 more of our identifiers, whose records were not asked for.\n")
    );
}
