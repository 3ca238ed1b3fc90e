//! The house: a crate may depend on lower floors only.

use std::collections::BTreeMap;
use std::process::Command;

use opes_tests::binary::repository;
use opes_tests::process::run;
use serde_json::Value;

/// Every crate under `crates/`, by floor.
const FLOORS: &[(&str, u8)] = &[
    ("ocp-proto", 0),
    ("icap-proto", 0),
    ("opes-coding", 0),
    ("opes-sdk", 0),
    ("opes-profile", 1),
    ("opes-services", 1),
    ("opes-record", 1),
    ("opes-pages", 2),
    ("ocp", 2),
    ("opes-processor", 3),
    ("opes-bench", 3),
    ("opes-gateway", 4),
    ("opes", 5),
];

/// A member of the workspace.
struct Member {
    name: String,
    manifest: String,
    /// The members that it depends on to be built, as opposed to be tested.
    dependencies: Vec<String>,
}

fn floor(name: &str) -> Option<u8> {
    FLOORS.iter().find(|(known, _)| *known == name).map(|(_, floor)| *floor)
}

/// The crates under `crates/`, as cargo sees them.
fn members() -> Vec<Member> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(repository());
    let done = run(cargo);
    assert!(done.status.success(), "cargo metadata: {}", done.stderr);
    parse(&serde_json::from_str(&done.stdout).expect("cargo metadata prints JSON"))
}

fn parse(metadata: &Value) -> Vec<Member> {
    let text = |value: &Value| value.as_str().expect("a string in cargo metadata").to_owned();
    let packages = metadata["packages"].as_array().expect("packages in cargo metadata");
    let members = packages.iter().map(|package| Member {
        name: text(&package["name"]),
        manifest: text(&package["manifest_path"]),
        dependencies: package["dependencies"]
            .as_array()
            .expect("dependencies of a package")
            .iter()
            .filter(|dependency| dependency["kind"] != "dev" && !dependency["path"].is_null())
            .map(|dependency| text(&dependency["name"]))
            .collect(),
    });
    let crates = repository().join("crates");
    members.filter(|member| std::path::Path::new(&member.manifest).starts_with(&crates)).collect()
}

/// Every breach of the rule, in words.
fn breaches(members: &[Member]) -> Vec<String> {
    let mut breaches = Vec::new();
    for member in members {
        let Some(own) = floor(&member.name) else {
            breaches.push(format!("{} has no floor: add it to the table", member.name));
            continue;
        };
        for dependency in &member.dependencies {
            match floor(dependency) {
                Some(below) if below < own => {}
                below => breaches
                    .push(format!("{} (floor {own}) depends on {dependency} ({below:?})", member.name)),
            }
        }
    }
    breaches
}

#[test]
fn crates_depend_on_lower_floors_only() {
    let members = members();
    let found: BTreeMap<_, _> =
        members.iter().map(|member| (member.name.as_str(), &member.dependencies)).collect();
    let present = std::fs::read_dir(repository().join("crates")).expect("crates/").count();
    assert_eq!(found.len(), present, "every directory under crates/ is a member: {found:?}");
    assert_eq!(breaches(&members), [""; 0]);
}

#[test]
fn a_breach_is_found() {
    let member = |name: &str, dependency: &str| Member {
        name: name.to_owned(),
        manifest: String::new(),
        dependencies: vec![dependency.to_owned()],
    };
    assert!(breaches(&[member("ocp", "ocp-proto")]).is_empty());
    assert_eq!(breaches(&[member("ocp-proto", "ocp")]).len(), 1, "upwards");
    assert_eq!(breaches(&[member("ocp-proto", "opes-sdk")]).len(), 1, "sideways");
    assert_eq!(breaches(&[member("ocp", "helpers")]).len(), 1, "to nowhere");
    assert_eq!(breaches(&[member("helpers", "ocp")]).len(), 1, "from nowhere");
}

#[test]
fn build_dependencies_count_and_dev_dependencies_do_not() {
    let manifest = repository().join("crates").join("x").join("Cargo.toml");
    let dependency = |name: &str, kind: Value| serde_json::json!({"name": name, "kind": kind, "path": "/x"});
    let metadata = serde_json::json!({"packages": [{
        "name": "x",
        "manifest_path": manifest.to_str(),
        "dependencies": [
            dependency("normal", Value::Null),
            dependency("build", "build".into()),
            dependency("dev", "dev".into()),
            {"name": "foreign", "kind": null, "path": null},
        ],
    }]});
    assert_eq!(parse(&metadata)[0].dependencies, ["normal", "build"]);
}
