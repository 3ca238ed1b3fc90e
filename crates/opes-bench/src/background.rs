//! Other messages on the connections that are measured, at a rate of their own: what they do to those that count.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::Sleep;

use crate::load::Load;
use crate::message::Sample;

/// What else goes over one connection.
pub(crate) struct Background {
    pub(crate) sample: Sample,
    period: Duration,
    due: Instant,
    timer: Pin<Box<Sleep>>,
    under_way: usize,
}

/// The most messages under way: a server that cannot keep up gets no more.
pub(crate) const MOST: usize = 64;

impl Background {
    /// What the load asks for, for one of its connections.
    pub(crate) fn new(load: &Load, response: bool) -> Option<Self> {
        let (size, rate) = load.background?;
        let period = Duration::try_from_secs_f64(load.connections() as f64 / rate).unwrap_or(Duration::MAX);
        Some(Self {
            sample: Sample::new(response, size, load.chunk),
            period,
            due: Instant::now(),
            timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
            under_way: 0,
        })
    }

    /// Whether a message is to start.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        if self.under_way >= MOST {
            return Poll::Pending;
        }
        if self.due > now {
            self.timer.as_mut().reset(self.due.into());
            if self.timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
        self.under_way += 1;
        // What could not start while too many were under way is not made up for.
        self.due = self.due.max(now.checked_sub(self.period).unwrap_or(now)) + self.period;
        Poll::Ready(())
    }

    /// A message has ended.
    pub(crate) fn ended(&mut self) {
        self.under_way -= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;
    use crate::load::Target;
    use crate::tests::load;

    fn background(rate: f64) -> Background {
        let load = load(Target::Ocp, ([127, 0, 0, 1], 1).into(), 1);
        let load = Load { background: Some((1 << 20, rate)), connections: 2, inflight: 2, ..load };
        Background::new(&load, true).expect("it was asked for")
    }

    #[tokio::test]
    async fn messages_are_due_at_the_rate_of_the_connection() {
        let mut background = background(2000.0);
        let (mut cx, begun) = (Context::from_waker(Waker::noop()), background.due);
        let mut started = 0;
        for millis in 0..10 {
            while background.poll_next(&mut cx, begun + Duration::from_millis(millis)).is_ready() {
                started += 1;
            }
        }
        assert_eq!(started, 10, "one a millisecond on each of two connections");
    }

    #[tokio::test]
    async fn a_server_that_cannot_keep_up_gets_no_more() {
        let mut background = background(1e9);
        let (mut cx, begun) = (Context::from_waker(Waker::noop()), background.due);
        let mut started = 0;
        for micros in 0..10 * MOST as u64 {
            let now = begun + Duration::from_micros(micros);
            started += usize::from(background.poll_next(&mut cx, now).is_ready());
        }
        assert_eq!(started, MOST);
        background.ended();
        assert!(background.poll_next(&mut cx, begun + Duration::from_secs(1)).is_ready());
    }
}
