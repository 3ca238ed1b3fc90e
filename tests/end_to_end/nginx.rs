//! The real nginx behind the proxy, and in front of it.

use http::{HeaderMap, Method, StatusCode, header};
use opes_tests::body::full;
use opes_tests::client::{Answer, Connection, request, with_body, with_field};
use opes_tests::config::{COMMON, Config, IDENTITY, Rule, SUBSTITUTE};
use opes_tests::nginx::Nginx;
use opes_tests::octets::{Pattern, Random};
use opes_tests::opes::Opes;
use opes_tests::oracle::substitute;
use opes_tests::origin::Page;
use opes_tests::stack::Stack;
use opes_tests::trace::assert_framing;

use crate::trace::assert_traced;

/// What nginx serves.
struct Files {
    text: Vec<u8>,
    binary: Vec<u8>,
    large: Vec<u8>,
}

impl Files {
    fn new() -> Self {
        let mut binary = Random::new(51).octets(200_001);
        for at in [0, 65_535, 199_998] {
            binary[at..at + 3].copy_from_slice(b"cat");
        }
        let text = b"The cat sat on the mat.\n".repeat(400);
        Self { text, binary, large: Pattern::new(52).slice(0, 10_000_000).to_vec() }
    }

    fn all(&self) -> [(&'static str, &[u8]); 4] {
        [
            ("text.txt", &self.text),
            ("binary.bin", &self.binary),
            ("empty.txt", b""),
            ("large.bin", &self.large),
        ]
    }
}

/// nginx behind a reverse proxy with one rule.
struct Behind {
    files: Files,
    nginx: Nginx,
    proxy: Opes,
    _server: Opes,
}

impl Behind {
    /// With a rule that may change responses.
    fn changing(service: &str) -> Self {
        Self::with(|config| config.rule(&Rule::response(&[service])))
    }

    /// With a rule whose service is known to change nothing.
    fn read_only() -> Self {
        Self::with(|config| {
            config.table(&format!(
                "[[rules]]\ncallout_server = \"adapt\"\nservices = [{IDENTITY:?}]\nread_only = [{IDENTITY:?}]\n"
            ))
        })
    }

    fn with(rules: impl FnOnce(Config) -> Config) -> Self {
        let files = Files::new();
        let nginx = Nginx::origin(&files.all());
        let server = Opes::server(&Config::server());
        let proxy = Opes::proxy(&rules(Config::reverse(nginx.address(), server.address)));
        Self { files, nginx, proxy, _server: server }
    }

    async fn direct(&self) -> Connection {
        Connection::open(self.nginx.address()).await
    }

    async fn proxied(&self) -> Connection {
        Connection::open(self.proxy.address).await
    }
}

/// Header fields of a request.
type Fields<'a> = &'a [(&'static str, &'a str)];

async fn ask(connection: &mut Connection, method: Method, target: &str, fields: Fields<'_>) -> Answer {
    let asked =
        fields.iter().fold(request(method, target), |asked, (name, value)| with_field(asked, name, value));
    connection.fetch(asked).await.unwrap_or_else(|broken| panic!("{target} {fields:?}: {broken}"))
}

/// The fields of a head but those that proxies and time change.
fn comparable(headers: &HeaderMap) -> HeaderMap {
    let mut left = headers.clone();
    for name in ["date", "via", "connection", "keep-alive", "opes-system", "opes-via", "transfer-encoding"] {
        left.remove(name);
    }
    left
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn static_files_are_adapted() {
    let stack = Behind::changing(SUBSTITUTE);
    let mut connection = stack.proxied().await;
    for (name, octets) in stack.files.all() {
        let expected = substitute(octets, b"cat", b"tiger");
        assert!(octets.is_empty() || expected.len() > octets.len(), "{name} holds what is looked for");
        for _ in 0..2 {
            let answer = connection.get(&format!("/{name}")).await;
            assert_eq!(answer.status, StatusCode::OK, "{name}");
            assert!(answer.body == expected, "{name}: {} octets of {}", answer.body.len(), expected.len());
            assert_framing(&answer.headers, expected.len() as u64);
            assert_traced(&answer.headers, &[SUBSTITUTE]);
            assert!(
                !answer.headers.contains_key(header::ACCEPT_RANGES),
                "{name}: nginx's ranges are not ours"
            );
            let etag = answer.headers[header::ETAG].to_str().expect("an ETag");
            assert!(etag.starts_with("W/\""), "{name}: {etag} is of other octets");
        }
    }
    // Eight times on one connection of the client; nginx was not connected to for each of them either.
    let log = stack.nginx.log(8);
    let mut connections: Vec<_> = log.iter().map(|line| line.connection).collect();
    connections.dedup();
    assert!(connections.len() < 8, "{log:?}");
    assert_eq!(stack.nginx.finish(), "", "nginx has nothing to complain about");
}

/// Nothing of what nginx says is changed by a service that is known to change nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn read_only_services_leave_everything_as_nginx_made_it() {
    let stack = Behind::read_only();
    let mut proxied = stack.proxied().await;
    let etag = stack.direct().await.get("/text.txt").await.headers[header::ETAG].clone();
    let etag = etag.to_str().expect("an ETag");
    let zipped = [("accept-encoding", "gzip")];
    let cases: &[(Method, &str, Fields<'_>, u16)] = &[
        (Method::GET, "/text.txt", &[], 200),
        (Method::GET, "/binary.bin", &[], 200),
        (Method::GET, "/empty.txt", &[], 200),
        (Method::GET, "/large.bin", &[], 200),
        (Method::HEAD, "/text.txt", &[], 200),
        (Method::HEAD, "/empty.txt", &[], 200),
        (Method::GET, "/text.txt", &[("if-none-match", etag)], 304),
        (Method::HEAD, "/text.txt", &[("if-none-match", etag)], 304),
        (Method::GET, "/text.txt", &[("if-none-match", "\"another\"")], 200),
        (Method::GET, "/text.txt", &[("if-match", "\"another\"")], 412),
        (Method::GET, "/large.bin", &[("range", "bytes=65530-131099")], 206),
        (Method::GET, "/large.bin", &[("range", "bytes=-1")], 206),
        (Method::GET, "/text.txt", &[("range", "bytes=4-6"), ("if-range", etag)], 206),
        (Method::GET, "/text.txt", &[("range", "bytes=4-6"), ("if-range", "\"another\"")], 200),
        (Method::GET, "/text.txt", &[("range", "bytes=99999-")], 416),
        (Method::GET, "/zipped/text.txt", &zipped, 200),
        (Method::HEAD, "/zipped/text.txt", &zipped, 200),
        (Method::GET, "/chunked/text.txt", &[], 200),
        (Method::GET, "/nothing.txt", &[], 404),
        (Method::GET, "/old", &[], 301),
        (Method::POST, "/text.txt", &[], 405),
        (Method::DELETE, "/text.txt", &[], 405),
        (Method::OPTIONS, "/text.txt", &[], 405),
    ];
    for (method, target, fields, status) in cases {
        // On connections of their own: nginx hangs up after some of its answers without saying so.
        let expected = ask(&mut stack.direct().await, method.clone(), target, fields).await;
        let answer = ask(&mut proxied, method.clone(), target, fields).await;
        assert_eq!(expected.status.as_u16(), *status, "{method} {target} {fields:?} straight from nginx");
        assert_eq!(answer.status, expected.status, "{method} {target} {fields:?}");
        assert_eq!(
            comparable(&answer.headers),
            comparable(&expected.headers),
            "{method} {target} {fields:?}"
        );
        assert!(answer.body == expected.body, "{method} {target}: {} octets came", answer.body.len());
        assert_traced(&answer.headers, &[IDENTITY]);
    }
    let gzip = ask(&mut proxied, Method::GET, "/zipped/text.txt", &zipped).await;
    assert_eq!(gzip.headers[header::CONTENT_ENCODING], "gzip");
    assert_eq!(&gzip.body[..2], b"\x1f\x8b", "a gzip file");
    let chunked = proxied.get("/chunked/text.txt").await;
    assert!(!chunked.headers.contains_key(header::CONTENT_LENGTH), "nginx sends it chunked");
    assert!(chunked.body == stack.files.text, "{} octets came", chunked.body.len());
}

/// `identity` as any service: it changes nothing and says so, but nobody knows before it has run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_codings_and_chunks_pass_a_service_that_changes_nothing() {
    let stack = Behind::changing(IDENTITY);
    let (mut direct, mut proxied) = (stack.direct().await, stack.proxied().await);
    for (target, fields) in [
        ("/zipped/text.txt", &[("accept-encoding", "gzip")][..]),
        ("/zipped/text.txt", &[]),
        ("/chunked/text.txt", &[]),
        ("/text.txt", &[]),
        ("/large.bin", &[]),
    ] {
        let expected = ask(&mut direct, Method::GET, target, fields).await;
        let answer = ask(&mut proxied, Method::GET, target, fields).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.body == expected.body, "{target}: {} octets came", answer.body.len());
        assert_eq!(
            answer.headers.get(header::CONTENT_ENCODING),
            expected.headers.get(header::CONTENT_ENCODING),
            "{target}"
        );
        assert!(!answer.headers.contains_key(header::ACCEPT_RANGES), "{target}: ranges are not asked for");
        assert_framing(&answer.headers, expected.body.len() as u64);
        assert_traced(&answer.headers, &[IDENTITY]);
    }
}

/// What a client was given by us it can ask for again: nginx compares as it should, and answers 304.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conditional_requests_work_with_the_weak_validators_of_adapted_content() {
    let stack = Behind::changing(SUBSTITUTE);
    let mut connection = stack.proxied().await;
    for name in ["/text.txt", "/large.bin"] {
        let first = connection.get(name).await;
        let etag = first.headers[header::ETAG].to_str().expect("an ETag").to_owned();
        let modified = first.headers[header::LAST_MODIFIED].to_str().expect("a date").to_owned();
        for condition in [("if-none-match", etag.as_str()), ("if-modified-since", modified.as_str())] {
            let answer = ask(&mut connection, Method::GET, name, &[condition]).await;
            assert_eq!(
                (answer.status, answer.body.len()),
                (StatusCode::NOT_MODIFIED, 0),
                "{name} {condition:?}"
            );
            assert_traced(&answer.headers, &[SUBSTITUTE]);
            // RFC 9110 section 15.4.5: a cache would take the fields over; a strong validator would be of other octets.
            let again = answer.headers.get(header::ETAG).map(|etag| etag.to_str().expect("an ETag"));
            assert!(again.is_none_or(|again| again == etag), "{name}: {again:?} and {etag}");
        }
        let answer = ask(&mut connection, Method::GET, name, &[("if-none-match", "W/\"another\"")]).await;
        assert_eq!((answer.status, &answer.body), (StatusCode::OK, &first.body), "{name}");
    }
    let head = ask(&mut connection, Method::HEAD, "/text.txt", &[]).await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    let length = head.headers.get(header::CONTENT_LENGTH);
    assert!(length.is_none(), "the length of adapted content is not known: {length:?}");
    assert!(!head.headers.contains_key(header::ETAG), "nor its validator");
    assert_traced(&head.headers, &[SUBSTITUTE]);
}

/// A part of the original is no part of the adapted content, so all of it comes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ranges_of_changed_content_are_not_asked_for() {
    let stack = Behind::changing(SUBSTITUTE);
    let mut connection = stack.proxied().await;
    for (name, octets) in [("/text.txt", &stack.files.text), ("/large.bin", &stack.files.large)] {
        for range in ["bytes=4-6", "bytes=-10", "bytes=0-", "bytes=99999999-"] {
            let answer = ask(&mut connection, Method::GET, name, &[("range", range)]).await;
            let expected = substitute(octets, b"cat", b"tiger");
            assert_eq!(answer.status, StatusCode::OK, "{name} {range}");
            assert!(answer.body == expected, "{name} {range}: {} octets came", answer.body.len());
            assert!(!answer.headers.contains_key(header::CONTENT_RANGE), "{name} {range}");
        }
    }
}

/// Pages that nginx makes itself go through the services like files.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn error_pages_are_adapted_and_keep_their_status() {
    let stack = Behind::changing(COMMON);
    let (mut direct, mut proxied) = (stack.direct().await, stack.proxied().await);
    for (method, target, status) in [
        (Method::GET, "/nothing.txt", 404),
        (Method::GET, "/old", 301),
        (Method::POST, "/text.txt", 405),
        (Method::PUT, "/new.txt", 405),
    ] {
        let original = ask(&mut direct, method.clone(), target, &[]).await;
        let answer = ask(&mut proxied, method.clone(), target, &[]).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {target}");
        assert_eq!(answer.status, original.status, "{method} {target}");
        assert!(answer.body == substitute(&original.body, b"the", b"that very"), "{}", answer.text());
        assert_framing(&answer.headers, answer.body.len() as u64);
        assert_traced(&answer.headers, &[COMMON]);
        let place = |answer: &Answer| {
            let location = answer.headers.get(header::LOCATION)?;
            Some(location.to_str().expect("a URI").rsplit_once('/').expect("a path").1.to_owned())
        };
        assert_eq!(place(&answer), place(&original), "{method} {target}");
    }
}

/// An intermediary that knows nothing of OPES between the client and the processor: requests of HTTP/1.1 and 1.0.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_in_front_passes_on_what_was_adapted() {
    let stack = Stack::start(&[Rule::request(&[SUBSTITUTE]), Rule::response(&[SUBSTITUTE])]).await;
    stack.origin.page("/cat", Page::text("A cat sat.\n"));
    stack.origin.page("/empty", Page::text(""));
    stack.origin.page("/chunked", Page::text("A cat sat.\n".repeat(1000)).chunked(100));
    let nginx = Nginx::before(stack.proxy.address);
    let mut connection = Connection::open(nginx.address()).await;
    for before in ["", "/1.0"] {
        let expected = substitute(&Pattern::new(53).slice(0, 3_000_000), b"cat", b"tiger");
        for (target, expected) in [
            ("/cat", b"A tiger sat.\n".to_vec()),
            ("/empty", Vec::new()),
            ("/chunked", b"A tiger sat.\n".repeat(1000)),
            ("/bytes/3000000?seed=53", expected.clone()),
            ("/bytes/3000000?seed=53&framing=chunked", expected),
        ] {
            let answer = connection.get(&format!("{before}{target}")).await;
            assert_eq!(answer.status, StatusCode::OK, "{before}{target}");
            assert!(answer.body == expected, "{before}{target}: {} octets came", answer.body.len());
            assert_traced(&answer.headers, &[SUBSTITUTE]);
        }
        let target = format!("{before}/echo");
        let upload = Pattern::new(54).slice(0, 1_000_000);
        let answer = connection.fetch(with_body(Method::POST, &target, full(upload.clone()))).await;
        let answer = answer.expect("a whole response");
        // Once on the way there, once on the way back: what is left of `cacat` by the first makes the second.
        let expected = substitute(&substitute(&upload, b"cat", b"tiger"), b"cat", b"tiger");
        assert!(answer.body == expected, "{} octets came", answer.body.len());

        let target = format!("{before}/cat");
        let answer = ask(&mut connection, Method::GET, &target, &[("opes-bypass", "*")]).await;
        assert_eq!(answer.text(), "A cat sat.\n", "the client's wish passes nginx");
        assert_traced(&answer.headers, &[]);
        let head = ask(&mut connection, Method::HEAD, &target, &[]).await;
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
        assert_eq!(ask(&mut connection, Method::GET, &format!("{before}/status/204"), &[]).await.status, 204);
    }
    assert!(nginx.log(16).iter().all(|line| line.status < 300));
}
