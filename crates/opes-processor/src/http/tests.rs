//! The proxy with services of the tests' own, between a client and an origin that are raw octets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ocp::client::{Client, ClientConfig};
use ocp::server::{Server, ServerConfig, Services};
use opes_profile::http::AuxParts;
use opes_record::{Clock, Journal, JournalOptions, Store};
use opes_sdk::{Attributes, Body, Context, Needs, Segment, Service, ServiceFactory, Step};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::report::Log;
use crate::rules::{Condition, Point, Rule, Rules, Run};

/// Sends after each message what came in the request that it answers.
struct Telling(Option<u64>, Body);

impl ServiceFactory for Telling {
    fn uri(&self) -> &str {
        "urn:telling"
    }

    fn build(&self, attributes: &Attributes) -> Box<dyn Service> {
        Box::new(Tell(attributes.request.clone().unwrap_or_default(), self.1))
    }

    fn takes_request(&self) -> Option<u64> {
        self.0
    }
}

struct Tell(bytes::Bytes, Body);

impl Service for Tell {
    fn needs(&self) -> Needs {
        Needs { body: self.1, ..Needs::default() }
    }

    fn push(&mut self, cx: &mut Context<'_>, segment: Segment) -> Step {
        cx.emit(segment);
        Step::Continue
    }

    fn finish(&mut self, cx: &mut Context<'_>) -> Step {
        cx.emit(Segment::new(self.0.clone()));
        Step::Continue
    }
}

/// An origin that reads to the end of a request's body, which is `!`, and gives this answer.
async fn origin(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut read = Vec::new();
            while !read.contains(&b'!') && stream.read_buf(&mut read).await.unwrap() > 0 {}
            stream.write_all(answer.as_bytes()).await.unwrap();
            // What is left unread would have the connection reset, and the answer lost.
            stream.shutdown().await.unwrap();
            while stream.read_buf(&mut read).await.is_ok_and(|octets| octets > 0) {}
        }
    });
    address
}

/// What a client gets for a request, with one service for responses.
async fn answer(service: Telling, request_octets: u64, answer: &'static str, request: &str) -> String {
    let mut services = Services::new();
    services.add(Arc::new(service));
    let server = Server::bind(([127, 0, 0, 1], 0).into(), ServerConfig::new(services)).await.unwrap();
    let aux = if request_octets > 0 { AuxParts::ALL } else { AuxParts::REQUEST_HEADER };
    let address = server.local_addr().unwrap().to_string();
    tokio::spawn(server.run(std::future::pending()));
    let client = Client::new(ClientConfig { aux, ..ClientConfig::new(address) });
    let run = Run { request_octets, ..Run::callout(client, ["urn:telling"]) };
    let rule = Rule { replay_octets: 0, ..Rule::new("telling", Point::ResponseOut, vec![run]) };
    let system = System::new("http://opes.example.com/", None).unwrap();
    let tls = OriginTls::without_authorities().unwrap();
    let config = ProxyConfig {
        origin: Some(format!("http://{}", origin(answer).await).parse().unwrap()),
        ..ProxyConfig::new(system, Rules::new(vec![rule], Vec::new()), tls, Arc::new(Log))
    };
    let proxy = Proxy::bind(([127, 0, 0, 1], 0).into(), config).await.unwrap();
    let mut client = TcpStream::connect(proxy.local_addr().unwrap()).await.unwrap();
    tokio::spawn(proxy.run(std::future::pending()));
    client.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    client.read_to_string(&mut text).await.unwrap();
    text
}

const OK: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\nanswer";
const FIELDS: &str = "Host: a\r\nConnection: close\r\n";

// RFC 4236 section 3.2.3.
#[tokio::test]
async fn services_see_the_request_with_its_response() {
    let known = format!("POST / HTTP/1.1\r\n{FIELDS}Content-Length: 6\r\n\r\nasked!");
    let chunked =
        format!("POST / HTTP/1.1\r\n{FIELDS}Transfer-Encoding: chunked\r\n\r\n6\r\nasked!\r\n0\r\n\r\n");
    for request in [known, chunked] {
        let text = answer(Telling(Some(100), Body::Streamed), 6, OK, &request).await;
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.contains("asked!"), "{text}");
    }
    let none = format!("GET / HTTP/1.1\r\n{FIELDS}X: !\r\n\r\n");
    let text = answer(Telling(Some(100), Body::Streamed), 6, OK, &none).await;
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.contains("answer"), "{text}");
}

// RFC 4236 section 3.2.3: what was not offered is not selected, so the service goes without.
#[tokio::test]
async fn where_requests_are_not_kept_they_are_not_offered() {
    let request = format!("POST / HTTP/1.1\r\n{FIELDS}Content-Length: 6\r\n\r\nasked!");
    let text = answer(Telling(Some(100), Body::Streamed), 0, OK, &request).await;
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && !text.contains("asked!"), "{text}");
}

#[tokio::test]
async fn a_request_that_is_too_long_to_be_kept_fails_those_who_want_it() {
    let request = format!("POST / HTTP/1.1\r\n{FIELDS}Content-Length: 6\r\n\r\nasked!");
    let text = answer(Telling(Some(100), Body::Streamed), 5, OK, &request).await;
    assert!(text.starts_with("HTTP/1.1 502 "), "{text}");
    let text = answer(Telling(Some(5), Body::Streamed), 100, OK, &request).await;
    assert!(text.starts_with("HTTP/1.1 502 "), "{text}");
}

// RFC 9110 section 15.3.7.
#[tokio::test]
async fn a_range_is_refused_by_services_that_need_the_whole() {
    let range =
        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-5/9\r\nContent-Length: 6\r\n\r\nanswer";
    let request = format!("GET / HTTP/1.1\r\n{FIELDS}X: !\r\n\r\n");
    let whole = Body::Whole { limit: 100 };
    assert!(answer(Telling(None, whole), 0, range, &request).await.starts_with("HTTP/1.1 502 "));
    assert!(answer(Telling(None, whole), 0, OK, &request).await.starts_with("HTTP/1.1 200 "));
    assert!(answer(Telling(None, Body::Streamed), 0, range, &request).await.starts_with("HTTP/1.1 206 "));
}

/// Answers with a text, and notes the ranges that are asked for.
#[derive(Clone, Default)]
struct Inner(Arc<std::sync::Mutex<Vec<bool>>>);

impl tower_service::Service<http::Request<ProxyBody>> for Inner {
    type Response = http::Response<http_body_util::Full<bytes::Bytes>>;
    type Error = std::convert::Infallible;
    type Future = std::future::Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<ProxyBody>) -> Self::Future {
        self.0.lock().unwrap().push(request.headers().contains_key("range"));
        std::future::ready(Ok(http::Response::new("a cat".into())))
    }
}

#[tokio::test]
async fn conditions_on_the_response_see_the_request_that_those_before_it_saw() {
    use tower_layer::Layer;
    use tower_service::Service;

    let substitute = opes_services::Substitute::new("urn:substitute", "cat", "tiger").unwrap();
    let condition = Condition::new("'range' in request.headers", Point::ResponseOut).unwrap();
    let run = Run::here(vec![Arc::new(substitute)]);
    let rule = Rule { condition: Some(condition), ..Rule::new("ranges", Point::ResponseOut, vec![run]) };
    let system = System::new("http://opes.example.com/system", None).unwrap();
    let inner = Inner::default();
    let processor = Processor::new(system, Rules::new(vec![rule], Vec::new()));
    let mut adapted = AdaptLayer::new(processor).layer(inner.clone());
    for (range, expected) in [(true, "a tiger"), (false, "a cat")] {
        let mut request = http::Request::new(http_body_util::Empty::<bytes::Bytes>::new());
        if range {
            request.headers_mut().insert("range", http::HeaderValue::from_static("bytes=0-9"));
        }
        let response = adapted.call(request).await.unwrap();
        let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
        assert_eq!(body, expected);
    }
    assert_eq!(*inner.0.lock().unwrap(), [false, false], "what is changed has no ranges of the origin's");
}

/// Messages go on as if nothing were wrong when there is no room for their records; what is dropped is counted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_stands_still_stops_no_message_and_drops_what_has_no_room() {
    let folder = std::env::temp_dir().join(format!("opes-saturated-{}", std::process::id()));
    let (still, stands) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let mut options = JournalOptions::new(&folder);
    options.queue_records = 4;
    options.clock = Clock::new({
        let (still, stands) = (Arc::clone(&still), Arc::clone(&stands));
        move || {
            while still.load(Ordering::SeqCst) {
                stands.store(true, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(1));
            }
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            since.unwrap().as_millis().try_into().unwrap()
        }
    });
    let journal = Arc::new(Journal::open(options).unwrap());
    still.store(true, Ordering::SeqCst);
    // The thread that writes looks at the clock although there is nothing to write.
    while !stands.load(Ordering::SeqCst) {
        std::thread::yield_now();
    }

    let run = Run::here(vec![Arc::new(Telling(None, Body::Streamed)) as Arc<dyn ServiceFactory>]);
    let rule = Rule::new("telling", Point::ResponseOut, vec![run]);
    let system = System::new("http://opes.example.com/", None).unwrap();
    let tls = OriginTls::without_authorities().unwrap();
    let store: Arc<dyn Store> = Arc::<Journal>::clone(&journal);
    let config = ProxyConfig {
        origin: Some(format!("http://{}", origin(OK).await).parse().unwrap()),
        recorder: Some(Recorder::new(store)),
        ..ProxyConfig::new(system, Rules::new(vec![rule], Vec::new()), tls, Arc::new(Log))
    };
    let proxy = Proxy::bind(([127, 0, 0, 1], 0).into(), config).await.unwrap();
    let address = proxy.local_addr().unwrap();
    tokio::spawn(proxy.run(std::future::pending()));
    for _ in 0..20 {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(format!("GET / HTTP/1.1\r\n{FIELDS}X: !\r\n\r\n").as_bytes()).await.unwrap();
        let mut text = String::new();
        client.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.contains(";id="), "{text}");
    }
    // A record is submitted when all of its message is over, which may be after its last octet.
    while journal.counts().dropped.full < 16 {
        tokio::task::yield_now().await;
    }
    assert_eq!((journal.counts().kept, journal.counts().dropped.full), (0, 16));
    still.store(false, Ordering::SeqCst);
    assert!(journal.flush(Duration::from_secs(60)));
    assert_eq!((journal.counts().kept, journal.counts().dropped.total()), (4, 16), "what had room is kept");
    drop(journal);
    let _ = std::fs::remove_dir_all(folder);
}
