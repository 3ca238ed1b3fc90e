//! The only read and write loop: moves octets and time between a transport and an agent's connection.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use ocp_proto::{Connection, Transmit};
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::time::Sleep;

use crate::transport::Transport;

/// The most octets that wait for the transport: what is here already cannot follow a later pause or stop.
const UNSENT: usize = 256 * 1024;

/// The most octets of one read.
const READ: usize = 64 * 1024;

/// How long a closing connection waits for the peer to take our CE and close its side.
const LINGER: Duration = Duration::from_secs(1);

/// The most slices of one write.
const SLICES: usize = 32;

/// One side of a connection: what the driver drives.
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

/// Drives one connection until its transport is closed.
pub(crate) struct Driver<A> {
    agent: Arc<Mutex<A>>,
    transport: Transport,
    out: Transmit,
    readable: bool,
    writable: bool,
    shut_down: bool,
    timer: Pin<Box<Sleep>>,
    armed: Option<Instant>,
}

impl<A: Agent> Driver<A> {
    pub(crate) fn new(agent: Arc<Mutex<A>>, transport: Transport) -> Self {
        Self {
            agent,
            transport,
            out: Transmit::default(),
            readable: true,
            writable: true,
            shut_down: false,
            timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
            armed: None,
        }
    }

    /// Reads once, unless too much is held or waits to be written; true when something changed.
    fn read(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.readable || self.out.len() >= UNSENT {
            return false;
        }
        let agent = Arc::clone(&self.agent);
        let mut agent = lock(&agent);
        if agent.is_congested() {
            return false;
        }
        let buffer = agent.connection().read_buffer();
        buffer.reserve(READ);
        match pin!(self.transport.read_buf(buffer)).poll(cx) {
            Poll::Pending => false,
            Poll::Ready(Ok(octets)) if octets > 0 => true,
            Poll::Ready(_) => {
                self.readable = false;
                agent.connection().transport_closed();
                true
            }
        }
    }

    /// Lets the agent act, then takes what it has to send.
    fn advance(&mut self, cx: &Context<'_>, now: Instant) {
        let mut agent = lock(&self.agent);
        agent.advance(now, cx.waker());
        if self.writable && self.out.len() < UNSENT {
            agent.connection().poll_transmit(now, &mut self.out, UNSENT);
        }
    }

    /// Writes once; true when something changed.
    fn write(&mut self, cx: &mut Context<'_>) -> bool {
        if self.out.is_empty() || !self.writable {
            return false;
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        let filled = self.out.io_slices(&mut slices);
        match Pin::new(&mut self.transport).poll_write_vectored(cx, &slices[..filled]) {
            Poll::Pending => false,
            Poll::Ready(Ok(written)) if written > 0 => {
                self.out.advance(written);
                true
            }
            Poll::Ready(_) => {
                self.writable = false;
                self.out = Transmit::default();
                lock(&self.agent).connection().transport_closed();
                true
            }
        }
    }

    /// Runs the clock; true when something ran out.
    fn clock(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let mut agent = lock(&self.agent);
        if self.armed.is_some_and(|armed| armed <= now) {
            agent.handle_timeout(now);
            self.armed = None;
            return true;
        }
        if self.armed.is_none() {
            // Deadlines that arise later are seen at the latest after this much more.
            let check = now + agent.connection().check_interval();
            self.armed = Some(agent.poll_timeout().map_or(check, |due| due.min(check)));
            if let Some(armed) = self.armed {
                self.timer.as_mut().reset(armed.into());
            }
        }
        drop(agent);
        self.timer.as_mut().poll(cx).is_ready()
    }

    /// Whether the last octet was written and the connection is over.
    fn is_finished(&self) -> bool {
        let mut agent = lock(&self.agent);
        let connection = agent.connection();
        connection.is_closing() && (!self.writable || (connection.is_flushed() && self.out.is_empty()))
    }

    /// Shuts the transport down and waits a little for the peer, so that it can read our CE.
    fn poll_close(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        if !self.shut_down {
            let _: io::Result<()> = ready!(Pin::new(&mut self.transport).poll_shutdown(cx));
            self.shut_down = true;
            self.armed = Some(now + LINGER);
            self.timer.as_mut().reset((now + LINGER).into());
        }
        let mut discarded = [0_u8; 16 * 1024];
        while self.readable {
            match pin!(self.transport.read(&mut discarded)).poll(cx) {
                Poll::Ready(Ok(octets)) if octets > 0 => {}
                Poll::Ready(_) => self.readable = false,
                Poll::Pending => break,
            }
        }
        if !self.readable {
            return Poll::Ready(());
        }
        self.timer.as_mut().poll(cx)
    }
}

impl<A: Agent> Future for Driver<A> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        loop {
            let now = Instant::now();
            if this.shut_down {
                return this.poll_close(cx, now);
            }
            let read = this.read(cx);
            this.advance(cx, now);
            let wrote = this.write(cx);
            if this.is_finished() {
                return this.poll_close(cx, now);
            }
            let rang = this.clock(cx, now);
            if !(read || wrote || rang) {
                return Poll::Pending;
            }
        }
    }
}
