//! Virtual time: it stands still while anything can be done, then jumps to the next alarm.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use crate::clock::Clock;

/// Why an alarm was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// Something happens then by itself: octets arrive, a pause of a giver ends.
    Work,
    /// An agent looks whether something did not happen.
    Watch,
}

#[derive(Debug)]
struct Times {
    start: Instant,
    now: Instant,
    alarms: BTreeMap<(Instant, u64), (Waker, Reason)>,
    work: usize,
    number: u64,
}

/// The clock of one simulation and what waits for it.
#[derive(Debug, Clone)]
pub(super) struct Timeline(Arc<Mutex<Times>>);

impl Timeline {
    pub(super) fn new() -> Self {
        let start = Instant::now();
        Self(Arc::new(Mutex::new(Times { start, now: start, alarms: BTreeMap::new(), work: 0, number: 0 })))
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Instant {
        self.times().now
    }

    /// The time since the start.
    pub(super) fn elapsed(&self) -> Duration {
        let times = self.times();
        times.now - times.start
    }

    /// The clock for what is simulated.
    pub(super) fn clock(&self) -> Clock {
        let timeline = self.clone();
        Clock::new(move || timeline.now())
    }

    /// Wakes at this time, or at once when it has passed.
    pub(super) fn wake_at(&self, at: Instant, waker: &Waker, reason: Reason) {
        let mut times = self.times();
        if at <= times.now {
            return waker.wake_by_ref();
        }
        times.number += 1;
        times.work += usize::from(reason == Reason::Work);
        let key = (at, times.number);
        times.alarms.insert(key, (waker.clone(), reason));
    }

    /// Whether nothing will happen by itself.
    pub(super) fn is_idle(&self) -> bool {
        self.times().work == 0
    }

    /// Jumps to the next alarm and wakes who waits for that time; false when there is none.
    pub(super) fn jump(&self) -> bool {
        let mut woken = Vec::new();
        {
            let mut times = self.times();
            let Some(at) = times.alarms.keys().next().map(|(at, _)| *at) else { return false };
            times.now = at;
            while let Some(entry) = times.alarms.first_entry().filter(|entry| entry.key().0 == at) {
                let (waker, reason) = entry.remove();
                times.work -= usize::from(reason == Reason::Work);
                woken.push(waker);
            }
        }
        woken.into_iter().for_each(Waker::wake);
        true
    }

    /// Waits this long.
    pub(super) fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send + use<> {
        let timeline = self.clone();
        let mut until = None;
        poll_fn(move |cx| {
            let now = timeline.now();
            let due = *until.get_or_insert_with(|| {
                timeline.wake_at(now + time, cx.waker(), Reason::Work);
                now + time
            });
            if due <= now { Poll::Ready(()) } else { Poll::Pending }
        })
    }
}
