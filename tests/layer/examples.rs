//! The examples as programs.

use std::process::Command;

use opes_tests::binary::{example, repository};
use opes_tests::client;
use opes_tests::config::Config;
use opes_tests::opes::{Opes, listening};
use opes_tests::origin::Origin;
use opes_tests::process::{Process, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_application_of_the_example_is_adapted() {
    let server = Opes::server(&Config::server());
    let mut command = Command::new(example("axum_app"));
    command.arg(server.address.to_string());
    let process = Process::start(command);
    let address = process.line("listening line", |line| listening(line, ""));
    assert_eq!(client::get(address, "/").await.text(), "A tiger.");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_of_the_example_is_adapted() {
    let (origin, server) = (Origin::start().await, Opes::server(&Config::server()));
    let mut command = Command::new(example("hyper_client"));
    command.args([server.address.to_string(), format!("http://{}/echo", origin.address()), "A cat.".into()]);
    let done = tokio::task::spawn_blocking(move || run(command)).await.expect("it ends");
    assert_eq!(done.stdout, "200 OK\nA tiger.\n", "{}", done.stderr);
}

#[test]
fn an_application_is_wrapped_in_less_than_40_lines() {
    let text = std::fs::read_to_string(repository().join("tests/examples/axum_app.rs")).unwrap();
    assert!(text.lines().count() < 40, "{} lines", text.lines().count());
}
