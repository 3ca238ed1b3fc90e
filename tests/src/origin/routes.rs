//! Which answer a request gets.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;

use super::record::{Received, Seen};
use super::{Content, Page};
use crate::body::{self, Body, Feed, Shape, fed, generated};
use crate::octets::Pattern;
use crate::oracle::Tally;

/// A request's body, whoever receives it.
pub trait Incoming: http_body::Body<Data = Bytes, Error: Send> + Send + Unpin + 'static {}

impl<B: http_body::Body<Data = Bytes, Error: Send> + Send + Unpin + 'static> Incoming for B {}

/// Answers one request and records it.
pub(super) fn answer<B: Incoming>(content: &Arc<Content>, request: Request<B>) -> Response<Body> {
    let (head, incoming) = request.into_parts();
    let target = head.uri.path_and_query().map_or("/", |whole| whole.as_str()).to_owned();
    let number = record(content, &head.method, &target, &head.headers);
    let path = head.uri.path().to_owned();
    let query = Query(head.uri.query().unwrap_or_default().to_owned());
    if path == "/echo" {
        return echo(content, number, incoming);
    }
    if path == "/tally" {
        return tally(content, number, incoming);
    }
    tokio::spawn(receive(Arc::clone(content), number, incoming, None));
    if let Some(page) = content.pages.lock().expect("no handler panicked").get(&path) {
        return page.answer(&head.method, &head.headers);
    }
    if let Some((headers, body)) = content.staged.lock().expect("no handler panicked").remove(&path) {
        let mut response = Response::new(body);
        *response.headers_mut() = headers;
        return response;
    }
    if let Some(length) = path.strip_prefix("/bytes/").and_then(|length| length.parse().ok()) {
        return bytes(length, &query);
    }
    if let Some(code) = path.strip_prefix("/status/").and_then(|code| code.parse().ok()) {
        return status(StatusCode::from_u16(code).expect("a status code in the test"));
    }
    let tree = content.tree.lock().expect("no handler panicked").clone();
    match (path.strip_prefix("/tree/"), tree) {
        (Some(name), Some(tree)) => file(&tree.join(decode(name)), &head.method, &head.headers),
        _ => status(StatusCode::NOT_FOUND),
    }
}

fn record(content: &Content, method: &Method, target: &str, headers: &HeaderMap) -> usize {
    let mut seen = content.seen.lock().expect("no handler panicked");
    seen.push(Seen {
        method: method.clone(),
        target: target.to_owned(),
        headers: headers.clone(),
        trailers: HeaderMap::new(),
        body: None,
    });
    seen.len() - 1
}

/// Reads a request's body to its end, passing it on where somebody wants it, and completes the record.
async fn receive<B: Incoming>(
    content: Arc<Content>,
    number: usize,
    mut incoming: B,
    onward: Option<Feed>,
) -> Received {
    let (mut tally, mut trailers, mut whole) = (Tally::default(), HeaderMap::new(), true);
    while let Some(frame) = incoming.frame().await {
        let Ok(frame) = frame else {
            whole = false;
            break;
        };
        match frame.into_data() {
            Ok(data) => {
                tally.push(&data);
                if let Some(onward) = &onward {
                    onward.send_slowly(data).await;
                }
            }
            Err(frame) => trailers.extend(frame.into_trailers().expect("a frame is data or trailers")),
        }
    }
    if let (Some(onward), false) = (&onward, whole) {
        onward.cut().await;
    }
    let received = Received { length: tally.length(), sha256: tally.sha256(), whole };
    let mut seen = content.seen.lock().expect("no handler panicked");
    seen[number].trailers = trailers;
    seen[number].body = Some(received.clone());
    received
}

fn echo<B: Incoming>(content: &Arc<Content>, number: usize, incoming: B) -> Response<Body> {
    let (feed, body) = fed(None);
    tokio::spawn(receive(Arc::clone(content), number, incoming, Some(feed)));
    octets(body)
}

fn tally<B: Incoming>(content: &Arc<Content>, number: usize, incoming: B) -> Response<Body> {
    let (feed, body) = fed(None);
    let content = Arc::clone(content);
    tokio::spawn(async move {
        let received = receive(content, number, incoming, None).await;
        if received.whole {
            feed.send(format!("{} {}\n", received.length, received.sha256)).await;
        } else {
            feed.cut().await;
        }
    });
    octets(body)
}

fn octets(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/octet-stream"));
    response
}

fn status(code: StatusCode) -> Response<Body> {
    let mut response = Response::new(body::empty());
    *response.status_mut() = code;
    response
}

fn bytes(length: u64, query: &Query) -> Response<Body> {
    let default = Shape::default();
    let shape = Shape {
        chunked: query.value("framing") == Some("chunked"),
        piece: query.number("piece").unwrap_or(default.piece),
        pause: query.number("pause_ms").map_or(default.pause, Duration::from_millis),
        cut: query.number("cut"),
    };
    octets(generated(Pattern::new(query.number("seed").unwrap_or(0)), length, shape))
}

fn file(path: &Path, method: &Method, asked: &HeaderMap) -> Response<Body> {
    match std::fs::read(path) {
        Ok(octets) => Page::new(media_type(path), octets).answer(method, asked),
        Err(_) => status(StatusCode::NOT_FOUND),
    }
}

fn media_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html",
        Some("css") => "text/css",
        Some("js") => "text/javascript",
        Some("png") => "image/png",
        Some("svg") => "image/svg+xml",
        Some("gz") => "application/gzip",
        Some("epub") => "application/epub+zip",
        _ => "text/plain",
    }
}

/// Undoes percent-encoding.
fn decode(name: &str) -> String {
    let mut parts = name.split('%');
    let mut octets = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        octets.push(u8::from_str_radix(&part[..2], 16).expect("two hex digits after %"));
        octets.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(octets).expect("a name in UTF-8")
}

/// The query of a target.
struct Query(String);

impl Query {
    fn value(&self, name: &str) -> Option<&str> {
        self.0.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.value(name).map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is no number: {value}")))
    }
}
