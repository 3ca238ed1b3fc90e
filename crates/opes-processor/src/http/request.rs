//! Requests through the services of a run.

use std::sync::Arc;

use http::header::EXPECT;
use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use opes_profile::http::Profile;
use opes_record::Outcome;

use super::body::{ProxyBody, empty};
use super::failed::{Failed, adaptation_failed};
use super::fields::has_token;
use super::message::{self, AdaptedHead};
use super::points::{Passed, Way};
use super::processor::Processor;
use super::told::Told;
use crate::adapt::{Exchange, Head, Known, LazyHead, Original};
use crate::rules::Selected;

/// A request on its way to the origin.
pub(super) enum Outbound {
    Request(Request<ProxyBody>),
    /// A service has answered in the origin's place.
    Response(Response<ProxyBody>),
}

/// A request through the services of a run.
///
/// # Errors
/// The adaptation failed, and the original cannot go on.
pub(super) async fn adapt(
    shared: &Processor,
    way: &mut Way,
    request: Request<ProxyBody>,
    selected: Arc<Selected>,
    passed: &mut Passed,
) -> Result<Outbound, Failed> {
    let (parts, body) = request.into_parts();
    let length = body.size_hint().exact();
    // The sender waits to be told to begin (RFC 9110 section 10.1.1).
    let awaited = has_token(&parts.headers, &EXPECT, "100-continue");
    let codings = message::codings(&parts.headers);
    let head = Arc::new(LazyHead::new(parts));
    let original = Original {
        request_head: None,
        request_rest: None,
        head: Arc::<LazyHead<Parts>>::clone(&head),
        length,
        codings,
        known: Known { client: way.client.clone(), variables: way.variables.clone() },
        body: Box::pin(body),
    };
    passed.begins(&selected);
    let mut told = Told::new(&selected, passed);
    let (mut exchange, begun) =
        Exchange::start(original, selected, message::read).await.map_err(|error| {
            told.failed(&error);
            adaptation_failed(&error, Profile::Request)
        })?;
    let parts = || Arc::try_unwrap(head).map_or_else(|head| head.get().clone(), LazyHead::into_inner);
    let (request, length, services) = match begun {
        Head::Original(error) => {
            told.failed(&error);
            passed.recording.ended(Outcome::OriginalPassed);
            (Request::from_parts(parts(), ()), length, Arc::default())
        }
        Head::Adapted {
            head: Some(AdaptedHead::Response(head)),
            length,
            unmodified,
            services,
            variables,
            records,
            ..
        } => {
            way.variables.extend(variables);
            let has_body = message::response_has_body(&way.subject.method, head.status);
            let mut response = message::response_from(head, unmodified, length, has_body);
            // The response has passed none of the services that have only seen the request.
            told.applies(&services, &records);
            passed.recording.ended(Outcome::Answered);
            passed.recording.status(response.status());
            (passed.services, passed.records) = (services, records);
            passed.add_trace(&shared.system, response.headers_mut());
            let body = match has_body {
                true => told.body(shared, exchange, length, &way.subject),
                false => {
                    told.without_body(shared, exchange, &way.subject);
                    empty()
                }
            };
            return Ok(Outbound::Response(response.map(|()| body)));
        }
        Head::Adapted { head: adapted, length, unmodified, services, variables, records } => {
            told.applies(&services, &records);
            passed.came_back(adapted.is_none(), unmodified);
            passed.records.extend(records);
            way.variables.extend(variables);
            let request = match adapted {
                Some(AdaptedHead::Request(head)) => {
                    message::request_from(head, unmodified).map_err(|reason| {
                        tracing::warn!(reason, "a service made an unusable request");
                        Failed::gateway("The adaptation of the request failed.")
                    })?
                }
                _ => message::request_as_it_was(parts(), unmodified),
            };
            // A request whose length is not known is sent chunked, which one without a body must not be.
            let length = match length {
                None if !awaited
                    && exchange
                        .is_empty()
                        .await
                        .map_err(|error| adaptation_failed(&error, Profile::Request))? =>
                {
                    Some(0)
                }
                length => length,
            };
            (request, length, services)
        }
    };
    passed.applied(services);
    let body = told.body(shared, exchange, length, &way.subject);
    Ok(Outbound::Request(request.map(|()| body)))
}
