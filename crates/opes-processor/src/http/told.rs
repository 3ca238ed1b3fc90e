//! What is told about an adaptation: the trace in the message, and a report to the observer.

use std::sync::Arc;

use http::{HeaderMap, Method};
use opes_profile::http::Profile;
use opes_profile::trace::OPES_VIA;

use super::body::{AdaptedBody, ProxyBody};
use super::processor::Processor;
use crate::adapt::Exchange;
use crate::report::Report;

/// What reports and logs call an HTTP transaction.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub(super) method: Method,
    pub(super) target: String,
}

/// What the trace says about a message.
pub(super) struct Told {
    services: Vec<String>,
    trace: String,
}

impl Told {
    /// Adds the system's entry, and those of the processor and the services that were applied.
    pub(super) fn add_trace(shared: &Processor, headers: &mut HeaderMap, services: Vec<String>) -> Self {
        shared.system.trace(&services).merge_into(headers);
        let trace = headers.get(OPES_VIA).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        Self { services, trace: trace.unwrap_or_default() }
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
        let report = move |exchange: &Exchange, result: Result<(), String>| {
            observer.adapted(&self.report(profile, &subject, exchange, result.err()));
        };
        http_body_util::BodyExt::boxed_unsync(AdaptedBody::new(exchange, length, Box::new(report)))
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
            trace: self.trace,
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
