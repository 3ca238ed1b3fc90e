//! Requests through the services of a run.

use http::header::EXPECT;
use http::{Request, Response};
use http_body::Body;
use opes_profile::http::Profile;

use super::body::{ProxyBody, empty};
use super::failed::{Failed, adaptation_failed};
use super::fields::has_token;
use super::message::{self, AdaptedHead};
use super::points::{Passed, Way};
use super::processor::Processor;
use super::told::Told;
use crate::adapt::{Exchange, Head, Known, Original};
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
    selected: Selected,
    passed: &mut Passed,
) -> Result<Outbound, Failed> {
    let (parts, body) = request.into_parts();
    let length = body.size_hint().exact();
    // The sender waits to be told to begin (RFC 9110 section 10.1.1).
    let awaited = has_token(&parts.headers, &EXPECT, "100-continue");
    let original = Original {
        request_head: None,
        request_rest: None,
        head: message::request_head(&parts).encode(),
        length,
        codings: message::codings(&parts.headers),
        known: Known { client: way.client.clone(), variables: way.variables.clone() },
        body: Box::pin(body),
    };
    passed.begins(&selected);
    let (mut exchange, head) = Exchange::start(original, selected, message::read)
        .await
        .map_err(|error| adaptation_failed(&error, Profile::Request))?;
    let (request, length, services) = match head {
        Head::Original => (Request::from_parts(parts, ()), length, Vec::new()),
        Head::Adapted {
            head: AdaptedHead::Request(head),
            length,
            unmodified,
            intact,
            services,
            variables,
            records,
        } => {
            passed.came_back(intact, unmodified);
            passed.records.extend(records);
            way.variables.extend(variables);
            let request = message::request_from(head, unmodified).map_err(|reason| {
                tracing::warn!(reason, "a service made an unusable request");
                Failed::gateway("The adaptation of the request failed.")
            })?;
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
        Head::Adapted {
            head: AdaptedHead::Response(head),
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
            let passed = Passed { services: services.clone(), records, ..Passed::default() };
            passed.add_trace(&shared.system, response.headers_mut());
            let told = Told::new(services, &passed);
            let body = match has_body {
                true => told.body(shared, exchange, Profile::Request, length, &way.subject),
                false => {
                    told.without_body(shared, exchange, Profile::Request, &way.subject);
                    empty()
                }
            };
            return Ok(Outbound::Response(response.map(|()| body)));
        }
    };
    passed.services.extend(services.iter().cloned());
    let told = Told::new(services, passed);
    let body = told.body(shared, exchange, Profile::Request, length, &way.subject);
    Ok(Outbound::Request(request.map(|()| body)))
}
