//! The page behind the URI of an OPES System: what every trace of it points to (RFC 3897 section 3.2).

mod disclosures;
mod html;
mod json;
mod summary;

use bytes::Bytes;
use http::header::CACHE_CONTROL;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use opes_profile::trace::{AgentId, Manner};
use opes_record::{Store, TraceId};

pub use disclosures::{Bypassable, Disclosures, Kept, OfferedService, Tracing};
pub use summary::Summary;

use crate::answer::{Answer, Refusal, check_target};
use crate::negotiate::Format;
use crate::query::Query;

/// All that an OPES System tells about itself. One resource has every item that RFC 3897 section 3.2 requires, as it
/// allows.
///
/// What the operator did not configure is said to be not configured; nothing is made up.
#[derive(Debug, Clone)]
pub struct SystemPage {
    /// The system's identifier, as in its trace entries.
    pub system: AgentId,
    /// The processors of the system, as in its traces.
    pub processors: Vec<AgentId>,
    /// What the operator says.
    pub disclosures: Disclosures,
    /// What the system writes into traces and keeps behind them.
    pub tracing: Tracing,
    /// The services that may be applied, and whether an end can have them left out.
    pub services: Vec<OfferedService>,
    /// What anybody learns who asks for one message by the `id` of its trace.
    pub summary: Summary,
}

impl SystemPage {
    /// The page of a system of which nothing is configured but its identifier.
    pub fn new(system: AgentId) -> Self {
        Self {
            system,
            processors: Vec::new(),
            disclosures: Disclosures::default(),
            tracing: Tracing { manner: Manner::default(), kept: None },
            services: Vec::new(),
            summary: Summary::default(),
        }
    }

    /// Answers a request for the page, whatever its path: GET and HEAD, HTML or JSON by `Accept`, with `?id=ID` what is
    /// public about that message.
    ///
    /// Reads the store only for an identifier that is one, and only where the policy tells something; that may wait for
    /// a disk.
    pub fn answer(&self, head: &Parts, store: &dyn Store) -> Response<Bytes> {
        let format = Format::wanted(&head.headers);
        let answer = self.find(head, store, format);
        answer.unwrap_or_else(|refusal| refusal.answer(format, self.system.as_str(), "?")).to(&head.method)
    }

    fn find(&self, head: &Parts, store: &dyn Store, format: Format) -> Result<Answer, Refusal> {
        if head.method != Method::GET && head.method != Method::HEAD {
            return Err(Refusal::method("GET, HEAD"));
        }
        check_target(&head.uri)?;
        let query = Query::read(head.uri.query().unwrap_or_default().as_bytes());
        if query.has("id") {
            return self.one(&query, store, format);
        }
        let dropped = store.counts().dropped;
        let answer = match format {
            Format::Html => Answer::html(StatusCode::OK, self.html(dropped)),
            Format::Json => Answer::json(StatusCode::OK, &self.json(dropped)),
        };
        Ok(answer.with(CACHE_CONTROL, HeaderValue::from_static("no-cache")))
    }

    /// What is public about one message.
    fn one(&self, query: &Query<'_>, store: &dyn Store, format: Format) -> Result<Answer, Refusal> {
        let id = query.sole("id")?.and_then(|id| id.parse::<TraceId>().ok()).ok_or_else(|| {
            Refusal::new(StatusCode::BAD_REQUEST, "This is no identifier of a trace of this system.")
        })?;
        // Whether there is a record is not told either.
        if self.summary == Summary::Off {
            let why = "This system tells about single messages only to those who administer it.";
            return Err(Refusal::new(StatusCode::FORBIDDEN, why));
        }
        let record = store.find(id).map_err(|error| {
            tracing::warn!(%error, "a record could not be read");
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "The record cannot be read now.")
        })?;
        let record = record.ok_or_else(|| {
            let why = "There is no record of this identifier, or not any more.";
            Refusal::new(StatusCode::NOT_FOUND, why)
        })?;
        let told = self.summary.of(&record);
        Ok(match format {
            Format::Html => Answer::html(StatusCode::OK, told.html(self.system.as_str())),
            Format::Json => Answer::json(StatusCode::OK, &told.json(self.system.as_str())),
        })
    }
}

#[cfg(test)]
mod tests;
