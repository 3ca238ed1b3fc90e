//! Where agents take the time from: the real clock, or a virtual one in the simulation.

use std::sync::Arc;
use std::time::Instant;

/// A clock that many may read.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> Instant + Send + Sync>);

impl Clock {
    /// The clock of this machine.
    pub(crate) fn real() -> Self {
        Self::new(Instant::now)
    }

    /// A clock that shows what `now` says.
    pub(crate) fn new(now: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub(crate) fn now(&self) -> Instant {
        self.0()
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}
