//! A message through the processing points of its direction (RFC 3838 section 3.3), one run of services after the other.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use http_body::Body;
use opes_profile::bypass::Bypass;
use opes_profile::http::Profile;
use opes_profile::trace::OPES_VIA;
use opes_sdk::TraceRecord;

use super::asked::Asked;
use super::body::{BodyError, ProxyBody, untouched};
use super::failed::{Failed, undecided};
use super::followed::Followed;
use super::late::Late;
use super::message;
use super::processor::Processor;
use super::request::{self, Outbound};
use super::response;
use super::told::Subject;
use crate::record::{self, Recording};
use crate::rules::{
    Allowed, Facts, Place, Plan, Point, Prospect, RequestFacts, ResponseFacts, Rules, Selected, Variables,
};
use crate::system::{Account, System};

/// What rules and services know of an HTTP transaction besides its messages.
#[derive(Clone)]
pub(super) struct Way {
    /// Those that were in force when the request came.
    pub(super) rules: Rules,
    pub(super) bypass: Bypass,
    pub(super) asked: Allowed,
    pub(super) subject: Arc<Subject>,
    /// The data consumer.
    pub(super) client: Option<Arc<str>>,
    /// The request came through TLS.
    pub(super) secure: bool,
    /// What services have set so far.
    pub(super) variables: Variables,
    /// The data consumer takes trailers.
    pub(super) trailers: bool,
    /// For a front end that follows the message.
    pub(super) followed: Option<Followed>,
}

/// The services that one message has passed, and the trace that its last point makes of them.
#[derive(Clone, Default)]
pub(super) struct Passed {
    pub(super) services: Arc<[String]>,
    /// What services and their hosts have recorded with the heads.
    pub(super) records: Vec<TraceRecord>,
    /// For the reports of the runs, which end later.
    pub(super) trace: Arc<OnceLock<HeaderValue>>,
    /// How many runs have begun.
    pub(super) runs: usize,
    pub(super) recording: Recording,
    /// The data consumer wanted to bypass some of the services.
    pub(super) insisted: bool,
    /// For a front end that follows the message.
    pub(super) followed: Option<Followed>,
    /// What is recorded after the head.
    pub(super) late: Late,
    /// There may be some.
    pub(super) ends_late: bool,
}

impl Passed {
    /// A run begins.
    pub(super) fn begins(&self, run: &Selected) {
        if let (Some(followed), Place::Callout(_)) = (&self.followed, &run.place) {
            followed.goes_elsewhere();
        }
    }

    /// These services were applied after those before.
    pub(super) fn applied(&mut self, services: Arc<[String]>) {
        self.services = match self.services.is_empty() {
            true => services,
            false => self.services.iter().chain(&*services).cloned().collect(),
        };
    }

    fn account(&self) -> Account<'_> {
        Account {
            services: &self.services,
            records: &self.records,
            id: self.recording.id(),
            insisted: self.insisted,
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
        system.tell(headers, &self.account(), |entries| self.recording.traced(entries));
        if let Some(trace) = headers.get(OPES_VIA) {
            // It is set once: a message leaves once.
            let _ = self.trace.set(trace.clone());
        }
    }

    /// The message ends with a response of our own.
    fn fails(&self, failed: Failed) -> Failed {
        self.recording.stopped(failed.status, failed.reason);
        Failed { id: self.recording.id(), ..failed }
    }

    /// A record of the message is kept from here on.
    fn record_from_here(&mut self, processor: &Processor, subject: &record::Subject<'_>) {
        if !self.recording.is_kept() {
            self.recording = Recording::begin(processor.recorder.as_ref(), subject);
        }
    }

    /// No rule could decide about a message.
    fn undecided(&mut self, processor: &Processor, subject: &record::Subject<'_>, failed: Failed) -> Failed {
        self.record_from_here(processor, subject);
        self.fails(failed)
    }

    /// A rule has decided about a message.
    fn decided(&mut self, processor: &Processor, point: Point, plan: &Plan, subject: &record::Subject<'_>) {
        self.record_from_here(processor, subject);
        self.insisted |= !plan.insisted.is_empty();
        self.recording.decided(point, plan);
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

    fn record_subject<'a>(&'a self, profile: Profile, headers: &'a HeaderMap) -> record::Subject<'a> {
        let Subject { method, target } = &*self.subject;
        record::Subject { profile, method, uri: target, client: self.client.as_deref(), headers }
    }

    /// What may be done to the response to a request, which is as it goes on.
    pub(super) fn prospect<B: Body>(&self, request: &Request<B>) -> Prospect {
        let length = request.body().size_hint().exact();
        let facts = self.request_facts(request.method(), request.uri(), request.headers(), length);
        self.rules.prospect(&self.facts(facts, None), &self.bypass, self.asked)
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
        let plan = way.plan(point, facts, None, way.asked);
        let subject = way.record_subject(Profile::Request, request.headers());
        let plan = plan.map_err(|failed| passed.undecided(processor, &subject, failed))?;
        let Some(plan) = plan else { continue };
        passed.decided(processor, point, &plan, &subject);
        for run in &*plan.runs {
            let adapted = request::adapt(processor, way, request, Arc::clone(run), &mut passed).await;
            match adapted.map_err(|failed| passed.fails(failed))? {
                Outbound::Request(adapted) => request = adapted,
                answered @ Outbound::Response(_) => return Ok(answered),
            }
        }
    }
    passed.add_trace(&processor.system, request.headers_mut());
    Ok(Outbound::Request(request))
}

/// A response through its two points. `asked` is nothing where no service may want the response.
///
/// # Errors
/// An adaptation failed, and the original cannot go on.
pub(super) async fn response<B>(
    processor: &Processor,
    way: &mut Way,
    asked: Option<&Asked>,
    allowed: Allowed,
    response: Response<B>,
) -> Result<Response<ProxyBody>, Failed>
where
    B: Body<Data = Bytes, Error: Into<BodyError>> + Send + 'static,
{
    let mut passed = way.passed();
    if way.trailers && processor.system.tells_late() {
        passed.late = Late::wanted();
    }
    let mut response = response.map(untouched);
    let mut rest = None;
    for (asked, point) in asked.into_iter().flat_map(|asked| Point::RESPONSE.map(|point| (asked, point))) {
        let length = response.body().size_hint().exact();
        let there = ResponseFacts { status: response.status(), headers: response.headers(), length };
        let head = asked.head.get();
        let facts = way.request_facts(&head.method, &head.uri, &head.headers, asked.length);
        let plan = way.plan(point, facts, Some(there), allowed);
        let subject = way.record_subject(Profile::Response, response.headers());
        let plan = plan.map_err(|failed| passed.undecided(processor, &subject, failed))?;
        let Some(plan) = plan else { continue };
        passed.decided(processor, point, &plan, &subject);
        for run in &*plan.runs {
            let (rest, selected) = (rest.get_or_insert_with(|| asked.rest()).clone(), Arc::clone(run));
            let adapted = response::adapt(processor, way, asked, rest, response, selected, &mut passed).await;
            response = adapted.map_err(|failed| passed.fails(failed))?;
            passed.ends_late |= passed.late.is_wanted() && run.records_late();
        }
    }
    if passed.services.is_empty() && !message::may_have_length(response.status()) {
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    passed.recording.status(response.status());
    passed.add_trace(&processor.system, response.headers_mut());
    if passed.ends_late && message::response_has_body(&way.subject.method, response.status()) {
        let (mut parts, body) = response.into_parts();
        let (late, recording) = (passed.late.clone(), passed.recording.clone());
        let body = late.promise(&processor.system, &passed.account(), recording, &mut parts.headers, body);
        return Ok(Response::from_parts(parts, body));
    }
    Ok(response)
}
