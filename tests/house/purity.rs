//! The pure crates have no I/O, no clock and no runtime: not in what they depend on, not in their sources.

use std::path::Path;
use std::process::Command;

use opes_tests::binary::repository;
use opes_tests::process::run;

const PURE: [&str; 5] = ["ocp-proto", "icap-proto", "opes-coding", "opes-sdk", "opes-profile"];

/// Runtimes and what opens sockets, anywhere below a pure crate.
const IMPURE_CRATES: [&str; 6] = ["tokio", "hyper", "hyper-util", "mio", "socket2", "async-std"];

/// What a pure source never says outside a comment.
const IMPURE_CODE: [&str; 6] =
    ["Instant::now", "SystemTime::now", "std::net", "std::thread", "std::fs", "tokio::"];

#[test]
fn pure_crates_depend_on_no_runtime() {
    for name in PURE {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        let tree = ["tree", "--offline", "--edges", "normal,build", "--prefix", "none", "--format", "{lib}"];
        cargo.args(tree).args(["--package", name]).current_dir(repository());
        let done = run(cargo);
        assert!(done.status.success(), "cargo tree of {name}: {}", done.stderr);
        let crates: Vec<_> = done.stdout.lines().map(|line| line.trim().trim_end_matches(" (*)")).collect();
        assert!(crates.contains(&"bytes"), "the tree of {name} was read: {crates:?}");
        for impure in IMPURE_CRATES {
            let library = impure.replace('-', "_");
            assert!(!crates.contains(&library.as_str()), "{name} depends on {impure}");
        }
    }
}

#[test]
fn pure_sources_name_no_clock_and_no_socket() {
    for name in PURE {
        let (mut files, mut findings) = (0, Vec::new());
        let source = repository().join("crates").join(name).join("src");
        scan(&source, &mut files, &mut findings);
        assert!(files > 0, "{} has sources", source.display());
        // The tests of a pure crate may make a time to begin with.
        findings.retain(|finding: &String| !finding.contains("/tests/"));
        assert_eq!(findings, [""; 0]);
    }
}

#[test]
fn the_scan_sees_code_and_not_comments() {
    assert_eq!(impurities("let now = Instant::now();"), ["Instant::now"]);
    assert_eq!(impurities("    use std::net::TcpStream; // why"), ["std::net"]);
    assert!(impurities("//! never calls Instant::now").is_empty());
    assert!(impurities("let now = given; // no Instant::now").is_empty());
    assert!(impurities("let uri = \"http://example.com/\";").is_empty());
}

fn scan(directory: &Path, files: &mut usize, findings: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).expect("a source directory") {
        let path = entry.expect("a directory entry").path();
        if path.is_dir() {
            scan(&path, files, findings);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            *files += 1;
            let text = std::fs::read_to_string(&path).expect("a source file");
            for (number, line) in text.lines().enumerate() {
                let found = impurities(line).into_iter();
                findings.extend(found.map(|what| format!("{}:{}: {what}", path.display(), number + 1)));
            }
        }
    }
}

/// What a line of code names that it must not. (A comment that begins inside a string hides the rest of its line;
/// clippy's list of disallowed names is the second net.)
fn impurities(line: &str) -> Vec<&'static str> {
    let comment = line.match_indices("//").map(|(at, _)| at).find(|&at| !line[..at].ends_with(':'));
    let code = &line[..comment.unwrap_or(line.len())];
    IMPURE_CODE.into_iter().filter(|what| code.contains(what)).collect()
}
