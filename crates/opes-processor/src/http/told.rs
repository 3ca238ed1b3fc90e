//! What is told about an adaptation: the trace in the message, a record, and a report to the observer.

use std::sync::{Arc, OnceLock};

use http::{HeaderValue, Method, Uri};
use opes_sdk::TraceRecord;
use tokio::runtime::Handle;

use super::body::{AdaptedBody, ProxyBody};
use super::followed::Followed;
use super::late::Late;
use super::points::Passed;
use super::processor::Processor;
use crate::adapt::{AdaptError, Exchange, OK, Remaining};
use crate::record::{Ran, Recording, RunEnd, RunUse};
use crate::report::{End, Observer, Report};
use crate::rules::Selected;

/// What reports and logs call an HTTP transaction.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub(super) method: Method,
    pub(super) target: Uri,
}

/// Whom the end of a run is reported to, and of what.
pub(super) struct Whom {
    observer: Arc<dyn Observer>,
    subject: Arc<Subject>,
}

impl Whom {
    fn new(shared: &Processor, subject: &Arc<Subject>) -> Self {
        Self { observer: Arc::clone(&shared.observer), subject: Arc::clone(subject) }
    }
}

/// What is reported of a run.
pub(super) struct Told {
    selected: Arc<Selected>,
    services: Arc<[String]>,
    trace: Arc<OnceLock<HeaderValue>>,
    recording: Recording,
    run: RunUse,
    records: Vec<TraceRecord>,
    followed: Option<Followed>,
    late: Late,
}

impl Told {
    /// A run that begins with a message.
    pub(super) fn new(selected: &Arc<Selected>, passed: &mut Passed) -> Self {
        passed.runs += 1;
        Self {
            selected: Arc::clone(selected),
            services: Arc::default(),
            trace: Arc::clone(&passed.trace),
            run: passed.recording.run(passed.runs - 1),
            recording: passed.recording.clone(),
            records: Vec::new(),
            followed: passed.followed.clone(),
            late: passed.late.clone(),
        }
    }

    /// The run has made a head: it applies these services, which have recorded that.
    pub(super) fn applies(&mut self, services: &Arc<[String]>, records: &[TraceRecord]) {
        self.services = Arc::clone(services);
        if self.recording.is_kept() {
            self.records.extend_from_slice(records);
        }
    }

    /// The run has failed before it made a head.
    pub(super) fn failed(&self, error: &AdaptError) {
        if self.recording.is_kept() {
            let end = RunEnd::failed(describe(error), error.result());
            let ran = Ran { selected: &self.selected, services: &self.selected.group.services, records: &[] };
            self.recording.failed(&self.run, &ran, &end);
        }
    }

    /// The rest of an exchange as a body, reported at its end. `length` is its size in octets where it is known.
    pub(super) fn body(
        self,
        shared: &Processor,
        exchange: Box<Exchange>,
        length: Option<u64>,
        subject: &Arc<Subject>,
    ) -> ProxyBody {
        let run = self.followed.as_ref().map(Followed::add);
        let told = (self, Whom::new(shared, subject));
        http_body_util::BodyExt::boxed_unsync(AdaptedBody::new(exchange, length, run, told))
    }

    /// A message without a body is complete with its head; what the transaction still has to say changes nothing.
    pub(super) fn without_body(
        self,
        shared: &Processor,
        mut exchange: Box<Exchange>,
        subject: &Arc<Subject>,
    ) {
        let whom = Whom::new(shared, subject);
        tokio::spawn(async move {
            let end = match exchange.is_empty().await {
                Ok(_) => End::Complete,
                Err(error) => End::Failed(error.to_string()),
            };
            self.end(&whom, &mut exchange, &end);
        });
    }

    /// The run has ended.
    pub(super) fn end(mut self, whom: &Whom, exchange: &mut Exchange, end: &End) {
        let traffic = exchange.traffic();
        let wanted = self.recording.is_kept() && *end == End::Complete;
        let remaining = if wanted { exchange.take_ended() } else { None };
        let late = exchange.take_records();
        self.late.put(&late);
        whom.observer.adapted(&Report {
            profile: self.selected.group.profile,
            method: &whom.subject.method,
            target: &whom.subject.target,
            services: &self.services,
            traffic,
            trace: self.trace.get(),
            failure: end.failure(),
        });
        if !self.recording.is_kept() {
            return;
        }
        self.records.extend(late);
        let end = RunEnd {
            traffic,
            pauses: exchange.take_pauses(),
            unmodified: exchange.is_unmodified(),
            strangers: exchange.strangers(),
            result: if *end == End::Complete { Some(OK) } else { exchange.result() },
            end: end.clone(),
        };
        self.recording.over(&self.run, &end);
        if !self.services.is_empty() {
            self.record(remaining, end);
        }
    }

    /// Records the run: once its services say no more, where they still may.
    fn record(mut self, remaining: Option<Remaining>, mut end: RunEnd) {
        let remaining = remaining.zip(Handle::try_current().ok());
        let Some((remaining, runtime)) = remaining else { return self.ran(&end) };
        runtime.spawn(async move {
            let last = remaining.over().await;
            self.records.extend(last.records);
            end.strangers = end.strangers.saturating_add(last.strangers);
            end.traffic.sent += last.crossed;
            self.ran(&end);
        });
    }

    fn ran(&self, end: &RunEnd) {
        let ran = Ran { selected: &self.selected, services: &self.services, records: &self.records };
        self.recording.ran(&self.run, &ran, end);
    }
}

/// An error with everything that caused it.
pub(super) fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
