//! The only read and write loop: moves octets and time between a transport and an agent's connection.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::time::Sleep;

use crate::pilot::Pilot;
pub(crate) use crate::pilot::{Agent, lock};
use crate::transport::Transport;

/// So many octets wait for the transport, and one turn of a transaction more at most: three large DUMs and the one that
/// is being written, which is what a small message may have to wait for.
pub(crate) const UNSENT: usize = 192 * 1024;

/// After so many reads and writes in a row a connection lets others of its thread have their turn.
const TURNS: usize = 4;

/// How long a closing connection waits for the peer to take our CE and close its side.
const LINGER: Duration = Duration::from_secs(1);

/// Drives one connection until its transport is closed.
pub(crate) struct Driver<A> {
    pilot: Pilot<A>,
    transport: Transport,
    shut_down: bool,
    timer: Pin<Box<Sleep>>,
}

impl<A: Agent> Driver<A> {
    pub(crate) fn new(agent: Arc<Mutex<A>>, transport: Transport) -> Self {
        let timer = Box::pin(tokio::time::sleep(Duration::ZERO));
        Self { pilot: Pilot::new(agent, UNSENT), transport, shut_down: false, timer }
    }

    /// Runs the clock; true when something ran out.
    fn clock(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        if self.pilot.tick(now) {
            return true;
        }
        if let Some(due) = self.pilot.arm(now) {
            self.timer.as_mut().reset(due.into());
        }
        self.timer.as_mut().poll(cx).is_ready()
    }

    /// Shuts the transport down and waits a little for the peer, so that it can read our CE.
    fn poll_close(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        if !self.shut_down {
            let _: io::Result<()> = ready!(Pin::new(&mut self.transport).poll_shutdown(cx));
            self.shut_down = true;
            self.timer.as_mut().reset((now + LINGER).into());
        }
        let mut discarded = [0_u8; 16 * 1024];
        while self.pilot.is_readable() {
            match pin!(self.transport.read(&mut discarded)).poll(cx) {
                Poll::Ready(Ok(octets)) if octets > 0 => {}
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return self.timer.as_mut().poll(cx),
            }
        }
        Poll::Ready(())
    }
}

impl<A: Agent> Future for Driver<A> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        for _ in 0..TURNS {
            let now = Instant::now();
            if this.shut_down {
                return this.poll_close(cx, now);
            }
            let transport = &mut this.transport;
            let read = this.pilot.read(|buffer| pin!(transport.read_buf(buffer)).poll(cx));
            this.pilot.advance(now, cx.waker());
            let wrote =
                this.pilot.write(|slices| Pin::new(&mut this.transport).poll_write_vectored(cx, slices));
            if this.pilot.is_finished() || (!wrote && this.pilot.is_given_up()) {
                // Whoever waits for something on the connection is told before it is gone.
                this.pilot.advance(now, cx.waker());
                return this.poll_close(cx, now);
            }
            let rang = this.clock(cx, now);
            if !(read || wrote || rang) {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
