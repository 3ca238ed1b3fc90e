//! When a connection starts its transactions.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::time::Sleep;

use crate::course::{Course, Ticket};
use crate::load::{Arrivals, Load};

/// The runtime's timers are no finer than this; what is nearer is waited for without sleep.
const TIMER: Duration = Duration::from_millis(2);

/// After so many reads in a row a connection lets the others have their turn: they share one thread, and what waits for
/// that would look like the server's latency.
pub(crate) const TURNS: usize = 4;

/// The places in flight of one connection.
#[derive(Debug)]
pub(crate) struct Pace {
    course: Rc<RefCell<Course>>,
    number: usize,
    think: Duration,
    /// From when on each free place may be used, the earliest first.
    free: VecDeque<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
    /// Whoever waits for a place.
    waiting: Option<Waker>,
}

impl Pace {
    pub(crate) fn new(load: &Load, number: usize, course: Rc<RefCell<Course>>) -> Self {
        let think = match load.arrivals {
            Arrivals::Closed { think } => think,
            Arrivals::Open { .. } => Duration::ZERO,
        };
        let free = std::iter::repeat_n(Instant::now(), load.share(number)).collect();
        Self { course, number, think, free, sleep: None, waiting: None }
    }

    /// The connection can take transactions.
    pub(crate) fn ready(&self) {
        self.course.borrow_mut().connection_is_ready();
    }

    /// The next transaction, when there is a place for it and it is due.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<Ticket> {
        let next = self.poll_start(cx, now);
        if next.is_pending() && self.free.is_empty() {
            self.waiting = Some(cx.waker().clone());
        }
        next
    }

    /// As [`Self::poll_next`], for whoever asks again after each end: the end of a transaction wakes nobody.
    pub(crate) fn poll_start(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<Ticket> {
        let Some(&free) = self.free.front() else {
            self.course.borrow_mut().busy(self.number);
            return Poll::Pending;
        };
        if free > now {
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(free.into())));
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
        self.sleep = None;
        let mut course = self.course.borrow_mut();
        if let Some(ticket) = course.arrival(now) {
            self.free.pop_front();
            return Poll::Ready(ticket);
        }
        course.wait(self.number, cx.waker());
        Poll::Pending
    }

    /// Waits for the next transaction.
    pub(crate) async fn next(&mut self) -> Ticket {
        poll_fn(|cx| self.poll_next(cx, Instant::now())).await
    }

    /// A transaction has ended, or went wrong for this reason.
    pub(crate) fn ended(&mut self, ticket: Ticket, now: Instant, result: Result<(), String>) {
        self.free.push_back(now + self.think);
        self.course.borrow_mut().ended(ticket, now, result);
        if let Some(waiting) = self.waiting.take() {
            waiting.wake();
        }
    }

    /// Counts octets on the wire.
    pub(crate) fn octets(&self, written: usize, read: usize) {
        self.course.borrow_mut().octets(written, read);
    }
}

/// Wakes a connection for each arrival of an open loop when it is due.
pub(crate) async fn dispatch(course: Rc<RefCell<Course>>) {
    let Some((begun, schedule)) = course.borrow().arrivals() else { return };
    for number in 0..schedule.end {
        until(begun + schedule.due(number)).await;
        course.borrow_mut().wake_one();
    }
}

async fn until(due: Instant) {
    if due.saturating_duration_since(Instant::now()) > TIMER {
        tokio::time::sleep_until((due - TIMER).into()).await;
    }
    while Instant::now() < due {
        tokio::task::yield_now().await;
    }
}
