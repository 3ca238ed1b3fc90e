//! Several processors in a row, each of another OPES System, and an intermediary that knows nothing of OPES between
//! them: order, grouping, size and bypass of what they tell (RFC 4236 sections 4 and 5, RFC 3897 section 4).

use std::net::SocketAddr;
use std::process::Command;

use http::{HeaderMap, HeaderName, Method};
use opes_sdk::TraceRecord;
use opes_tests::client;
use opes_tests::config::{Config, DIGEST, IDENTITY, Rule, SECOND, SUBSTITUTE};
use opes_tests::nginx::Nginx;
use opes_tests::opes::Opes;
use opes_tests::origin::{Origin, Page};
use opes_tests::process::run;
use opes_tests::records::Keeper;
use opes_tests::trace::{agents, id};

use crate::recording::Recording;

const NEAR: &str = "http://near.example.com/opes";
const MIDDLE: &str = "http://middle.example.net/opes";
const FAR: &str = "http://far.example.org/opes";

/// A processor of this system before `next`.
fn configured(system: &str, next: SocketAddr, callout: SocketAddr, rules: &[Rule<'_>]) -> Config {
    rules.iter().fold(Config::reverse(next, callout).of_system(system), Config::rule)
}

fn processor(system: &str) -> String {
    format!("{system}/processor")
}

/// What curl gets: the head's fields and the body.
fn curl(arguments: &[&str]) -> (HeaderMap, String) {
    let mut command = Command::new("curl");
    command.args(["-sS", "-D-", "--max-time", "60", "--noproxy", "*"]).args(arguments);
    let done = run(command);
    assert!(done.status.success(), "curl {arguments:?}: {}\n{}", done.status, done.stderr);
    let (head, body) = done.stdout.split_once("\r\n\r\n").expect("a head and a body");
    let fields = head.lines().skip(1).map(|line| line.split_once(':').expect("a field"));
    let field = |(name, value): (&str, &str)| {
        (name.parse::<HeaderName>().expect("a name"), value.trim().parse().expect("a value"))
    };
    (fields.map(field).collect(), body.to_owned())
}

fn sole<'a>(headers: &'a HeaderMap, field: &str) -> &'a str {
    let values: Vec<_> = headers.get_all(field).iter().collect();
    assert_eq!(values.len(), 1, "{field} in {headers:?}");
    values[0].to_str().expect("ASCII")
}

/// curl, processor, nginx, processor, origin.
struct Two {
    origin: Origin,
    near: Opes,
    _nginx: Nginx,
    _far: Opes,
    _server: Opes,
}

impl Two {
    /// With these rules, and tables, of the processor near the client and of the one far from it.
    async fn start(near: (&[Rule<'_>], &str), far: (&[Rule<'_>], &str)) -> Self {
        let (origin, server) = (Origin::start().await, Opes::server(&Config::server()));
        origin.page("/zoo", Page::text("a cat, a tiger"));
        let far = Opes::proxy(&configured(FAR, origin.address(), server.address, far.0).table(far.1));
        let nginx = Nginx::before(far.address);
        let near = Opes::proxy(&configured(NEAR, nginx.address(), server.address, near.0).table(near.1));
        Self { origin, near, _nginx: nginx, _far: far, _server: server }
    }

    fn curl(&self, path: &str, arguments: &[&str]) -> (HeaderMap, String) {
        let url = format!("http://{}{path}", self.near.address);
        curl(&[arguments, &[url.as_str()]].concat())
    }

    /// The page, and what the origin was asked.
    fn zoo(&self, bypass: &[&str]) -> (HeaderMap, String, HeaderMap) {
        let fields: Vec<String> = bypass.iter().map(|value| format!("OPES-Bypass: {value}")).collect();
        let arguments: Vec<_> = fields.iter().flat_map(|field| ["-H", field.as_str()]).collect();
        let (headers, body) = self.curl("/zoo", &arguments);
        (headers, body, self.origin.request(Method::GET, "/zoo").headers)
    }
}

// req: HTTP-4-04, HTTP-4-05, HTTP-4-06, HTTP-4-07, EEPC-3-01, EEPC-3.1-01, EEPC-3.1-02, EEPC-3.3-01
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_system_appends_its_group_in_the_order_of_the_message() {
    let far = [Rule::request(&[SECOND]), Rule::response(&[SUBSTITUTE])];
    let two = Two::start((&[Rule::request(&[SUBSTITUTE]), Rule::response(&[SECOND])], ""), (&far, "")).await;
    let (headers, body) = two.curl("/zoo", &[]);
    assert_eq!(body, "a lion, a lion", "cat to tiger far away, tiger to lion nearby");
    assert_eq!(sole(&headers, "opes-system"), format!("{FAR}, {NEAR}"));
    let via = [FAR, &processor(FAR), SUBSTITUTE, NEAR, &processor(NEAR), SECOND].join(", ");
    assert_eq!(sole(&headers, "opes-via"), via);

    let (_, body) = two.curl("/echo", &["--data", "a cat"]);
    assert_eq!(body, "a lion");
    let seen = two.origin.request(Method::POST, "/echo");
    assert_eq!(sole(&seen.headers, "opes-system"), format!("{NEAR}, {FAR}"));
    let via = [NEAR, &processor(NEAR), SUBSTITUTE, FAR, &processor(FAR), SECOND].join(", ");
    assert_eq!(sole(&seen.headers, "opes-via"), via);
}

/// Three processors, in the order in which a response passes them; each with its `[trace]`.
async fn three(traces: [&str; 3]) -> HeaderMap {
    let (origin, server) = (Origin::start().await, Opes::server(&Config::server()));
    origin.page("/zoo", Page::text("a cat"));
    let link = |system: &str, next: SocketAddr, services: &[&str], trace: &str| {
        let rules = [Rule::response(services)];
        Opes::proxy(&configured(system, next, server.address, &rules).table(&format!("[trace]\n{trace}\n")))
    };
    let far = link(FAR, origin.address(), &[SUBSTITUTE], traces[0]);
    let nginx = Nginx::before(far.address);
    let middle = link(MIDDLE, nginx.address(), &[IDENTITY], traces[1]);
    let near = link(NEAR, middle.address, &[SECOND], traces[2]);
    let (headers, body) = curl(&[&format!("http://{}/zoo", near.address)]);
    assert_eq!(body, "a lion");
    assert_eq!(sole(&headers, "opes-system"), [FAR, MIDDLE, NEAR].join(", "), "this is required of all");
    headers
}

// req: COMM-8-01, COMM-8-02, EEPC-3.1-01
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processors_with_different_fields_leave_each_others_entries_alone() {
    let headers = three(["headers = \"end-comm\"", "headers = \"both\"", "headers = \"rfc4236\""]).await;
    assert_eq!(sole(&headers, "opes-processor"), [processor(FAR), processor(MIDDLE)].join(", "));
    assert_eq!(sole(&headers, "opes-service"), [SUBSTITUTE, IDENTITY].join(", "));
    let via = [MIDDLE, &processor(MIDDLE), IDENTITY, NEAR, &processor(NEAR), SECOND].join(", ");
    assert_eq!(sole(&headers, "opes-via"), via);

    // RFC 4236 section 4: where OPES-Via is in use, a system that tells its details elsewhere is named there, too.
    let headers = three(["headers = \"rfc4236\"", "headers = \"both\"", "headers = \"end-comm\""]).await;
    let via = [FAR, &processor(FAR), SUBSTITUTE, MIDDLE, &processor(MIDDLE), IDENTITY, NEAR].join(", ");
    assert_eq!(sole(&headers, "opes-via"), via);
    assert_eq!(sole(&headers, "opes-processor"), [processor(MIDDLE), processor(NEAR)].join(", "));
    assert_eq!(sole(&headers, "opes-service"), [IDENTITY, SECOND].join(", "));
}

// req: EEPC-3.1-01, HTTP-4-06
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_system_tells_as_much_as_its_own_policy_says() {
    let headers =
        three(["granularity = \"full\"", "granularity = \"off\"", "granularity = \"summary\""]).await;
    let summary = format!("{};mode=aggregate;services=1", processor(NEAR));
    let via = [FAR, &processor(FAR), SUBSTITUTE, MIDDLE, NEAR, &summary].join(", ");
    assert_eq!(sole(&headers, "opes-via"), via);

    let headers = three(["granularity = \"off\""; 3]).await;
    assert!(!headers.contains_key("opes-via"), "{headers:?}");
}

/// The values of the trace fields, in octets.
fn size(headers: &HeaderMap) -> usize {
    let fields = ["opes-system", "opes-via", "opes-processor", "opes-service"];
    fields.iter().flat_map(|field| headers.get_all(*field)).map(http::HeaderValue::len).sum()
}

// req: EEPC-3.1-01, HTTP-4-03
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bound_on_the_trace_leaves_out_the_last_entries_and_says_how_many() {
    let all = [DIGEST, IDENTITY, SUBSTITUTE, SECOND];
    let (rules, whole) = ([Rule::response(&all)], 1 + all.len());
    let mut counts = Vec::new();
    for (rendering, bound) in [("rfc4236", 220), ("rfc4236", 300), ("end-comm", 200), ("both", 460)] {
        let trace = format!("[trace]\nheaders = {rendering:?}\nmax_bytes = {bound}\n");
        let two = Two::start((&rules, &trace), (&[], "")).await;
        let (headers, body) = two.curl("/zoo", &[]);
        assert_eq!(body, "a lion, a lion", "nothing is left out but entries");
        let system = sole(&headers, "opes-system");
        let (first, own) = system.split_once(", ").expect("two entries");
        assert_eq!(first, FAR);
        let omitted = own.strip_prefix(&format!("{NEAR};omitted=")).unwrap_or_else(|| panic!("{headers:?}"));
        let omitted: usize = omitted.parse().expect("a number");
        let told: Vec<_> = if rendering == "end-comm" {
            [agents(&headers, "opes-processor"), agents(&headers, "opes-service")].concat()
        } else {
            let via = agents(&headers, "opes-via");
            via.iter().skip_while(|agent| *agent != NEAR).skip(1).cloned().collect()
        };
        let expected = [&[processor(NEAR)], &all.map(str::to_owned)[..]].concat();
        assert_eq!(told, expected[..told.len()], "the first are kept");
        assert_eq!(told.len() + omitted, whole, "{rendering} {bound}: {headers:?}");
        assert!(size(&headers) <= bound, "{rendering} {bound}: {} octets", size(&headers));
        counts.push(told.len());
    }
    assert!(counts[1] > counts[0] && counts.iter().all(|count| (1..whole).contains(count)), "{counts:?}");
}

/// What is required is told whatever the bound, and others' entries are not cut for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bound_of_one_system_is_not_that_of_the_next() {
    let trace = "[trace]\nmax_bytes = 1\n";
    let two = Two::start((&[Rule::response(&[SECOND])], trace), (&[Rule::response(&[SUBSTITUTE])], "")).await;
    let (headers, _) = two.curl("/zoo", &[]);
    let own = format!("{NEAR};omitted=2");
    assert_eq!(sole(&headers, "opes-system"), format!("{FAR}, {own}"));
    assert_eq!(sole(&headers, "opes-via"), [FAR, &processor(FAR), SUBSTITUTE, &own].join(", "));
}

const EACH: (&[Rule<'_>], &[Rule<'_>]) =
    // Each system knows the service of the other: it has it for requests.
    (
        &[Rule::response(&[SECOND]), Rule::request(&[SUBSTITUTE])],
        &[Rule::response(&[SUBSTITUTE]), Rule::request(&[SECOND])],
    );

// req: HTTP-5-02, HTTP-5-03, EEPC-4.2-01, EEPC-4.3-02
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bypass_reaches_every_system_and_the_origin_as_it_was_sent() {
    let two = Two::start((EACH.0, ""), (EACH.1, "")).await;
    let several = format!("{SECOND} ,  {SUBSTITUTE},");
    for (bypass, expected) in [
        (&[][..], "a lion, a lion"),
        (&["*"], "a cat, a tiger"),
        (&[SUBSTITUTE], "a cat, a lion"),
        (&[SECOND], "a tiger, a tiger"),
        (&[several.as_str()], "a cat, a tiger"),
        (&[SECOND, SUBSTITUTE], "a cat, a tiger"),
        (&["HTTP://Services.EXAMPLE.com/second"], "a tiger, a tiger"),
    ] {
        let (headers, body, asked) = two.zoo(bypass);
        assert_eq!(body, expected, "{bypass:?}");
        let forwarded: Vec<_> = asked.get_all("opes-bypass").iter().collect();
        assert_eq!(forwarded, bypass, "the next one is asked in the same words");
        assert_eq!(sole(&headers, "opes-system"), format!("{FAR}, {NEAR}"), "{bypass:?}");
        let via = agents(&headers, "opes-via");
        let applied = |service: &str| via.iter().any(|agent| agent == service);
        let (cat, tiger) = (!body.contains("cat"), body.contains("lion"));
        assert_eq!((applied(SUBSTITUTE), applied(SECOND)), (cat, tiger), "{bypass:?} {via:?}");
    }
}

/// RFC 3897 section 4.3: a processor that does not know what a URI names takes it for a wildcard; so the URI of one system
/// bypasses the services of both, which know nothing of each other.
// req: EEPC-4-02, EEPC-4.3-01, EEPC-4.3-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_uri_of_a_system_is_a_wildcard_to_the_other_one() {
    let two = Two::start((EACH.0, ""), (EACH.1, "")).await;
    let far_processor = processor(FAR);
    for bypass in [FAR, NEAR, far_processor.as_str(), "http://nobody.example.net/service", "no-uri"] {
        let (headers, body, asked) = two.zoo(&[bypass]);
        assert_eq!(body, "a cat, a tiger", "{bypass}");
        assert_eq!(sole(&asked, "opes-bypass"), bypass);
        assert_eq!(sole(&headers, "opes-system"), format!("{FAR}, {NEAR}"), "{bypass}");
        assert!(!headers.contains_key("opes-via"), "{bypass}: {headers:?}");
    }
}

/// The far system is asked by its URI; the near one insists on its service, and the wish goes on.
// req: EEPC-4-02, EEPC-4.2-02, EEPC-4.3-02
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_that_insists_does_not_stop_the_bypass_of_the_next_one() {
    let insisting = [Rule::response(&[SECOND]).insisting_on(&[SECOND])];
    let two = Two::start((&insisting, ""), (&[Rule::response(&[SUBSTITUTE])], "")).await;
    let (headers, body, asked) = two.zoo(&[FAR]);
    assert_eq!(body, "a cat, a lion");
    assert_eq!(sole(&asked, "opes-bypass"), FAR);
    let own = format!("{NEAR};bypass-ignored=required");
    assert_eq!(sole(&headers, "opes-system"), format!("{FAR}, {own}"));
    assert_eq!(sole(&headers, "opes-via"), [own.as_str(), &processor(NEAR), SECOND].join(", "));
}

/// Every system has its own record, found by its own entry.
// req: EEPC-3.2-01, EEPC-3.2-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_system_of_a_chain_answers_for_its_own_part() {
    let (origin, server) = (Origin::start().await, Opes::server(&Config::server()));
    origin.page("/zoo", Page::text("a cat"));
    let far = [Rule::response(&[SUBSTITUTE])];
    let far = Keeper::start(configured(FAR, origin.address(), server.address, &far));
    let near = [Rule::response(&[SECOND])];
    let near = Keeper::start(configured(NEAR, far.proxy.address, server.address, &near));
    let answer = client::get(near.proxy.address, "/zoo").await;
    assert_eq!(answer.text(), "a lion");
    let named = sole(&answer.headers, "opes-system").to_owned();
    let far_id = named.strip_prefix(&format!("{FAR};id=")).and_then(|rest| rest.split(',').next());
    let far_id = far_id.unwrap_or_else(|| panic!("{named}"));
    let near_id = id(&answer.headers).expect("an id");
    assert_eq!(named, format!("{FAR};id={far_id}, {NEAR};id={near_id}"));
    assert!(sole(&answer.headers, "opes-via").starts_with(&format!("{FAR};id={far_id}, ")), "the same entry");
    assert_eq!(far.record(far_id).await["services"][0]["uri"], SUBSTITUTE);
    assert_eq!(near.record(&near_id).await["services"][0]["uri"], SECOND);
    let (status, _) = near.json(&format!("/api/messages/{far_id}")).await;
    assert_eq!(status, 404, "it is not the other one's record");
}

/// The system of the examples in draft-ietf-opes-end-comm-02 section 8.
const EXAMPLE: &str = "http://www.example-opes-systemA.com/opes?session=ac79a7901549f56";

/// A service of an example, and the parameter of its entry.
type Example<'a> = (&'a str, Option<(&'a str, &'a str)>);

/// Processors of one system, in the order in which a response passes them, with these services on a callout server that
/// records the parameters; what a client gets at the end.
///
/// Where records are told, callout servers tell what they know of each service, too: `result`, octets and time.
async fn example(processors: &[&[Example<'_>]]) -> HeaderMap {
    let origin = Origin::start().await;
    origin.page("/octets", Page::new("application/octet-stream", "octets"));
    let records = processors.iter().flat_map(|services| *services).any(|(_, parameter)| parameter.is_some());
    let trace = format!("[trace]\nheaders = \"end-comm\"\nrecords = {records}\n");
    let (mut next, mut running) = (origin.address(), Vec::new());
    for services in processors {
        let records: Vec<(&str, Vec<TraceRecord>)> = services
            .iter()
            .map(|(uri, parameter)| {
                let record = |(name, value): &(&str, &str)| TraceRecord::new(*uri).with(*name, *value);
                (*uri, parameter.iter().map(record).collect())
            })
            .collect();
        let hosted: Vec<_> = records.iter().map(|(uri, records)| (*uri, records.as_slice())).collect();
        let callout = Recording::start(&hosted).await;
        let uris: Vec<_> = services.iter().map(|(uri, _)| *uri).collect();
        let rules = [Rule::response(&uris)];
        let proxy = Opes::proxy(&configured(EXAMPLE, next, callout.address, &rules).table(&trace));
        next = proxy.address;
        running.push((proxy, callout));
    }
    let (headers, body) =
        tokio::task::spawn_blocking(move || curl(&[&format!("http://{next}/octets")])).await.expect("curl");
    assert_eq!(body, "octets");
    headers
}

/// The entries of the example as one field, and the system's: once for each processor, which cannot know of each other, and
/// so says how many have come before it.
fn assert_example(headers: &HeaderMap, processors: usize, expected: &str) {
    let system = |before: usize| match before {
        0 => EXAMPLE.to_owned(),
        before => format!("{EXAMPLE};claimed={before}"),
    };
    assert_eq!(sole(headers, "opes-system"), (0..processors).map(system).collect::<Vec<_>>().join(", "));
    let told = sole(headers, "opes-service").split(", ").map(|entry| {
        let facts = ["result=", "octets-in=", "octets-out=", "duration-us="];
        let kept = |part: &&str| !facts.iter().any(|fact| part.starts_with(fact));
        entry.split(';').filter(kept).collect::<Vec<_>>().join(";")
    });
    assert_eq!(told.collect::<Vec<_>>().join(", "), expected, "{headers:?}");
    assert!(!headers.contains_key("opes-via"), "{headers:?}");
}

// req: COMM-8-01, COMM-8-02
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn section_8_1_of_the_draft_a_single_processor_in_detail() {
    let headers = example(&[&[
        ("http://www.example-opes-systemA.com/?sid=123", None),
        ("http://www.example-opes-systemA.com/cat/?sid=124", None),
        ("http://www.example-opes-systemA.com/cat/?sid=125", None),
    ]])
    .await;
    let expected = "http://www.example-opes-systemA.com/?sid=123, http://www.example-opes-systemA.com/cat/?sid=124, \
                    http://www.example-opes-systemA.com/cat/?sid=125";
    assert_example(&headers, 1, expected);
}

// req: COMM-8-01, COMM-8-02, EEPC-3.4-01
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn section_8_2_of_the_draft_a_single_processor_in_part() {
    let headers = example(&[&[
        ("http://www.example-opes-systemA.com/?sid=123", None),
        ("http://www.example-opes-systemA.com/cat/?sid=124", Some(("Mode", "Aggregate"))),
    ]])
    .await;
    let expected = "http://www.example-opes-systemA.com/?sid=123, \
                    http://www.example-opes-systemA.com/cat/?sid=124;Mode=Aggregate";
    assert_example(&headers, 1, expected);
}

// req: COMM-8-01, COMM-8-02
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn section_8_3_of_the_draft_several_processors_in_full() {
    let headers = example(&[
        &[
            ("http://www.example-opes-Service-Provider1.com/cat/?sid=123", None),
            ("http://www.example-opes-Service-Provider1.com/cat/?sid=124", None),
        ],
        &[
            ("http://www.example-opes-Service-Provider2.com/xxx/?sid=111", None),
            ("http://www.example-opes-Service-Provider2.com/xxx/?sid=112", None),
        ],
    ])
    .await;
    let expected = "http://www.example-opes-Service-Provider1.com/cat/?sid=123, \
                    http://www.example-opes-Service-Provider1.com/cat/?sid=124, \
                    http://www.example-opes-Service-Provider2.com/xxx/?sid=111, \
                    http://www.example-opes-Service-Provider2.com/xxx/?sid=112";
    assert_example(&headers, 2, expected);
}

// req: COMM-8-01, COMM-8-02, EEPC-3.4-01
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn section_8_4_of_the_draft_several_processors_in_part() {
    let headers = example(&[
        &[
            ("http://www.example-opes-Service-Provider1.com/cat/?sid=123", None),
            ("http://www.example-opes-Service-Provider1.com/cat/?sid=124", Some(("Mode", "A"))),
        ],
        &[
            ("http://www.example-opes-Service-Provider2.com/xxx/?sid=111", None),
            ("http://www.example-opes-Service-Provider2.com/xxx/?sid=112", Some(("Mode", "B"))),
        ],
    ])
    .await;
    let expected = "http://www.example-opes-Service-Provider1.com/cat/?sid=123, \
                    http://www.example-opes-Service-Provider1.com/cat/?sid=124;Mode=A, \
                    http://www.example-opes-Service-Provider2.com/xxx/?sid=111, \
                    http://www.example-opes-Service-Provider2.com/xxx/?sid=112;Mode=B";
    assert_example(&headers, 2, expected);
}
