//! Rules that are exchanged while messages are under way.

use std::sync::{Arc, PoisonError, RwLock};

use super::Rules;

/// The rules in force, shared by whoever uses and whoever exchanges them.
///
/// A message takes [`current`](Self::current) when it comes and keeps to that, so that it never meets rules of two kinds.
#[derive(Clone, Default)]
pub struct LiveRules(Arc<RwLock<Rules>>);

impl LiveRules {
    /// The rules for a message that comes now.
    pub fn current(&self) -> Rules {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts other rules in force, for messages that come from now on.
    pub fn replace(&self, rules: Rules) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = rules;
    }
}

impl From<Rules> for LiveRules {
    fn from(rules: Rules) -> Self {
        Self(Arc::new(RwLock::new(rules)))
    }
}
