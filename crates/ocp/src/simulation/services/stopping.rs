//! Services that stop a message in its middle.

use opes_sdk::{Context, Decision, Failure, Needs, Refusal, Segment, Service, Step};

/// Fails once so many octets have come.
pub(super) struct Fail {
    at: Option<usize>,
    look: bool,
    seen: usize,
}

impl Fail {
    pub(super) fn new(at: Option<usize>, look: bool) -> Self {
        Self { at, look, seen: 0 }
    }

    fn check(&self) -> Step {
        match self.at {
            Some(at) if self.seen >= at => Step::Fail(Failure::new("the service fails")),
            _ => Step::Continue,
        }
    }
}

impl Service for Fail {
    fn needs(&self) -> Needs {
        Needs { look_only: self.look, modifies: false, ..Needs::default() }
    }

    fn start(&mut self, _: &mut Context<'_>) -> Step {
        self.check()
    }

    fn push(&mut self, cx: &mut Context<'_>, segment: Segment) -> Step {
        self.seen += segment.len();
        cx.emit(segment);
        self.check()
    }
}

/// Refuses once so many octets have come, or decides for good once so many others have.
pub(super) struct Refuse {
    at: Option<usize>,
    decides: Option<usize>,
    reason: String,
    seen: usize,
}

impl Refuse {
    pub(super) fn new(at: Option<usize>, decides: Option<usize>, reason: String) -> Self {
        // Of both the earlier one counts; a refusal comes before a decision.
        let at = at.filter(|at| decides.is_none_or(|decides| *at <= decides));
        Self { at, decides, reason, seen: 0 }
    }

    fn check(&self, cx: &mut Context<'_>) -> Step {
        if self.at.is_some_and(|at| self.seen >= at) {
            return Step::Refuse(Refusal::new(self.reason.clone()));
        }
        if self.decides.is_some_and(|decides| self.seen >= decides) {
            cx.decide();
        }
        Step::Continue
    }
}

impl Service for Refuse {
    fn needs(&self) -> Needs {
        Needs { decides: Decision::Later, modifies: false, ..Needs::default() }
    }

    fn start(&mut self, cx: &mut Context<'_>) -> Step {
        self.check(cx)
    }

    fn push(&mut self, cx: &mut Context<'_>, segment: Segment) -> Step {
        self.seen += segment.len();
        cx.emit(segment);
        self.check(cx)
    }
}
