//! One service in a chain, with the payload that waits for it.

use crate::{
    Applied, Body, Context, Decision, Deed, Description, Failure, Needs, Refusal, Segment, Service, Step,
    context::{Shared, Stance},
    queue::Queue,
};

/// A service and its input. Once the service has left or finished, the link is a mere passage.
pub(super) struct Link {
    /// `None` once the service has left or finished.
    service: Option<Box<dyn Service>>,
    needs: Needs,
    /// The most octets that it has asked to be gathered.
    stated: u64,
    state: State,
    stance: Stance,
    /// What has arrived.
    input: Queue,
    /// What a service that only looks has still to see; it went on already, so that looking never holds the flow.
    unseen: Queue,
    /// The service left before the end of the payload.
    left_early: bool,
}

/// What a link works with during one pass over the chain.
pub(super) struct Turn<'a> {
    pub(super) shared: &'a mut Shared,
    /// Where the link's output goes: the next link's input, or the chain's output.
    pub(super) output: &'a mut Queue,
    /// Nothing will follow what is in the link's input.
    pub(super) ended: bool,
}

/// Why a chain stops.
#[derive(Debug)]
pub(super) enum Stop {
    Refused(Refusal),
    Failed(Failure),
    Aborted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Open,
    Waiting(Call),
}

/// The call that a step concludes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Start,
    Push,
    Finish,
}

impl Link {
    pub(super) fn new(service: Box<dyn Service>) -> Self {
        let needs = service.needs();
        let stance = Stance { looks: needs.look_only, ..Stance::default() };
        let stated = match needs.body {
            Body::First(octets) | Body::Whole { limit: octets } => octets,
            Body::Nothing | Body::Streamed => 0,
        };
        Self {
            service: Some(service),
            needs,
            stated,
            state: State::New,
            stance,
            input: Queue::default(),
            unseen: Queue::default(),
            left_early: false,
        }
    }

    /// Starts the service, once.
    pub(super) fn start(&mut self, turn: &mut Turn<'_>) -> Result<(), Stop> {
        if self.state != State::New {
            return Ok(());
        }
        self.call(Call::Start, turn, |service, cx| service.start(cx))
    }

    /// Resumes the service if it waits.
    pub(super) fn resume(&mut self, turn: &mut Turn<'_>) -> Result<(), Stop> {
        let State::Waiting(call) = self.state else {
            return Ok(());
        };
        self.call(call, turn, |service, cx| service.resume(cx))
    }

    /// Brings the service as far as its input reaches.
    pub(super) fn run(&mut self, turn: &mut Turn<'_>) -> Result<(), Stop> {
        self.pass_on(turn.output);
        self.check_limit()?;
        while self.is_ready(turn.ended) {
            match self.waiting_input().pop() {
                Some(segment) => self.feed(segment, turn)?,
                None if turn.ended => self.call(Call::Finish, turn, |service, cx| service.finish(cx))?,
                None => break,
            }
        }
        if self.has_left() {
            while let Some(segment) = self.input.pop() {
                turn.output.push(segment);
            }
        }
        Ok(())
    }

    /// Sends what arrived for a service that only looks on its way.
    fn pass_on(&mut self, output: &mut Queue) {
        if !self.needs.look_only || self.has_left() {
            return;
        }
        while let Some(segment) = self.input.pop() {
            output.push(segment.clone());
            self.unseen.push(segment);
        }
    }

    /// Where the service's next input waits.
    fn waiting_input(&mut self) -> &mut Queue {
        if self.needs.look_only { &mut self.unseen } else { &mut self.input }
    }

    fn waiting_octets(&self) -> u64 {
        if self.needs.look_only { self.unseen.octets() } else { self.input.octets() }
    }

    pub(super) fn input(&self) -> &Queue {
        &self.input
    }

    pub(super) fn input_mut(&mut self) -> &mut Queue {
        &mut self.input
    }

    /// What the service itself said about the payload's description.
    pub(super) fn description(&self) -> &Description {
        &self.stance.description
    }

    /// Whether the service has left or finished.
    pub(super) fn has_left(&self) -> bool {
        self.service.is_none()
    }

    pub(super) fn has_decided(&self) -> bool {
        self.stance.decided
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting(_))
    }

    /// Whether every octet from here on leaves the link as it came, for certain.
    pub(super) fn is_transparent(&self) -> bool {
        self.has_left() || (self.needs.look_only && self.stance.decided)
    }

    /// What has become of the service, given where the link's output went.
    pub(super) fn applied(&self, output: &Queue) -> Applied {
        let (received, emitted) = (self.input.accepted(), output.accepted());
        let waits = self.input.octets();
        let deed = match self.has_left() {
            false => Deed::AtWork,
            true if emitted != received - waits || (self.input.is_faithful() && !output.is_faithful()) => {
                Deed::Changed
            }
            // Behind another service's changes, provenance does not tell whose they are.
            true if self.may_modify() && !self.input.is_faithful() => Deed::Processed,
            true if self.left_early => Deed::Left,
            true => Deed::Passed,
        };
        Applied { deed, received, emitted }
    }

    /// Whether the service may change the payload, or had the occasion to.
    pub(super) fn may_modify(&self) -> bool {
        let has_part = !self.has_left() || self.stance.touched;
        self.needs.modifies && !self.needs.look_only && has_part
    }

    /// Whether the service only looks.
    pub(super) fn looks(&self) -> bool {
        self.needs.look_only
    }

    pub(super) fn refuses(&self) -> bool {
        self.needs.refuses
    }

    /// Whether the service takes the payload only whole.
    pub(super) fn wants_whole(&self) -> bool {
        matches!(self.needs.body, Body::Whole { .. }) && !self.has_left()
    }

    pub(super) fn wants_decoded(&self) -> bool {
        self.needs.decoded
    }

    /// The octets held for the service and by it.
    pub(super) fn buffered(&self) -> u64 {
        self.input.octets().saturating_add(self.unseen.octets()).saturating_add(self.held())
    }

    fn held(&self) -> u64 {
        self.service.as_ref().map_or(0, |service| service.held())
    }

    /// The octets held for the service because it asked for more at once than is there, and those of them that it got
    /// and holds itself, or holds as it stated.
    pub(super) fn gathered(&self) -> u64 {
        let waiting = match self.needs.body {
            Body::First(_) | Body::Whole { .. } if !self.has_left() => self.waiting_octets(),
            _ => 0,
        };
        waiting.saturating_add(self.held()).min(self.stated.saturating_add(self.needs.holds))
    }

    fn check_limit(&self) -> Result<(), Stop> {
        match self.needs.body {
            Body::Whole { limit } if !self.has_left() && self.waiting_octets() > limit => {
                Err(failed(format!("the payload is longer than the {limit} octets that the service takes")))
            }
            _ => Ok(()),
        }
    }

    /// Whether the service can take input, or the end of it, now.
    fn is_ready(&mut self, ended: bool) -> bool {
        if self.has_left() || self.state != State::Open {
            return false;
        }
        match self.needs.body {
            Body::First(n) if ended || self.waiting_octets() >= n => {
                self.needs.body = Body::Streamed;
                true
            }
            Body::First(_) => false,
            Body::Whole { .. } => ended,
            Body::Nothing | Body::Streamed => true,
        }
    }

    fn feed(&mut self, segment: Segment, turn: &mut Turn<'_>) -> Result<(), Stop> {
        self.stance.touched = true;
        self.call(Call::Push, turn, |service, cx| service.push(cx, segment))
    }

    fn call<F>(&mut self, call: Call, turn: &mut Turn<'_>, act: F) -> Result<(), Stop>
    where
        F: FnOnce(&mut dyn Service, &mut Context<'_>) -> Step,
    {
        let Some(service) = self.service.as_deref_mut() else {
            return Ok(());
        };
        let mut cx = Context { shared: turn.shared, stance: &mut self.stance, output: turn.output };
        let step = act(service, &mut cx);
        self.settle(call, step)
    }

    fn settle(&mut self, call: Call, step: Step) -> Result<(), Stop> {
        if self.stance.described_late {
            return Err(failed("the service changed the description after its point of decision"));
        }
        if self.needs.refuses && matches!(step, Step::Continue | Step::Leave) {
            // The payload that would have to pass may be missing.
            return Err(failed("a service that declared to refuse every message did not"));
        }
        match step {
            Step::Continue => self.conclude(call),
            Step::Wait => self.state = State::Waiting(call),
            Step::Leave => {
                self.left_early = call != Call::Finish;
                self.leave();
            }
            Step::Refuse(refusal) if self.stance.decided => {
                let reason = refusal.reason;
                return Err(failed(format!("the service refused after its point of decision: {reason}")));
            }
            Step::Refuse(refusal) => return Err(Stop::Refused(refusal)),
            Step::Fail(failure) => return Err(Stop::Failed(failure)),
        }
        Ok(())
    }

    fn conclude(&mut self, call: Call) {
        self.state = State::Open;
        match call {
            Call::Start if self.needs.body == Body::Nothing => {
                self.left_early = true;
                self.leave();
            }
            Call::Start => self.stance.decided |= self.needs.decides == Decision::AtStart,
            Call::Push => {}
            Call::Finish => self.leave(),
        }
    }

    fn leave(&mut self) {
        self.service = None;
        self.state = State::Open;
        self.stance.decided = true;
        self.unseen = Queue::default();
    }
}

pub(super) fn failed(reason: impl Into<String>) -> Stop {
    Stop::Failed(Failure::new(reason))
}
