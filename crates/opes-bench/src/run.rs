//! How a run goes.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::{JoinError, JoinSet, LocalSet};
use tokio::time::{MissedTickBehavior, interval};

use crate::course::Course;
use crate::error::BenchError;
use crate::load::{Extent, Load, Target};
use crate::outcome::Outcome;
use crate::pace::{Pace, dispatch};
use crate::{ext_proc, icap, ocp, raw, server_cpu};

/// How long the connections may take to become ready.
const CONNECTING: Duration = Duration::from_secs(10);
/// A run in which nothing ends for so long, beside the pauses that the load makes itself, has failed.
const STALLED: Duration = Duration::from_secs(30);
/// How often progress is told.
const TICK: Duration = Duration::from_millis(100);
/// How long an open loop waits at least, at the end, for what was due.
const DRAIN: Duration = Duration::from_secs(1);

/// How far a run is.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// From 0 to 1.
    pub done: f64,
    /// Transactions that have ended well so far.
    pub transactions: u64,
    /// The time since the first that could count.
    pub elapsed: Duration,
}

type Drivers = JoinSet<Result<(), BenchError>>;

/// Runs a load on this thread, and tells how far it is a few times a second.
///
/// # Errors
/// The server cannot be reached or refuses, or nothing comes back.
pub fn run(load: &Load, mut progress: impl FnMut(Progress)) -> Result<Outcome, BenchError> {
    load.check()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, measure(load, &mut progress))
}

async fn measure(load: &Load, progress: &mut impl FnMut(Progress)) -> Result<Outcome, BenchError> {
    let course = Rc::new(RefCell::new(Course::new(load)));
    let mut drivers = drive(load, &course);
    connect(load, &course, &mut drivers).await?;
    course.borrow_mut().begin(Instant::now());
    let dispatcher = tokio::task::spawn_local(dispatch(Rc::clone(&course)));
    // Even a sleep of no time would let transactions end uncounted.
    if !load.warm_up.is_zero() {
        tokio::select! {
            ended = drivers.join_next() => return Err(reason(ended)),
            () = tokio::time::sleep(load.warm_up) => {}
        }
    }
    let cpu = load.server_pid.and_then(server_cpu::of);
    let begun = Instant::now();
    course.borrow_mut().measure(begun);
    wait(load, &course, &mut drivers, progress).await?;
    let elapsed = course.borrow().elapsed(begun, Instant::now());
    let cpu = load.server_pid.and_then(server_cpu::of).zip(cpu).map(|(after, before)| after - before);
    course.borrow_mut().stop();
    dispatcher.abort();
    drivers.abort_all();
    outcome(&course.borrow(), elapsed, cpu)
}

fn drive(load: &Load, course: &Rc<RefCell<Course>>) -> Drivers {
    let mut drivers = JoinSet::new();
    // One copy of the message serves all connections.
    let request = (load.target == Target::Icap).then(|| icap::Request::new(load));
    for number in 0..load.connections() {
        let pace = Pace::new(load, number, Rc::clone(course));
        let (load, request) = (load.clone(), request.clone());
        drivers.spawn_local(async move {
            match (load.target, request) {
                (Target::Icap, Some(request)) => icap::drive(load.address, request, pace).await,
                (Target::ExtProc, _) => ext_proc::drive(load, pace).await,
                (Target::Raw, _) => raw::drive(load, pace).await,
                _ => ocp::drive(load, pace).await,
            }
        });
    }
    drivers
}

async fn connect(load: &Load, course: &RefCell<Course>, drivers: &mut Drivers) -> Result<(), BenchError> {
    let (wanted, news) = (load.connections(), Rc::clone(&course.borrow().news));
    let end = tokio::time::sleep(CONNECTING);
    tokio::pin!(end);
    while course.borrow().ready() < wanted {
        tokio::select! {
            ended = drivers.join_next() => return Err(reason(ended)),
            () = news.notified() => {}
            () = &mut end => {
                return Err(BenchError::NotReady { ready: course.borrow().ready(), wanted, waited: CONNECTING });
            }
        }
    }
    Ok(())
}

/// Waits for the end of the run.
async fn wait(
    load: &Load,
    course: &RefCell<Course>,
    drivers: &mut Drivers,
    progress: &mut impl FnMut(Progress),
) -> Result<(), BenchError> {
    let news = Rc::clone(&course.borrow().news);
    let (begun, open) = (Instant::now(), course.borrow().arrivals().is_some());
    let end = match load.extent {
        Extent::Count(_) => None,
        Extent::Time(time) if open => Some(begun + time + DRAIN.max(time / 10)),
        Extent::Time(time) => Some(begun + time),
    };
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let patience = STALLED + load.pause();
    let mut moved = (0, begun);
    while !course.borrow().is_complete() {
        tokio::select! {
            ended = drivers.join_next() => return Err(reason(ended)),
            () = news.notified() => {}
            () = sleep_until(end) => return Ok(()),
            _ = ticks.tick() => {
                let (now, ended) = (Instant::now(), course.borrow().tally.ended());
                if ended != moved.0 {
                    moved = (ended, now);
                } else if end.is_none() && now - moved.1 > patience {
                    return Err(BenchError::Stalled(patience));
                }
                let done = match load.extent {
                    Extent::Time(time) => (now - begun).as_secs_f64() / time.as_secs_f64(),
                    Extent::Count(count) => ended as f64 / count as f64,
                };
                let transactions = course.borrow().tally.transactions;
                progress(Progress { done: done.min(1.0), transactions, elapsed: now - begun });
            }
        }
    }
    Ok(())
}

async fn sleep_until(end: Option<Instant>) {
    match end {
        Some(end) => tokio::time::sleep_until(end.into()).await,
        None => std::future::pending().await,
    }
}

/// Why a connection ended before the run.
fn reason(ended: Option<Result<Result<(), BenchError>, JoinError>>) -> BenchError {
    match ended {
        Some(Ok(Err(error))) => error,
        Some(Err(error)) => BenchError::Server(error.to_string()),
        Some(Ok(Ok(()))) | None => BenchError::Closed,
    }
}

fn outcome(course: &Course, elapsed: Duration, server_cpu: Option<Duration>) -> Result<Outcome, BenchError> {
    let tally = &course.tally;
    if tally.transactions == 0 {
        return Err(BenchError::Nothing { first: tally.first_error.clone() });
    }
    Ok(Outcome {
        transactions: tally.transactions,
        errors: tally.errors,
        first_error: tally.first_error.clone(),
        unfinished: course.unfinished(),
        elapsed,
        latency: tally.latency.clone(),
        timeline: tally.timeline.clone(),
        octets_out: tally.octets_out,
        octets_in: tally.octets_in,
        server_cpu,
    })
}
