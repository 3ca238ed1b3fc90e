//! One HTTP transaction: the request through its services to the origin, the response through its services back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::header::{CONNECTION, CONTENT_LENGTH, IF_RANGE, RANGE, TRANSFER_ENCODING, UPGRADE, VIA};
use http::uri::Authority;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use opes_profile::bypass::Bypass;
use opes_profile::http::correct::is_decodable;
use opes_profile::http::{Profile, RequestHead};
use tokio::sync::watch;

use super::body::{ProxyBody, empty, full};
use super::expect::Opener;
use super::failed::{Failed, origin_failed};
use super::inbound::{Inbound, Peer, Reception, Wish, via};
use super::kept::Kept;
use super::origin::Origins;
use super::processor::Processor;
use super::received::Activity;
use super::request::{self, Outbound};
use super::response::Asked;
use super::told::Subject;
use super::transform::tunnel_allowed;
use super::{Phase, response, tunnel};
use crate::rules::{Allowed, Selected};
use crate::system::System;

/// How many informational responses to one request are looked at.
const INFORMATIONAL: usize = 16;

/// What every transaction of a proxy shares.
pub(super) struct Shared {
    pub(super) processor: Arc<Processor>,
    pub(super) origins: Origins,
    pub(super) reception: Reception,
    pub(super) tunnel_ports: Option<Vec<u16>>,
    pub(super) phase: watch::Receiver<Phase>,
}

/// Handles one request.
pub(super) async fn handle(
    shared: Arc<Shared>,
    request: Request<Incoming>,
    peer: Peer,
) -> Response<ProxyBody> {
    let chunked = request.headers().contains_key(TRANSFER_ENCODING);
    let handled = match shared.processor.system.is_addressed_by(&request) {
        true => Ok(page(&shared.processor.system)),
        false => match shared.reception.take(request, &peer) {
            Ok(inbound) => transaction(&shared, inbound).await,
            Err(failed) => Err(failed),
        },
    };
    let mut response = handled.unwrap_or_else(|failed| {
        let mut response = failed.response(&shared.processor.system);
        response.headers_mut().append(VIA, via(http::Version::HTTP_11));
        response
    });
    // RFC 9112 section 6.3: what follows such a request may be a part of it.
    if chunked && peer.suspicion.there_is() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

async fn transaction(shared: &Arc<Shared>, mut inbound: Inbound) -> Result<Response<ProxyBody>, Failed> {
    if inbound.ends_here() {
        return Ok(final_recipient(shared, &inbound));
    }
    let subject = Subject { method: inbound.parts.method.clone(), target: inbound.parts.uri.to_string() };
    let asked = shared.processor.transformation.of(&inbound.parts.headers);
    let next = inbound.next_hop();
    let Inbound { parts, body, activity, bypass, wish, opener, .. } = inbound;
    let outbound = match shared.processor.rules.select(Profile::Request, &bypass, asked) {
        Some(selected) => request::adapt(&shared.processor, parts, body, selected, &subject).await?,
        None => request::pass(&shared.processor, parts, body),
    };
    let mut request = match outbound {
        Outbound::Request(request) => request,
        Outbound::Response(mut response) => {
            response.headers_mut().append(VIA, via(http::Version::HTTP_11));
            return Ok(response);
        }
    };
    if request.method() == Method::CONNECT {
        let authority = request.uri().authority().cloned();
        return connect(shared, authority, wish, &subject).await;
    }
    let expected = shared.processor.rules.select(Profile::Response, &bypass, asked);
    if expected.as_ref().is_some_and(|selected| selected.changes) {
        // Changed content has other ranges than the origin's.
        request.headers_mut().remove(RANGE);
        request.headers_mut().remove(IF_RANGE);
    }
    for (name, value) in next {
        request.headers_mut().append(name, value);
    }
    let back = Back { bypass, asked, expected, wish, subject };
    back.fetch(shared, request, activity, opener).await
}

/// What the way back needs to know of the way there.
struct Back {
    bypass: Bypass,
    asked: Allowed,
    /// The services for the response, as far as the request tells.
    expected: Option<Selected>,
    wish: Option<Wish>,
    subject: Subject,
}

impl Back {
    async fn fetch(
        self,
        shared: &Arc<Shared>,
        mut request: Request<ProxyBody>,
        activity: Activity,
        opener: Option<Opener>,
    ) -> Result<Response<ProxyBody>, Failed> {
        let sent = Arc::new(RequestHead {
            method: request.method().clone(),
            target: request.uri().to_string(),
            version: http::Version::HTTP_11,
            headers: request.headers().clone(),
        });
        self.listen(shared, &mut request, &sent, opener);
        let keeps = self.expected.as_ref().map_or(0, |selected| selected.request_octets);
        let (request, body) = match keeps {
            0 => (request, None),
            limit => {
                let (parts, body) = request.into_parts();
                let (body, kept) = Kept::new(body, limit);
                (Request::from_parts(parts, body), Some(kept))
            }
        };
        let sent = Asked { head: sent, body };
        let upgrading = self.wish.is_some();
        let response = shared.origins.send(request, &activity, upgrading).await;
        let mut response = response.map_err(|error| origin_failed(&error, &self.subject))?;
        if !is_decodable(response.headers()) {
            return Err(Failed::gateway("The origin used a transfer coding that is not supported."));
        }
        let upgraded = (upgrading && response.status() == StatusCode::SWITCHING_PROTOCOLS)
            .then(|| (hyper::upgrade::on(&mut response), response.headers().get(UPGRADE).cloned()));
        if upgraded.is_none() && response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Failed::gateway("The origin changed the protocol unasked."));
        }
        if response.headers().contains_key(TRANSFER_ENCODING) {
            // RFC 9112 section 6.3: hyper has read it by its chunks.
            response.headers_mut().remove(CONTENT_LENGTH);
        }
        let version = response.version();
        // RFC 9110 section 6.2: what we send is of a version of our own.
        *response.version_mut() = http::Version::HTTP_11;
        let allowed = self.asked.min(shared.processor.transformation.of(response.headers()));
        let selected = match allowed == self.asked {
            true => self.expected,
            false => shared.processor.rules.select(Profile::Response, &self.bypass, allowed),
        };
        let mut response = match selected {
            Some(selected) => {
                response::adapt(&shared.processor, &sent, response, selected, &self.subject).await?
            }
            None => response::pass(&shared.processor, response),
        };
        response.headers_mut().append(VIA, via(version));
        if let Some((origin, protocols)) = upgraded
            && response.status() == StatusCode::SWITCHING_PROTOCOLS
            && let Some(wish) = self.wish
        {
            let headers = response.headers_mut();
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            headers.extend(protocols.map(|protocols| (UPGRADE, protocols)));
            let origin = async { origin.await.map(TokioIo::new) };
            tunnel::open(wish.client, origin, shared.phase.clone());
        }
        Ok(response)
    }

    /// Takes the origin's informational responses: 100 opens the body, and all of them are adapted.
    fn listen(
        &self,
        shared: &Arc<Shared>,
        request: &mut Request<ProxyBody>,
        sent: &Arc<RequestHead>,
        opener: Option<Opener>,
    ) {
        let selected = self.expected.clone();
        if selected.is_none() && opener.is_none() {
            return;
        }
        let (shared, sent, subject) = (Arc::clone(&shared.processor), Arc::clone(sent), self.subject.clone());
        let count = AtomicUsize::new(0);
        hyper::ext::on_informational(request, move |informational| {
            if informational.status() == StatusCode::CONTINUE {
                opener.iter().for_each(Opener::open);
            }
            let Some(selected) = selected.clone() else { return };
            // The client sees none of them, so more are as good as none.
            if count.fetch_add(1, Ordering::Relaxed) >= INFORMATIONAL {
                return;
            }
            let (status, headers) = (informational.status(), informational.headers().clone());
            let (shared, sent, subject) = (Arc::clone(&shared), Arc::clone(&sent), subject.clone());
            tokio::spawn(async move {
                response::adapt_informational(&shared, &sent, status, headers, selected, &subject).await;
            });
        });
    }
}

/// RFC 9110 section 9.3.6: a tunnel to wherever the request says.
async fn connect(
    shared: &Shared,
    authority: Option<Authority>,
    wish: Option<Wish>,
    subject: &Subject,
) -> Result<Response<ProxyBody>, Failed> {
    let refused = |status, reason| Failed { status, reason };
    let (false, Some(wish)) = (shared.reception.reverse, wish) else {
        return Err(refused(StatusCode::METHOD_NOT_ALLOWED, "There are no tunnels through a reverse proxy."));
    };
    let authority = authority.ok_or_else(|| Failed::request("CONNECT needs a host and a port"))?;
    let port = authority.port_u16().ok_or_else(|| Failed::request("CONNECT needs a port"))?;
    if !tunnel_allowed(shared.tunnel_ports.as_deref(), port) {
        return Err(refused(StatusCode::FORBIDDEN, "There are no tunnels to this port (tunnel_ports)."));
    }
    let other = shared.origins.connect(&authority).await.map_err(|error| origin_failed(&error, subject))?;
    tunnel::open(wish.client, async { Ok::<_, std::io::Error>(other) }, shared.phase.clone());
    let mut response = Response::new(empty());
    shared.processor.system.trace(&[]).merge_into(response.headers_mut());
    Ok(response)
}

/// RFC 9110 section 7.6.2: the answer to a TRACE or OPTIONS whose Max-Forwards has run out.
fn final_recipient(shared: &Shared, inbound: &Inbound) -> Response<ProxyBody> {
    let parts = &inbound.parts;
    let mut response = if parts.method == Method::TRACE {
        let mut reflected = super::message::request_head(parts);
        // RFC 9110 section 9.3.8: no credentials.
        for name in [header::AUTHORIZATION, header::PROXY_AUTHORIZATION, header::COOKIE] {
            reflected.headers.remove(name);
        }
        let mut response = Response::new(full(reflected.encode()));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("message/http"));
        response
    } else {
        let mut response = Response::new(empty());
        let allowed =
            HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE, CONNECT, OPTIONS, TRACE, PATCH");
        response.headers_mut().insert(header::ALLOW, allowed);
        response
    };
    shared.processor.system.trace(&[]).merge_into(response.headers_mut());
    response
}

/// The public page of the system (RFC 3897 section 3.2).
fn page(system: &System) -> Response<ProxyBody> {
    let mut response = Response::new(full(system.page()));
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, html);
    system.trace(&[]).merge_into(response.headers_mut());
    response
}
