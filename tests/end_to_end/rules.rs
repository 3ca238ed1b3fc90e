//! Rules at the four points: which one matches, what its services make of the message, and who was there.

use http::{HeaderMap, Method};
use opes_tests::body::full;
use opes_tests::client::{Answer, fetch, request, with_body, with_field};
use opes_tests::config::Config;
use opes_tests::opes::Opes;
use opes_tests::origin::{Origin, Page};
use opes_tests::trace::agents;

const SERVICES: &str = "http://services.example.com/";

/// What the callout servers have beside the usual: who tags, and a third animal.
const THERE: &[(&str, &str, &str)] = &[
    ("tag-there", "tag", "find = \"cat\"\nvariable = \"far\"\nvalue = \"there\""),
    ("third", "substitute", "from = \"lion\"\nto = \"mouse\""),
];

/// The services under names: here, on `adapt`, on `other`, and on a server that is down.
const NAMED: &[(&str, &str)] = &[
    ("mark", "kind = \"identity\""),
    ("tag-here", "kind = \"tag\"\nfind = \"cat\"\nvariable = \"near\"\nvalue = \"here\""),
    ("to-tiger", "kind = \"substitute\"\nfrom = \"cat\"\nto = \"tiger\""),
    ("to-cheese", "kind = \"substitute\"\nfrom = \"mouse\"\nto = \"cheese\""),
    ("refuse", "kind = \"block\"\nreason = \"not for you\""),
    ("tag-there", "callout_server = \"adapt\""),
    ("second", "callout_server = \"adapt\""),
    ("third", "callout_server = \"other\""),
    ("gone", "callout_server = \"dead\""),
];

/// Origin and callout servers, for as many proxies as a table has rows.
struct Ground {
    origin: Origin,
    adapt: Opes,
    other: Opes,
}

impl Ground {
    async fn start() -> Self {
        let origin = Origin::start().await;
        origin.page("/cat", Page::text("A cat.").field("x-kind", "pet"));
        origin.page("/coded", Page::new("text/css", "A cat.").field("content-encoding", "x-one, X-Two"));
        let server = THERE.iter().fold(Config::server(), |config, (name, kind, rest)| {
            config.service(&format!("{SERVICES}{name}"), kind, rest)
        });
        Self { origin, adapt: Opes::server(&server), other: Opes::server(&server) }
    }

    /// A proxy with these rules, written as tables.
    fn proxy(&self, rules: &str) -> Opes {
        let servers = [("other", self.other.address.to_string()), ("dead", "127.0.0.1:9".to_owned())];
        let config = Config::reverse(self.origin.address(), self.adapt.address);
        let config = servers.iter().fold(config, |config, (name, address)| {
            config.table(&format!("[[callout_servers]]\nname = {name:?}\naddress = {address:?}"))
        });
        let config = NAMED.iter().fold(config, |config, (name, rest)| {
            config.table(&format!("[[services]]\nuri = \"{SERVICES}{name}\"\nname = {name:?}\n{rest}"))
        });
        Opes::proxy(&config.table(rules))
    }

    /// Posts a text to the echo of the origin, with these fields.
    async fn post(&self, proxy: &Opes, fields: &[(&'static str, &str)], text: &str) -> Answer {
        let asked = with_body(Method::POST, "/echo", full(text.to_owned()));
        let asked = fields.iter().fold(asked, |asked, (name, value)| with_field(asked, name, value));
        fetch(proxy.address, asked).await.expect("a whole response")
    }

    /// The services that the latest request had passed when it came to the origin.
    fn asked(&self) -> Vec<String> {
        services(&self.origin.seen().last().expect("a request").headers)
    }
}

/// The services of a message's trace, by their short names, in order.
fn services(headers: &HeaderMap) -> Vec<String> {
    let agents = agents(headers, "opes-via");
    agents.iter().filter_map(|agent| agent.strip_prefix(SERVICES)).map(str::to_owned).collect()
}

fn rule(point: &str, when: &str, services: &[&str], rest: &str) -> String {
    let when = if when.is_empty() { String::new() } else { format!("when = '''{when}'''\n") };
    format!("[[rules]]\npoint = {point:?}\n{when}services = {services:?}\n{rest}\n")
}

/// Conditions that hold for `POST /echo?x=1&y` with the fields below; each is tried with its negation, too.
const OF_REQUEST: &[&str] = &[
    "request.method == 'POST'",
    "request.url == 'http://www.example.com/echo?x=1&y'",
    "request.scheme == 'http' && request.host == 'www.example.com' && request.port == 80",
    "request.path == '/echo' && request.path.matches('^/ec.o$') && request.query.endsWith('&y')",
    "request.headers['X-Two'] == ['a', 'b'] && 'b' in request.headers['x-two']",
    "request.headers['x-two'].exists(value, value == 'b')",
    "request.headers['x-none'] == [] && !('x-none' in request.headers)",
    "!request.headers['x-none'].exists(value, true) && size(request.headers['x-none']) == 0",
    "client.address == '127.0.0.1'",
    "request.type == 'text/html'",
    "request.length == 6",
    "request.coding == ['x-one', 'x-two']",
    "vars.near == '' && !('near' in vars)",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conditions_see_the_request_as_it_came() {
    let ground = Ground::start().await;
    for condition in OF_REQUEST {
        for (condition, matches) in [((*condition).to_owned(), true), (format!("!({condition})"), false)] {
            let proxy = ground.proxy(&rule("request-in", &condition, &["mark"], ""));
            let asked = with_body(Method::POST, "/echo?x=1&y", full("A cat."));
            let fields = [
                ("x-two", "a"),
                ("x-two", "b"),
                ("content-type", "Text/HTML; charset=utf-8"),
                ("content-encoding", "x-one, X-Two"),
            ];
            let asked = fields.iter().fold(asked, |asked, (name, value)| with_field(asked, name, value));
            let answer = fetch(proxy.address, asked).await.expect("a whole response");
            assert_eq!(answer.text(), "A cat.", "{condition}");
            let expected: &[&str] = if matches { &["mark"] } else { &[] };
            assert_eq!(ground.asked(), expected, "{condition}");
        }
    }
}

/// Conditions that hold for the response to `GET` of the path.
const OF_RESPONSE: &[(&str, &str)] = &[
    ("/cat", "response.status == 200 && response.status < 300"),
    ("/status/404", "response.status == 404 && response.type == '' && response.coding == []"),
    ("/cat", "response.headers['x-kind'] == ['pet'] && response.headers['x-none'] == []"),
    ("/cat", "response.type == 'text/plain' && response.length == 6"),
    ("/bytes/9?framing=chunked", "response.length == -1"),
    ("/coded", "response.coding == ['x-one', 'x-two'] && response.type == 'text/css'"),
    ("/cat", "request.method == 'GET' && request.path == '/cat' && client.address == '127.0.0.1'"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conditions_see_the_response_and_its_request() {
    let ground = Ground::start().await;
    for (path, condition) in OF_RESPONSE {
        for point in ["response-in", "response-out"] {
            for (condition, matches) in [((*condition).to_owned(), true), (format!("!({condition})"), false)]
            {
                let proxy = ground.proxy(&rule(point, &condition, &["mark"], ""));
                let answer = fetch(proxy.address, request(Method::GET, path)).await.expect("a response");
                let expected: &[&str] = if matches { &["mark"] } else { &[] };
                assert_eq!(services(&answer.headers), expected, "{path} {condition}");
            }
        }
    }
}

/// What a set of rules makes of `POST /echo` with `A cat.`.
struct Case {
    what: &'static str,
    /// Point, condition, services, further keys.
    rules: &'static [(&'static str, &'static str, &'static [&'static str], &'static str)],
    fields: &'static [(&'static str, &'static str)],
    status: u16,
    /// The services that the request passed, where it came to the origin.
    there: Option<&'static [&'static str]>,
    /// The services that the response passed.
    back: &'static [&'static str],
    text: &'static str,
}

const PLAIN: Case =
    Case { what: "", rules: &[], fields: &[], status: 200, there: Some(&[]), back: &[], text: "A cat." };

const CASES: &[Case] = &[
    Case { what: "no rules", ..PLAIN },
    Case {
        what: "the first match of a point decides",
        rules: &[
            ("request-in", "request.method == 'GET'", &["refuse"], ""),
            ("request-in", "request.method == 'POST'", &["mark"], ""),
            ("request-in", "", &["refuse"], ""),
        ],
        there: Some(&["mark"]),
        ..PLAIN
    },
    Case {
        what: "each point sees the result of the one before",
        rules: &[
            ("response-out", "response.length != 0", &["third"], ""),
            ("response-in", "", &["second"], ""),
            ("request-out", "", &["mark"], ""),
            ("request-in", "", &["to-tiger"], ""),
        ],
        there: Some(&["to-tiger", "mark"]),
        back: &["second", "third"],
        text: "A mouse.",
        ..PLAIN
    },
    Case {
        what: "a chain across this process and two servers, in its order",
        rules: &[("response-out", "", &["to-tiger", "second", "third", "to-cheese"], "")],
        back: &["to-tiger", "second", "third", "to-cheese"],
        text: "A cheese.",
        ..PLAIN
    },
    Case {
        what: "a chain in the other order does something else",
        rules: &[("request-in", "", &["to-cheese", "third", "second", "to-tiger"], "")],
        there: Some(&["to-cheese", "third", "second", "to-tiger"]),
        text: "A tiger.",
        ..PLAIN
    },
    Case {
        what: "a variable set here is seen at the next point and by the response",
        rules: &[
            ("request-in", "", &["tag-here"], ""),
            ("request-out", "vars.near == 'here' && vars.far == ''", &["mark"], ""),
            ("response-in", "vars['near'] == 'here'", &["to-tiger"], ""),
        ],
        there: Some(&["tag-here", "mark"]),
        back: &["to-tiger"],
        text: "A tiger.",
        ..PLAIN
    },
    Case {
        what: "a variable set on a callout server is seen at the next point",
        rules: &[
            ("request-in", "", &["tag-there"], ""),
            ("request-out", "vars.far == 'there' && vars.near == ''", &["mark"], ""),
        ],
        there: Some(&["tag-there", "mark"]),
        ..PLAIN
    },
    Case {
        what: "variables that a response sets, here and there",
        rules: &[
            ("response-in", "!('far' in vars)", &["tag-there", "tag-here"], ""),
            ("response-out", "vars.far + vars.near == 'therehere'", &["to-tiger"], ""),
        ],
        back: &["tag-there", "tag-here", "to-tiger"],
        text: "A tiger.",
        ..PLAIN
    },
    Case {
        what: "a parameter says another value, here and over OCP",
        rules: &[
            ("request-in", "", &["tag-here", "tag-there"], "parameters = { value = \"told\" }"),
            ("response-out", "vars.far == 'told' && vars.near == 'told'", &["mark"], ""),
        ],
        there: Some(&["tag-here", "tag-there"]),
        back: &["mark"],
        ..PLAIN
    },
    Case {
        what: "pass: a run on a dead server between two live ones is left out",
        rules: &[("response-out", "", &["to-tiger", "gone", "second"], "on_failure = \"pass\"")],
        back: &["to-tiger", "second"],
        text: "A lion.",
        ..PLAIN
    },
    Case {
        what: "fail: a run on a dead server fails the response",
        rules: &[("response-out", "", &["to-tiger", "gone", "second"], "")],
        status: 502,
        text: "A service that this message needs is not available.\n",
        ..PLAIN
    },
    Case {
        what: "fail: the same for a request, which does not reach the origin",
        rules: &[("request-in", "", &["to-tiger", "gone"], "")],
        status: 502,
        there: None,
        text: "A service that this message needs is not available.\n",
        ..PLAIN
    },
    Case {
        what: "an evaluation error fails the message",
        rules: &[("request-in", "int('x') == 1", &["mark"], ""), ("request-in", "", &["mark"], "")],
        status: 502,
        there: None,
        text: "It could not be told which services this message needs.\n",
        ..PLAIN
    },
    Case {
        what: "the same at a point of the response",
        rules: &[("response-in", "int(request.headers['x'][0]) == 1", &["mark"], "")],
        status: 502,
        text: "It could not be told which services this message needs.\n",
        ..PLAIN
    },
    Case {
        what: "an evaluation error passes the message, and is never no match",
        rules: &[
            ("request-in", "int('x') == 1", &["mark"], "on_failure = \"pass\""),
            ("request-in", "", &["to-tiger"], ""),
            ("response-out", "int('x') == 1", &["mark"], "on_failure = \"pass\""),
            ("response-out", "", &["to-tiger"], ""),
        ],
        ..PLAIN
    },
    Case {
        what: "one service of a chain of runs is bypassed",
        rules: &[("response-out", "", &["to-tiger", "gone", "second", "third"], "")],
        fields: &[("opes-bypass", "http://services.example.com/gone")],
        back: &["to-tiger", "second", "third"],
        text: "A mouse.",
        ..PLAIN
    },
    Case {
        what: "a service here answers in place of the origin, at the second point",
        rules: &[("request-in", "", &["to-tiger"], ""), ("request-out", "", &["refuse", "mark"], "")],
        status: 403,
        there: None,
        back: &["refuse"],
        text: "not for you",
        ..PLAIN
    },
    Case {
        what: "so does one on a callout server",
        rules: &[
            ("request-in", "", &["to-tiger"], ""),
            (
                "request-out",
                "",
                &["http://services.example.com/block", "second"],
                "callout_server = \"adapt\"",
            ),
        ],
        status: 403,
        there: None,
        back: &["block", "second"],
        text: opes_tests::config::REASON,
        ..PLAIN
    },
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn points_matches_and_chains_come_to_what_the_rules_say() {
    let ground = Ground::start().await;
    for case in CASES {
        println!("{}", case.what);
        let rules: String = case
            .rules
            .iter()
            .map(|(point, when, services, rest)| rule(point, when, services, rest))
            .collect();
        let proxy = ground.proxy(&rules);
        let before = ground.origin.seen().len();
        let answer = ground.post(&proxy, case.fields, "A cat.").await;
        assert_eq!(
            (answer.status.as_u16(), answer.text().trim()),
            (case.status, case.text.trim()),
            "{}",
            case.what
        );
        assert_eq!(services(&answer.headers), case.back, "{}", case.what);
        let came = ground.origin.seen().len() > before;
        assert_eq!(
            came.then(|| ground.asked()).as_deref(),
            case.there.map(strings).as_deref(),
            "{}",
            case.what
        );
    }
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
