//! An origin whose answers have the shape that the request asks for, over HTTP/1.1 in clear, or on TLS whichever version was agreed.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Version, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;

use crate::body::{self, Body};
use crate::certificates::Certificates;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its version.
    pub version: Version,
    /// Its method.
    pub method: Method,
    /// Its fields.
    pub headers: HeaderMap,
    /// Its whole body; `None` if that broke off.
    pub body: Option<Bytes>,
}

/// The most octets of a head over HTTP/2.
const HEAD_OCTETS: u32 = 4 * 1024 * 1024;

/// Answers `/STATUS/length/TEXT` with a body of known length, `/STATUS/unknown/TEXT` with one without. Fields `X-Large` of
/// a request are in its answer, too.
#[derive(Debug)]
pub struct Shaped {
    /// Where it listens.
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    listening: AbortHandle,
}

impl Shaped {
    /// HTTP/1.1 in clear.
    pub async fn in_clear() -> Self {
        Self::start(None).await
    }

    /// HTTP/2 or HTTP/1.1 on TLS.
    pub async fn secure(certificates: &Certificates) -> Self {
        Self::start(Some(TlsAcceptor::from(certificates.server(&["h2", "http/1.1"])))).await
    }

    async fn start(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
        let address = listener.local_addr().expect("a bound address");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let listening = tokio::spawn(accept(listener, tls, Arc::clone(&asked))).abort_handle();
        Self { address, asked, listening }
    }

    /// The latest request.
    #[must_use]
    pub fn last(&self) -> Option<Asked> {
        self.asked.lock().expect("no handler panicked").last().cloned()
    }
}

impl Drop for Shaped {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, asked: Arc<Mutex<Vec<Asked>>>) {
    loop {
        let (stream, _) = listener.accept().await.expect("a connection to the origin");
        stream.set_nodelay(true).expect("a TCP option");
        tokio::spawn(serve(stream, tls.clone(), Arc::clone(&asked)));
    }
}

async fn serve(stream: TcpStream, tls: Option<TlsAcceptor>, asked: Arc<Mutex<Vec<Asked>>>) {
    let service = service_fn(move |request| {
        let asked = Arc::clone(&asked);
        async move { Ok::<_, Infallible>(answer(request, &asked).await) }
    });
    // A proxy that goes away ends the connection: that is the point.
    match tls {
        None => {
            let connection = hyper::server::conn::http1::Builder::new();
            drop(connection.serve_connection(TokioIo::new(stream), service).await);
        }
        Some(tls) => {
            let Ok(stream) = tls.accept(stream).await else { return };
            if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                let mut connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                connection.max_header_list_size(HEAD_OCTETS);
                drop(connection.serve_connection(TokioIo::new(stream), service).await);
            } else {
                let connection = hyper::server::conn::http1::Builder::new();
                drop(connection.serve_connection(TokioIo::new(stream), service).await);
            }
        }
    }
}

async fn answer(request: Request<Incoming>, asked: &Mutex<Vec<Asked>>) -> Response<Body> {
    let (head, incoming) = request.into_parts();
    let body = incoming.collect().await.ok().map(http_body_util::Collected::to_bytes);
    let (version, method) = (head.version, head.method.clone());
    let large: Vec<_> = head.headers.get_all("x-large").iter().cloned().collect();
    let seen = Asked { version, method, headers: head.headers, body };
    asked.lock().expect("no handler panicked").push(seen);
    let mut path = head.uri.path().trim_start_matches('/').splitn(3, '/');
    let mut next = || path.next().unwrap_or_default().to_owned();
    let (status, framing, text) = (next(), next(), next());
    let status: StatusCode = status.parse().expect("a status in the test");
    let bodiless = head.method == Method::HEAD || matches!(status.as_u16(), 204 | 205 | 304);
    let body = match (bodiless, framing.as_str()) {
        (true, _) => body::empty(),
        (false, "unknown") => {
            let (feed, body) = body::fed(None);
            let octets = text.clone().into_bytes();
            tokio::spawn(async move { feed.send(octets).await });
            body
        }
        (false, _) => body::full(text.clone().into_bytes()),
    };
    let mut response = Response::builder().status(status);
    if framing == "length" && (head.method == Method::HEAD || status == StatusCode::NOT_MODIFIED) {
        response = response.header(header::CONTENT_LENGTH, text.len());
    }
    response = large.into_iter().fold(response, |response, value| response.header("x-large", value));
    for (name, value) in [
        ("content-type", "text/plain"),
        ("etag", "\"strong\""),
        ("accept-ranges", "bytes"),
        ("content-md5", "Q2hlY2sgSW50ZWdyaXR5IQ=="),
        ("x-kept", "as it is"),
    ] {
        response = response.header(name, value);
    }
    response.body(body).expect("a response")
}
