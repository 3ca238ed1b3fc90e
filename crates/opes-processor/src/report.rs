//! What a processor tells about its work, for logs and for the demo's terminal.

use http::{HeaderValue, Method, Uri};
use opes_profile::http::Profile;

use crate::adapt::Traffic;

/// One adaptation that has ended.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// Which message of the HTTP transaction it was.
    pub profile: Profile,
    /// The request's method.
    pub method: &'a Method,
    /// The request's target.
    pub target: &'a Uri,
    /// The services that were applied, in order; empty when the original was passed on.
    pub services: &'a [String],
    /// Payload over OCP.
    pub traffic: Traffic,
    /// The trace that the message has now, as the OPES-Via field shows it, where there is one.
    pub trace: Option<&'a HeaderValue>,
    /// Why the message did not become complete.
    pub failure: Option<&'a str>,
}

/// How an adaptation has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The message is complete.
    Complete,
    /// Its recipient went away.
    Gone,
    /// It did not become complete, for this reason.
    Failed(String),
}

impl End {
    /// Why the message did not become complete.
    pub fn failure(&self) -> Option<&str> {
        match self {
            Self::Complete => None,
            Self::Gone => Some("the recipient went away"),
            Self::Failed(reason) => Some(reason),
        }
    }
}

/// Takes reports. Called on the tasks that carry messages, so it must not block.
pub trait Observer: Send + Sync {
    /// An adaptation has ended.
    fn adapted(&self, report: &Report<'_>);
}

/// Writes reports to the log.
#[derive(Debug, Clone, Copy, Default)]
pub struct Log;

impl Observer for Log {
    fn adapted(&self, report: &Report<'_>) {
        let Report { method, target, services, traffic, failure, .. } = report;
        match failure {
            None => tracing::debug!(%method, %target, ?services, ?traffic, "adapted"),
            Some(failure) => {
                tracing::warn!(%method, %target, ?services, ?traffic, failure, "adaptation failed")
            }
        }
    }
}
