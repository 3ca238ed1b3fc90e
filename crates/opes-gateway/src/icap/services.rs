//! What is offered under which path.

use std::sync::{Arc, PoisonError, RwLock};

use opes_processor::rules::Rules;

/// A service as ICAP clients see it.
#[derive(Clone)]
pub struct Path {
    /// The path in the service's URI, such as `/scan`.
    pub path: String,
    /// The rules that decide about what is sent to it.
    pub rules: Rules,
}

/// All services of a gateway.
#[derive(Clone)]
pub struct Services {
    /// By path. Without any, every path has the rules of `all`.
    pub paths: Vec<Path>,
    /// All rules.
    pub all: Rules,
    /// What stands for this configuration (RFC 3507 section 4.7): up to 32 octets without quotation marks.
    pub tag: String,
}

impl Services {
    /// The rules under a path; `None` where there is no such service.
    pub(super) fn rules(&self, path: &str) -> Option<&Rules> {
        if self.paths.is_empty() {
            return Some(&self.all);
        }
        self.paths.iter().find(|known| known.path == path).map(|known| &known.rules)
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
