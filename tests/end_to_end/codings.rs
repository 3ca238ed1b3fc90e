//! Coded bodies through services that want them plain: what comes out means what it should, says what it is, and is
//! the very body that came where nothing was changed (RFC 9110 section 8.4).

use std::collections::HashMap;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use opes_tests::body::{Body, fed, full};
use opes_tests::client::{Answer, Connection, request, with_body, with_field};
use opes_tests::coding::{decode, encode};
use opes_tests::config::Config;
use opes_tests::opes::Opes;
use opes_tests::origin::{Cut, Origin, Page};
use opes_tests::trace::assert_framing;

const SERVICES: &str = "http://services.example.com/";
const CODINGS: &[&str] = &["gzip", "deflate", "br", "zstd", "gzip, br"];
/// The `recode_hold_bytes` of server and proxy.
const HOLD: usize = 16_384;
const SIZES: &[usize] = &[0, 1, HOLD - 1, HOLD, HOLD + 1, 10 * HOLD];
/// Where the processor decodes, where the callout server may, and where only that knows which services change nothing.
const PLACES: &[&str] = &["here", "there", "unsaid"];
/// Name, kind and keys.
const KINDS: &[(&str, &str, &str)] = &[
    ("change", "substitute", "from = \"cat\"\nto = \"tiger\""),
    ("inject", "inject", "after = \"cat\"\ntext = \" and mouse\""),
    ("deny", "peek", "deny = \"cat\""),
    ("look", "digest", ""),
];

/// Origin, callout server and proxy; the field `x-try` says which service a message passes.
pub(crate) struct Coded {
    pub(crate) origin: Origin,
    pub(crate) server: Opes,
    pub(crate) proxy: Opes,
}

impl Coded {
    pub(crate) async fn start(policy: &str) -> Self {
        Self::holding(policy, HOLD).await
    }

    /// The same with another `recode_hold_bytes`.
    pub(crate) async fn holding(policy: &str, hold: usize) -> Self {
        let limits = format!("[limits]\nrecode_hold_bytes = {hold}");
        let service = |config: Config, &(name, kind, rest): &(&str, &str, &str)| {
            let uri = format!("{SERVICES}{name}");
            config.service(&uri, kind, rest).service(&format!("{uri}-unsaid"), kind, rest)
        };
        let server = KINDS.iter().fold(Config::server().table(&limits), service);
        let (origin, server) = (Origin::start().await, Opes::server(&server));
        let mut config = Config::reverse(origin.address(), server.address).table(&limits);
        for (name, kind, rest) in KINDS {
            let uri = format!("{SERVICES}{name}");
            config = config.table(&format!(
                "[[services]]\nuri = \"{uri}-here\"\nname = \"here-{name}\"\nkind = {kind:?}\n{rest}\n\
                 [[services]]\nuri = {uri:?}\nname = \"there-{name}\"\ncallout_server = \"adapt\"\n\
                 read_only = {}",
                ["deny", "look"].contains(name)
            ));
            for (point, way) in [("request-in", "request"), ("response-out", "response")] {
                for place in PLACES {
                    let service = match *place {
                        "unsaid" => format!("[\"{uri}-unsaid\"]\ncallout_server = \"adapt\""),
                        _ => format!("[\"{place}-{name}\"]"),
                    };
                    config = config.table(&format!(
                        "[[rules]]\npoint = {point:?}\nservices = {service}\non_failure = {policy:?}\n\
                         when = \"request.headers['x-try'] == ['{way} {place} {name}']\""
                    ));
                }
            }
        }
        Self { origin, server, proxy: Opes::proxy(&config) }
    }
}

/// So many octets of text that come to a quarter or so with every coding, with the word in their middle if there is
/// room for it and it is wanted.
pub(crate) fn text(size: usize, word: bool) -> Vec<u8> {
    let mut state = 7_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b"0123456789 \n"[(state >> 24) as usize % 12]
    };
    let mut text: Vec<u8> = (0..size).map(|_| next()).collect();
    if word && size > 3 {
        let middle = 1000.min(size / 2);
        text[middle..middle + 3].copy_from_slice(b"cat");
    }
    text
}

/// What a service makes of a plain text; `None` where it refuses it.
fn adapted(service: &str, plain: &[u8]) -> Option<Vec<u8>> {
    let Some(at) = plain.windows(3).position(|window| window == b"cat") else { return Some(plain.to_vec()) };
    let (before, after) = (&plain[..at], &plain[at + 3..]);
    match service {
        "change" => Some([before, b"tiger", after].concat()),
        "inject" => Some([before, b"cat and mouse", after].concat()),
        "deny" => None,
        _ => Some(plain.to_vec()),
    }
}

/// A body that was put there, and what it means.
struct Sample {
    coding: &'static str,
    plain: Vec<u8>,
    coded: Bytes,
    cut: Cut,
}

impl Sample {
    fn all() -> Vec<Self> {
        let mut samples = Vec::new();
        for coding in CODINGS {
            for size in SIZES {
                for word in [false, true] {
                    let plain = text(*size, word);
                    let coded = Bytes::from(encode(coding, &plain));
                    // Some pieces for each body, and not too many.
                    for cut in [Cut::Whole, Cut::Even((coded.len() / 9).max(7)), Cut::Growing] {
                        samples.push(Self { coding, plain: plain.clone(), coded: coded.clone(), cut });
                    }
                }
            }
        }
        samples
    }

    fn page(&self) -> Page {
        let page = Page::text(self.coded.clone()).field("content-encoding", self.coding);
        page.field("etag", "\"one\"").cut(self.cut)
    }

    fn posted(&self) -> Request<Body> {
        let body = if self.cut == Cut::Whole {
            full(self.coded.clone())
        } else {
            let (feed, body) = fed(None);
            let pieces = self.cut.pieces(&self.coded);
            tokio::spawn(async move {
                for piece in pieces {
                    feed.send_slowly(piece).await;
                }
            });
            body
        };
        with_field(with_body(Method::POST, "/echo", body), "content-encoding", self.coding)
    }

    /// Whether the service, where it changes nothing, leaves the very octets.
    fn is_kept(&self, service: &str) -> bool {
        // A coded body that is longer than its content, as of next to nothing, is far from the limit.
        ["deny", "look"].contains(&service) || self.plain.len() <= HOLD
    }
}

/// What is asserted of every message that was adapted; remembers what was decoded before.
#[derive(Default)]
struct Judge {
    decoded: HashMap<(String, Bytes), Vec<u8>>,
}

impl Judge {
    fn assert(&mut self, what: &str, sample: &Sample, service: &str, headers: &HeaderMap, body: &Bytes) {
        let expected = adapted(service, &sample.plain).expect("it is not refused");
        assert_eq!(headers[header::CONTENT_ENCODING], sample.coding, "{what}");
        assert_framing(headers, body.len() as u64);
        if body == &sample.coded {
            assert_eq!(expected, sample.plain, "{what}: unchanged");
            return;
        }
        assert!(
            expected != sample.plain || !sample.is_kept(service),
            "{what}: {} octets came as {}, another from {:?} on",
            sample.coded.len(),
            body.len(),
            body.iter().zip(&sample.coded).position(|(one, other)| one != other)
        );
        let etag = headers.get(header::ETAG).map(|etag| etag.to_str().expect("ASCII"));
        assert_ne!(etag, Some("\"one\""), "{what}: other octets have another strong validator");
        let key = (sample.coding.to_owned(), body.clone());
        let plain = self.decoded.entry(key).or_insert_with(|| decode(sample.coding, body));
        assert!(*plain == expected, "{what}: {} octets, expected {}", plain.len(), expected.len());
    }
}

async fn exchange(connection: &mut Connection, asked: Request<Body>, tried: &str) -> Answer {
    let asked = with_field(asked, "x-try", tried);
    connection.fetch(asked).await.unwrap_or_else(|broken| panic!("{tried}: {broken}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn coded_responses_come_out_as_they_mean_or_as_they_came() {
    let coded = Coded::start("fail").await;
    let (mut connection, mut judge) = (Connection::open(coded.proxy.address).await, Judge::default());
    for sample in Sample::all() {
        coded.origin.page("/page", sample.page());
        for (service, ..) in KINDS {
            for place in PLACES {
                let tried = format!("response {place} {service}");
                let answer = exchange(&mut connection, request(Method::GET, "/page"), &tried).await;
                let Sample { coding, plain, cut, .. } = &sample;
                let what = format!("{tried}, {coding}, {} octets, {cut:?}", plain.len());
                if adapted(service, plain).is_none() {
                    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{what}");
                    assert_eq!(answer.headers.get(header::CONTENT_ENCODING), None, "{what}");
                    assert_framing(&answer.headers, answer.body.len() as u64);
                    continue;
                }
                assert_eq!(answer.status, StatusCode::OK, "{what}: {}", answer.text());
                judge.assert(&what, &sample, service, &answer.headers, &answer.body);
                if answer.body == sample.coded && sample.is_kept(service) {
                    assert_eq!(answer.headers[header::ETAG], "\"one\"", "{what}");
                    let length = answer.headers.get(header::CONTENT_LENGTH);
                    assert!(*cut != Cut::Whole || length.is_some(), "{what}: the length was known");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn coded_requests_come_out_as_they_mean_or_as_they_came() {
    let coded = Coded::start("fail").await;
    let (mut connection, mut judge) = (Connection::open(coded.proxy.address).await, Judge::default());
    for sample in Sample::all() {
        for (service, ..) in KINDS {
            for place in PLACES {
                let tried = format!("request {place} {service}");
                let before = coded.origin.seen().len();
                let Sample { coding, plain, cut, .. } = &sample;
                let what = format!("{tried}, {coding}, {} octets, {cut:?}", plain.len());
                if adapted(service, plain).is_none() {
                    // The rest of the request may be of no use any more.
                    let mut connection = Connection::open(coded.proxy.address).await;
                    let answer = exchange(&mut connection, sample.posted(), &tried).await;
                    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{what}");
                    assert_eq!(coded.origin.seen().len(), before, "{what}: it does not reach the origin");
                    continue;
                }
                let answer = exchange(&mut connection, sample.posted(), &tried).await;
                assert_eq!(answer.status, StatusCode::OK, "{what}: {}", answer.text());
                let seen = coded.origin.request(Method::POST, "/echo");
                judge.assert(&what, &sample, service, &seen.headers, &answer.body);
                let length = seen.headers.get(header::CONTENT_LENGTH);
                let kept = answer.body == sample.coded && sample.is_kept(service);
                assert!(!kept || *cut != Cut::Whole || length.is_some(), "{what}: the length was known");
            }
        }
    }
}

/// RFC 9110 section 8.4.1: nobody here knows this coding.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_coding_that_is_not_known_is_for_those_who_only_look() {
    const OCTETS: &str = "these octets mean cat to some";
    for policy in ["fail", "pass"] {
        let coded = Coded::start(policy).await;
        coded.origin.page("/page", Page::text(OCTETS).field("content-encoding", "x-unknown"));
        let mut connection = Connection::open(coded.proxy.address).await;
        for place in PLACES {
            for (service, ..) in KINDS {
                for way in ["request", "response"] {
                    let what = format!("{way} {place} {service}");
                    println!("{what}, on_failure = {policy:?}");
                    let asked = match way {
                        "request" => with_body(Method::POST, "/echo", full(OCTETS)),
                        _ => request(Method::GET, "/page"),
                    };
                    let asked = with_field(asked, "content-encoding", "x-unknown");
                    let answer = exchange(&mut connection, asked, &what).await;
                    if *service != "look" && policy == "fail" {
                        assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{what}: {}", answer.text());
                    } else {
                        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, OCTETS), "{what}");
                    }
                }
            }
        }
    }
}
