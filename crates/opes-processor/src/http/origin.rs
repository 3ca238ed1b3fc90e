//! Requests to the data provider: where they go and what they look like.

use std::time::Duration;

use http::header::{EXPECT, HOST};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Request, Response, Uri, Version};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use thiserror::Error;

use super::body::ProxyBody;

/// Why a request cannot go to an origin.
#[derive(Debug, Error)]
pub(super) enum OriginError {
    /// The client's fault.
    #[error("{0}")]
    Request(&'static str),
    /// The origin's fault.
    #[error("the origin failed: {0}")]
    Origin(#[from] hyper_util::client::legacy::Error),
}

/// Where requests go.
#[derive(Debug, Clone)]
pub(super) enum Route {
    /// Reverse proxy: always there.
    Origin { scheme: Scheme, authority: Authority },
    /// Forward proxy: where the request's absolute target says (RFC 9112 section 3.2.2).
    Target,
}

/// The client side of the proxy.
#[derive(Debug, Clone)]
pub(super) struct Origins {
    route: Route,
    client: Client<HttpConnector, ProxyBody>,
}

impl Origins {
    pub(super) fn new(route: Route, connect: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(connect));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .build(connector);
        Self { route, client }
    }

    /// Sends a request whose target is as the client sent it.
    pub(super) async fn send(
        &self,
        mut request: Request<ProxyBody>,
    ) -> Result<Response<Incoming>, OriginError> {
        let uri = self.resolve(request.uri())?;
        if !request.headers().contains_key(HOST)
            && let Some(authority) = uri.authority()
            && let Ok(host) = HeaderValue::from_str(authority.as_str())
        {
            request.headers_mut().insert(HOST, host);
        }
        // The client's expectation was met by us.
        request.headers_mut().remove(EXPECT);
        *request.uri_mut() = uri;
        *request.version_mut() = Version::HTTP_11;
        Ok(self.client.request(request).await?)
    }

    fn resolve(&self, target: &Uri) -> Result<Uri, OriginError> {
        let path = target.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        let (scheme, authority) = match &self.route {
            Route::Origin { scheme, authority } => (scheme.clone(), authority.clone()),
            Route::Target => match (target.scheme(), target.authority()) {
                (Some(scheme), Some(authority)) if *scheme == Scheme::HTTP => {
                    (scheme.clone(), authority.clone())
                }
                (Some(_), Some(_)) => return Err(OriginError::Request("only http targets are supported")),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(route: Route, target: &str) -> Option<String> {
        let origins = Origins::new(route, Duration::from_secs(1));
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
        assert_eq!(resolved(Route::Target, "/x"), None);
    }
}
