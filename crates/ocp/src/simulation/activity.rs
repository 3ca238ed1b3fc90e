//! Counts what happens, so that it shows when somebody could have gone on and was not woken.

use std::cell::Cell;

/// A count of everything that has moved.
#[derive(Debug, Default)]
pub(super) struct Activity(Cell<u64>);

impl Activity {
    pub(super) fn note(&self) {
        self.0.set(self.0.get() + 1);
    }

    pub(super) fn count(&self) -> u64 {
        self.0.get()
    }
}
