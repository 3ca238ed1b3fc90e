//! One agent of a connection: its pilot between two pipes, with a witness beside it.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;

use super::activity::Activity;
use super::pipe::Pipe;
use super::random::Random;
use super::timeline::{Reason, Timeline};
use super::witness::Witness;
use crate::pilot::{Agent, Pilot};

/// How long a closing agent waits for its peer to close.
const LINGER: Duration = Duration::from_secs(1);

/// How far a round of the driver is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Read,
    Advance,
    Write,
    Clock,
}

/// What an end needs of its simulation.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub(super) timeline: Timeline,
    pub(super) random: Random,
    pub(super) activity: Rc<Activity>,
    /// How often a round is interrupted between two phases, in percent.
    pub(super) interrupts: usize,
}

/// An agent that is driven.
pub(super) struct End<A> {
    surroundings: Surroundings,
    pilot: Pilot<A>,
    input: Pipe,
    output: Pipe,
    witness: Rc<RefCell<Witness>>,
    /// What was read and is not handled yet.
    arrived: BytesMut,
    phase: Phase,
    changed: bool,
    /// Called with the witness whenever the agent has said all that it had to say.
    check: Box<dyn Fn(&Witness)>,
}

impl<A: Agent> End<A> {
    pub(super) fn new(
        surroundings: Surroundings,
        pilot: Pilot<A>,
        (input, output): (Pipe, Pipe),
        witness: Rc<RefCell<Witness>>,
        check: Box<dyn Fn(&Witness)>,
    ) -> Self {
        let arrived = BytesMut::new();
        Self {
            surroundings,
            pilot,
            input,
            output,
            witness,
            arrived,
            phase: Phase::Read,
            changed: false,
            check,
        }
    }

    /// Drives the agent until its side of the connection is closed.
    pub(super) async fn run(mut self) {
        poll_fn(|cx| self.poll(cx)).await;
        self.output.close();
        self.drain().await;
        self.input.abandon();
    }

    /// One round, or a part of it.
    fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        loop {
            match self.phase {
                Phase::Read => {
                    self.changed |= self.read(cx);
                    self.phase = Phase::Advance;
                }
                Phase::Advance => {
                    self.advance(cx);
                    self.phase = Phase::Write;
                }
                Phase::Write => {
                    self.changed |= self.write(cx);
                    if self.pilot.is_finished() {
                        return Poll::Ready(());
                    }
                    self.phase = Phase::Clock;
                }
                Phase::Clock => {
                    self.changed |= self.clock(cx);
                    self.phase = Phase::Read;
                    if std::mem::take(&mut self.changed) {
                        cx.waker().wake_by_ref();
                    }
                    return Poll::Pending;
                }
            }
            if self.surroundings.random.percent(self.surroundings.interrupts) {
                // Whatever wakes the driver meanwhile makes it go round once more.
                self.changed = true;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }

    fn read(&mut self, cx: &Context<'_>) -> bool {
        let Self { pilot, input, arrived, surroundings, .. } = self;
        pilot.read(|buffer| {
            let before = buffer.len();
            let read = input.poll_read(cx, buffer);
            arrived.extend_from_slice(&buffer[before..]);
            if read.is_ready() {
                surroundings.activity.note();
            }
            read
        })
    }

    fn advance(&mut self, cx: &Context<'_>) {
        let before = self.pilot.waiting();
        self.pilot.advance(self.surroundings.timeline.now(), cx.waker());
        let mut witness = self.witness.borrow_mut();
        witness.received(&self.arrived.split());
        if self.pilot.waiting() > before {
            self.surroundings.activity.note();
            witness.sent(&self.pilot.waiting_behind(before));
        }
        if self.pilot.has_said_all() {
            (self.check)(&witness);
        }
    }

    fn write(&mut self, cx: &Context<'_>) -> bool {
        let Self { pilot, output, surroundings, .. } = self;
        pilot.write(|slices| {
            let wrote = output.poll_write(cx, slices);
            if wrote.is_ready() {
                surroundings.activity.note();
            }
            wrote
        })
    }

    fn clock(&mut self, cx: &Context<'_>) -> bool {
        let now = self.surroundings.timeline.now();
        if self.pilot.tick(now) {
            return true;
        }
        if let Some(due) = self.pilot.arm(now) {
            self.surroundings.timeline.wake_at(due, cx.waker(), Reason::Watch);
        }
        false
    }

    /// Waits a little for the end of what the peer sends.
    async fn drain(&self) {
        let mut patience = std::pin::pin!(self.surroundings.timeline.sleep(LINGER));
        poll_fn(|cx| {
            let mut discarded = BytesMut::new();
            while self.pilot.is_readable() {
                match self.input.poll_read(cx, &mut discarded) {
                    Poll::Ready(Ok(octets)) if octets > 0 => {}
                    Poll::Ready(_) => return Poll::Ready(()),
                    Poll::Pending => return patience.as_mut().poll(cx),
                }
            }
            Poll::Ready(())
        })
        .await;
    }
}
