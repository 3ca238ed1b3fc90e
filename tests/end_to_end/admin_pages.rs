//! The administrator's pages in a real browser: from the link on the terminal to one message, and to the explanation of
//! a trace that somebody pasted.

use std::process::Command;
use std::time::Instant;

use http::{Method, StatusCode};
use opes_tests::binary;
use opes_tests::client;
use opes_tests::config::{Config, Rule, SUBSTITUTE, SYSTEM};
use opes_tests::opes::{Opes, listening};
use opes_tests::origin::{Origin, Page};
use opes_tests::patience::{PATIENCE, STEP};
use opes_tests::place::Place;
use opes_tests::process::Process;
use opes_tests::records::Keeper;
use opes_tests::trace::id;

use crate::devtools::Driven;

/// The link with a token in a line.
fn link(line: &str) -> Option<String> {
    let at = line.find("http://")?;
    let link = line[at..].trim();
    link.contains("/?token=").then(|| link.to_owned())
}

/// The record of this message as JSON, which is there a little later than the message.
async fn wait_for_record(link: &str, id: &str) -> String {
    let (authority, token) =
        link.strip_prefix("http://").and_then(|rest| rest.split_once("/?token=")).unwrap();
    let address = authority.parse().expect("an address");
    let end = Instant::now() + PATIENCE;
    loop {
        let asked = client::request(Method::GET, &format!("/api/messages/{id}"));
        let asked = client::with_field(asked, "authorization", &format!("Bearer {token}"));
        let answer = client::fetch(address, asked).await.expect("a whole response");
        if answer.status == StatusCode::OK {
            return answer.text();
        }
        assert!(Instant::now() < end, "there is no record of {id}: {}", answer.text());
        tokio::time::sleep(STEP).await;
    }
}

/// Follows the link; goes through all pages. `id` is that of a message with this service.
async fn look_around(link: &str, id: &str, service: &str) {
    wait_for_record(link, id).await;
    let mut browser = Driven::open(link).await;
    let row = format!("document.querySelector('a[href=\"/messages/{id}\"]')");
    browser.wait("the list of messages", &format!("document.readyState == 'complete' && {row} != null"));
    let place = browser.evaluate("location.pathname + location.search");
    assert_eq!(place, "/", "the token does not stay in the address, where others could see it");
    assert_eq!(browser.evaluate("document.cookie"), "", "no script can have the session");

    look_for(&mut browser, service, &row);

    browser.evaluate(&format!("{row}.click()"));
    let there = format!("document.readyState == 'complete' && location.pathname == '/messages/{id}'");
    browser.wait("the page of the message", &there);
    let text = browser.text();
    for told in ["adapted", "Timeline", service, id, SYSTEM] {
        assert!(text.contains(told), "{told} in {text}");
    }
    let bars = browser.evaluate("document.querySelectorAll('figure.timeline li').length");
    assert_eq!(bars, 2, "one bar of the processor and one of the services: {text}");
    let styled =
        browser.evaluate("document.styleSheets.length == 1 && document.styleSheets[0].cssRules.length > 10");
    assert_eq!(styled, true, "the policy lets our own style in");

    browser.evaluate("document.querySelector('a[href=\"/explain\"]').click()");
    let form = "document.readyState == 'complete' && document.querySelector('textarea[name=text]') != null";
    browser.wait("the form", form);
    let pasted = format!(
        "HTTP/1.1 200 OK\\r\\nOPES-System: http://other.example.net/</textarea><script>window.ran=1</script>, \
         {SYSTEM};id={id};note=\\\"<img src=x onerror=window.ran=2>\\\"\\r\\nOPES-Via: {SYSTEM};id={id}, {service}\\r\\n"
    );
    browser.evaluate(&format!("document.querySelector('textarea[name=text]').value = \"{pasted}\""));
    browser.evaluate("document.querySelector('form[action=\"/explain\"] button').click()");
    browser.wait(
        "the explanation",
        "document.readyState == 'complete' && document.querySelectorAll('tbody tr').length == 4",
    );
    let text = browser.text();
    for told in ["ours", "malformed", service, "show"] {
        assert!(text.contains(told), "{told} in {text}");
    }
    assert_eq!(browser.evaluate("typeof window.ran"), "undefined");
    assert_eq!(browser.evaluate("document.querySelectorAll('script, img').length"), 0);
    let again = browser.evaluate("document.querySelector('textarea[name=text]').value");
    assert!(again.as_str().expect("a text").contains("</textarea><script>window.ran=1"), "{again}");

    browser.evaluate("document.querySelector('td a').click()");
    browser.wait("the record of the entry", &there);
    browser.evaluate("document.querySelector('form[action=\"/logout\"] button').click()");
    browser.wait(
        "the end of the session",
        "document.readyState == 'complete' && document.querySelector('input[name=token]') != null",
    );
    assert!(!browser.text().contains(SYSTEM), "a stranger learns no names");
    browser.close();
}

/// Fills in the form of the list: what matches is there, what does not is not, and the form keeps what was typed.
fn look_for(browser: &mut Driven, service: &str, row: &str) {
    for (outcome, found) in [("failed", false), ("adapted", true)] {
        let form = "document.querySelector('form[role=search]')";
        browser.evaluate(&format!("{form}.elements.service.value = '{service}'"));
        browser.evaluate(&format!("{form}.elements.outcome.value = '{outcome}'"));
        browser.evaluate(&format!("{form}.elements.since.value = '2020-01-02T03:04:05'"));
        browser.evaluate(&format!("{form}.querySelector('button').click()"));
        let there = format!(
            "document.readyState == 'complete' && new URLSearchParams(location.search).get('outcome') == '{outcome}'"
        );
        browser.wait("the list that was searched", &there);
        assert_eq!(browser.evaluate(&format!("{row} != null")), found, "{outcome}: {}", browser.text());
        let kept = ["service", "outcome", "since"]
            .map(|name| browser.evaluate(&format!("{form}.elements.{name}.value")));
        assert_eq!(kept, [service, outcome, "2020-01-02T03:04:05"]);
    }
}

/// Everybody may look at the page of the system, and ask it for the message of an `id`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_public_page_tells_of_a_message_in_a_browser() {
    let (origin, server) = (Origin::start().await, Opes::server(&Config::server()));
    origin.page("/zoo", Page::text("a cat"));
    let config = Config::reverse(origin.address(), server.address).rule(&Rule::response(&[SUBSTITUTE]));
    let keeper = Keeper::start(config);
    let answer = client::get(keeper.proxy.address, "/zoo").await;
    let id = id(&answer.headers).expect("an id in the trace");
    keeper.record(&id).await;
    // The name of the system leads to the proxy.
    let port = keeper.proxy.address.port();
    let resolved = format!("--host-resolver-rules=MAP opes.example.com:80 127.0.0.1:{port}");
    let mut browser = Driven::open_with(SYSTEM, &[&resolved]).await;
    browser.wait(
        "the form of the page",
        "document.readyState == 'complete' && document.querySelector('input[name=id]') != null",
    );
    let text = browser.text();
    for told in [SYSTEM, SUBSTITUTE, "OPES-Bypass: *", "stands for all its services"] {
        assert!(text.contains(told), "{told} in {text}");
    }
    browser.evaluate(&format!("document.querySelector('input[name=id]').value = '{id}'"));
    browser.evaluate("document.querySelector('form button').click()");
    browser.wait(
        "what is told of the message",
        &format!("document.readyState == 'complete' && location.search == '?id={id}'"),
    );
    let text = browser.text();
    assert!(text.contains("adapted") && text.contains(&id), "{text}");
    assert!(!text.contains(SUBSTITUTE) && !text.contains("/zoo"), "no more than policy says: {text}");
    browser.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_prints_a_link_that_shows_its_messages() {
    let mut command = Command::new(binary::path());
    command.arg("demo");
    let mut demo = Process::start(command);
    let proxy = demo.line("listening line of the proxy", |line| listening(line, " (proxy)"));
    let admin = demo.line("listening line of the pages", |line| listening(line, " (admin)"));
    let link = demo.line("link of the administrator", link);
    assert!(link.starts_with(&format!("http://{admin}/?token=")), "{link}");
    let (_, token) = link.split_once("token=").expect("a token");
    assert!(token.len() >= 32, "nobody guesses {token}");
    let answer = client::get(proxy, "/").await;
    let id = id(&answer.headers).expect("an id in the trace");
    look_around(&link, &id, SUBSTITUTE).await;
    let record: serde_json::Value = serde_json::from_str(&wait_for_record(&link, &id).await).expect("JSON");
    assert_eq!(record["services"][0]["callout_server"]["name"], "demo", "{record}");
    demo.signal("INT");
    assert_eq!(demo.exit().code(), Some(0), "{}", demo.stderr());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_without_a_token_of_its_own_makes_one_and_tells_it_on_stderr() {
    let (origin, server, place) = (Origin::start().await, Opes::server(&Config::server()), Place::new());
    origin.page("/zoo", Page::text("a cat"));
    let folder = place.path().join("records");
    let config = Config::reverse(origin.address(), server.address)
        .rule(&Rule::response(&[SUBSTITUTE]))
        .table(&format!("[store]\nfolder = {folder:?}\n\n[admin]\nlisten = \"127.0.0.1:0\"\n"));
    let proxy = Opes::proxy(&config);
    let told = proxy.process.log("link of the administrator", |line| {
        line.starts_with("administration: ").then(|| link(line)).flatten()
    });
    assert!(!proxy.process.stdout().contains("token"), "{}", proxy.process.stdout());
    let answer = client::get(proxy.address, "/zoo").await;
    let id = id(&answer.headers).expect("an id in the trace");
    look_around(&told, &id, SUBSTITUTE).await;
}
