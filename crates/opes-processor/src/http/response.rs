//! Responses through the services of a run.

use std::sync::Arc;

use http::header::ACCEPT_RANGES;
use http::response::Parts;
use http::{HeaderMap, Response, StatusCode};
use http_body::Body;
use opes_profile::http::Profile;
use opes_profile::http::correct::remove_hop_by_hop;
use opes_record::Outcome;

use super::asked::{Asked, AskedHead, KeptBody};
use super::body::{ProxyBody, empty};
use super::failed::{Failed, adaptation_failed};
use super::message::{self, AdaptedHead};
use super::points::{self, Passed, Way};
use super::processor::Processor;
use super::told::Told;
use crate::adapt::{Exchange, Head, KeptRequest, Known, LazyHead, Original, RequestMissing};
use crate::rules::Selected;

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
    selected: Arc<Selected>,
    passed: &mut Passed,
) -> Result<Response<ProxyBody>, Failed> {
    let (parts, body) = response.into_parts();
    let method = &way.subject.method;
    let has_body = message::response_has_body(method, parts.status);
    // RFC 4236 section 3.3: the size of the body part, which is not there at all without a body.
    let length = body.size_hint().exact().filter(|_| has_body);
    let status = parts.status;
    let codings = if has_body { message::codings(&parts.headers) } else { Vec::new() };
    let head = Arc::new(LazyHead::new(parts));
    let original = Original {
        request_head: Some(Arc::<LazyHead<AskedHead>>::clone(&request.head)),
        request_rest: rest,
        head: Arc::<LazyHead<Parts>>::clone(&head),
        length,
        codings,
        known: Known { client: way.client.clone(), variables: way.variables.clone() },
        body: Box::pin(body),
    };
    let changes = selected.changes;
    passed.begins(&selected);
    let mut told = Told::new(&selected, passed);
    let (exchange, begun) = Exchange::start(original, selected, message::read).await.map_err(|error| {
        told.failed(&error);
        adaptation_failed(&error, Profile::Response)
    })?;
    let parts = || Arc::try_unwrap(head).map_or_else(|head| head.get().clone(), LazyHead::into_inner);
    let (mut response, length, services) = match begun {
        Head::Original(error) => {
            told.failed(&error);
            passed.recording.ended(Outcome::OriginalPassed);
            (Response::from_parts(parts(), ()), length, Arc::default())
        }
        Head::Adapted { head: adapted, length: announced, unmodified, services, variables, records } => {
            told.applies(&services, &records);
            passed.came_back(adapted.is_none(), unmodified);
            passed.records.extend(records);
            way.variables.extend(variables);
            let length = announced.or_else(|| length.filter(|_| unmodified));
            let response = match adapted {
                None => message::response_as_it_was(parts(), unmodified, length, has_body),
                Some(AdaptedHead::Response(head)) => {
                    if head.status != status {
                        passed.recording.ended(Outcome::Answered);
                    }
                    let has_body = message::response_has_body(method, head.status);
                    message::response_from(head, unmodified, length, has_body)
                }
                // The profile lists no request parts as adapted ones (RFC 4236 section 3.2), so the client refuses them.
                Some(AdaptedHead::Request(_)) => {
                    return Err(Failed::gateway("The adaptation of the response failed."));
                }
            };
            (response, length, services)
        }
    };
    if changes {
        // Ranges were not asked for, even if the content turns out to be unchanged.
        response.headers_mut().remove(ACCEPT_RANGES);
    }
    passed.applied(services);
    if !message::response_has_body(method, response.status()) {
        told.without_body(shared, exchange, &way.subject);
        return Ok(response.map(|()| empty()));
    }
    let body = told.body(shared, exchange, length, &way.subject);
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
    let asked = Some(Asked { body: Some(KeptBody::Absent), ..asked });
    let mut response = Response::new(empty());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    remove_hop_by_hop(response.headers_mut());
    let allowed = way.asked;
    if let Err(error) = points::response(shared, &mut way, asked.as_ref(), allowed, response).await {
        tracing::warn!(reason = error.reason, %status, "an informational response could not be adapted");
    }
}
