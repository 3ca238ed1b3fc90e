//! Responses through the services of a run.

use std::sync::Arc;

use http::header::ACCEPT_RANGES;
use http::{HeaderMap, Response, StatusCode, Uri};
use http_body::Body;
use opes_profile::http::correct::remove_hop_by_hop;
use opes_profile::http::{Profile, RequestHead};

use super::body::{ProxyBody, empty};
use super::failed::{Failed, adaptation_failed};
use super::kept::Kept;
use super::message::{self, AdaptedHead};
use super::points::{self, Passed, Way};
use super::processor::Processor;
use super::told::Told;
use crate::adapt::{Exchange, Head, KeptRequest, Known, Original, RequestMissing};
use crate::rules::Selected;

/// The request that a response answers, for services that want to know.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) head: Arc<RequestHead>,
    /// The fields that conditions see, where they are others.
    pub(super) seen: Option<Arc<HeaderMap>>,
    /// Its target.
    pub(super) uri: Uri,
    /// The octets of its body, where that was known beforehand.
    pub(super) length: Option<u64>,
    /// Its body, where that is kept; `None` where nothing is.
    pub(super) body: Option<KeptBody>,
}

/// The body of a request, for services of its response.
#[derive(Clone)]
pub(super) enum KeptBody {
    /// It is kept as it goes.
    Kept(Kept),
    /// Services do without: it may not have gone yet.
    Absent,
}

impl Asked {
    /// What there is of the request's body and trailer, now that the response has begun.
    pub(super) fn rest(&self) -> Option<Result<KeptRequest, RequestMissing>> {
        match self.body.as_ref()? {
            KeptBody::Kept(kept) => Some(kept.take()),
            KeptBody::Absent => Some(Ok(KeptRequest::default())),
        }
    }
}

/// A response through the services of a run. `rest` is what was kept of the request.
///
/// # Errors
/// The adaptation failed, and the original cannot go on.
pub(super) async fn adapt(
    shared: &Processor,
    way: &mut Way,
    request: &Asked,
    rest: Option<Result<KeptRequest, RequestMissing>>,
    response: Response<ProxyBody>,
    selected: Selected,
    passed: &mut Passed,
) -> Result<Response<ProxyBody>, Failed> {
    let (parts, body) = response.into_parts();
    let method = &way.subject.method;
    let has_body = message::response_has_body(method, parts.status);
    // RFC 4236 section 3.3: the size of the body part, which is not there at all without a body.
    let length = body.size_hint().exact().filter(|_| has_body);
    let original = Original {
        request_head: Some(request.head.encode()),
        request_rest: rest,
        head: message::response_head(&parts).encode(),
        length,
        codings: if has_body { message::codings(&parts.headers) } else { Vec::new() },
        known: Known { client: way.client.clone(), variables: way.variables.clone() },
        body: Box::pin(body),
    };
    let changes = selected.changes;
    passed.begins(&selected);
    let (exchange, head) = Exchange::start(original, selected, message::read)
        .await
        .map_err(|error| adaptation_failed(&error, Profile::Response))?;
    let (mut response, length, services) = match head {
        Head::Original => (Response::from_parts(parts, ()), length, Vec::new()),
        Head::Adapted {
            head: AdaptedHead::Response(head),
            length: announced,
            unmodified,
            intact,
            services,
            variables,
            records,
        } => {
            passed.came_back(intact, unmodified);
            passed.records.extend(records);
            way.variables.extend(variables);
            let length = announced.or_else(|| length.filter(|_| unmodified));
            let has_body = message::response_has_body(method, head.status);
            (message::response_from(head, unmodified, length, has_body), length, services)
        }
        // The profile lists no request parts as adapted ones (RFC 4236 section 3.2), so the client refuses them.
        Head::Adapted { head: AdaptedHead::Request(_), .. } => {
            return Err(Failed::gateway("The adaptation of the response failed."));
        }
    };
    if changes {
        // Ranges were not asked for, even if the content turns out to be unchanged.
        response.headers_mut().remove(ACCEPT_RANGES);
    }
    passed.services.extend(services.iter().cloned());
    let told = Told::new(services, passed);
    if !message::response_has_body(method, response.status()) {
        told.without_body(shared, exchange, Profile::Response, &way.subject);
        return Ok(response.map(|()| empty()));
    }
    let body = told.body(shared, exchange, Profile::Response, length, &way.subject);
    Ok(response.map(|()| body))
}

/// An informational response through the services of its points. hyper has no way to send it on to the client.
pub(super) async fn adapt_informational(
    shared: &Processor,
    mut way: Way,
    asked: Asked,
    status: StatusCode,
    headers: HeaderMap,
) {
    let asked = Asked { body: Some(KeptBody::Absent), ..asked };
    let mut response = Response::new(empty());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    remove_hop_by_hop(response.headers_mut());
    let allowed = way.asked;
    if let Err(error) = points::response(shared, &mut way, &asked, allowed, response).await {
        tracing::warn!(reason = error.reason, %status, "an informational response could not be adapted");
    }
}
