//! `deploy/Containerfile`, as far as it can be seen without building an image.

use std::path::Path;
use std::process::Command;

use opes_tests::binary::repository;
use opes_tests::deployed::Deployed;
use opes_tests::opes::run_opes;
use opes_tests::place::Place;
use opes_tests::process::run;

use super::server;

/// The instructions of this name, each with what follows it.
fn instructions<'a>(file: &'a Deployed, name: &str) -> Vec<&'a str> {
    let lines = file.text().lines().filter_map(|line| line.split_once(' '));
    let found: Vec<_> = lines.filter(|(word, _)| *word == name).map(|(_, rest)| rest).collect();
    assert!(!found.is_empty(), "no {name}");
    found
}

fn containerfile() -> Deployed {
    Deployed::read("Containerfile")
}

/// What is copied from here.
fn copied(file: &Deployed) -> Vec<String> {
    let copies = instructions(file, "COPY").into_iter().filter(|rest| !rest.starts_with("--from"));
    copies
        .flat_map(|rest| {
            let (sources, _) = rest.rsplit_once(' ').expect("a source and a destination");
            sources.split(' ').map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn the_container_is_made_of_files_that_exist_and_the_toolchain_that_is_named() {
    let file = containerfile();
    for source in copied(&file) {
        assert!(repository().join(&source).exists(), "{source}");
    }
    let manifest = std::fs::read_to_string(repository().join("Cargo.toml")).expect("Cargo.toml");
    let manifest: toml::Table = manifest.parse().expect("TOML");
    let version = manifest["workspace"]["package"]["rust-version"].as_str().expect("a version");
    let image = instructions(&file, "FROM")[0];
    assert!(image.starts_with(&format!("docker.io/library/rust:{version}-")), "{image}");
}

/// What is copied is a whole workspace.
#[test]
fn the_container_builds_from_what_it_copies() {
    let place = Place::new();
    for source in copied(&containerfile()) {
        let copy = place.path().join(&source);
        std::fs::create_dir_all(copy.parent().expect("a parent")).expect("a directory");
        let mut command = Command::new("cp");
        command.arg("-a").arg(repository().join(&source)).arg(copy);
        assert!(run(command).status.success(), "{source}");
    }
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["metadata", "--format-version=1", "--offline", "--no-deps"]);
    command.current_dir(place.path());
    let done = run(command);
    assert!(done.status.success(), "{}", done.stderr);
    let known: serde_json::Value = serde_json::from_str(&done.stdout).expect("JSON");
    let opes =
        known["packages"].as_array().expect("packages").iter().find(|package| package["name"] == "opes");
    let targets = opes.expect("the package opes")["targets"].as_array().expect("targets");
    for target in targets {
        let source = target["src_path"].as_str().expect("a path");
        assert!(Path::new(source).is_file(), "{source}");
    }
}

#[test]
fn the_container_is_not_root_and_listens_where_the_configurations_say() {
    let file = containerfile();
    let user = instructions(&file, "USER").last().copied().expect("a user");
    assert!(user.split(':').all(|id| id.parse::<u32>().is_ok_and(|id| id > 0)), "{user}");
    let ports = instructions(&file, "EXPOSE")[0];
    for (port, role) in ports.split(' ').zip(["server", "proxy", "gateway"]) {
        let config = Deployed::read(&format!("opes/{role}.toml"));
        assert!(config.text().contains(&format!("listen = \"127.0.0.1:{port}\"")), "{role} {port}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_health_check_tells_a_server_that_negotiates_from_none() {
    let mut server = server();
    let file = containerfile().put("127.0.0.1:4037", server.address);
    let check = instructions(&file, "HEALTHCHECK")[0].split_once("CMD ").expect("a command").1.to_owned();
    let check: Vec<String> = serde_json::from_str(&check).expect("the words of a command");
    assert_eq!(check[0], "/usr/local/bin/opes");
    let words: Vec<&str> = check[1..].iter().map(String::as_str).collect();
    let done = run_opes(&words);
    assert!(done.status.success(), "{}{}", done.stdout, done.stderr);
    server.process.kill();
    let done = run_opes(&words);
    assert_eq!(done.status.code(), Some(1), "{}{}", done.stdout, done.stderr);
}
