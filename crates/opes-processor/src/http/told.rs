//! What is told about an adaptation: the trace in the message, and a report to the observer.

use std::sync::{Arc, OnceLock};

use http::Method;
use opes_profile::http::Profile;

use super::body::{AdaptedBody, ProxyBody};
use super::followed::Followed;
use super::points::Passed;
use super::processor::Processor;
use crate::adapt::Exchange;
use crate::report::Report;

/// What reports and logs call an HTTP transaction.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub(super) method: Method,
    pub(super) target: String,
}

/// What is reported of a run.
pub(super) struct Told {
    services: Vec<String>,
    trace: Arc<OnceLock<String>>,
    followed: Option<Followed>,
}

impl Told {
    /// A run that has applied these services to the message.
    pub(super) fn new(services: Vec<String>, passed: &Passed) -> Self {
        Self { services, trace: Arc::clone(&passed.trace), followed: passed.followed.clone() }
    }

    /// The rest of an exchange as a body, reported at its end. `length` is its size in octets where it is known.
    pub(super) fn body(
        self,
        shared: &Processor,
        exchange: Exchange,
        profile: Profile,
        length: Option<u64>,
        subject: &Subject,
    ) -> ProxyBody {
        let observer = Arc::clone(&shared.observer);
        let subject = subject.clone();
        let run = self.followed.as_ref().map(Followed::add);
        let report = move |exchange: &Exchange, result: Result<(), String>| {
            observer.adapted(&self.report(profile, &subject, exchange, result.err()));
        };
        http_body_util::BodyExt::boxed_unsync(AdaptedBody::new(exchange, length, run, Box::new(report)))
    }

    /// A message without a body is complete with its head; what the transaction still has to say changes nothing.
    pub(super) fn without_body(
        self,
        shared: &Processor,
        mut exchange: Exchange,
        profile: Profile,
        subject: &Subject,
    ) {
        let observer = Arc::clone(&shared.observer);
        let subject = subject.clone();
        tokio::spawn(async move {
            let ended = exchange.is_empty().await;
            let failure = ended.err().map(|error| error.to_string());
            observer.adapted(&self.report(profile, &subject, &exchange, failure));
        });
    }

    fn report(
        self,
        profile: Profile,
        subject: &Subject,
        exchange: &Exchange,
        failure: Option<String>,
    ) -> Report {
        Report {
            profile,
            method: subject.method.to_string(),
            target: subject.target.clone(),
            services: self.services,
            traffic: exchange.traffic(),
            trace: self.trace.get().cloned().unwrap_or_default(),
            failure,
        }
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
