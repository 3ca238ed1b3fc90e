//! What is offered under which path.

use std::sync::{Arc, PoisonError, RwLock};

use opes_processor::rules::Rules;

use super::thought::Thought;

/// A service as ICAP clients see it.
#[derive(Clone)]
pub struct Path {
    /// The path in the service's URI, such as `/scan`.
    pub path: String,
    /// What is done with what is sent to it.
    pub offer: Offer,
}

/// What is done with the messages of a service.
#[derive(Clone)]
pub struct Offer {
    pub(super) rules: Rules,
    pub(super) thought: Arc<Thought>,
}

impl From<Rules> for Offer {
    fn from(rules: Rules) -> Self {
        Self { rules, thought: Arc::default() }
    }
}

/// All services of a gateway.
#[derive(Clone)]
pub struct Services {
    /// By path. Without any, every path has what `all` is.
    pub paths: Vec<Path>,
    /// By all rules.
    pub all: Offer,
    /// What stands for this configuration (RFC 3507 section 4.7): up to 32 octets without quotation marks.
    pub tag: String,
}

impl Services {
    /// What is offered under a path; `None` where there is no such service.
    pub(super) fn offer(&self, path: &str) -> Option<&Offer> {
        if self.paths.is_empty() {
            return Some(&self.all);
        }
        self.paths.iter().find(|known| known.path == path).map(|known| &known.offer)
    }
}

/// The services in force, shared by whoever uses and whoever exchanges them. A message keeps to those that it found.
#[derive(Clone)]
pub struct LiveServices(Arc<RwLock<Arc<Services>>>);

impl LiveServices {
    /// Puts services in force.
    pub fn new(services: Services) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(services))))
    }

    /// Puts other services in force, for messages that come from now on.
    pub fn replace(&self, services: Services) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(services);
    }

    pub(super) fn current(&self) -> Arc<Services> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}
