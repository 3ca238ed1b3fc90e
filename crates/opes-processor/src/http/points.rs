//! A message through the processing points of its direction (RFC 3838 section 3.3), one run of services after the other.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, Request, Response, Uri};
use http_body::Body;
use opes_profile::bypass::Bypass;
use opes_profile::trace::OPES_VIA;
use opes_sdk::TraceRecord;

use super::body::{BodyError, ProxyBody, untouched};
use super::failed::{Failed, undecided};
use super::followed::Followed;
use super::message;
use super::processor::Processor;
use super::request::{self, Outbound};
use super::response::{self, Asked};
use super::told::Subject;
use crate::rules::{
    Allowed, Facts, Place, Plan, Point, RequestFacts, ResponseFacts, Rules, Selected, Variables,
};
use crate::system::System;

/// What rules and services know of an HTTP transaction besides its messages.
#[derive(Clone)]
pub(super) struct Way {
    /// Those that were in force when the request came.
    pub(super) rules: Rules,
    pub(super) bypass: Bypass,
    pub(super) asked: Allowed,
    pub(super) subject: Subject,
    /// The data consumer.
    pub(super) client: Option<Arc<str>>,
    /// The request came through TLS.
    pub(super) secure: bool,
    /// What services have set so far.
    pub(super) variables: Variables,
    /// For a front end that follows the message.
    pub(super) followed: Option<Followed>,
}

/// The services that one message has passed, and the trace that its last point makes of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Passed {
    pub(super) services: Vec<String>,
    /// What services and their hosts have recorded with the heads.
    pub(super) records: Vec<TraceRecord>,
    /// For the reports of the runs, which end later.
    pub(super) trace: Arc<OnceLock<String>>,
    /// For a front end that follows the message.
    pub(super) followed: Option<Followed>,
}

impl Passed {
    /// A run begins.
    pub(super) fn begins(&self, run: &Selected) {
        if let (Some(followed), Place::Callout(_)) = (&self.followed, &run.place) {
            followed.goes_elsewhere();
        }
    }

    /// A run has given a head back.
    pub(super) fn came_back(&self, intact: bool, unmodified: bool) {
        if let Some(followed) = &self.followed {
            followed.came_back(intact, unmodified);
        }
    }

    /// Adds the entries of the system, the processor and the services.
    pub(super) fn add_trace(&self, system: &System, headers: &mut HeaderMap) {
        system.add_trace(headers, &self.services, &self.records);
        let trace = headers.get(OPES_VIA).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        // It is set once: a message leaves once.
        let _ = self.trace.set(trace.unwrap_or_default());
    }
}

impl Way {
    fn plan(
        &self,
        point: Point,
        request: RequestFacts<'_>,
        response: Option<ResponseFacts<'_>>,
        allowed: Allowed,
    ) -> Result<Option<Plan>, Failed> {
        let facts = self.facts(request, response);
        self.rules.select(point, &facts, &self.bypass, allowed).map_err(|error| undecided(&error))
    }

    /// Nothing has been done to a message.
    fn passed(&self) -> Passed {
        Passed { followed: self.followed.clone(), ..Passed::default() }
    }

    /// What conditions see.
    pub(super) fn facts<'a>(
        &'a self,
        request: RequestFacts<'a>,
        response: Option<ResponseFacts<'a>>,
    ) -> Facts<'a> {
        Facts { request, response, client: self.client.as_deref(), variables: &self.variables }
    }

    /// What conditions see of a request.
    pub(super) fn request_facts<'a>(
        &self,
        method: &'a Method,
        uri: &'a Uri,
        headers: &'a HeaderMap,
        length: Option<u64>,
    ) -> RequestFacts<'a> {
        RequestFacts { method, uri, secure: self.secure, headers, length }
    }
}

/// A request through its two points.
///
/// # Errors
/// An adaptation failed, and the original cannot go on.
pub(super) async fn request<B>(
    processor: &Processor,
    way: &mut Way,
    request: Request<B>,
) -> Result<Outbound, Failed>
where
    B: Body<Data = Bytes, Error: Into<BodyError>> + Send + 'static,
{
    let mut passed = way.passed();
    let mut request = request.map(untouched);
    for point in Point::REQUEST {
        let length = request.body().size_hint().exact();
        let facts = way.request_facts(request.method(), request.uri(), request.headers(), length);
        let plan = way.plan(point, facts, None, way.asked)?;
        for run in plan.into_iter().flat_map(|plan| plan.runs) {
            match request::adapt(processor, way, request, run, &mut passed).await? {
                Outbound::Request(adapted) => request = adapted,
                answered @ Outbound::Response(_) => return Ok(answered),
            }
        }
    }
    passed.add_trace(&processor.system, request.headers_mut());
    Ok(Outbound::Request(request))
}

/// A response through its two points.
///
/// # Errors
/// An adaptation failed, and the original cannot go on.
pub(super) async fn response<B>(
    processor: &Processor,
    way: &mut Way,
    asked: &Asked,
    allowed: Allowed,
    response: Response<B>,
) -> Result<Response<ProxyBody>, Failed>
where
    B: Body<Data = Bytes, Error: Into<BodyError>> + Send + 'static,
{
    let mut passed = way.passed();
    let mut response = response.map(untouched);
    let mut rest = None;
    for point in Point::RESPONSE {
        let length = response.body().size_hint().exact();
        let there = ResponseFacts { status: response.status(), headers: response.headers(), length };
        let head = &asked.head;
        let headers = asked.seen.as_deref().unwrap_or(&head.headers);
        let facts = way.request_facts(&head.method, &asked.uri, headers, asked.length);
        let plan = way.plan(point, facts, Some(there), allowed)?;
        for run in plan.into_iter().flat_map(|plan| plan.runs) {
            let rest = rest.get_or_insert_with(|| asked.rest()).clone();
            response = response::adapt(processor, way, asked, rest, response, run, &mut passed).await?;
        }
    }
    if passed.services.is_empty() && !message::may_have_length(response.status()) {
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    passed.add_trace(&processor.system, response.headers_mut());
    Ok(response)
}
