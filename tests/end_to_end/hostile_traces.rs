//! Traces, bypasses and records that somebody wrote to do harm: the message stays what it is, no field is injected, and
//! no page is scripted.

use std::net::TcpListener;

use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use opes_sdk::TraceRecord;
use opes_tests::body::Body;
use opes_tests::client::{self, request, with_field};
use opes_tests::config::{Config, IDENTITY, Rule, SUBSTITUTE, SYSTEM};
use opes_tests::ocp::Peer;
use opes_tests::opes::Opes;
use opes_tests::origin::{Canned, Origin, Page};
use opes_tests::raw::Raw;
use opes_tests::records::Keeper;
use opes_tests::trace::id;
use serde_json::Value;

use crate::recording::Recording;

/// The values of a trace field, joined, lossily.
fn joined(headers: &HeaderMap, field: &str) -> String {
    let values = headers.get_all(field).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    values.collect::<Vec<_>>().join(", ")
}

/// The elements of a list, of which quoted strings are no parts (RFC 9110 section 5.6.1).
fn elements(value: &str) -> Vec<String> {
    let (mut elements, mut quoted, mut escaped) = (vec![String::new()], false, false);
    for c in value.chars() {
        if c == ',' && !quoted {
            elements.push(String::new());
            continue;
        }
        (quoted, escaped) = match (c, quoted, escaped) {
            (_, true, true) => (true, false),
            ('\\', true, false) => (true, true),
            ('"', ..) => (!quoted, false),
            _ => (quoted, false),
        };
        elements.last_mut().expect("there is one").push(c);
    }
    elements.into_iter().map(|element| element.trim().to_owned()).filter(|e| !e.is_empty()).collect()
}

/// Traces of others that are none, or that want to swallow ours. All can stand in a field.
const MALFORMED: &[&str] = &[
    "no-uri",
    "http://",
    "<script>alert(1)</script>",
    "http://a.example/;",
    "http://a.example/;=;=\"\"",
    "http://a.example/;x=\"<script>, http://opes.example.com/system;id=",
    "http://a.example/;x=\"\\",
    "http://a.example/;x=\"\\\"",
    ", , ,;;; ,",
    "http://a.example/;id=1;id=2;omitted=99999999999999999999999999",
    "http://opes.example.com/system;id=000000000000000000000000",
    "\"",
    "\u{ff}\u{e4}\u{fffd}",
    "javascript:alert(1)",
    "http://[::1/;a\tb=c",
];

// req: HTTP-4-05, HTTP-4-10
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_entries_of_others_stay_and_hide_nothing() {
    let (origin, server) = (Origin::start().await, Opes::server(&Config::server()));
    let config = Config::reverse(origin.address(), server.address);
    let rules = [Rule::request(&[IDENTITY]), Rule::response(&[SUBSTITUTE])];
    let keeper = Keeper::start(rules.iter().fold(config, Config::rule));
    for value in MALFORMED {
        // Octets past ASCII are those of UTF-8.
        let raw = HeaderValue::from_bytes(value.as_bytes()).expect("a field value");
        let body = "a cat".repeat(1000);
        let fields = FIELDS.map(|field| format!("{field}: {value}\r\n")).concat();
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{fields}X-Last: here\r\n\r\n", body.len());
        let canned = Canned::start(head + &body).await;
        let config = Config::reverse(canned.address(), server.address);
        let proxy = Opes::proxy(&rules.iter().fold(config, Config::rule));
        let answer = client::get(proxy.address, "/zoo").await;
        assert_eq!(answer.status, StatusCode::OK, "{value}");
        assert_eq!(answer.text(), "a tiger".repeat(1000), "{value}");
        assert_eq!(answer.headers["x-last"], "here", "{value}");
        assert_whole(&answer.headers, value, &[&format!("{SYSTEM}/processor"), SUBSTITUTE]);

        let mut asked = request(Method::GET, "/status/204");
        for field in FIELDS {
            asked.headers_mut().insert(field, raw.clone());
        }
        let answer = client::fetch(keeper.proxy.address, asked).await.expect("a whole response");
        assert_eq!(answer.status, 204, "{value}");
        let seen = origin.request(Method::GET, "/status/204").headers;
        assert_whole(&seen, value, &[&format!("{SYSTEM}/processor"), IDENTITY]);

        let asked = with_raw(request(Method::GET, "/status/200"), "opes-bypass", &raw);
        let asked = with_raw(asked, "opes-via", &raw);
        let answer = client::fetch(keeper.proxy.address, asked).await.expect("a whole response");
        assert_eq!(answer.status, 200, "{value}");
        let seen = origin.request(Method::GET, "/status/200").headers;
        assert_eq!(seen["opes-bypass"], raw, "it goes on as it is");
        assert_eq!(agents(&seen, "opes-via").last().map(String::as_str), Some(SYSTEM), "{value}: {seen:?}");
    }
}

const FIELDS: [&str; 4] = ["opes-system", "opes-via", "opes-processor", "opes-service"];

fn with_raw(mut request: Request<Body>, field: &'static str, value: &HeaderValue) -> Request<Body> {
    request.headers_mut().append(field, value.clone());
    request
}

/// The agents of a field, in order.
fn agents(headers: &HeaderMap, field: &str) -> Vec<String> {
    let agent = |element: String| element.split(';').next().unwrap_or_default().to_owned();
    elements(&joined(headers, field)).into_iter().map(agent).collect()
}

/// What others wrote is there, octet for octet, and behind it our entries, each an element of its own.
fn assert_whole(headers: &HeaderMap, value: &str, own: &[&str]) {
    for field in FIELDS {
        let there = joined(headers, field);
        assert!(there.contains(value.trim()), "{field}: {value:?} in {there:?}");
    }
    assert_eq!(
        agents(headers, "opes-system").last().map(String::as_str),
        Some(SYSTEM),
        "{value}: {headers:?}"
    );
    let claims = |field: &str| {
        let agents = agents(headers, field);
        agents[..agents.len() - 1].iter().filter(|agent| *agent == SYSTEM).count()
    };
    let own_entry = elements(&joined(headers, "opes-system")).pop().expect("our entry");
    assert_eq!(own_entry.contains(";claimed="), claims("opes-system") > 0, "{own_entry}: {headers:?}");
    let via = agents(headers, "opes-via");
    let expected = [&[SYSTEM], own].concat();
    assert!(via.len() >= expected.len() && via[via.len() - expected.len()..] == expected, "{value}: {via:?}");
}

/// So many octets of entries of others.
fn entries_of_others(octets: usize) -> String {
    let mut value = String::with_capacity(octets + 64);
    for number in 0.. {
        if value.len() >= octets {
            break;
        }
        value += &format!("http://other-{number}.example.net/opes;n={number}, ");
    }
    value.trim_end_matches([',', ' ']).to_owned()
}

/// An origin's head has a bound, too: past it there is a clear answer, and before it everything passes.
// req: HTTP-4-05
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_response_with_a_mebibyte_of_entries_passes_or_is_refused() {
    let server = Opes::server(&Config::server());
    let rule = Rule::response(&[SUBSTITUTE]);
    let mut statuses = Vec::new();
    for octets in [60_000, 300_000, 1 << 20] {
        let value = entries_of_others(octets);
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nOPES-System: {value}\r\nOPES-Via: x\r\n\r\n");
        let canned = Canned::start(head + "a cat").await;
        let proxy = Opes::proxy(&Config::reverse(canned.address(), server.address).rule(&rule));
        // Not the harness's client, which has a bound of its own.
        let mut peer = Peer::connect(proxy.address);
        peer.send("GET /zoo HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n\r\n");
        peer.expect_end();
        let text = peer.text();
        let (head, body) = text.split_once("\r\n\r\n").expect("a whole head");
        statuses.push(head[9..12].to_owned());
        if head.starts_with("HTTP/1.1 200 ") {
            assert!(body.contains("a tiger"), "{octets}: {body}");
            let lower = head.to_lowercase();
            let field = lower.lines().find_map(|line| line.strip_prefix("opes-system: "));
            let field = field.expect("the system's entry");
            assert!(field.starts_with(&value), "{octets}: what others wrote is there");
            // Past the bound on a trace only the required entries are there.
            assert_eq!(&field[value.len()..], format!(", {SYSTEM};omitted=2"), "{octets}");
            assert!(!head.contains(SUBSTITUTE), "{octets}");
        } else {
            assert!(head.starts_with("HTTP/1.1 502 "), "{octets}: {}", &head[..100.min(head.len())]);
            assert!(!body.contains("a tiger") && !body.contains("a cat"), "{octets}: {body}");
            let told = body.contains("limits.head_bytes");
            assert!(told || octets < 1 << 20, "it says what to raise: {body}");
        }
        let mut again = Peer::connect(proxy.address);
        again.send("GET /zoo HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n\r\n");
        again.expect_end();
        assert_eq!(again.text()[9..12], statuses[statuses.len() - 1], "{octets}: the proxy goes on");
    }
    assert_eq!(statuses, ["200", "502", "502"]);
}

/// With room for heads, entries of others pass both ways as they are: through services here and elsewhere, or through none.
// req: HTTP-4-05
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mebibyte_of_entries_passes_both_ways_where_heads_have_room() {
    const ROOM: &str = "[limits]\nhead_bytes = 2097152\n";
    let server = Opes::server(&Config::server().table(ROOM));
    let value = entries_of_others(1 << 20);
    // In one field, and in many.
    let one = format!("OPES-Via: {value}\r\n");
    let many: String = value
        .split(", ")
        .collect::<Vec<_>>()
        .chunks(350)
        .map(|some| format!("OPES-Via: {}\r\n", some.join(", ")))
        .collect();
    for (fields, applied) in [(&one, true), (&many, true), (&one, false)] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let config = Config::reverse(listener.local_addr().expect("bound"), server.address).table(ROOM);
        let rules = [Rule::request(&[IDENTITY]), Rule::response(&[SUBSTITUTE])];
        let proxy = Opes::proxy(&if applied { rules.iter().fold(config, Config::rule) } else { config });
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n{fields}X-Last: here\r\n\r\na cat");
        let origin = std::thread::spawn(move || {
            let mut origin = Peer::accept(&listener);
            origin.expect("\r\n\r\n");
            origin.send(answer);
            origin.text()
        });
        let mut client = Peer::connect(proxy.address);
        client.send(format!(
            "GET /zoo HTTP/1.1\r\nHost: www.example.com\r\n{fields}X-Last: here\r\nConnection: close\r\n\r\n"
        ));
        client.expect_end();
        let forwarded = origin.join().expect("the origin's request");
        for (text, what) in [(&forwarded, "request"), (&client.text(), "response")] {
            let (head, _) = text.split_once("\r\n\r\n").expect("a whole head");
            assert!(
                head.starts_with("GET /zoo ") || head.starts_with("HTTP/1.1 200 "),
                "{what}: {}",
                &head[..60]
            );
            let via = head.lines().filter_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("opes-via").then_some(value)
            });
            let via = via.collect::<Vec<_>>().join(", ");
            assert!(via.starts_with(&value), "{what}: what others wrote is there, in its order");
            assert!(
                via[value.len()..].starts_with(&format!(", {SYSTEM}")),
                "{what}: {}",
                &via[value.len()..]
            );
            assert!(head.to_lowercase().contains("\r\nx-last: here"), "{what}");
        }
        assert_eq!(client.text().contains("a tiger"), applied);
    }
}

// req: HTTP-4-05
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_with_a_mebibyte_of_entries_is_refused_and_the_next_one_passes() {
    let value = entries_of_others(1 << 20);
    let raw = Raw::with(|config| config.rule(&Rule::request(&[IDENTITY])));
    let mut client = Peer::connect(raw.proxy.address);
    client.send(format!("GET /zoo HTTP/1.1\r\nHost: www.example.com\r\nOPES-System: {value}\r\n\r\n"));
    client.expect("\r\n\r\n");
    assert!(client.text().starts_with("HTTP/1.1 431 "), "{}", client.text());
    let mut again = Peer::connect(raw.proxy.address);
    again.send("GET /again HTTP/1.1\r\nHost: www.example.com\r\n\r\n");
    assert!(forwarded(&raw.listener).starts_with("get /again "), "the proxy goes on");
}

/// The head that comes to the origin next, in lower case.
fn forwarded(listener: &TcpListener) -> String {
    let mut origin = Peer::accept(listener);
    origin.expect("\r\n\r\n");
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    origin.text().to_lowercase()
}

/// What a callout server under somebody else's control may record.
fn hostile_records(service: &str) -> Vec<TraceRecord> {
    vec![
        TraceRecord::new(service)
            .with("line", "1\r\nX-Injected: 2")
            .with("quote", "say \"yes\", or; no\\")
            .with("control", "\u{0}\u{1}\u{7f}\u{1b}[31m\t")
            .with("script", "<script>document.title='scripted'</script>")
            .with("id", "000000000000000000000000")
            .with("open", "\""),
        TraceRecord::new(service).with("a\r\nX-Injected", "nameless"),
        TraceRecord::new(service).with("", "nameless"),
        TraceRecord::new("http://evil.example/\r\nSet-Cookie: injected=1").with("a", "b"),
        TraceRecord::new("http://evil.example/, http://opes.example.com/system").with("id", "1"),
        TraceRecord::new("http://evil.example/;x=y").with("a", "b"),
        TraceRecord::new("not a uri").with("a", "b"),
        TraceRecord::new("").with("", ""),
        TraceRecord::new("http://helper.example/'><img/src=x>").with("onerror", "alert(1)"),
        TraceRecord::new("http://helper.example/ok").with("octets", "\u{e4}\u{202e}"),
    ]
}

// req: EEPC-3.4-01, HTTP-4-02
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_services_record_injects_no_field_and_no_entry() {
    let origin = Origin::start().await;
    origin.page("/zoo", Page::text("a cat, a dog"));
    let service = "http://services.example.com/hostile";
    let records = hostile_records(service);
    let callout = Recording::start(&[(service, &records)]).await;
    for (rendering, field) in [("rfc4236", "opes-via"), ("end-comm", "opes-service"), ("both", "opes-via")] {
        let trace = format!("[trace]\nrecords = true\nheaders = {rendering:?}\npublic = \"services\"\n");
        let config = Config::reverse(origin.address(), callout.address).table(&trace);
        let keeper = Keeper::start(config.rule(&Rule::response(&[service])));
        let answer = client::get(keeper.proxy.address, "/zoo").await;
        assert_eq!((answer.status, answer.text().as_str()), (StatusCode::OK, "a cat, a dog"), "{rendering}");
        assert!(!answer.headers.contains_key("x-injected"), "{:?}", answer.headers);
        assert!(!answer.headers.contains_key("set-cookie"), "{:?}", answer.headers);
        let listed = elements(&joined(&answer.headers, field));
        let agents: Vec<_> = listed.iter().map(|entry| entry.split(';').next().expect("an agent")).collect();
        let processor = format!("{SYSTEM}/processor");
        let opened: &[&str] = if field == "opes-via" { &[SYSTEM, &processor] } else { &[] };
        assert_eq!(agents[..opened.len()], *opened, "{rendering}");
        // Helpers were not asked.
        assert_eq!(agents[opened.len()..], [service], "{rendering}: {listed:?}");
        let own = &listed[opened.len()];
        assert!(own.contains(";script=\"<script>"), "{own}");
        assert!(own.contains(";quote=\"say \\\"yes\\\", or; no\\\\\""), "{own}");
        assert!(own.contains(";line=\"1  X-Injected: 2\""), "{own}");
        assert!(!own.contains("nameless") && own.contains(";open=\"\\\"\""), "{own}");
        let system = elements(&joined(&answer.headers, "opes-system"));
        assert_eq!(system.len(), 1, "{system:?}");

        let id = id(&answer.headers).expect("an id in the trace");
        let record = keeper.record(&id).await;
        assert!(record["services"][0]["parameters"].as_array().is_some_and(|all| all.len() >= 6), "{record}");
        let strangers =
            records.iter().filter(|record| record.agent.starts_with("http://helper.example/")).count();
        assert!(record["strangers"].as_u64() >= Some(strangers as u64), "they are counted: {record}");
        let page = keeper.page(&format!("/messages/{id}")).await;
        assert_eq!(page.status, StatusCode::OK);
        assert_unscripted(&page.text());
        assert!(page.text().contains("&lt;script&gt;document.title"), "it is shown as text");
        assert_unscripted(&keeper.page("/").await.text());
        assert_unscripted(&keeper.public(&format!("?id={id}"), "text/html").await.text());
    }
}

/// A page that holds nothing but our own tags.
fn assert_unscripted(page: &str) {
    let tags = page.split('<').skip(1);
    let name = |tag: &str| {
        tag.split(|c: char| !c.is_ascii_alphanumeric() && c != '/' && c != '!').next().map(str::to_owned)
    };
    for tag in tags {
        let name = name(tag).unwrap_or_default().to_ascii_lowercase();
        let known =
            !matches!(name.trim_start_matches('/'), "script" | "img" | "iframe" | "object" | "x" | "");
        assert!(known, "<{}", &tag[..tag.len().min(80)]);
        let attributes = tag.split('>').next().unwrap_or_default();
        assert!(!attributes.contains(" on") && !attributes.contains("javascript:"), "<{attributes}");
    }
}

const MARKUP: &str = "\"'><script>document.title='scripted'</script><img src=x onerror=alert(1)>";

/// What clients and origins write stands in records as text: methods, URIs, fields, reasons.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_page_is_scripted_by_what_a_message_holds() {
    let (origin, server) = (Origin::start().await, Opes::server(&Config::server()));
    let config = Config::reverse(origin.address(), server.address)
        .table("[trace]\npublic = \"services\"\n")
        .rule(&Rule::request(&[IDENTITY]))
        .rule(&Rule::response(&[SUBSTITUTE]));
    let store = "uri = \"full\"\nclient = \"full\"\nheaders = [\"user-agent\", \"opes-system\", \"x-odd\"]\n";
    let keeper = Keeper::keeping(config, store);
    origin.page("/\"{odd}'", Page::text("a cat").field("x-odd", MARKUP).field("opes-system", MARKUP));
    let target = "/\"{odd}'?q='onload=alert(1)//{}";
    let asked =
        with_field(request(Method::from_bytes(b"ODD!#$'*|`~").unwrap(), target), "user-agent", MARKUP);
    let asked = with_field(with_field(asked, "opes-system", MARKUP), "opes-bypass", MARKUP);
    let answer = client::fetch(keeper.proxy.address, asked).await.expect("a whole response");
    assert_eq!(answer.text(), "a cat", "it is bypassed, by a URI of nobody");
    for direction in ["request", "response"] {
        let record = keeper
            .recent(direction, |message: &Value| message["direction"].as_str() == Some(direction))
            .await;
        assert!(record.to_string().contains("document.title"), "the attempt is kept: {record}");
        let id = record["id"].as_str().expect("an id");
        let page = keeper.page(&format!("/messages/{id}")).await;
        assert_eq!(page.status, StatusCode::OK);
        assert_unscripted(&page.text());
        assert!(page.text().contains("&lt;script&gt;"), "it is shown as text: {}", page.text());
        let policy = page.headers["content-security-policy"].to_str().expect("a policy");
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
    }
    for path in ["/", "/?uri=%3Cscript%3E%22", "/messages/%3Cscript%3E", "/%3Cscript%3E"] {
        assert_unscripted(&keeper.page(path).await.text());
    }
    for query in ["?id=%3Cscript%3E", "?%3Cscript%3E", "?id=1&id=%22onload=x"] {
        assert_unscripted(&keeper.public(query, "text/html").await.text());
    }
}
