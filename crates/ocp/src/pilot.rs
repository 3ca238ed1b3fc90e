//! What drives one side of a connection, without its transport: when to read, what to write, and when to wake.

use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Instant;

use bytes::BytesMut;
use ocp_proto::{Connection, Transmit};

/// The most octets of one read.
const READ: usize = 64 * 1024;

/// The most messages without data that wait: more than all transactions of a connection have to say at a time. A peer
/// that asks and does not read must not make our answers pile up.
const UNSAID: usize = 8192;

/// The most slices of one write.
const SLICES: usize = 32;

/// One side of a connection: what is driven.
pub(crate) trait Agent {
    /// The state machine.
    fn connection(&mut self) -> &mut Connection;

    /// Handles every event there is, and whatever else was waiting. `waker` wakes the driver.
    fn advance(&mut self, now: Instant, waker: &Waker);

    /// Whether so much is held that nothing more should be read.
    fn is_congested(&self) -> bool;

    /// When [`Agent::handle_timeout`] is due.
    fn poll_timeout(&mut self) -> Option<Instant> {
        self.connection().poll_timeout()
    }

    /// Does what is due by `now`.
    fn handle_timeout(&mut self, now: Instant) {
        self.connection().handle_timeout(now);
    }
}

/// Locks an agent. A panic inside an agent is a bug, but must not take the other connections with it.
pub(crate) fn lock<A>(agent: &Mutex<A>) -> MutexGuard<'_, A> {
    agent.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An agent with what it has to send. Whoever drives it reads, advances, writes and runs the clock, again and again
/// until nothing changes.
pub(crate) struct Pilot<A> {
    agent: Arc<Mutex<A>>,
    out: Transmit,
    /// The most octets that wait for the transport: what is here already cannot follow a later pause or stop.
    unsent: usize,
    readable: bool,
    writable: bool,
    /// The transport has failed since the agent acted last: it does not know yet.
    failed: bool,
    armed: Option<Instant>,
}

impl<A: Agent> Pilot<A> {
    pub(crate) fn new(agent: Arc<Mutex<A>>, unsent: usize) -> Self {
        Self {
            agent,
            out: Transmit::default(),
            unsent,
            readable: true,
            writable: true,
            failed: false,
            armed: None,
        }
    }

    /// Reads once, unless too much is held or too many answers wait; true when something changed. `read` appends what
    /// there is and says how much that was; nothing is the end.
    ///
    /// Data that waits to be written is no reason not to read: it may wait because the peer does the same.
    pub(crate) fn read(&mut self, read: impl FnOnce(&mut BytesMut) -> Poll<io::Result<usize>>) -> bool {
        if !self.readable {
            return false;
        }
        let mut agent = lock(&self.agent);
        if agent.is_congested() || agent.connection().unsaid() > UNSAID {
            return false;
        }
        let idle = agent.connection().transactions() == 0;
        let buffer = agent.connection().read_buffer();
        buffer.reserve(READ);
        match read(buffer) {
            Poll::Pending => {
                // Idle connections may be many.
                if idle && buffer.is_empty() {
                    *buffer = BytesMut::new();
                }
                false
            }
            Poll::Ready(Ok(octets)) if octets > 0 => true,
            Poll::Ready(_) => {
                self.readable = false;
                agent.connection().transport_closed();
                true
            }
        }
    }

    /// Lets the agent act, then takes what it has to send.
    pub(crate) fn advance(&mut self, now: Instant, waker: &Waker) {
        let mut agent = lock(&self.agent);
        agent.advance(now, waker);
        self.failed = false;
        if self.writable && self.out.len() < self.unsent {
            agent.connection().poll_transmit(now, &mut self.out, self.unsent);
        }
        if agent.connection().transactions() == 0 {
            self.out.release();
        }
    }

    /// Writes once; true when something changed. `write` says how much it took; nothing is a failure.
    pub(crate) fn write(&mut self, write: impl FnOnce(&[IoSlice<'_>]) -> Poll<io::Result<usize>>) -> bool {
        if self.out.is_empty() || !self.writable {
            return false;
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        let filled = self.out.io_slices(&mut slices);
        match write(&slices[..filled]) {
            Poll::Pending => false,
            Poll::Ready(Ok(written)) if written > 0 => {
                self.out.advance(written);
                true
            }
            Poll::Ready(_) => {
                self.writable = false;
                self.failed = true;
                self.out = Transmit::default();
                lock(&self.agent).connection().transport_closed();
                true
            }
        }
    }

    /// Does what the time asks for; true when something was due.
    pub(crate) fn tick(&mut self, now: Instant) -> bool {
        let due = self.armed.is_some_and(|armed| armed <= now);
        if due {
            lock(&self.agent).handle_timeout(now);
            self.armed = None;
        }
        due
    }

    /// When [`Pilot::tick`] is due, if that was not said yet.
    pub(crate) fn arm(&mut self, now: Instant) -> Option<Instant> {
        if self.armed.is_some() {
            return None;
        }
        let mut agent = lock(&self.agent);
        // Deadlines that arise later are seen at the latest after this much more.
        let check = now + agent.connection().check_interval();
        self.armed = Some(agent.poll_timeout().map_or(check, |due| due.min(check)));
        self.armed
    }

    /// Whether the last octet was written and the connection is over, and the agent knows.
    pub(crate) fn is_finished(&self) -> bool {
        if self.failed {
            return false;
        }
        let mut agent = lock(&self.agent);
        let connection = agent.connection();
        connection.is_closing() && (!self.writable || (connection.is_flushed() && self.out.is_empty()))
    }

    /// Whether the peer does not answer: nobody waits until what is still to be sent can be.
    pub(crate) fn is_given_up(&self) -> bool {
        !self.failed && lock(&self.agent).connection().is_given_up()
    }

    /// Whether the peer may still send.
    pub(crate) fn is_readable(&self) -> bool {
        self.readable
    }

    /// How much waits for the transport.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.out.len()
    }

    /// What waits for the transport behind the first `from` octets.
    #[cfg(test)]
    pub(crate) fn waiting_behind(&mut self, from: usize) -> Vec<u8> {
        let mut capacity = 256;
        loop {
            let mut slices = vec![IoSlice::new(&[]); capacity];
            let filled = self.out.io_slices(&mut slices);
            if filled < capacity {
                let mut octets = Vec::new();
                slices.iter().for_each(|slice| octets.extend_from_slice(slice));
                return octets.split_off(from);
            }
            capacity *= 2;
        }
    }

    /// Whether the agent could send everything that it had to.
    #[cfg(test)]
    pub(crate) fn has_said_all(&self) -> bool {
        self.writable && self.out.len() < self.unsent
    }
}
