//! Services that wait for something outside.

use std::sync::Arc;
use std::time::{Duration, Instant};

use opes_sdk::{
    Adapted, Body, Context, Decision, Message, Needs, Refusal, Segment, Service, ServiceFactory, Step,
    async_service,
};

use super::{Answer, Tools, answer, number, reason};
use crate::simulation::timeline::Reason;

/// When and how long a service waits.
#[derive(Debug, Clone)]
pub(super) struct Pauses {
    pub(super) tools: Tools,
    pub(super) percent: usize,
    pub(super) most: Duration,
}

/// Waits now and then, also at the start and at the end.
pub(super) struct Wait {
    pauses: Pauses,
    needs: Needs,
    stuck: bool,
    until: Option<Instant>,
    segment: Option<Segment>,
}

impl Wait {
    pub(super) fn new(pauses: Pauses, look: bool, decides: Decision) -> Self {
        let needs =
            Needs { body: Body::Streamed, look_only: look, modifies: false, decides, ..Needs::default() };
        Self { pauses, needs, stuck: false, until: None, segment: None }
    }

    /// Waits once the payload has begun, longer than any server is patient.
    pub(super) fn stuck(pauses: Pauses, look: bool) -> Self {
        Self { stuck: true, ..Self::new(pauses, look, Decision::AtStart) }
    }

    fn pause(&mut self, cx: &Context<'_>) -> Step {
        let Pauses { tools, percent, most } = &self.pauses;
        if !tools.random.percent(*percent) {
            return Step::Continue;
        }
        let time = if self.stuck { *most } else { tools.random.duration(*most) };
        let until = tools.timeline.now() + time;
        self.until = Some(until);
        tools.timeline.wake_at(until, cx.waker(), Reason::Work);
        Step::Wait
    }
}

impl Service for Wait {
    fn needs(&self) -> Needs {
        self.needs
    }

    fn start(&mut self, cx: &mut Context<'_>) -> Step {
        if self.stuck { Step::Continue } else { self.pause(cx) }
    }

    fn push(&mut self, cx: &mut Context<'_>, segment: Segment) -> Step {
        let step = self.pause(cx);
        if step == Step::Wait {
            self.segment = Some(segment);
        } else {
            cx.emit(segment);
        }
        step
    }

    fn finish(&mut self, cx: &mut Context<'_>) -> Step {
        self.pause(cx)
    }

    fn resume(&mut self, cx: &mut Context<'_>) -> Step {
        if self.until.is_some_and(|until| until > self.pauses.tools.timeline.now()) {
            return Step::Wait;
        }
        self.until = None;
        if let Some(segment) = self.segment.take() {
            cx.emit(segment);
        }
        Step::Continue
    }

    fn held(&self) -> u64 {
        self.segment.as_ref().map_or(0, |segment| segment.len() as u64)
    }
}

/// An async function over the whole message.
pub(super) fn asynchronous(uri: &str, salt: u64, tools: &Tools) -> Arc<dyn ServiceFactory> {
    let tools = tools.clone();
    Arc::new(async_service(uri, 1 << 30, move |message: Message| {
        let wait = tools.timeline.sleep(tools.random.duration(Duration::from_millis(40)));
        async move {
            wait.await;
            Ok(match answer(salt, number(&message.attributes)) {
                Answer::Unchanged => Adapted::Unchanged,
                Answer::Reversed => Adapted::Body(message.body.iter().rev().copied().collect()),
                Answer::Refused => Adapted::Refused(Refusal::new(reason("refused", salt))),
            })
        }
    }))
}
