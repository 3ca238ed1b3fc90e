//! HTTP/1.1 clients: one connection, kept in hand, with bodies collected or only tallied.

use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::body::{self, Body};
use crate::oracle::Tally;
use crate::patience::within;

/// A whole response.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its header fields.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// Its trailer fields, if it had any.
    pub trailers: HeaderMap,
}

impl Answer {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A whole response whose body was read and not held.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Its status.
    pub status: StatusCode,
    /// Its header fields.
    pub headers: HeaderMap,
    /// Octets in its body.
    pub length: u64,
    /// SHA-256 of its body.
    pub sha256: String,
}

/// A response that did not arrive whole.
#[derive(Debug)]
pub struct Broken {
    /// Its status, where the head arrived.
    pub status: Option<StatusCode>,
    /// Octets of the body that arrived.
    pub received: u64,
    /// What the transport said.
    pub why: hyper::Error,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {:?}, {} octets, then {:?}", self.status, self.received, self.why)
    }
}

/// One connection to a proxy or an origin.
#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<Body>,
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> Self {
        let stream = within("a connection", TcpStream::connect(address)).await;
        let stream = stream.unwrap_or_else(|error| panic!("{address}: {error}"));
        stream.set_nodelay(true).expect("a TCP option");
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("no octet is sent yet");
        // How it ends shows in the response that it carries.
        tokio::spawn(async move { drop(connection.await) });
        Self { sender }
    }

    /// Sends a request and waits for the head of the response.
    pub async fn send(&mut self, request: Request<Body>) -> Result<Response<Incoming>, Broken> {
        within("the connection to be free", self.sender.ready()).await.map_err(Broken::before_the_head)?;
        within("the head of a response", self.sender.send_request(request))
            .await
            .map_err(Broken::before_the_head)
    }

    /// Sends a request and collects the response.
    pub async fn fetch(&mut self, request: Request<Body>) -> Result<Answer, Broken> {
        collect(self.send(request).await?).await
    }

    /// Sends a GET and collects the response, which must arrive whole.
    pub async fn get(&mut self, target: &str) -> Answer {
        self.fetch(request(Method::GET, target))
            .await
            .unwrap_or_else(|broken| panic!("GET {target}: {broken}"))
    }
}

impl Broken {
    fn before_the_head(why: hyper::Error) -> Self {
        Self { status: None, received: 0, why }
    }
}

/// A request without a body. The target is a path, or a whole URI for a forward proxy.
#[must_use]
pub fn request(method: Method, target: &str) -> Request<Body> {
    with_body(method, target, body::empty())
}

/// A request with a body.
#[must_use]
pub fn with_body(method: Method, target: &str, body: Body) -> Request<Body> {
    let request = Request::builder().method(method).uri(target);
    let host =
        request.uri_ref().and_then(|uri| uri.authority()).map_or("www.example.com", |name| name.as_str());
    let host = host.to_owned();
    request.header(header::HOST, host).body(body).unwrap_or_else(|error| panic!("{target}: {error}"))
}

/// Adds a header field.
#[must_use]
pub fn with_field(mut request: Request<Body>, name: &'static str, value: &str) -> Request<Body> {
    request.headers_mut().append(name, value.parse().expect("a field value"));
    request
}

/// Fetches over a connection of its own.
pub async fn fetch(address: SocketAddr, request: Request<Body>) -> Result<Answer, Broken> {
    Connection::open(address).await.fetch(request).await
}

/// Gets over a connection of its own; the response must arrive whole.
pub async fn get(address: SocketAddr, target: &str) -> Answer {
    Connection::open(address).await.get(target).await
}

/// Reads a response to its end.
pub async fn collect(response: Response<Incoming>) -> Result<Answer, Broken> {
    let (head, mut incoming) = response.into_parts();
    let (mut octets, mut trailers) = (Vec::new(), HeaderMap::new());
    while let Some(frame) = next(&mut incoming, head.status, octets.len() as u64).await? {
        match frame.into_data() {
            Ok(data) => octets.extend_from_slice(&data),
            Err(frame) => trailers.extend(frame.into_trailers().expect("a frame is data or trailers")),
        }
    }
    Ok(Answer { status: head.status, headers: head.headers, body: octets.into(), trailers })
}

/// Reads a response to its end without holding it.
pub async fn summarise(response: Response<Incoming>) -> Result<Summary, Broken> {
    let (head, mut incoming) = response.into_parts();
    let mut tally = Tally::default();
    while let Some(frame) = next(&mut incoming, head.status, tally.length()).await? {
        if let Ok(data) = frame.into_data() {
            tally.push(&data);
        }
    }
    Ok(Summary { status: head.status, headers: head.headers, length: tally.length(), sha256: tally.sha256() })
}

/// The next data of a body; `None` at its end.
pub async fn piece(response: &mut Response<Incoming>) -> Result<Option<Bytes>, Broken> {
    let status = response.status();
    while let Some(frame) = next(response.body_mut(), status, 0).await? {
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

async fn next(
    incoming: &mut Incoming,
    status: StatusCode,
    received: u64,
) -> Result<Option<http_body::Frame<Bytes>>, Broken> {
    match within("the next piece of a response", incoming.frame()).await {
        None => Ok(None),
        Some(Ok(frame)) => Ok(Some(frame)),
        Some(Err(why)) => Err(Broken { status: Some(status), received, why }),
    }
}
