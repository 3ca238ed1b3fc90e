//! The load generator of nghttp2 as many clients at a time, over HTTP/2 with prior knowledge and over HTTP/1.1.

use std::net::SocketAddr;
use std::process::Command;

use opes_tests::config::{Rule, SUBSTITUTE};
use opes_tests::origin::Page;
use opes_tests::process::run;
use opes_tests::stack::Stack;

/// What h2load says at its end.
#[derive(Debug, Default, PartialEq, Eq)]
struct Summary {
    succeeded: u64,
    failed: u64,
    errored: u64,
    timeout: u64,
    successes: u64,
    others: u64,
    body_octets: u64,
}

/// The number before `name` in a line like `requests: 10 total, 10 started`.
fn before(line: &str, name: &str) -> Option<u64> {
    line.split([',', ':']).find_map(|part| part.trim().strip_suffix(name)?.trim().parse().ok())
}

fn summary(printed: &str) -> Summary {
    let line = |start: &str| {
        printed
            .lines()
            .find(|line| line.starts_with(start))
            .unwrap_or_else(|| panic!("no {start}: {printed}"))
    };
    let requests = line("requests:");
    let of_requests =
        |name| before(requests, name).unwrap_or_else(|| panic!("no number of {name}: {requests}"));
    let codes = line("status codes:");
    let of_codes = |name| before(codes, name).unwrap_or_else(|| panic!("no number of {name}: {codes}"));
    // `traffic: 1.2KB (1234) total, 100B (100) headers (space savings 90.00%), 1.1KB (1134) data`
    let data = line("traffic:").trim().strip_suffix(") data").and_then(|rest| rest.rsplit_once('('));
    Summary {
        succeeded: of_requests("succeeded"),
        failed: of_requests("failed"),
        errored: of_requests("errored"),
        timeout: of_requests("timeout"),
        successes: of_codes("2xx"),
        others: ["3xx", "4xx", "5xx"].into_iter().map(of_codes).sum(),
        body_octets: data.and_then(|(_, octets)| octets.parse().ok()).expect("octets of data"),
    }
}

/// Asks for a path so often, over four connections, with so many requests under way on each.
fn load(proxy: SocketAddr, path: &str, requests: u64, at_a_time: u32, options: &[&str]) -> Summary {
    let mut command = Command::new("h2load");
    command.args(["-n", &requests.to_string(), "-c", "4", "-m", &at_a_time.to_string()]);
    // Bounds that only end what hangs.
    command.args(["--connection-active-timeout", "50", "--connection-inactivity-timeout", "50"]);
    command.args(options).arg(format!("http://{proxy}{path}"));
    let done = run(command);
    assert!(done.status.success(), "{}\n{}{}", done.status, done.stdout, done.stderr);
    println!("{}", done.stdout);
    summary(&done.stdout)
}

const SMALL: &str = "A cat sat on the cat flap.\n";

/// A small page and one of several frames, pieces and DUMs; adapted they have five more octets for each two cats.
async fn stack() -> Stack {
    let stack = Stack::start(&[Rule::response(&[SUBSTITUTE])]).await;
    stack.origin.page("/small", Page::text(SMALL));
    stack.origin.page("/larger", Page::text(SMALL.repeat(4000)).chunked(50_000));
    stack
}

fn all_right(requests: u64, body_octets: u64) -> Summary {
    Summary { succeeded: requests, successes: requests, body_octets, ..Summary::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_2() {
    let mut stack = stack().await;
    let adapted = SMALL.len() as u64 + 4;
    let done = load(stack.proxy.address, "/small", 4000, 20, &[]);
    assert_eq!(done, all_right(4000, 4000 * adapted));
    let done = load(stack.proxy.address, "/larger", 400, 20, &[]);
    assert_eq!(done, all_right(400, 400 * 4000 * adapted));
    assert_eq!(stack.origin.seen().len(), 4400, "each was asked for once");
    assert!(stack.proxy.process.alive() && stack.server.process.alive());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_1_also_with_requests_behind_one_another() {
    let mut stack = stack().await;
    let adapted = SMALL.len() as u64 + 4;
    for at_a_time in [1, 8] {
        let done = load(stack.proxy.address, "/small", 2000, at_a_time, &["--h1"]);
        // Over HTTP/1.1 h2load counts what it was sent of bodies with their framing, or without: never less.
        assert!(done.body_octets >= 2000 * adapted, "{done:?}");
        assert_eq!(done, all_right(2000, done.body_octets));
    }
    assert_eq!(stack.origin.seen().len(), 4000, "each was asked for once");
    assert!(stack.proxy.process.alive() && stack.server.process.alive());
}

#[test]
fn the_summary_of_h2load_is_read() {
    let printed = "finished in 1.00s\n\
        requests: 10 total, 10 started, 9 done, 7 succeeded, 2 failed, 1 errored, 3 timeout\n\
        status codes: 7 2xx, 1 3xx, 0 4xx, 2 5xx\n\
        traffic: 1.2KB (1234) total, 100B (100) headers (space savings 90.00%), 1.1KB (1134) data\n";
    let expected = Summary {
        succeeded: 7,
        failed: 2,
        errored: 1,
        timeout: 3,
        successes: 7,
        others: 3,
        body_octets: 1134,
    };
    assert_eq!(summary(printed), expected);
}
