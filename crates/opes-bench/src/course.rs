//! The course of a run: what its connections share.

use std::rc::Rc;
use std::task::Waker;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::load::{Arrivals, Extent, Load};
use crate::schedule::Schedule;
use crate::tally::Tally;

/// A transaction that may start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket {
    /// When it was meant to start: its latency counts from here.
    due: Instant,
    /// Whether an open loop counts it. A closed loop counts what ends while it measures.
    counted: bool,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The connections are made ready.
    Connecting,
    /// From this moment.
    Running {
        begun: Instant,
        measured: Option<Instant>,
    },
    Over,
}

/// What the connections of a run share.
#[derive(Debug)]
pub(crate) struct Course {
    phase: Phase,
    schedule: Option<Schedule>,
    /// How many end the run.
    wanted: Option<u64>,
    /// Arrivals of the schedule that have been given to a connection.
    given: u64,
    ready: usize,
    /// Connections with a place in flight that wait for an arrival, or for the run to begin.
    idle: Vec<Option<Waker>>,
    turn: usize,
    pub(crate) tally: Tally,
    /// Told when a connection has become ready, and when the last transaction that counts has ended.
    pub(crate) news: Rc<Notify>,
}

impl Course {
    pub(crate) fn new(load: &Load) -> Self {
        let schedule = match load.arrivals {
            Arrivals::Closed { .. } => None,
            Arrivals::Open { rate } => Some(Schedule::new(rate, load.warm_up, load.extent)),
        };
        let wanted = match (schedule, load.extent) {
            (Some(schedule), _) => Some(schedule.counted()),
            (None, Extent::Count(count)) => Some(count),
            (None, Extent::Time(_)) => None,
        };
        Self {
            phase: Phase::Connecting,
            schedule,
            wanted,
            given: 0,
            ready: 0,
            idle: (0..load.connections()).map(|_| None).collect(),
            turn: 0,
            tally: Tally::new(),
            news: Rc::new(Notify::new()),
        }
    }

    /// A connection can take transactions.
    pub(crate) fn connection_is_ready(&mut self) {
        self.ready += 1;
        self.news.notify_one();
    }

    pub(crate) fn ready(&self) -> usize {
        self.ready
    }

    /// Transactions start from now on.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.phase = Phase::Running { begun: now, measured: None };
        self.idle.iter_mut().filter_map(Option::take).for_each(Waker::wake);
    }

    /// The warm-up is over.
    pub(crate) fn measure(&mut self, now: Instant) {
        if let Phase::Running { measured, .. } = &mut self.phase {
            *measured = Some(now);
        }
    }

    /// Nothing starts or counts any more.
    pub(crate) fn stop(&mut self) {
        self.phase = Phase::Over;
    }

    /// Whether all that end the run have ended.
    pub(crate) fn is_complete(&self) -> bool {
        self.wanted.is_some_and(|wanted| self.tally.ended() >= wanted)
    }

    /// Transactions that were due and have not ended.
    pub(crate) fn unfinished(&self) -> u64 {
        self.schedule.map_or(0, |schedule| schedule.counted() - self.tally.ended())
    }

    /// The transaction that may start now.
    pub(crate) fn arrival(&mut self, now: Instant) -> Option<Ticket> {
        let Phase::Running { begun, .. } = self.phase else { return None };
        let Some(schedule) = self.schedule else { return Some(Ticket { due: now, counted: false }) };
        let due = begun + schedule.due(self.given);
        if self.given == schedule.end || due > now {
            return None;
        }
        let counted = self.given >= schedule.first_counted;
        self.given += 1;
        Some(Ticket { due, counted })
    }

    /// Keeps who is to be woken for an arrival.
    pub(crate) fn wait(&mut self, connection: usize, waker: &Waker) {
        match &mut self.idle[connection] {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    /// A connection has no place in flight.
    pub(crate) fn busy(&mut self, connection: usize) {
        self.idle[connection] = None;
    }

    /// Wakes one connection that can take the arrival that is due, each in turn.
    pub(crate) fn wake_one(&mut self) {
        let count = self.idle.len();
        let next = (0..count).map(|step| (self.turn + step) % count).find(|&at| self.idle[at].is_some());
        if let Some(at) = next {
            self.turn = at + 1;
            if let Some(waker) = self.idle[at].take() {
                waker.wake();
            }
        }
    }

    /// Counts the end of a transaction, or why it went wrong.
    pub(crate) fn ended(&mut self, ticket: Ticket, now: Instant, result: Result<(), String>) {
        let Phase::Running { measured, .. } = self.phase else { return };
        let since = match measured {
            // Arrivals count from the end of the warm-up by the schedule; the clock may be behind by a little.
            _ if self.schedule.is_some() => ticket.counted.then(|| measured.unwrap_or(now)),
            measured => measured,
        };
        let Some(since) = since else { return };
        if self.is_complete() {
            return;
        }
        self.tally.count(
            now.saturating_duration_since(ticket.due),
            now,
            now.saturating_duration_since(since),
            result,
        );
        if self.is_complete() {
            self.news.notify_one();
        }
    }

    /// Counts octets on the wire.
    pub(crate) fn octets(&mut self, written: usize, read: usize) {
        if matches!(self.phase, Phase::Running { measured: Some(_), .. }) {
            self.tally.octets_out += written as u64;
            self.tally.octets_in += read as u64;
        }
    }

    /// The moments at which arrivals are due, for whoever wakes the connections.
    pub(crate) fn arrivals(&self) -> Option<(Instant, Schedule)> {
        let Phase::Running { begun, .. } = self.phase else { return None };
        self.schedule.map(|schedule| (begun, schedule))
    }

    /// The time that what was counted took: to the last end where a number of transactions ends the run, and no less
    /// than their arrivals took.
    pub(crate) fn elapsed(&self, measured: Instant, now: Instant) -> Duration {
        let end = if self.wanted.is_some() { self.tally.last_end.unwrap_or(now) } else { now };
        let arrivals = self.schedule.map_or(Duration::ZERO, |schedule| schedule.due(schedule.counted()));
        end.saturating_duration_since(measured).max(arrivals)
    }
}
