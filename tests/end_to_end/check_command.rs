//! What the command line itself says: `opes check`, `--help`, unknown commands.

use opes_tests::config::{Config, Rule, SUBSTITUTE};
use opes_tests::opes::{File, run_opes};

#[test]
fn check_tells_good_from_bad() {
    let nobody = "127.0.0.1:9".parse().expect("an address");
    let good = Config::reverse(nobody, nobody).rule(&Rule::response(&[SUBSTITUTE]));
    let file = File::new(&good.to_string());
    assert_eq!(run_opes(&["check", file.argument()]).status.code(), Some(0));
    let file = File::new(&good.top("typo = 1").to_string());
    let done = run_opes(&["check", file.argument()]);
    assert_eq!(done.status.code(), Some(2));
    assert!(done.stderr.contains("typo"), "{}", done.stderr);
}

#[test]
fn help_names_the_commands() {
    let done = run_opes(&["--help"]);
    assert_eq!(done.status.code(), Some(0), "{}", done.stderr);
    for command in ["server", "proxy", "demo", "check"] {
        assert!(done.stdout.contains(command), "{command} in:\n{}", done.stdout);
        let done = run_opes(&[command, "--help"]);
        assert_eq!(done.status.code(), Some(0), "{command}: {}", done.stderr);
    }
}

#[test]
fn a_wrong_command_line_is_an_error() {
    for arguments in [&["serve"][..], &["server"], &["proxy", "--confg", "x"], &["check"]] {
        let done = run_opes(arguments);
        assert_eq!(done.status.code(), Some(2), "{arguments:?}: {}", done.stderr);
        assert!(!done.stderr.is_empty(), "{arguments:?}");
    }
}

/// An address in use is not a bad configuration; it is an error all the same, and says which address.
#[test]
fn an_address_in_use_is_a_clear_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
    let address = taken.local_addr().expect("a bound address").to_string();
    let file = File::new(&Config::server().to_string());
    let done = run_opes(&["server", "--config", file.argument(), "--listen", &address]);
    assert!(!done.status.success(), "{}", done.stdout);
    assert!(done.stderr.contains(&address), "{}", done.stderr);
    assert!(!done.stderr.contains("panicked"), "{}", done.stderr);
}
