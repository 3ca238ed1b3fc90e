//! The proxy's way to the origins, as the service that the processor's layer is put around.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONNECTION, UPGRADE};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use http_body_util::{Either, Empty};
use hyper::body::Incoming;
use tokio::sync::watch;
use tower_service::Service;

use super::body::ProxyBody;
use super::failed::{Failed, origin_failed};
use super::hop::{self, OfResponse, Undecodable};
use super::inbound::{Wish, via};
use super::origin::Origins;
use super::received::Activity;
use super::transform::tunnel_allowed;
use super::tunnel;
use crate::listening::Phase;

/// Where requests go.
pub(super) struct Ways {
    pub(super) origins: Origins,
    /// All requests go to one origin.
    pub(super) reverse: bool,
    pub(super) tunnel_ports: Option<Vec<u16>>,
    pub(super) phase: watch::Receiver<Phase>,
}

/// Sends a request to its origin, or opens a tunnel. It is always ready.
#[derive(Clone)]
pub(super) struct Upstream {
    pub(super) ways: Arc<Ways>,
    /// That of the request's body.
    pub(super) activity: Activity,
    pub(super) wish: Option<Wish>,
}

/// An origin's, or that of a tunnel, which has none.
type OriginBody = Either<Incoming, Empty<Bytes>>;

impl Service<Request<ProxyBody>> for Upstream {
    type Response = Response<OriginBody>;
    type Error = Failed;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Failed>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<ProxyBody>) -> Self::Future {
        let Self { ways, activity, wish } = self.clone();
        Box::pin(async move {
            match *request.method() {
                Method::CONNECT => ways.connect(request.into_parts().0.uri, wish).await,
                _ => ways.fetch(request, &activity, wish).await,
            }
        })
    }
}

impl Ways {
    async fn fetch(
        &self,
        request: Request<ProxyBody>,
        activity: &Activity,
        wish: Option<Wish>,
    ) -> Result<Response<OriginBody>, Failed> {
        let target = request.uri().clone();
        let response = self.origins.send(request, activity, wish.is_some()).await;
        let mut response = response.map_err(|error| origin_failed(&error, &target))?;
        let mut taken = OfResponse { via: Some(via(response.version())), ..OfResponse::default() };
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let Some(wish) = wish else {
                return Err(Failed::gateway("The origin changed the protocol unasked."));
            };
            taken.fields.push((CONNECTION, HeaderValue::from_static("upgrade")));
            taken.fields.extend(response.headers().get(UPGRADE).map(|value| (UPGRADE, value.clone())));
            taken.upgraded = Some((wish.client, hyper::upgrade::on(&mut response)));
        }
        hop::remove(response.headers_mut()).map_err(Undecodable::in_response)?;
        // RFC 9110 section 6.2: what we send is of a version of our own.
        *response.version_mut() = Version::HTTP_11;
        response.extensions_mut().insert(taken);
        Ok(response.map(Either::Left))
    }

    /// RFC 9110 section 9.3.6: a tunnel to wherever the request says.
    async fn connect(&self, target: Uri, wish: Option<Wish>) -> Result<Response<OriginBody>, Failed> {
        let refused = |status, reason| Failed::new(status, reason);
        let (false, Some(wish)) = (self.reverse, wish) else {
            return Err(refused(
                StatusCode::METHOD_NOT_ALLOWED,
                "There are no tunnels through a reverse proxy.",
            ));
        };
        let authority =
            target.authority().ok_or_else(|| Failed::request("CONNECT needs a host and a port"))?;
        let port = authority.port_u16().ok_or_else(|| Failed::request("CONNECT needs a port"))?;
        if !tunnel_allowed(self.tunnel_ports.as_deref(), port) {
            return Err(refused(StatusCode::FORBIDDEN, "There are no tunnels to this port (tunnel_ports)."));
        }
        let other = self.origins.connect(authority).await;
        let other = other.map_err(|error| origin_failed(&error, &target))?;
        tunnel::open(wish.client, async { Ok::<_, std::io::Error>(other) }, self.phase.clone());
        let mut response = Response::new(Either::Right(Empty::new()));
        response.extensions_mut().insert(OfResponse::default());
        Ok(response)
    }
}
