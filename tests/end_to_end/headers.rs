//! Heads and framing of adapted messages, over status, method, framing, kind of adaptation and version on each side
//! (RFC 4236 section 3.8, RFC 9110 section 8, RFC 9112 section 6, RFC 9113 section 8).

use std::fmt::Debug;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, Version, header};
use hyper_util::rt::{TokioExecutor, TokioIo};
use opes_tests::body::{self, Body};
use opes_tests::certificates::Certificates;
use opes_tests::client::{Answer, collect};
use opes_tests::config::{BLOCK, Config, IDENTITY, REASON, Rule, SYSTEM};
use opes_tests::opes::Opes;
use opes_tests::origin::Shaped;
use opes_tests::patience::within;
use tokio::net::TcpStream;

const VERSIONS: [Version; 3] = [Version::HTTP_10, Version::HTTP_11, Version::HTTP_2];

/// What the service does to `the cat`, and what comes of it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Adaptation {
    Same,
    Longer,
    Shorter,
    Empty,
    Blocked,
}

use Adaptation::{Blocked, Empty, Longer, Same, Shorter};

const ADAPTATIONS: [Adaptation; 5] = [Same, Longer, Shorter, Empty, Blocked];

impl Adaptation {
    fn services(self) -> &'static [&'static str] {
        match self {
            Same => &[IDENTITY],
            Blocked => &[BLOCK],
            Longer => &["http://services.example.com/longer"],
            Shorter => &["http://services.example.com/shorter"],
            Empty => &["http://services.example.com/empty"],
        }
    }

    fn of(self, text: &'static str) -> &'static str {
        match (self, text) {
            (Longer, "cat") => "a whole tiger",
            (Shorter, "cat") => "a",
            (Empty, "cat") => "",
            (Blocked, _) => REASON,
            _ => text,
        }
    }
}

fn callout_server() -> Opes {
    let substitutes = [Longer, Shorter, Empty];
    Opes::server(&substitutes.iter().fold(Config::server(), |config, kind| {
        config.service(
            kind.services()[0],
            "substitute",
            &format!("from = \"cat\"\nto = {:?}", kind.of("cat")),
        )
    }))
}

/// Both origins, and a proxy before each for every kind of adaptation of one direction.
struct Table {
    origins: [Shaped; 2],
    _server: Opes,
    proxies: Vec<(Adaptation, usize, Opes)>,
}

impl Table {
    async fn start(rule: fn(&'static [&'static str]) -> Rule<'static>) -> Self {
        let certificates = Certificates::new();
        let origins = [Shaped::in_clear().await, Shaped::secure(&certificates).await];
        let server = callout_server();
        let mut proxies = Vec::new();
        for adaptation in ADAPTATIONS {
            for (index, scheme) in ["http", "https"].into_iter().enumerate() {
                // A forward proxy asks by HTTP/2 where it can; one for an origin in clear is a reverse one here.
                let config = Config::forward(server.address);
                let config = match scheme {
                    "http" => config.top(&format!("origin = \"http://{}\"", origins[index].address)),
                    _ => config,
                };
                let config = config.table(&certificates.origin_table()).rule(
                    &rule(adaptation.services()).reading_only(if adaptation == Same {
                        adaptation.services()
                    } else {
                        &[]
                    }),
                );
                proxies.push((adaptation, index, Opes::proxy(&config)));
            }
        }
        Self { origins, _server: server, proxies }
    }

    /// The origin as it has to be named in requests.
    fn named(&self, index: usize) -> Option<SocketAddr> {
        (index == 1).then_some(self.origins[1].address)
    }
}

/// Sends a request in this version on a connection of its own.
async fn exchange(
    address: SocketAddr,
    origin: Option<SocketAddr>,
    version: Version,
    mut request: Request<Body>,
) -> Answer {
    if let Some(origin) = origin {
        let path = request.uri().path().to_owned();
        *request.uri_mut() = format!("https://{origin}{path}").parse().expect("a URI");
    }
    let stream = TokioIo::new(within("a connection", TcpStream::connect(address)).await.expect("a proxy"));
    let response = if version == Version::HTTP_2 {
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream);
        let (mut sender, connection) = handshake.await.expect("HTTP/2");
        tokio::spawn(async move { drop(connection.await) });
        if origin.is_none() {
            let path = request.uri().path().to_owned();
            *request.uri_mut() = format!("http://www.example.com{path}").parse().expect("a URI");
        }
        request.headers_mut().remove(header::HOST);
        within("a response", sender.send_request(request)).await
    } else {
        *request.version_mut() = version;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.expect("HTTP/1");
        tokio::spawn(async move { drop(connection.await) });
        within("a response", sender.send_request(request)).await
    };
    collect(response.expect("a response")).await.expect("a whole response")
}

fn request(method: &Method, path: &str, body: Body) -> Request<Body> {
    let request = Request::builder().method(method).uri(path).header(header::HOST, "www.example.com");
    request.body(body).expect("a request")
}

fn length(headers: &HeaderMap) -> Option<u64> {
    let mut all = headers.get_all(header::CONTENT_LENGTH).iter();
    let length = all.next().map(|value| value.to_str().expect("digits").parse().expect("a number"));
    assert!(all.next().is_none(), "one Content-Length: {headers:?}");
    length
}

/// One framing that fits the body, or none where there can be no body.
fn assert_framed(case: &dyn Debug, version: Version, headers: &HeaderMap, body: &Bytes, has_body: bool) {
    let chunked = headers.contains_key(header::TRANSFER_ENCODING);
    assert!(!chunked || version == Version::HTTP_11, "{case:?}: {headers:?}");
    assert!(!(chunked && length(headers).is_some()), "{case:?}: {headers:?}");
    if has_body {
        assert!(length(headers).is_none_or(|length| length == body.len() as u64), "{case:?}: {headers:?}");
        assert!(version != Version::HTTP_11 || chunked || length(headers).is_some(), "{case:?}: {headers:?}");
    } else {
        assert!(body.is_empty() && !chunked, "{case:?}: {headers:?} {body:?}");
    }
}

fn assert_fields(case: &dyn Debug, headers: &HeaderMap, expected: &[(&str, Option<&str>)]) {
    for (name, value) in expected {
        let found = headers.get(*name).map(|value| value.to_str().expect("text"));
        assert_eq!(found, *value, "{name} of {case:?}: {headers:?}");
    }
    assert_eq!(headers.get_all("opes-system").iter().collect::<Vec<_>>(), [SYSTEM], "{case:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn responses() {
    let table = Table::start(Rule::response).await;
    let methods = [Method::GET, Method::HEAD, Method::POST, "NEW".parse().expect("a method")];
    for (adaptation, origin, proxy) in &table.proxies {
        for status in [200, 201, 204, 205, 206, 304, 404, 499, 503] {
            for (method, framing, text) in methods.iter().flat_map(|method| {
                [("length", "cat"), ("unknown", "cat"), ("length", "dog"), ("unknown", "")]
                    .map(|(framing, text)| (method, framing, text))
            }) {
                for version in VERSIONS {
                    let case = (status, method, framing, text, adaptation, version, origin);
                    let path = format!("/{status}/{framing}/{text}");
                    let answer = exchange(
                        proxy.address,
                        table.named(*origin),
                        version,
                        request(method, &path, body::empty()),
                    )
                    .await;
                    assert_response(&case, &answer, *adaptation, status, method, framing, text, version);
                }
            }
        }
    }
    assert_eq!(
        table.origins.map(|origin| origin.last().expect("requests").version),
        [Version::HTTP_11, Version::HTTP_2]
    );
}

#[allow(clippy::too_many_arguments, reason = "the columns of the table")]
fn assert_response(
    case: &dyn Debug,
    answer: &Answer,
    adaptation: Adaptation,
    status: u16,
    method: &Method,
    framing: &str,
    text: &'static str,
    version: Version,
) {
    let expected = if adaptation == Blocked { 403 } else { status };
    assert_eq!(answer.status, StatusCode::from_u16(expected).expect("a status"), "{case:?}");
    let has_body = method != Method::HEAD && !matches!(expected, 204 | 304);
    let sent = if status == 205 { "" } else { text };
    assert_framed(case, version, &answer.headers, &answer.body, has_body);
    let adapted = if has_body { adaptation.of(sent) } else { "" };
    assert_eq!(answer.text().trim_end(), adapted, "{case:?}");
    if adaptation == Blocked {
        return assert_fields(case, &answer.headers, &[("etag", None), ("content-md5", None)]);
    }
    let same = adaptation == Same;
    let etag = match (same, has_body) {
        (true, _) => Some("\"strong\""),
        (false, true) => Some("W/\"strong\""),
        (false, false) if expected == 204 => {
            answer.headers.get("etag").map(|tag| tag.to_str().expect("text"))
        }
        (false, false) => None,
    };
    let kept = |value| same.then_some(value);
    let expected_fields = [
        ("etag", etag),
        ("accept-ranges", kept("bytes")),
        ("content-md5", kept("Q2hlY2sgSW50ZWdyaXR5IQ==")),
        ("content-type", Some("text/plain")),
        ("x-kept", Some("as it is")),
        ("connection", answer.headers.get("connection").map(|value| value.to_str().expect("text"))),
    ];
    assert_fields(case, &answer.headers, &expected_fields);
    if !has_body {
        let described =
            same && framing == "length" && (method == Method::HEAD || expected == 304) && expected != 204;
        let sent = if status == 205 { 0 } else { text.len() as u64 };
        let found = length(&answer.headers);
        assert!(
            found.is_none() || (described && [sent, text.len() as u64].contains(&found.expect("some"))),
            "{case:?}: {answer:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests() {
    let table = Table::start(Rule::request).await;
    for (adaptation, origin, proxy) in table.proxies.iter().filter(|(adaptation, ..)| *adaptation != Blocked)
    {
        for (method, text) in [
            (Method::GET, None),
            (Method::DELETE, None),
            (Method::POST, Some("")),
            (Method::POST, Some("cat")),
            (Method::PUT, Some("dog")),
            ("NEW".parse().expect("a method"), Some("cat")),
        ] {
            for (version, known) in
                VERSIONS.into_iter().flat_map(|version| [(version, true), (version, false)])
            {
                // HTTP/1.0 knows no bodies of unknown length in requests.
                if !known && (text.is_none() || version == Version::HTTP_10) {
                    continue;
                }
                let case = (&method, text, adaptation, version, known, origin);
                let body = match text {
                    None => body::empty(),
                    Some(text) if known => body::full(text),
                    Some(text) => {
                        let (feed, body) = body::fed(None);
                        tokio::spawn(async move { feed.send(text).await });
                        body
                    }
                };
                let answer = exchange(
                    proxy.address,
                    table.named(*origin),
                    version,
                    request(&method, "/200/length/ok", body),
                )
                .await;
                assert_eq!((answer.status, answer.text().as_str()), (StatusCode::OK, "ok"), "{case:?}");
                let asked = table.origins[*origin].last().expect("a request");
                let expected = adaptation.of(text.unwrap_or_default());
                assert_eq!(asked.method, method, "{case:?}");
                assert_eq!(asked.body.as_deref(), Some(expected.as_bytes()), "{case:?}: {asked:?}");
                let fields = &asked.headers;
                let chunked = fields.contains_key(header::TRANSFER_ENCODING);
                assert!(!(chunked && length(fields).is_some()), "{case:?}: {asked:?}");
                assert!(
                    length(fields).is_none_or(|length| length == expected.len() as u64),
                    "{case:?}: {asked:?}"
                );
                assert!(
                    text.is_some() || (!chunked && length(fields).is_none_or(|length| length == 0)),
                    "{case:?}"
                );
                assert_eq!(fields.get_all("opes-system").iter().count(), 1, "{case:?}");
            }
        }
    }
}
