//! Where agents take the time from: the real clock, or a virtual one in the simulation.

#[cfg(test)]
use std::sync::Arc;
use std::time::Instant;

/// A clock that many may read.
#[derive(Clone)]
pub(crate) enum Clock {
    /// The clock of this machine.
    Real,
    /// A clock that shows what this says.
    #[cfg(test)]
    Virtual(Arc<dyn Fn() -> Instant + Send + Sync>),
}

impl Clock {
    /// A clock that shows what `now` says.
    #[cfg(test)]
    pub(crate) fn new(now: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        Self::Virtual(Arc::new(now))
    }

    pub(crate) fn now(&self) -> Instant {
        match self {
            Self::Real => Instant::now(),
            #[cfg(test)]
            Self::Virtual(now) => now(),
        }
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}
