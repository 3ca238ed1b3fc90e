//! A bad configuration: exit status 2 and one clear line that names the file, the key and what was expected.

use opes_tests::config::{Config, SYSTEM};
use opes_tests::opes::{File, run_opes};

const SERVER: &str =
    "listen = \"127.0.0.1:0\"\n[[services]]\nuri = \"http://s.example/i\"\nkind = \"identity\"\n";

/// Bad configurations of a server: what is wrong, the text, and the key that the message must name.
const BAD_SERVERS: &[(&str, &str, &str)] = &[
    ("unknown key", "listn = \"127.0.0.1:0\"\n", "listn"),
    ("unknown table", "[limit]\nconnections = 1\n", "limit"),
    ("unknown key in a table", "[limits]\nconnection = 1\n", "connection"),
    ("wrong type", "listen = 4037\n", "listen"),
    ("not an address", "listen = \"everywhere\"\n", "listen"),
    ("a name without a port", "listen = \"127.0.0.1\"\n", "listen"),
    ("a negative limit", "[limits]\nconnections = -1\n", "connections"),
    ("a limit of text", "[limits]\nnesting_depth = \"deep\"\n", "nesting_depth"),
    ("a negative drain time", "drain_seconds = -1\n", "drain_seconds"),
    ("no kind", "[[services]]\nuri = \"http://s.example/i\"\n", "kind"),
    ("no uri", "[[services]]\nkind = \"identity\"\n", "uri"),
    ("unknown kind", "[[services]]\nuri = \"http://s.example/i\"\nkind = \"identiy\"\n", "kind"),
    ("not a uri", "[[services]]\nuri = \"not a uri\"\nkind = \"identity\"\n", "uri"),
    ("no from", "[[services]]\nuri = \"http://s.example/i\"\nkind = \"substitute\"\nto = \"x\"\n", "from"),
    (
        "empty from",
        "[[services]]\nuri = \"http://s.example/i\"\nkind = \"substitute\"\nfrom = \"\"\nto = \"x\"\n",
        "from",
    ),
    (
        "unknown key of a service",
        "[[services]]\nuri = \"http://s.example/i\"\nkind = \"identity\"\nfrom = \"x\"\n",
        "from",
    ),
    ("a table that is a value", "services = 1\n", "services"),
];

/// Bad changes of a good proxy configuration: what is wrong, what to replace, by what, and the key to be named.
const BAD_PROXIES: &[(&str, &str, &str, &str)] = &[
    ("no system", "[system]\nuri = \"http://opes.example.com/system\"\n", "", "system"),
    ("no system uri", "uri = \"http://opes.example.com/system\"\n", "", "uri"),
    ("a comma in the uri", "example.com/system", "example.com/a,b", "uri"),
    ("a semicolon in the uri", "example.com/system", "example.com/a;b", "uri"),
    ("an origin without a scheme", "origin = \"http://127.0.0.1:9\"", "origin = \"127.0.0.1:9\"", "origin"),
    ("an origin of another scheme", "origin = \"http:", "origin = \"gopher:", "origin"),
    ("unknown key", "origin =", "orign =", "orign"),
    ("unknown direction", "direction = \"response\"", "direction = \"sideways\"", "direction"),
    ("unknown policy", "on_failure = \"fail\"", "on_failure = \"shrug\"", "on_failure"),
    ("unknown callout server", "callout_server = \"adapt\"", "callout_server = \"adopt\"", "callout_server"),
    ("rule without services", "services = [\"http://s.example/i\"]\n", "", "services"),
    ("services that are no list", "services = [\"http://s.example/i\"]", "services = 7", "services"),
    ("server without an address", "address = \"127.0.0.1:10\"\n", "", "address"),
    ("server without a name", "name = \"adapt\"\n", "", "name"),
    ("an address that is none", "address = \"127.0.0.1:10\"", "address = \"there\"", "address"),
    ("an unknown timeout", "[system]", "[timeouts]\nconect = 1\n\n[system]", "conect"),
    ("a timeout of text", "[system]", "[timeouts]\nconnect = \"soon\"\n\n[system]", "connect"),
    ("a timeout of nothing", "[system]", "[timeouts]\nconnect = 0\n\n[system]", "connect"),
];

const PROXY: &str = r#"listen = "127.0.0.1:0"
origin = "http://127.0.0.1:9"

[system]
uri = "http://opes.example.com/system"

[[callout_servers]]
name = "adapt"
address = "127.0.0.1:10"

[[rules]]
callout_server = "adapt"
direction = "response"
services = ["http://s.example/i"]
on_failure = "fail"
"#;

/// One message that names the file and the key; the status is 2; nothing ever listened.
fn assert_refused(what: &str, command: &[&str], file: &File, key: &str) {
    println!("{what}: opes {command:?}");
    let mut arguments = command.to_vec();
    arguments.push(file.argument());
    let done = run_opes(&arguments);
    let text = format!("{what}: opes {command:?}: {}\n{}\n{}", done.status, done.stdout, done.stderr);
    assert_eq!(done.status.code(), Some(2), "{text}");
    assert!(!done.stdout.contains("listening"), "{text}");
    let lines: Vec<_> = done.stderr.lines().filter(|line| !line.trim().is_empty()).collect();
    assert_eq!(lines.len(), 1, "one line: {text}");
    assert!(lines[0].contains(file.argument()), "the file is named: {text}");
    assert!(lines[0].replace(file.argument(), "").contains(key), "the key {key} is named: {text}");
    // What was expected: said outright, or by what is missing, there twice, or out of place.
    const WORDS: [&str; 6] = ["expected", "missing", "duplicate", "needs", "has no", "contains"];
    let says = WORDS.iter().any(|word| lines[0].contains(word));
    assert!(says, "it says what was expected: {text}");
}

#[test]
fn a_bad_server_configuration_is_refused_in_one_line() {
    for (what, text, key) in BAD_SERVERS {
        let file = File::new(text);
        assert_refused(what, &["server", "--config"], &file, key);
        assert_refused(what, &["check"], &file, key);
    }
}

#[test]
fn a_bad_proxy_configuration_is_refused_in_one_line() {
    for (what, part, by, key) in BAD_PROXIES {
        assert!(PROXY.contains(part), "{what}: the test replaces nothing");
        let file = File::new(&PROXY.replace(part, by));
        assert_refused(what, &["proxy", "--config"], &file, key);
        assert_refused(what, &["check"], &file, key);
    }
}

#[test]
fn what_is_no_toml_is_refused_in_one_line() {
    for text in ["listen = \n", "[system\n", "listen = \"a\"\nlisten = \"b\"\n", "\u{0}"] {
        let file = File::new(text);
        for command in [&["server", "--config"][..], &["proxy", "--config"], &["check"]] {
            assert_refused("no TOML", command, &file, "");
        }
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    for command in [&["server", "--config"][..], &["proxy", "--config"], &["check"]] {
        let mut arguments = command.to_vec();
        arguments.push("/nowhere/at-all.toml");
        let done = run_opes(&arguments);
        assert_eq!(done.status.code(), Some(2), "{}", done.stderr);
        assert!(done.stderr.contains("/nowhere/at-all.toml"), "{}", done.stderr);
        assert_eq!(done.stderr.lines().filter(|line| !line.trim().is_empty()).count(), 1, "{}", done.stderr);
    }
}

#[test]
fn good_configurations_are_good() {
    let nobody = "127.0.0.1:9".parse().expect("an address");
    let generated = [Config::server(), Config::reverse(nobody, nobody), Config::forward(nobody)];
    let texts = generated.iter().map(Config::to_string).chain([SERVER.to_owned(), PROXY.to_owned()]);
    for text in
        texts.chain([format!("[system]\nuri = {SYSTEM:?}\n"), "drain_seconds = 3\n".to_owned() + SERVER])
    {
        let file = File::new(&text);
        let done = run_opes(&["check", file.argument()]);
        assert_eq!(done.status.code(), Some(0), "{text}\n{}", done.stderr);
    }
}
