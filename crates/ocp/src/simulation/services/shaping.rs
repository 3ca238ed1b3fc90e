//! Services that change the payload, or leave it.

use std::collections::VecDeque;

use opes_sdk::{Body, Context, Decision, Description, Needs, Segment, Service, Step};

use super::{DESCRIBED, TEXT};

/// Wants the first octets at once, and passes everything on.
pub(super) struct First(pub(super) u64);

impl Service for First {
    fn needs(&self) -> Needs {
        Needs { body: Body::First(self.0), decides: Decision::Later, modifies: false, ..Needs::default() }
    }

    fn push(&mut self, cx: &mut Context<'_>, segment: Segment) -> Step {
        cx.decide();
        cx.emit(segment);
        Step::Continue
    }
}

/// Wants everything at once and gives its second half first.
pub(super) struct Whole {
    late: bool,
    segments: VecDeque<Segment>,
}

impl Whole {
    pub(super) fn new(late: bool) -> Self {
        Self { late, segments: VecDeque::new() }
    }
}

impl Service for Whole {
    fn needs(&self) -> Needs {
        let decides = if self.late { Decision::Later } else { Decision::AtStart };
        Needs { body: Body::Whole { limit: 1 << 30 }, decides, ..Needs::default() }
    }

    fn push(&mut self, _: &mut Context<'_>, segment: Segment) -> Step {
        self.segments.push_back(segment);
        Step::Continue
    }

    fn finish(&mut self, cx: &mut Context<'_>) -> Step {
        let mut left = self.segments.iter().map(Segment::len).sum::<usize>() / 2;
        let mut first = Vec::new();
        while left > 0 {
            let Some(mut segment) = self.segments.pop_front() else { break };
            let part = segment.split_to(left);
            left -= part.len();
            first.push(part);
            if !segment.is_empty() {
                self.segments.push_front(segment);
            }
        }
        self.segments.drain(..).chain(first).for_each(|segment| cx.emit(segment));
        Step::Continue
    }

    fn held(&self) -> u64 {
        self.segments.iter().map(|segment| segment.len() as u64).sum()
    }
}

/// Puts a text behind the first octets and leaves.
pub(super) struct Leave {
    left: usize,
}

impl Leave {
    pub(super) fn new(after: usize) -> Self {
        Self { left: after }
    }
}

impl Service for Leave {
    fn push(&mut self, cx: &mut Context<'_>, mut segment: Segment) -> Step {
        if segment.len() < self.left {
            self.left -= segment.len();
            cx.emit(segment);
            return Step::Continue;
        }
        cx.emit(segment.split_to(self.left));
        cx.emit(Segment::new(TEXT));
        cx.emit(segment);
        Step::Leave
    }
}

/// Wants no payload.
pub(super) struct Nothing;

impl Service for Nothing {
    fn needs(&self) -> Needs {
        Needs { body: Body::Nothing, ..Needs::default() }
    }

    fn push(&mut self, _: &mut Context<'_>, _: Segment) -> Step {
        unreachable!("a service that wants no payload gets none")
    }
}

/// Lets nothing pass.
pub(super) struct Drop;

impl Service for Drop {
    fn push(&mut self, _: &mut Context<'_>, _: Segment) -> Step {
        Step::Continue
    }
}

/// Gives the first octets once more at the end.
pub(super) struct Echo {
    left: usize,
    segments: Vec<Segment>,
}

impl Echo {
    pub(super) fn new(first: usize) -> Self {
        Self { left: first, segments: Vec::new() }
    }
}

impl Service for Echo {
    fn push(&mut self, cx: &mut Context<'_>, segment: Segment) -> Step {
        let part = segment.slice(..self.left);
        self.left -= part.len();
        self.segments.push(part);
        cx.emit(segment);
        Step::Continue
    }

    fn finish(&mut self, cx: &mut Context<'_>) -> Step {
        self.segments.drain(..).for_each(|segment| cx.emit(segment));
        Step::Continue
    }

    fn held(&self) -> u64 {
        self.segments.iter().map(|segment| segment.len() as u64).sum()
    }
}

/// Says at the end what the message is about.
pub(super) struct Label;

impl Service for Label {
    fn push(&mut self, cx: &mut Context<'_>, segment: Segment) -> Step {
        cx.emit(segment);
        Step::Continue
    }

    fn finish(&mut self, cx: &mut Context<'_>) -> Step {
        let uri = cx.attributes().uri.clone().unwrap_or_default();
        cx.emit(Segment::new(format!("[{uri}]")));
        Step::Continue
    }
}

/// Describes the payload as something else.
pub(super) struct Describe;

impl Service for Describe {
    fn start(&mut self, cx: &mut Context<'_>) -> Step {
        cx.describe(Description { media_type: Some(DESCRIBED.to_owned()), coding: None });
        Step::Continue
    }

    fn push(&mut self, cx: &mut Context<'_>, segment: Segment) -> Step {
        cx.emit(segment);
        Step::Continue
    }
}
