//! When transactions start, and which of them count.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{load, peers};
use crate::{Arrivals, BenchError, Entry, Extent, Load, Step, Target, interleave, run};

const TENTH: Duration = Duration::from_millis(100);

#[test]
fn an_open_loop_counts_every_arrival_after_the_warm_up() {
    for target in [Target::Raw, Target::Icap] {
        let address = if target == Target::Raw { peers::raw() } else { peers::icap() };
        let mut load = load(target, address, 0);
        load.arrivals = Arrivals::Open { rate: 1000.0 };
        (load.warm_up, load.extent) = (TENTH, Extent::Time(2 * TENTH));
        let outcome = run(&load, |_| ()).unwrap();
        let (ended, unfinished) = (outcome.transactions + outcome.errors, outcome.unfinished);
        assert_eq!((ended + unfinished, outcome.errors), (200, 0), "{target:?}");
        load.extent = Extent::Count(150);
        let outcome = run(&load, |_| ()).unwrap();
        assert_eq!((outcome.transactions, outcome.unfinished), (150, 0), "{target:?}");
    }
}

/// Gives messages back until so many have come, and then none.
fn stops_after(good: u64) -> std::net::SocketAddr {
    let seen = Arc::new(AtomicU64::new(0));
    peers::each(move |mut stream| {
        let mut message = [0; 1004];
        loop {
            stream.read_exact(&mut message)?;
            if seen.fetch_add(1, Ordering::Relaxed) < good {
                stream.write_all(&message)?;
            }
        }
    })
}

#[test]
fn arrivals_that_a_server_leaves_unanswered_are_unfinished() {
    let mut load = load(Target::Raw, stops_after(40), 0);
    load.arrivals = Arrivals::Open { rate: 1000.0 };
    load.extent = Extent::Time(TENTH);
    let outcome = run(&load, |_| ()).unwrap();
    assert_eq!((outcome.transactions, outcome.errors, outcome.unfinished), (40, 0, 60));
}

#[test]
fn the_wait_for_a_place_in_flight_is_a_part_of_the_latency() {
    // One at a time, each held for 10 ms; all are due in the first 10 ms. So the last one waits for the others.
    let address = peers::each(|mut stream| {
        let mut message = [0; 1004];
        loop {
            stream.read_exact(&mut message)?;
            std::thread::sleep(Duration::from_millis(10));
            stream.write_all(&message)?;
        }
    });
    let mut load = load(Target::Raw, address, 20);
    (load.inflight, load.arrivals) = (1, Arrivals::Open { rate: 2000.0 });
    let outcome = run(&load, |_| ()).unwrap();
    assert_eq!(outcome.latency.len(), 20);
    // What the server does alone sets these bounds: no clock of a busy machine makes them shorter.
    let waited = outcome.latency.iter_recorded().filter(|value| value.value_iterated_to() > 50_000_000);
    assert!(waited.map(|value| value.count_since_last_iteration()).sum::<u64>() >= 10);
}

#[test]
fn what_ends_in_the_warm_up_does_not_count() {
    let mut load = load(Target::Raw, stops_after(5), 1000);
    (load.warm_up, load.extent) = (10 * TENTH, Extent::Time(TENTH));
    // All five ended before the measurement.
    assert!(matches!(run(&load, |_| ()), Err(BenchError::Nothing { first: None })));
}

#[test]
fn a_place_in_flight_rests_between_transactions() {
    let seen = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&seen);
    let address = peers::each(move |mut stream| {
        let mut message = [0; 1004];
        loop {
            stream.read_exact(&mut message)?;
            counter.fetch_add(1, Ordering::Relaxed);
            stream.write_all(&message)?;
        }
    });
    let mut load = load(Target::Raw, address, 0);
    load.extent = Extent::Time(10 * TENTH);
    load.arrivals = Arrivals::Closed { think: Duration::from_secs(60) };
    let outcome = run(&load, |_| ()).unwrap();
    assert_eq!((outcome.transactions, seen.load(Ordering::Relaxed)), (3, 3), "each place once");
}

#[test]
fn progress_is_told_and_never_past_the_end() {
    let mut load = load(Target::Raw, peers::raw(), 0);
    load.extent = Extent::Time(3 * TENTH);
    let mut told = Vec::new();
    run(&load, |progress| told.push(progress.done)).unwrap();
    assert!(!told.is_empty() && told.iter().all(|done| (0.0..=1.0).contains(done)), "{told:?}");
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let load = load(Target::Raw, peers::raw(), 1);
    let day = Duration::from_secs(24 * 60 * 60);
    let open = |rate| Load { arrivals: Arrivals::Open { rate }, ..load.clone() };
    for bad in [
        open(0.0),
        open(-1.0),
        open(f64::NAN),
        open(f64::INFINITY),
        Load { extent: Extent::Time(2 * day), ..load.clone() },
        Load { warm_up: Duration::MAX, ..load.clone() },
        Load { arrivals: Arrivals::Closed { think: Duration::MAX }, ..load.clone() },
        Load { size: 1 << 31, ..load.clone() },
    ] {
        assert!(matches!(run(&bad, |_| ()), Err(BenchError::Load(_))), "{bad:?}");
    }
}

#[test]
fn runs_of_several_loads_take_turns() {
    let entry =
        |name: &str, target, address| Entry { name: name.to_owned(), load: load(target, address, 20) };
    let entries = [entry("a", Target::Raw, peers::raw()), entry("b", Target::Icap, peers::icap())];
    let mut order = Vec::new();
    let summaries = interleave(&entries, 3, |entry, number, step| {
        if let Step::Done(outcome) = step {
            order.push((entry.name.clone(), number, outcome.transactions));
        }
    });
    let order: Vec<_> = order.iter().map(|(name, number, count)| (name.as_str(), *number, *count)).collect();
    assert_eq!(order, [("a", 0, 20), ("b", 0, 20), ("a", 1, 20), ("b", 1, 20), ("a", 2, 20), ("b", 2, 20)]);
    let summaries = summaries.unwrap();
    assert!(summaries.iter().all(|summary| summary.latency().len() == 60 && summary.outcomes().len() == 3));
}

#[cfg(not(feature = "ext-proc"))]
#[test]
fn a_target_that_is_not_built_says_so() {
    let error = run(&load(Target::ExtProc, peers::raw(), 1), |_| ()).unwrap_err();
    assert!(matches!(error, BenchError::NoExtProc) && error.to_string().contains("--features ext-proc"));
}
