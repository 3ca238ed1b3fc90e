//! `opes demo`: it runs without a configuration, what it prints works, and Ctrl-C ends it.

use std::process::Command;

use http::Method;
use opes_tests::binary;
use opes_tests::client::{self, request};
use opes_tests::opes::listening;
use opes_tests::place::Place;
use opes_tests::process::{Process, run};
use opes_tests::records::system_page;
use opes_tests::trace::agents;
use serde_json::Value;

fn demo() -> (Process, std::net::SocketAddr) {
    let mut command = binary::opes();
    command.arg("demo");
    let process = Process::start(command);
    let proxy = process.line("listening line of the proxy", |line| listening(line, " (proxy)"));
    (process, proxy)
}

/// The `curl` command lines that the demo prints.
fn lines(process: &Process) -> Vec<String> {
    process.line("curl line", |line| line.contains("curl ").then_some(()));
    // They come in one go; the prompt behind them is the sign that all are there.
    opes_tests::patience::eventually("an end of what the demo prints", || {
        let before = process.stdout();
        std::thread::sleep(std::time::Duration::from_millis(300));
        (process.stdout() == before).then_some(())
    });
    let text = process.stdout();
    text.lines().filter_map(|line| line.find("curl ").map(|at| line[at..].to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_curl_line_that_the_demo_prints_works() {
    let (mut process, proxy) = demo();
    let lines = lines(&process);
    assert!(lines.len() >= 3, "{lines:?}");
    let place = Place::new();
    place.write(".curlrc", "max-time = 60\n");
    let mut traced = 0;
    for line in &lines {
        let mut command = Command::new("sh");
        command.args(["-c", line]).current_dir(place.path()).env("CURL_HOME", place.path());
        let done = run(command);
        assert!(done.status.success(), "{line}\n{}\n{}\n{}", done.status, done.stdout, done.stderr);
        assert!(!done.stdout.contains("502 Bad Gateway"), "{line}\n{}", done.stdout);
        traced += usize::from(done.stdout.to_lowercase().contains("opes-system:"));
        println!("{line}\n{} octets printed\n", done.stdout.len());
    }
    assert!(traced > 0, "at least one line shows the trace: {lines:?}");
    let page = system_page(proxy, "", "application/json").await.text();
    let page: Value = serde_json::from_str(&page).expect("JSON");
    assert_eq!(page["tracing"]["kept"]["uri"], "the URI without its query", "it keeps records: {page}");
    assert!(
        lines.iter().any(|line| line.contains(&proxy.to_string())),
        "the lines go through {proxy}: {lines:?}"
    );
    process.signal("INT");
    assert_eq!(process.exit().code(), Some(0), "{}", process.stderr());
}

/// The URLs that the demo prints, fetched by another client; each message is reported on the terminal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_adapts_traces_and_reports() {
    let (mut process, proxy) = demo();
    let prefix = format!("http://{proxy}/");
    let text = lines(&process).join("\n");
    let mut paths: Vec<_> = text
        .split(&prefix)
        .skip(1)
        .map(|rest| {
            rest.split(|c: char| c.is_whitespace() || c == '\'' || c == '"').next().unwrap_or_default()
        })
        .collect();
    paths.sort_unstable();
    paths.dedup();
    assert!(paths.len() >= 3, "text, a picture, a large file: {text}");
    for path in paths {
        let (said, logged) = (process.stdout().len(), process.stderr().len());
        let answer = client::get(proxy, &format!("/{path}")).await;
        assert!(!answer.status.is_server_error(), "/{path}: {}", answer.status);
        assert!(!agents(&answer.headers, "opes-system").is_empty(), "/{path}: {:?}", answer.headers);
        opes_tests::patience::eventually("a report on the terminal", || {
            (process.stdout().len() > said || process.stderr().len() > logged).then_some(())
        });
    }
    process.signal("TERM");
    assert_eq!(process.exit().code(), Some(0), "{}", process.stderr());
}

#[test]
fn a_demo_that_was_never_used_ends_on_ctrl_c() {
    let (mut process, _) = demo();
    process.signal("INT");
    assert_eq!(process.exit().code(), Some(0), "{}", process.stderr());
}

/// What came whole is reported as adapted, what was broken off as failed: hyper asks for no more once a body of
/// known length is out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_and_broken_off_messages_are_told_apart() {
    let (mut process, proxy) = demo();
    let reports = || process.stdout().matches(" response\n").count();
    for round in 1..=10 {
        let body = opes_tests::body::full("my cat");
        let answer = client::fetch(proxy, client::with_body(Method::POST, "/echo", body)).await.unwrap();
        assert_eq!(answer.text(), "my tiger");
        opes_tests::patience::eventually("a report", || (reports() >= round).then_some(()));
    }
    assert!(!process.stdout().contains("  failed "), "{}", process.stdout());

    let mut connection = client::Connection::open(proxy).await;
    let request = request(Method::GET, "/large");
    let mut response = connection.send(request).await.unwrap();
    client::piece(&mut response).await.unwrap().unwrap();
    drop((response, connection));
    opes_tests::patience::eventually("a report of the failure", || {
        process.stdout().contains("  failed ").then_some(())
    });
    process.signal("INT");
    assert_eq!(process.exit().code(), Some(0), "{}", process.stderr());
}
