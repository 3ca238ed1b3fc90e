//! What a front end that can refer to the original wants to know of a message on its way through its services.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::adapt::Rest;

/// Where a message stands, shared by whoever follows it and whoever adapts it.
#[derive(Debug, Clone)]
pub struct Followed(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    elsewhere: bool,
    intact: bool,
    unmodified: bool,
    /// The recipient has the rest.
    referred: bool,
    /// What each run says of its body, in their order.
    rests: Vec<Option<Rest>>,
}

impl Default for Followed {
    fn default() -> Self {
        let state =
            State { elsewhere: false, intact: true, unmodified: true, referred: false, rests: Vec::new() };
        Self(Arc::new(Mutex::new(state)))
    }
}

impl Followed {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Some of its services are on callout servers: what they decide comes later than what they were given.
    pub fn is_elsewhere(&self) -> bool {
        self.state().elsewhere
    }

    /// The services have left the head as it was.
    pub fn is_intact(&self) -> bool {
        self.state().intact
    }

    /// The services have said for certain that they change nothing.
    pub fn is_unmodified(&self) -> bool {
        self.state().unmodified
    }

    /// From where on the body that comes out is the one that went in, with no service that needs more of it. `None` while
    /// that is not known; to be asked once the head is there.
    pub fn rest(&self) -> Option<Rest> {
        let start = Rest { at: 0, original: 0 };
        self.state().rests.iter().try_fold(start, |before, rest| rest.map(|rest| compose(before, rest)))
    }

    /// The recipient is told to use what it has of the original, so the body that comes out is not taken any further: the
    /// adaptation is complete.
    pub fn refer(&self) {
        self.state().referred = true;
    }

    pub(super) fn goes_elsewhere(&self) {
        self.state().elsewhere = true;
    }

    /// A run has given a head back.
    pub(super) fn came_back(&self, intact: bool, unmodified: bool) {
        let mut state = self.state();
        state.intact &= intact;
        state.unmodified &= unmodified;
    }

    /// The next run has a body.
    pub(super) fn add(&self) -> Run {
        let mut state = self.state();
        state.rests.push(None);
        Run { followed: self.clone(), at: state.rests.len() - 1 }
    }
}

/// One run of a message that is followed.
#[derive(Debug)]
pub(super) struct Run {
    followed: Followed,
    at: usize,
}

impl Run {
    /// Whether the recipient has the rest.
    pub(super) fn is_referred(&self) -> bool {
        self.followed.state().referred
    }

    pub(super) fn note(&self, rest: Option<Rest>) {
        let Some(rest) = rest else { return };
        if let Some(noted) = self.followed.state().rests.get_mut(self.at) {
            *noted = Some(rest);
        }
    }
}

/// What two runs come to, of which the second takes what the first makes.
fn compose(first: Rest, second: Rest) -> Rest {
    match second.original.checked_sub(first.at) {
        Some(further) => Rest { at: second.at, original: first.original + further },
        None => Rest { at: second.at + (first.at - second.original), original: first.original },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_several_runs_is_what_all_of_them_leave() {
        let followed = Followed::default();
        assert_eq!(followed.rest(), Some(Rest { at: 0, original: 0 }), "nothing is done to it");
        let (first, second) = (followed.add(), followed.add());
        first.note(Some(Rest { at: 12, original: 10 }));
        assert_eq!(followed.rest(), None, "the second run may do anything");
        second.note(Some(Rest { at: 20, original: 17 }));
        assert_eq!(followed.rest(), Some(Rest { at: 20, original: 15 }));
        second.note(None);
        second.note(Some(Rest { at: 5, original: 2 }));
        assert_eq!(followed.rest(), Some(Rest { at: 15, original: 10 }), "the first run changed up to 12");
    }
}
