//! How long services on callout servers may think about a preview before the client is told to go on with its body.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// What a callout server nearby needs for a word.
const TIME: Duration = Duration::from_millis(10);

/// So often in a row they may have thought in vain before they are only now and then given the time.
const PATIENCE: u32 = 4;

/// How often that is.
const NOW_AND_THEN: u32 = 32;

/// Whether it pays to wait for the services of a path: what they do not need of a body never comes, and those that need
/// all of it never say so.
#[derive(Debug, Default)]
pub(super) struct Thought {
    /// How often in a row nothing came of it.
    vain: AtomicU32,
}

impl Thought {
    /// The time that is given at the end of a preview.
    pub(super) fn time(&self) -> Option<Duration> {
        let vain = self.vain.load(Ordering::Relaxed);
        (vain < PATIENCE || vain.is_multiple_of(NOW_AND_THEN)).then_some(TIME)
    }

    /// The client had to be told to go on.
    pub(super) fn was_vain(&self) {
        // Only a rough count is needed, so it may wrap.
        self.vain.fetch_add(1, Ordering::Relaxed);
    }

    /// The services came to an answer.
    pub(super) fn paid(&self) {
        self.vain.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_that_need_everything_are_soon_not_waited_for() {
        let thought = Thought::default();
        let mut waits = 0;
        for _ in 0..320 {
            waits += u32::from(thought.time().is_some());
            thought.was_vain();
        }
        assert!((PATIENCE..20).contains(&waits), "{waits} of 320");
        thought.paid();
        assert!(thought.time().is_some());
    }
}
