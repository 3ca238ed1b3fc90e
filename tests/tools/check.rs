//! `opes check`: which rules would match a message, and what is said of a rule or a service that cannot be used.

use opes_tests::opes::{File, run_opes};

const BASE: &str = r#"listen = "127.0.0.1:0"
origin = "http://127.0.0.1:9"

[system]
uri = "http://opes.example.com/system"

[[callout_servers]]
name = "adapt"
address = "127.0.0.1:10"

[[services]]
uri = "http://services.example.com/tag"
name = "tag"
kind = "tag"
find = "cat"
variable = "animal"

[[services]]
uri = "http://services.example.com/scan"
name = "scan"
callout_server = "adapt"
on_failure = "pass"
parameters = { level = "deep" }

"#;

const RULES: &str = r#"[[rules]]
name = "posts"
point = "request-in"
when = 'request.method == "POST"'
services = ["tag"]

[[rules]]
name = "shop"
point = "request-in"
when = 'request.host == "shop.example" && request.headers["x-tag"].exists(tag, tag == "b")'
services = ["tag", "scan"]
parameters = { value = "told" }

[[rules]]
point = "request-in"
services = ["tag"]

[[rules]]
name = "numbers"
point = "request-out"
when = 'int(request.query) == 7'
services = ["tag"]

[[rules]]
name = "lenient"
point = "response-in"
when = 'int(request.query) == 7'
services = ["tag"]
on_failure = "pass"

[[rules]]
name = "html"
point = "response-out"
when = 'response.type == "text/html" && response.status == 200'
services = ["scan"]

[[rules]]
name = "animals"
point = "response-out"
when = 'vars.animal == "yes"'
services = ["tag"]
"#;

/// What `opes check FILE --explain` says.
fn explained(arguments: &[&str]) -> String {
    let file = File::new(&format!("{BASE}{RULES}"));
    let mut all = vec!["check", file.argument(), "--explain"];
    all.extend(arguments);
    let done = run_opes(&all);
    assert_eq!(done.status.code(), Some(0), "{arguments:?}: {}", done.stderr);
    done.stdout
}

#[test]
fn the_explanation_of_a_request_says_what_its_response_still_decides() {
    let text = explained(&["GET http://shop.example/cart?7", "--header", "X-Tag: a", "--header", "X-Tag: b"]);
    assert_eq!(
        text,
        r#"request-in
  rule posts: does not match
    when request.method == "POST"
  rule shop: matches
    when request.host == "shop.example" && request.headers["x-tag"].exists(tag, tag == "b")
    http://services.example.com/tag in this process, on_failure = "fail"
      value = "told"
    http://services.example.com/scan at 127.0.0.1:10, on_failure = "pass"
      level = "deep"
      value = "told"
  rule #3: not reached
    when always
request-out
  rule numbers: matches
    when int(request.query) == 7
    http://services.example.com/tag in this process, on_failure = "fail"
response-in
  rule lenient: matches
    when int(request.query) == 7
    http://services.example.com/tag in this process, on_failure = "pass"
response-out
  rule html: depends on the response: say --status and --response-header
    when response.type == "text/html" && response.status == 200
  rule animals: does not match
    when vars.animal == "yes"
"#
    );
}

#[test]
fn the_explanation_of_a_response_knows_what_it_is_told() {
    let told = ["GET http://other.example/", "--status", "200", "--response-header"];
    let html = explained(&[&told[..], &["Content-Type: text/html; charset=utf-8"]].concat());
    assert!(html.contains("  rule html: matches\n"), "{html}");
    assert!(html.contains("  rule animals: not reached\n"), "{html}");
    let text = explained(&[&told[..], &["Content-Type: text/plain", "--var", "animal=yes"]].concat());
    assert!(text.contains("  rule html: does not match\n"), "{text}");
    assert!(text.contains("  rule animals: matches\n"), "{text}");
}

#[test]
fn the_explanation_says_that_a_condition_fails() {
    let text = explained(&["POST http://other.example/?seven"]);
    assert!(text.contains("  rule posts: matches\n"), "{text}");
    let after = text.split_once("request-out\n").expect("the second point").1;
    assert_eq!(
        after,
        r#"  rule numbers: fails the message: Error executing function 'int': string parse error: invalid digit found in string
    when int(request.query) == 7
    http://services.example.com/tag in this process, on_failure = "fail"
response-in
  rule lenient: cannot be told, and the message goes on as it is: Error executing function 'int': string parse error: invalid digit found in string
    when int(request.query) == 7
    http://services.example.com/tag in this process, on_failure = "pass"
response-out
  rule html: depends on the response: say --status and --response-header
    when response.type == "text/html" && response.status == 200
  rule animals: does not match
    when vars.animal == "yes"
"#
    );
}

/// What a client sends in any case is there without being said.
#[test]
fn an_example_is_a_whole_request() {
    let rules = r#"[[rules]]
point = "request-in"
when = 'request.headers.host == ["a.example:81"] && request.length == 0 && request.port == 81'
services = ["tag"]

[[rules]]
when = 'response.length == 7'
services = ["tag"]
"#;
    let file = File::new(&format!("{BASE}{rules}"));
    let told = ["--explain", "GET http://a.example:81/", "--response-header", "Content-Length: 7"];
    let done = run_opes(&[&["check", file.argument()], &told[..]].concat());
    assert_eq!(done.stdout.matches(": matches\n").count(), 2, "{}", done.stdout);
}

#[test]
fn an_example_that_is_none_is_refused() {
    let file = File::new(&format!("{BASE}{RULES}"));
    for (arguments, problem) in [
        (&["--explain", "GET http://[/"][..], "is no URI"),
        (&["--explain", "G(T http://a.example/"], "is no method"),
        (&["--explain", "GET /", "--header", "no colon"], "expected NAME: VALUE"),
        (&["--explain", "GET /", "--response-header", "b\u{e9}: x"], "expected NAME: VALUE"),
        (&["--explain", "GET /", "--var", "animal"], "expected NAME=VALUE"),
        (&["--explain", "GET /", "--status", "99"], "--status"),
        (&["--status", "200"], "--explain"),
    ] {
        let done = run_opes(&[&["check", file.argument()], arguments].concat());
        assert_eq!(done.status.code(), Some(2), "{arguments:?}: {}", done.stdout);
        assert!(done.stderr.contains(problem), "{arguments:?}: {}", done.stderr);
    }
}

/// A rule whose condition cannot be used, and what is said of it; the text after the base, the key's place, the problem.
const BAD: &[(&str, &str)] = &[
    (
        "when = 'request.methd == \"GET\"'",
        "3:16: rules.when: expected a condition in CEL; there is no request.methd: request has method, url, scheme, host, port, path, query, headers, type, length, coding",
    ),
    (
        "when = 'true && animal == 1'",
        "3:17: rules.when: expected a condition in CEL; there is no animal: conditions know request, response, client and vars",
    ),
    (
        "when = 'request.path.lower() == \"x\"'",
        "3:27: rules.when: expected a condition in CEL; there is no function lower",
    ),
    (
        "when = 'request.length == \"1\"'",
        "3:24: rules.when: expected a condition in CEL; `==` does not go with an int and a string",
    ),
    (
        "when = 'request.path'",
        "3:16: rules.when: expected a condition in CEL; a condition is true or false, this is a string",
    ),
    (
        "when = 'response.status == 200'\npoint = \"request-out\"",
        "3:17: rules.when: expected a condition in CEL; there is no response yet at request-out",
    ),
    (
        "when = 'request.path.matches(\"(\")'",
        "3:29: rules.when: expected a condition in CEL; \"(\" is no regular expression: unclosed group",
    ),
    (
        "when = 'request.path == '",
        "3:25: rules.when: expected a condition in CEL; no CEL expression: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}",
    ),
    (
        "when = ''",
        "3: rules.when: expected a condition in CEL; no CEL expression: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER} (at character 1 of it)",
    ),
    (
        "when = '''\nrequest.method == \"GET\" &&\n  request.pth == \"/\"'''",
        "5:10: rules.when: expected a condition in CEL; there is no request.pth: request has method, url, scheme, host, port, path, query, headers, type, length, coding",
    ),
    (
        "when = \"request.path == \\\"/\\\" && x\"",
        "3: rules.when: expected a condition in CEL; there is no x: conditions know request, response, client and vars (at character 24 of it)",
    ),
    (
        "point = \"response-out\"\ndirection = \"response\"",
        "3: rules.point: a rule has a `point` or a `direction`, not both",
    ),
    (
        "point = \"response\"",
        "3: rules.point: unknown variant `response`, expected one of `request-in`, `request-out`, `response-in`, `response-out`",
    ),
    (
        "services = [\"nobody\"]",
        "2: rules.services: expected one of [[services]], or a rule with a callout_server for \"nobody\"",
    ),
    (
        "services = [\"http://s.example/a b\"]\ncallout_server = \"adapt\"",
        "2:32: rules.services: expected one of [[services]], or an absolute URI that names a service: it contains ' ', which an absolute URI cannot hold",
    ),
    (
        "services = [\"tag\", \"http://s.example/a;b\"]\ncallout_server = \"adapt\"",
        "2:39: rules.services: expected one of [[services]], or an absolute URI that names a service: it contains ';', which separates the parts of a trace",
    ),
    (
        "services = [\"nobody\"]\ncallout_server = \"adapt\"",
        "2:14: rules.services: expected one of [[services]], or an absolute URI that names a service: it is not an absolute URI, such as http://opes.example.com/system",
    ),
    (
        "callout_server = \"adopt\"",
        "3: rules.callout_server: expected the name of one of [[callout_servers]], found \"adopt\"",
    ),
    (
        "parameters = { Level = \"x\" }",
        "3: rules.parameters: expected names of up to 64 of a-z, 0-9 and _, and values of up to 4096 octets, found \"Level\"",
    ),
    ("parameters = { level = 1 }", "3: rules.parameters: invalid type: integer `1`, expected a string"),
];

/// Further services that cannot be used.
const BAD_SERVICES: &[(&str, &str)] = &[
    (
        "uri = \"http://s.example/a\"\nkind = \"identity\"\ncallout_server = \"adapt\"",
        "4: services.callout_server: a service is on a callout server or of a `kind` in this process, not both",
    ),
    (
        "uri = \"http://s.example/a\"\nname = \"tag\"\nkind = \"identity\"",
        "3: services.name: two services are called \"tag\"",
    ),
    (
        "uri = \"http://services.example.com/tag\"\nkind = \"identity\"",
        "2: services.uri: two services are called \"http://services.example.com/tag\"",
    ),
    (
        "uri = \"http://s.example/a\"\ncallout_server = \"adopt\"",
        "3: services.callout_server: expected the name of one of [[callout_servers]], found \"adopt\"",
    ),
    (
        "uri = \"http://s.example/a\"\nkind = \"tag\"\nfind = \"x\"",
        "3: services.variable: a service of kind \"tag\" needs `variable`",
    ),
    (
        "uri = \"http://s.example/a\"\nkind = \"tag\"\nfind = \"x\"\nvariable = \"y\"\nto = \"z\"",
        "6: services.to: a service of kind \"tag\" has no `to`",
    ),
    (
        "uri = \"http://s.example/a\"\nfind = \"x\"",
        "3: services.find: a service without a `kind` has no `find`",
    ),
    (
        "uri = \"not a uri\"\ncallout_server = \"adapt\"",
        "2: services.uri: expected an absolute URI that names the service: it contains ' ', which an absolute URI cannot hold",
    ),
    (
        "uri = \"http://s.example/a\"\ncallout_server = \"adapt\"\nparameters = { \"\" = \"x\" }",
        "4: services.parameters: expected names of up to 64 of a-z, 0-9 and _, and values of up to 4096 octets, found \"\"",
    ),
    (
        "uri = \"http://s.example/a\"\nkind = \"identity\"\non_failure = \"shrug\"",
        "4: services.on_failure: unknown variant `shrug`, expected `fail` or `pass`",
    ),
    (
        "uri = \"http://s.example/a\"\nname = \"\"\nkind = \"identity\"",
        "3: services.name: expected a name, found none",
    ),
    (
        "uri = \"http://s.example/a\"\nkind = \"tag\"\nfind = \"x\"\nvariable = \"Bad Name\"",
        "5: services.variable: expected a name of up to 64 of a-z, 0-9 and _, and a value of up to 4096 octets",
    ),
];

/// What is said of the table, without the file's name; its lines are counted from its first.
pub(crate) fn said(table: &str) -> String {
    let text = format!("{BASE}{table}");
    let file = File::new(&text);
    let done = run_opes(&["check", file.argument()]);
    let said = done.stderr.trim_end().replace(file.argument(), "FILE");
    assert_eq!(done.status.code(), Some(2), "{table}\n{}", done.stdout);
    assert_eq!(said.lines().count(), 1, "one line: {said}");
    let first = BASE.lines().count();
    let (before, after) = said.split_once("FILE:").expect("the file is named");
    let (line, rest) = after.split_once(':').expect("the line is named");
    let line: usize = line.parse().unwrap_or_else(|_| panic!("a line in {said}"));
    assert_eq!(before, "opes: ");
    format!("{}:{rest}", line - first)
}

#[test]
fn what_is_wrong_with_a_rule_is_said_with_its_place() {
    for (keys, expected) in BAD {
        let services = if keys.contains("services") { "" } else { "services = [\"tag\"]\n" };
        assert_eq!(said(&format!("[[rules]]\n{services}{keys}\n")), *expected, "{keys}");
    }
}

#[test]
fn a_service_may_be_named_as_its_uri_is() {
    let service = "[[services]]\nuri = \"urn:a\"\nname = \"urn:a\"\nkind = \"identity\"\n";
    let file = File::new(&format!("{BASE}{service}[[rules]]\nservices = [\"urn:a\"]\n"));
    let done = run_opes(&["check", file.argument()]);
    assert_eq!(done.status.code(), Some(0), "{}", done.stderr);
}

#[test]
fn what_is_wrong_with_a_service_is_said_with_its_place() {
    for (keys, expected) in BAD_SERVICES {
        let table = format!("[[services]]\n{keys}\n[[rules]]\nservices = [\"http://s.example/a\"]\n");
        assert_eq!(said(&table), *expected, "{keys}");
    }
}
