//! What a proxy does with a request: takes it, gives it to the processor, and says to the client where the response
//! has been.

use std::sync::Arc;

use http::header::{CONNECTION, TRANSFER_ENCODING, VIA};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use opes_profile::http::encode_request;
use tower_layer::Layer;

use super::body::{ProxyBody, empty, full};
use super::failed::Failed;
use super::hop::{OfRequest, OfResponse};
use super::inbound::{Inbound, Peer, Reception, via};
use super::layer::AdaptLayer;
use super::page::page;
use super::tunnel;
use super::upstream::{Upstream, Ways};
use crate::system::{Account, System};

/// What every transaction of a proxy shares.
pub(super) struct Shared {
    pub(super) reception: Reception,
    /// Around every way to the origins.
    pub(super) adapt: AdaptLayer,
    pub(super) ways: Arc<Ways>,
}

/// Handles one request.
pub(super) async fn handle(
    shared: Arc<Shared>,
    request: Request<Incoming>,
    peer: Peer,
) -> Response<ProxyBody> {
    let chunked = request.headers().contains_key(TRANSFER_ENCODING);
    let processor = shared.adapt.processor();
    let system = &processor.system;
    let handled = match system.is_addressed_by(&request) {
        true => Ok(page(processor, processor.rules.current(), request).await),
        false => match shared.reception.take(request, &peer) {
            Ok(inbound) => transaction(&shared, inbound, &peer).await,
            Err(failed) => Err(failed),
        },
    };
    let mut response = handled.unwrap_or_else(|failed| {
        let mut response = failed.response(system);
        response.headers_mut().append(VIA, via(http::Version::HTTP_11));
        response
    });
    // RFC 9112 section 6.3: what follows such a request may be a part of it.
    if chunked && peer.suspicion.there_is() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

async fn transaction(
    shared: &Shared,
    mut inbound: Inbound,
    peer: &Peer,
) -> Result<Response<ProxyBody>, Failed> {
    if inbound.ends_here() {
        return Ok(final_recipient(&shared.adapt.processor().system, &inbound));
    }
    let fields = inbound.next_hop();
    let Inbound { parts, body, activity, bypass, wish, opener, trailers, .. } = inbound;
    let upstream = Upstream { ways: Arc::clone(&shared.ways), activity, wish };
    let client = Some(peer.address.ip().to_string().into());
    let taken = OfRequest { bypass, fields, opener, client, secure: peer.secure, trailers };
    let mut response = shared.adapt.layer(upstream).answer(taken, Request::from_parts(parts, body)).await?;
    // One without is the processor's own.
    let own = || OfResponse { via: Some(via(http::Version::HTTP_11)), ..OfResponse::default() };
    let OfResponse { via, upgraded, .. } = response.extensions_mut().remove().unwrap_or_else(own);
    if let Some(via) = via {
        response.headers_mut().append(VIA, via);
    }
    if let Some((client, origin)) = upgraded
        && response.status() == StatusCode::SWITCHING_PROTOCOLS
    {
        let origin = async { origin.await.map(TokioIo::new) };
        tunnel::open(client, origin, shared.ways.phase.clone());
    }
    Ok(response)
}

/// RFC 9110 section 7.6.2: the answer to a TRACE or OPTIONS whose Max-Forwards has run out.
fn final_recipient(system: &System, inbound: &Inbound) -> Response<ProxyBody> {
    let parts = &inbound.parts;
    let mut response = if parts.method == Method::TRACE {
        let mut headers = parts.headers.clone();
        // RFC 9110 section 9.3.8: no credentials.
        for name in [header::AUTHORIZATION, header::PROXY_AUTHORIZATION, header::COOKIE] {
            headers.remove(name);
        }
        let target = parts.uri.to_string();
        let reflected = encode_request(&parts.method, &target, http::Version::HTTP_11, &headers);
        let mut response = Response::new(full(reflected));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("message/http"));
        response
    } else {
        let mut response = Response::new(empty());
        let allowed =
            HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE, CONNECT, OPTIONS, TRACE, PATCH");
        response.headers_mut().insert(header::ALLOW, allowed);
        response
    };
    system.add_trace(response.headers_mut(), &Account::default());
    response
}
