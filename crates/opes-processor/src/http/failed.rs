//! Responses of our own to requests that cannot be answered otherwise.

use std::error::Error;

use http::{HeaderValue, Response, StatusCode, Uri, header};

use opes_profile::http::Profile;
use opes_record::TraceId;

use super::body::{ProxyBody, full};
use super::origin::OriginError;
use super::received::Silent;
use super::told::describe;
use crate::adapt::AdaptError;
use crate::rules::EvaluationError;
use crate::system::{Account, System};

/// Why the client gets a response of our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failed {
    pub(super) status: StatusCode,
    /// What the client is told.
    pub(super) reason: &'static str,
    /// Of the record that says more.
    pub(super) id: Option<TraceId>,
}

impl Failed {
    /// A response with this status that says so.
    pub(super) const fn new(status: StatusCode, reason: &'static str) -> Self {
        Self { status, reason, id: None }
    }

    /// The client's fault.
    pub(super) fn request(reason: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason)
    }

    /// The origin's or a service's fault.
    pub(super) fn gateway(reason: &'static str) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, reason)
    }

    pub(super) fn response(self, system: &System) -> Response<ProxyBody> {
        let mut response = Response::new(full(format!("{}\n", self.reason)));
        *response.status_mut() = self.status;
        let text = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, text);
        system.add_trace(response.headers_mut(), &Account { id: self.id, ..Account::default() });
        response
    }
}

/// What the client is told when services fail; the log is told more.
pub(super) fn adaptation_failed(error: &AdaptError, profile: Profile) -> Failed {
    tracing::warn!(error = describe(error), "a message could not be adapted");
    match (error, profile) {
        (AdaptError::Original(_), _) => Failed::gateway("The message to be adapted was not complete."),
        (AdaptError::Coding(_), Profile::Request) => {
            Failed::request("the body is not what Content-Encoding says, or decodes to too much")
        }
        (AdaptError::Coding(_), Profile::Response) => {
            Failed::gateway("The origin's content is not what Content-Encoding says, or decodes to too much.")
        }
        _ => Failed::gateway("A service that this message needs is not available."),
    }
}

/// What the client is told when it cannot be told which services a message needs.
pub(super) fn undecided(error: &EvaluationError) -> Failed {
    tracing::warn!(%error, "a message could not be adapted");
    Failed::gateway("It could not be told which services this message needs.")
}

/// What the client is told when there is no response from the origin.
pub(super) fn origin_failed(error: &OriginError, target: &Uri) -> Failed {
    if let OriginError::Request(reason) = error {
        return Failed::request(reason);
    }
    if std::iter::successors(Some(error as &dyn Error), |&error| error.source())
        .any(|error| error.is::<Silent>())
    {
        return Failed::new(StatusCode::REQUEST_TIMEOUT, "The body of the request did not come.");
    }
    // Part of the body has gone to the origin, which got no whole request.
    let adaptation = std::iter::successors(Some(error as &dyn Error), |&error| error.source())
        .find_map(|error| error.downcast_ref::<AdaptError>());
    if let Some(error @ AdaptError::Coding(_)) = adaptation {
        return adaptation_failed(error, Profile::Request);
    }
    tracing::warn!(error = describe(error), %target, "no response from the origin");
    let mut causes = std::iter::successors(Some(error as &dyn Error), |&error| error.source());
    if causes.any(|error| error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse_too_large))
    {
        return Failed::gateway(
            "The head of the origin's response is larger than limits.head_bytes or limits.head_fields allow.",
        );
    }
    match error {
        OriginError::Silent(_) => {
            Failed::new(StatusCode::GATEWAY_TIMEOUT, "The origin did not answer in time.")
        }
        _ => Failed::gateway("The origin did not answer."),
    }
}
