//! What a processor adapts HTTP messages with, whether it is a proxy or part of a program.

use std::fmt;
use std::sync::Arc;

use opes_pages::SystemPage;

use super::transform::Transformation;
use crate::record::Recorder;
use crate::report::{Log, Observer};
use crate::rules::LiveRules;
use crate::system::System;

/// An OPES processor for HTTP.
#[derive(Clone)]
pub struct Processor {
    /// Who we are in traces.
    pub system: System,
    /// Which messages are adapted.
    pub rules: LiveRules,
    /// Whether `Cache-Control: no-transform` is obeyed.
    pub transformation: Transformation,
    /// Is told of every adaptation.
    pub observer: Arc<dyn Observer>,
    /// Keeps a record of each message that is adapted, if any does.
    pub recorder: Option<Recorder>,
    /// What everybody is told at the system's address; its services are those of the rules.
    pub page: Arc<SystemPage>,
}

impl Processor {
    /// A processor that is a part of one of the ends, which `no-transform` does not bind; it reports to the log.
    pub fn new(system: System, rules: impl Into<LiveRules>) -> Self {
        Self {
            page: Arc::new(system.page()),
            system,
            rules: rules.into(),
            transformation: Transformation::Always,
            observer: Arc::new(Log),
            recorder: None,
        }
    }
}

impl fmt::Debug for Processor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Processor").field("system", &self.system).finish_non_exhaustive()
    }
}
