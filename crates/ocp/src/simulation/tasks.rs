//! The tasks of a simulation: polled one at a time, in an order that the seed decides, and only when they were woken.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Wake, Waker};

use super::random::Random;

/// What a task does.
pub(super) type Job = Pin<Box<dyn Future<Output = ()>>>;

type Ready = Arc<Mutex<BTreeSet<usize>>>;

fn set(ready: &Ready) -> MutexGuard<'_, BTreeSet<usize>> {
    ready.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Bell {
    number: usize,
    ready: Ready,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        set(&self.ready).insert(self.number);
    }
}

/// The tasks by their number.
#[derive(Default)]
pub(super) struct Tasks {
    jobs: Vec<(Option<Job>, Waker)>,
    ready: Ready,
}

impl Tasks {
    /// Adds a task, which is ready at once.
    pub(super) fn spawn(&mut self, job: Job) {
        let number = self.jobs.len();
        let waker = Waker::from(Arc::new(Bell { number, ready: Arc::clone(&self.ready) }));
        self.jobs.push((Some(job), waker));
        set(&self.ready).insert(number);
    }

    /// Polls one of the tasks that are ready; false when there is none.
    pub(super) fn step(&mut self, random: &Random) -> bool {
        let chosen = {
            let ready = set(&self.ready);
            if ready.is_empty() {
                return false;
            }
            ready.iter().copied().nth(random.within(0..=ready.len() - 1))
        };
        if let Some(number) = chosen {
            set(&self.ready).remove(&number);
            self.poll(number);
        }
        true
    }

    /// Polls every task that is not ready, as if it had been woken for nothing.
    pub(super) fn poll_all(&mut self) {
        for number in 0..self.jobs.len() {
            self.poll(number);
        }
    }

    fn poll(&mut self, number: usize) {
        let (job, waker) = &mut self.jobs[number];
        let done =
            job.as_mut().is_some_and(|job| job.as_mut().poll(&mut Context::from_waker(waker)).is_ready());
        if done {
            *job = None;
        }
    }
}
