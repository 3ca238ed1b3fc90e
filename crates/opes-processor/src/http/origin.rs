//! Requests to the data provider: where they go and what they look like.

use std::time::Duration;

use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Request, Response, Uri, Version};
use hyper::body::{Body, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use super::Limits;
use super::body::ProxyBody;
use super::connection::head_buffer;
use super::inbound::without_user;
use super::received::Activity;
use super::tls::OriginTls;

/// Why there is no response from an origin.
#[derive(Debug, Error)]
pub(super) enum OriginError {
    /// The client's fault.
    #[error("{0}")]
    Request(&'static str),
    /// The origin's fault.
    #[error("the origin failed: {0}")]
    Origin(#[from] hyper_util::client::legacy::Error),
    /// A tunnel's other end cannot be reached.
    #[error("cannot connect: {0}")]
    Connect(#[from] std::io::Error),
    /// The origin took longer than it may.
    #[error("the origin was silent for {0:?}")]
    Silent(Duration),
}

/// Where requests go.
#[derive(Debug, Clone)]
pub(super) enum Route {
    /// Reverse proxy: always there.
    Origin { scheme: Scheme, authority: Authority },
    /// Forward proxy: where the request's absolute target says (RFC 9112 section 3.2.2).
    Target,
}

/// How long an origin may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// To accept a connection.
    pub(super) connect: Duration,
    /// To send the head of a response, once it has the request.
    pub(super) response_head: Duration,
}

type Pooled = Client<HttpsConnector<HttpConnector>, ProxyBody>;

/// The client side of the proxy.
#[derive(Debug, Clone)]
pub(super) struct Origins {
    route: Route,
    patience: Patience,
    client: Pooled,
    /// For what cannot be said over HTTP/2: only HTTP/1.1 connections change their protocol (RFC 9110 section 7.8).
    http1: Pooled,
}

impl Origins {
    pub(super) fn new(route: Route, tls: OriginTls, patience: Patience, limits: &Limits) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(patience.connect));
        let builder =
            || HttpsConnectorBuilder::new().with_tls_config(tls.0.clone()).https_or_http().enable_http1();
        let client = pooled(builder().enable_http2().wrap_connector(connector.clone()), limits);
        let http1 = pooled(builder().wrap_connector(connector), limits);
        Self { route, patience, client, http1 }
    }

    /// Sends a request whose target is as the client sent it. `activity` is that of its body. With `upgrade`, it
    /// goes where the connection can change its protocol.
    pub(super) async fn send(
        &self,
        mut request: Request<ProxyBody>,
        activity: &Activity,
        upgrade: bool,
    ) -> Result<Response<Incoming>, OriginError> {
        let uri = self.resolve(request.uri())?;
        if !request.headers().contains_key(HOST)
            && let Some(authority) = uri.authority()
            && let Ok(host) = HeaderValue::from_str(authority.as_str())
        {
            request.headers_mut().insert(HOST, host);
        }
        *request.uri_mut() = uri;
        *request.version_mut() = Version::HTTP_11;
        // Over HTTP/2 the URI's authority stands for Host: only where the two agree may it be spoken.
        let agree = request.headers().get(HOST).map(HeaderValue::as_bytes)
            == request.uri().authority().map(|authority| authority.as_str().as_bytes());
        let client = if upgrade || !agree { &self.http1 } else { &self.client };
        prepare(&mut request, agree && !upgrade);
        let mut response = std::pin::pin!(client.request(request));
        let limit = self.patience.response_head;
        let mut deadline = Instant::now() + limit;
        loop {
            tokio::select! {
                response = &mut response => return Ok(response?),
                () = sleep_until(deadline) => {
                    deadline = activity.last() + limit;
                    if deadline <= Instant::now() {
                        return Err(OriginError::Silent(limit));
                    }
                }
            }
        }
    }

    /// Connects to the other end of a tunnel.
    pub(super) async fn connect(&self, authority: &Authority) -> Result<TcpStream, OriginError> {
        let port = authority.port_u16().ok_or(OriginError::Request("CONNECT needs a port"))?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let connected = timeout(self.patience.connect, TcpStream::connect((host, port))).await;
        let stream = connected.map_err(|_| OriginError::Silent(self.patience.connect))??;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    fn resolve(&self, target: &Uri) -> Result<Uri, OriginError> {
        let path = target.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        let (scheme, authority) = match &self.route {
            Route::Origin { scheme, authority } => (scheme.clone(), authority.clone()),
            Route::Target => match (target.scheme(), target.authority()) {
                (Some(scheme), Some(authority)) if *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS => {
                    let host = without_user(authority).parse();
                    (scheme.clone(), host.map_err(|_| OriginError::Request("unusable request target"))?)
                }
                (Some(_), Some(_)) => {
                    return Err(OriginError::Request("only http and https targets are supported"));
                }
                _ => {
                    return Err(OriginError::Request(
                        "a forward proxy needs a request target in absolute form",
                    ));
                }
            },
        };
        let uri = Uri::builder().scheme(scheme).authority(authority).path_and_query(path).build();
        uri.map_err(|_| OriginError::Request("unusable request target"))
    }
}

/// Says what hyper does not find out for itself. Over HTTP/2 it takes out Transfer-Encoding, and whatever Connection
/// names.
fn prepare(request: &mut Request<ProxyBody>, may_be_http2: bool) {
    let body = request.body();
    let unknown = !body.is_end_stream() && body.size_hint().exact().is_none();
    // A method that usually has no body may have one (RFC 9110 section 9.3.1): hyper would drop it.
    if unknown && !request.headers().contains_key(CONTENT_LENGTH) {
        request.headers_mut().insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    // RFC 9113 section 8.2.2: `TE: trailers` is the one such field of HTTP/2, where Connection must not name it.
    if may_be_http2 && request.uri().scheme() == Some(&Scheme::HTTPS) {
        request.headers_mut().remove(CONNECTION);
    }
}

fn pooled(connector: HttpsConnector<HttpConnector>, limits: &Limits) -> Pooled {
    let mut builder = Client::builder(TokioExecutor::new());
    if let Some(octets) = head_buffer(limits.head_octets) {
        builder.http1_max_buf_size(octets);
        builder.http2_max_header_list_size(u32::try_from(octets).unwrap_or(u32::MAX));
    }
    // hyper reads a number of its own, 100, at less cost.
    if limits.fields > Limits::default().fields {
        builder.http1_max_headers(limits.fields);
    }
    builder
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .pool_idle_timeout(Duration::from_secs(30))
        .http2_keep_alive_interval(Duration::from_secs(15))
        .http2_keep_alive_timeout(Duration::from_secs(10))
        .build(connector)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(route: Route, target: &str) -> Option<String> {
        let second = Duration::from_secs(1);
        let tls = OriginTls::from_system().unwrap();
        let origins =
            Origins::new(route, tls, Patience { connect: second, response_head: second }, &Limits::default());
        origins.resolve(&target.parse().unwrap()).ok().map(|uri| uri.to_string())
    }

    #[tokio::test]
    async fn a_reverse_proxy_sends_everything_to_its_origin() {
        let route =
            Route::Origin { scheme: Scheme::HTTP, authority: Authority::from_static("127.0.0.1:9000") };
        assert_eq!(resolved(route.clone(), "/a?b=c").as_deref(), Some("http://127.0.0.1:9000/a?b=c"));
        assert_eq!(resolved(route, "http://other.example/x").as_deref(), Some("http://127.0.0.1:9000/x"));
    }

    #[tokio::test]
    async fn a_forward_proxy_needs_to_be_told() {
        assert_eq!(resolved(Route::Target, "http://a.example/x").as_deref(), Some("http://a.example/x"));
        assert_eq!(resolved(Route::Target, "https://a.example/x").as_deref(), Some("https://a.example/x"));
        assert_eq!(resolved(Route::Target, "ftp://a.example/x"), None);
        assert_eq!(resolved(Route::Target, "/x"), None);
    }
}
