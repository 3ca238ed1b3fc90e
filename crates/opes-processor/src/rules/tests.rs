use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use ocp::client::{Client, ClientConfig};
use opes_profile::trace::OPES_BYPASS;
use opes_services::{Peek, Tag};

use super::*;

const A: &str = "http://services.example.com/a";
const B: &str = "http://services.example.com/b";
const C: &str = "http://services.example.com/c";
const SYSTEM: &str = "http://opes.example.com/system";

fn rule(name: &str, point: Point, condition: &str, services: &[&str]) -> Rule {
    let client = Client::new(ClientConfig::new("127.0.0.1:9"));
    let run = Run {
        read_only: [A.to_owned()].into(),
        request_octets: services.len() as u64,
        ..Run::callout(client, services.iter().copied())
    };
    let condition = (!condition.is_empty()).then(|| Condition::new(condition, point).unwrap());
    Rule { condition, ..Rule::new(name, point, vec![run]) }
}

fn rules(rules: Vec<Rule>) -> Rules {
    Rules::new(rules, vec![SYSTEM.to_owned()])
}

fn unconditional() -> Rules {
    rules(vec![
        rule("both", Point::ResponseOut, "", &[A, B]),
        rule("request", Point::RequestIn, "", &[C]),
        rule("never", Point::ResponseOut, "", &[C]),
    ])
}

/// A message, described by what differs from a plain one.
struct Message {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    status: StatusCode,
    answer: HeaderMap,
    variables: Variables,
}

impl Default for Message {
    fn default() -> Self {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("Shop.Example:8080"));
        headers.append("x-tag", HeaderValue::from_static("one"));
        headers.append("x-tag", HeaderValue::from_static("two"));
        let mut answer = HeaderMap::new();
        answer.insert("content-type", HeaderValue::from_static("Text/HTML; charset=utf-8"));
        answer.insert("content-encoding", HeaderValue::from_static("gzip, BR"));
        Self {
            method: Method::GET,
            uri: Uri::from_static("/cart/7?buy=1"),
            headers,
            status: StatusCode::OK,
            answer,
            variables: [("score".to_owned(), "9".to_owned())].into(),
        }
    }
}

impl Message {
    fn facts(&self, response: bool) -> Facts<'_> {
        let request = RequestFacts {
            method: &self.method,
            uri: &self.uri,
            secure: false,
            headers: &self.headers,
            length: Some(0),
        };
        let response =
            response.then_some(ResponseFacts { status: self.status, headers: &self.answer, length: None });
        Facts { request, response, client: Some("192.0.2.7"), variables: &self.variables }
    }
}

fn holds(condition: &str) -> Result<bool, String> {
    let condition =
        Condition::new(condition, Point::ResponseOut).unwrap_or_else(|error| panic!("{condition}: {error}"));
    condition.holds(&Message::default().facts(true))
}

fn selected(rules: &Rules, point: Point, bypass: &str) -> Vec<String> {
    let mut headers = HeaderMap::new();
    if !bypass.is_empty() {
        headers.insert(OPES_BYPASS, HeaderValue::from_str(bypass).unwrap());
    }
    let message = Message::default();
    let facts = message.facts(Point::RESPONSE.contains(&point));
    let plan = rules.select(point, &facts, &Bypass::parse(&headers), Allowed::All).unwrap();
    plan.map_or(Vec::new(), |plan| plan.runs.iter().flat_map(|run| run.group.services.to_vec()).collect())
}

#[test]
fn the_first_rule_of_a_point_decides() {
    assert_eq!(selected(&unconditional(), Point::ResponseOut, ""), [A, B]);
    assert_eq!(selected(&unconditional(), Point::RequestIn, ""), [C]);
    assert_eq!(selected(&unconditional(), Point::RequestOut, ""), [""; 0]);
}

// RFC 3897 section 4: a bypassed service is not invoked; the others are.
// req: EEPC-4-01
#[test]
fn bypass_removes_what_it_names() {
    let rules = unconditional();
    assert_eq!(selected(&rules, Point::ResponseOut, A), [B]);
    assert_eq!(selected(&rules, Point::ResponseOut, &format!("{A}, {B}")), [""; 0]);
    assert_eq!(selected(&rules, Point::ResponseOut, C), [A, B], "a service of another rule");
    assert_eq!(selected(&rules, Point::RequestIn, C), [""; 0]);
}

// RFC 3897 section 4: the system's identifier matches all its services; an unknown one has to be taken to.
#[test]
fn bypass_of_the_system_or_of_something_unknown_removes_all() {
    for bypass in ["*", SYSTEM, "http://unknown.example.org/x", "not a uri"] {
        assert_eq!(selected(&unconditional(), Point::ResponseOut, bypass), [""; 0], "{bypass}");
    }
}

// A service that only other rules apply is known nevertheless, and so no wildcard.
#[test]
fn services_of_rules_that_are_left_out_are_known() {
    let named = unconditional().named(&["both".to_owned()]);
    assert_eq!(selected(&named, Point::ResponseOut, C), [A, B]);
    assert_eq!(selected(&named, Point::ResponseOut, "http://unknown.example.org/x"), [""; 0]);
}

// RFC 9111 section 5.2.2.6.
#[test]
fn where_nothing_may_be_changed_only_those_are_left_that_never_do() {
    let (rules, message) = (unconditional(), Message::default());
    let select = |point, allowed| rules.select(point, &message.facts(true), &Bypass::None, allowed).unwrap();
    let left = select(Point::ResponseOut, Allowed::ReadOnly).expect("one is left");
    assert_eq!((&*left.runs[0].group.services, left.changes()), (&[A.to_owned()][..], false));
    assert!(select(Point::RequestIn, Allowed::ReadOnly).expect("a rule matches").runs.is_empty());
    assert!(select(Point::ResponseOut, Allowed::All).expect("all are left").changes());
}

#[test]
fn a_condition_that_does_not_hold_leaves_the_message_to_the_next_rule() {
    let rules = rules(vec![
        rule("posts", Point::ResponseOut, "request.method == 'POST'", &[A]),
        rule("html", Point::ResponseOut, "response.type == 'text/html'", &[B]),
        rule("rest", Point::ResponseOut, "", &[C]),
    ]);
    assert_eq!(selected(&rules, Point::ResponseOut, ""), [B]);
    let message = Message { answer: HeaderMap::new(), ..Message::default() };
    let plan = rules.select(Point::ResponseOut, &message.facts(true), &Bypass::None, Allowed::All).unwrap();
    assert_eq!(&*plan.unwrap().rule, "rest");
}

#[test]
fn conditions_see_the_whole_head_of_both_messages() {
    for condition in [
        "request.method == 'GET'",
        "request.scheme == 'http' && request.host == 'shop.example' && request.port == 8080",
        "request.url == 'http://Shop.Example:8080/cart/7?buy=1'",
        "request.path.startsWith('/cart/') && request.query == 'buy=1'",
        "request.length == 0 && response.length == -1",
        "request.headers['X-Tag'] == ['one', 'two']",
        "request.headers['x-tag'].exists(tag, tag == 'two')",
        "'x-tag' in request.headers && !('x-none' in request.headers)",
        "request.headers['x-none'] == [] && size(request.headers['x-none']) == 0",
        "request.headers.host[0].lowerAscii().endsWith('8080')",
        "'host' in request.headers && 'score' in vars && !('none' in vars)",
        "has({'a': 1}.a) && request.path.substring(1, 5).replace('c', 'd') == 'dart'",
        "response.status >= 200 && response.status < 300",
        "response.type == 'text/html'",
        "response.coding == ['gzip', 'br'] && 'br' in response.coding",
        "client.address.matches('^192[.]0[.]2[.]')",
        "vars.score == '9' && vars['none'] == '' && int(vars.score) > 8",
        "[1, 2].exists(n, n == 2) ? true : false",
    ] {
        assert_eq!(holds(condition), Ok(true), "{condition}");
        assert_eq!(holds(&format!("!({condition})")), Ok(false), "{condition}");
    }
}

#[test]
fn hosts_are_found_in_every_form_of_a_target() {
    for (uri, host, expected, port) in [
        ("http://user@Example.com/x", "other", "example.com", 80),
        ("https://example.com/", "other", "example.com", 443),
        ("/x", "[2001:db8::1]:81", "[2001:db8::1]", 81),
        ("/x", "", "", 80),
    ] {
        let uri: Uri = uri.parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_str(host).unwrap());
        let message = Message { uri, headers, ..Message::default() };
        let condition = format!("request.host == '{expected}' && request.port == {port}");
        let condition = Condition::new(&condition, Point::RequestIn).unwrap();
        assert_eq!(condition.holds(&message.facts(false)), Ok(true), "{host} {expected}");
    }
}

#[test]
fn what_can_be_found_before_a_message_comes_is_found_with_its_place() {
    for (condition, offset, problem) in [
        (
            "request.methd == 'GET'",
            7,
            "there is no request.methd: request has method, url, scheme, host, port",
        ),
        ("true && foo", 8, "there is no foo"),
        ("request == 1", 0, "request is no value of its own"),
        ("response.status == '200'", 16, "`==` does not go with an int and a string"),
        ("request.path", 7, "a condition is true or false, this is a string"),
        ("request.path && true", 13, "`&&` does not go with a string and a bool"),
        ("request.path.lower() == 'x'", 18, "there is no function lower"),
        ("size(request.path, 1) == 1", 4, "size takes one value, not 2"),
        ("request.port.startsWith('8')", 23, "startsWith is for strings, not for an int"),
        ("request.headers['x'] == 'one'", 21, "`==` does not go with a list of strings and a string"),
        ("request.path.matches('(')", 20, "\"(\" is no regular expression"),
        ("request.path.matches(request.query)", 20, "matches takes a pattern that is written out"),
        ("request.path.exists(x, true)", 7, "a string cannot be gone through"),
        ("has(vars.none)", 3, "has() says nothing of all variables: say 'none' in them"),
        ("has(request.path)", 3, "request.path is always there"),
        ("vars == vars", 5, "`==` does not go with all variables and all variables"),
        ("size(vars) == 0", 4, "size does not take all variables"),
        ("int(request.headers['x']) == 0", 3, "int does not take a list of strings"),
        ("request.path.contains()", 21, "contains does not take 0 values"),
        ("request.path.contains(1)", 22, "contains does not take an int"),
        ("request.coding.join(1) == ''", 20, "join does not take an int"),
        ("1 + ", 4, "no CEL expression"),
        ("'é' == request.path && foo", 24, "there is no foo"),
    ] {
        let error = Condition::new(condition, Point::ResponseOut).expect_err(condition);
        assert!(error.problem.contains(problem), "{condition}: {error}");
        assert_eq!(error.offset, offset, "{condition}: {error}");
    }
    let early = Condition::new("response.status == 200", Point::RequestOut).expect_err("no response yet");
    assert_eq!(early.problem, "there is no response yet at request-out");
}

#[test]
fn a_condition_that_cannot_be_told_is_a_failure_and_never_no_match() {
    const UNTOLD: &str = "int(request.query) == 1";
    let broken = |policy| Rule { on_failure: policy, ..rule("broken", Point::RequestIn, UNTOLD, &[A]) };
    let after = || rule("after", Point::RequestIn, "", &[B]);
    let message = Message::default();
    let select =
        |rules: Rules| rules.select(Point::RequestIn, &message.facts(false), &Bypass::None, Allowed::All);
    let failed = select(rules(vec![broken(OnFailure::Fail), after()])).err().expect("a failure");
    assert_eq!(&*failed.rule, "broken");
    assert!(select(rules(vec![broken(OnFailure::Pass), after()])).unwrap().is_none(), "not the next rule's");
}

#[test]
fn what_is_bypassed_anyway_need_not_be_told() {
    let untold = rules(vec![rule("untold", Point::ResponseOut, "int(request.query) == 1", &[A])]);
    for bypass in [A, "*"] {
        assert_eq!(selected(&untold, Point::ResponseOut, bypass), [""; 0]);
    }
}

#[test]
fn a_prospect_counts_every_rule_that_may_still_match() {
    let message = Message::default();
    let prospect = |list: Vec<Rule>| rules(list).prospect(&message.facts(false), &Bypass::None, Allowed::All);
    let late = || rule("late", Point::ResponseIn, "response.status == 200", &[A, A]);
    let never = || rule("never", Point::ResponseIn, "request.method == 'PUT'", &[B, B, B]);
    let always = || rule("always", Point::ResponseIn, "", &[A]);
    let asking = Prospect { sees_request: true, ..Prospect::default() };
    let reading = |octets| Prospect { adapts: true, request_octets: octets, ..asking };
    assert_eq!(prospect(vec![never()]), asking, "it is asked again for the response");
    assert_eq!(prospect(vec![late(), always()]), reading(2));
    assert_eq!(prospect(vec![always(), late()]), reading(1), "the first decides");
    let changing = rule("changing", Point::ResponseOut, "vars.score == '1'", &[B]);
    assert_eq!(prospect(vec![always(), changing]), Prospect { changes: true, ..reading(1) });
}

#[test]
fn a_prospect_tells_whether_the_request_is_looked_at_again() {
    let message = Message::default();
    let sees = |list: Vec<Rule>| {
        rules(list).prospect(&message.facts(false), &Bypass::None, Allowed::All).sees_request
    };
    let here = |condition: &str| {
        let condition =
            (!condition.is_empty()).then(|| Condition::new(condition, Point::ResponseIn).unwrap());
        let peek = Run::here(vec![Arc::new(Peek::new("urn:peek", 1, "x", "no"))]);
        Rule { condition, ..Rule::new("here", Point::ResponseIn, vec![peek]) }
    };
    assert!(!sees(vec![here("")]), "it looks at payload only");
    assert!(!sees(vec![here("response.status == 200"), here("")]));
    assert!(!sees(vec![here(""), here("request.method == 'GET'")]), "the first decides");
    for asking in [
        "request.method == 'GET'",
        "request.method == 'PUT'",
        "response.status == 200 && request.path == '/'",
    ] {
        assert!(sees(vec![here(asking), here("")]), "{asking}");
    }
    let given = Run::here(vec![Arc::new(Tag::new("urn:tag", 1, "x", "variable", "value"))]);
    assert!(sees(vec![Rule::new("given", Point::ResponseOut, vec![given])]), "it gets attributes");
    assert!(sees(vec![rule("callout", Point::ResponseOut, "", &[A])]), "it goes with the message");
}
