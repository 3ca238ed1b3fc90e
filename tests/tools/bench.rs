//! `opes bench`: every target for a counted number of transactions, and what it writes. How fast it goes is no matter.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use opes_tests::binary;
use opes_tests::config::{Config, NOWHERE};
use opes_tests::opes::{File, Opes, listening, run_opes};
use opes_tests::place::{Nobody, Place};
use opes_tests::process::{Finished, Process};
use serde_json::Value;

/// One of the small servers that `opes bench` has itself.
struct Served {
    _process: Process,
    address: SocketAddr,
}

fn served(target: &str) -> Served {
    let mut command: Command = binary::opes();
    command.args(["bench", target, "127.0.0.1:0", "--serve"]);
    let process = Process::start(command);
    let address = process.line("listening line", |line| listening(line, ""));
    Served { _process: process, address }
}

/// Runs a target to a count and gives back what it wrote as JSON.
fn bench(target: &str, address: SocketAddr, more: &[&str]) -> (Finished, Vec<Value>) {
    let place = Place::new();
    let file = place.path().join("results.json");
    let address = address.to_string();
    let common = ["bench", target, &address, "--warm-up-ms", "0", "--json", file.to_str().unwrap()];
    let done = run_opes(&[&common[..], more].concat());
    let text = std::fs::read_to_string(&file).unwrap_or_else(|_| "[]".to_owned());
    let runs: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    (done, runs.as_array().expect("a list of runs").clone())
}

/// All transactions of all runs ended well.
fn assert_good(done: &Finished, runs: &[Value], count: u64) {
    assert!(done.status.success(), "{}{}", done.stdout, done.stderr);
    assert!(!runs.is_empty());
    for run in runs {
        assert_eq!((&run["transactions"], &run["errors"]), (&count.into(), &0.into()), "{run}");
        assert!(run["unfinished"] == 0 && run["first_error"].is_null(), "{run}");
    }
}

#[test]
fn ocp_comes_back_whole_in_both_profiles() {
    let server = Opes::server(&Config::server());
    for (profile, size) in [("response", "1"), ("response", "200000"), ("request", "5000")] {
        let (done, runs) =
            bench("ocp", server.address, &["--count", "60", "--profile", profile, "--size", size]);
        assert_good(&done, &runs, 60);
        let size: f64 = size.parse().unwrap();
        assert!(runs[0]["octets_in"].as_f64().unwrap() >= size, "the message comes back: {}", runs[0]);
    }
}

#[test]
fn what_ocp_only_looks_at_stays() {
    let server = Opes::server(&Config::server());
    let (done, runs) = bench("ocp", server.address, &["--count", "60", "--mode", "look", "--size", "100000"]);
    assert_good(&done, &runs, 60);
    assert!(runs[0]["octets_in"].as_f64().unwrap() < 10_000.0, "{}", runs[0]);
}

#[test]
fn what_goes_on_in_the_background_is_not_counted() {
    let server = Opes::server(&Config::server());
    let alone = bench("ocp", server.address, &["--count", "400"]).1[0]["octets_in"].as_f64().unwrap();
    let background = ["--background-size", "300000", "--background-rate", "1000", "--rate", "2000"];
    let (done, runs) = bench("ocp", server.address, &[&["--count", "400"][..], &background].concat());
    assert_good(&done, &runs, 400);
    let together = runs[0]["octets_in"].as_f64().unwrap();
    assert!(together > alone + 10_000.0, "they share the wire: {alone} and {together} octets a transaction");
}

#[test]
fn icap_and_raw_come_back_whole_from_the_servers_of_the_bench() {
    for target in ["icap", "raw"] {
        let server = served(target);
        for size in ["1", "200000"] {
            let (done, runs) = bench(target, server.address, &["--count", "60", "--size", size]);
            assert_good(&done, &runs, 60);
        }
        let (done, runs) =
            bench(target, server.address, &["--count", "60", "--mode", "look", "--size", "100000"]);
        assert_good(&done, &runs, 60);
        assert!(runs[0]["octets_in"].as_f64().unwrap() < 10_000.0, "{}", runs[0]);
    }
}

#[test]
fn results_have_what_was_promised() {
    let server = served("raw");
    let (done, runs) = bench("raw", server.address, &["--count", "50", "--runs", "3", "--inflight", "8"]);
    assert_good(&done, &runs, 50);
    let numbers: Vec<_> = runs.iter().map(|run| run["run"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [0, 1, 2]);
    let promised = [
        "target",
        "size",
        "inflight",
        "connections",
        "mode",
        "tx_per_s",
        "p50_us",
        "p99_us",
        "octets_out",
        "octets_in",
        "server_cpu_us",
        "errors",
    ];
    for run in &runs {
        let run = run.as_object().unwrap();
        assert!(promised.iter().all(|key| run.contains_key(*key)), "{run:?}");
        let percentile = |key: &str| run[key].as_f64().unwrap();
        let keys = ["p50_us", "p90_us", "p99_us", "p999_us", "max_us"];
        assert!(keys.windows(2).all(|pair| percentile(pair[0]) <= percentile(pair[1])), "{run:?}");
    }
    assert!(done.stdout.contains("median"), "{}", done.stdout);
    assert_eq!(done.stderr, "", "no progress where nobody watches");
}

#[test]
fn an_open_loop_ends_with_its_last_arrival() {
    let server = served("icap");
    let (done, runs) = bench("icap", server.address, &["--count", "80", "--rate", "400", "--inflight", "4"]);
    assert_good(&done, &runs, 80);
    assert_eq!(runs[0]["rate"], 400);
    assert!(runs[0]["seconds"].as_f64().unwrap() >= 0.2, "eighty arrivals take a fifth of a second");
}

#[test]
fn targets_are_compared_run_by_run() {
    let (ocp, icap, raw) = (Opes::server(&Config::server()), served("icap"), served("raw"));
    let target = |name: &str, kind: &str, address: SocketAddr| {
        format!("[[targets]]\nname = \"{name}\"\nkind = \"{kind}\"\naddress = \"{address}\"\n")
    };
    let file = File::new(&format!(
        "base = \"the other\"\nsizes = [10, 2000]\ncount = 40\nwarm_up_ms = 0\nruns = 2\n{}{}{}",
        target("one", "ocp", ocp.address),
        target("the other", "icap", icap.address),
        target("raw", "raw", raw.address)
    ));
    let place = Place::new();
    let (json, svg) = (place.path().join("r.json"), place.path().join("r.svg"));
    let done = run_opes(&[
        "bench",
        "compare",
        file.argument(),
        "--json",
        json.to_str().unwrap(),
        "--svg",
        svg.to_str().unwrap(),
    ]);
    let runs: Value = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    let runs = runs.as_array().unwrap();
    assert_good(&done, runs, 40);
    assert_eq!(runs.len(), 2 * 3 * 2, "sizes, targets, runs");
    let rows: Vec<_> = done
        .stdout
        .lines()
        .filter(|line| line.contains(" echo "))
        .filter_map(|line| line.split("  ").next())
        .collect();
    assert_eq!(rows, ["one", "the other", "raw"].repeat(4), "{}", done.stdout);
    assert!(done.stdout.contains(" 1.00x"), "the base against itself: {}", done.stdout);
    let picture = std::fs::read_to_string(&svg).unwrap();
    assert!(picture.starts_with("<svg") && picture.trim_end().ends_with("</svg>"), "{picture}");
    assert_eq!(picture.matches(">the other</text>").count(), 2, "a legend for each size");
}

#[test]
fn failures_are_told() {
    let assert_fails = |done: &Finished, status: i32, why: &str| {
        assert_eq!(done.status.code(), Some(status), "{}{}", done.stdout, done.stderr);
        assert!(done.stderr.contains(why) && !done.stderr.contains("panicked"), "{}", done.stderr);
    };
    let nobody = Nobody::new();
    for target in ["ocp", "icap", "raw"] {
        assert_fails(&bench(target, nobody.address(), &[]).0, 1, "refused");
    }
    let server = Opes::server(&Config::server());
    assert_fails(&bench("ocp", server.address, &["--service", NOWHERE, "--count", "5"]).0, 1, NOWHERE);
    // OCP is no ICAP.
    assert_fails(&bench("icap", server.address, &["--count", "5"]).0, 1, &server.address.to_string());
    let file = File::new("[[targets]]\nname = \"a\"\nkind = \"smtp\"\naddress = \"127.0.0.1:1\"\n");
    assert_fails(&run_opes(&["bench", "compare", file.argument()]), 2, "smtp");
    assert_fails(&run_opes(&["bench", "compare", "/nowhere.toml"]), 2, "/nowhere.toml");
}

#[test]
fn whoever_reads_no_further_still_gets_the_files() {
    let server = served("raw");
    let place = Place::new();
    let file = place.path().join("results.json");
    let mut command = binary::opes();
    command.args(["bench", "raw", &server.address.to_string(), "--count", "20", "--warm-up-ms", "0"]);
    command.args(["--runs", "2", "--json"]).arg(&file);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary");
    drop(child.stdout.take());
    let done = child.wait_with_output().expect("a child can be waited for");
    let told = String::from_utf8_lossy(&done.stderr);
    assert_eq!((done.status.code(), &*told), (Some(0), ""));
    let runs: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!(runs.as_array().unwrap().len(), 2);
}

#[test]
fn results_that_cannot_be_shown_are_an_error() {
    let server = served("raw");
    let mut command = binary::opes();
    command.args(["bench", "raw", &server.address.to_string(), "--count", "20", "--warm-up-ms", "0"]);
    command.stdout(std::fs::File::create("/dev/full").unwrap()).stderr(Stdio::piped());
    let done = command.spawn().and_then(std::process::Child::wait_with_output).expect("the binary");
    let told = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{told}");
    assert!(told.contains("cannot write"), "{told}");
}
