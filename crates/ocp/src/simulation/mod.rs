//! Deterministic simulation: real links and hosts, a transport in memory, virtual time, and a seed that decides
//! everything that can be decided.
//!
//! A seed that fails is printed with the command that replays it. The environment variable `OPES_SEEDS` says how many
//! seeds are run, `OPES_SEED` which one is the first.

mod activity;
mod end;
mod messages;
mod oracle;
mod owner;
mod pipe;
mod plan;
mod random;
mod received;
mod services;
mod tables;
mod tasks;
mod timeline;
mod trouble;
mod wire;
mod witness;
mod world;

use std::time::Duration;

use plan::Plan;
use random::{Random, mix};
use wire::Journal;
use world::World;

/// How many seeds the ordinary test runs.
const SEEDS: u64 = 2000;

/// Says which seed was at work when something fails, and how to run it again.
struct Replay {
    seed: u64,
    journal: Option<Journal>,
}

impl Drop for Replay {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let seed = self.seed;
            if let Some(journal) = &self.journal {
                journal.borrow().iter().for_each(|line| eprintln!("{line}"));
            }
            eprintln!("seed {seed} fails: OPES_SEED={seed} cargo test --release -p ocp simulation::seeds");
        }
    }
}

fn simulate(seed: u64, record: bool) -> (u64, u64, Duration) {
    let journal = record.then(Journal::default);
    let _replay = Replay { seed, journal: journal.clone() };
    let plan = Plan::new(&Random::new(seed));
    if record {
        eprintln!("{plan:#?}");
    }
    let world = World::new(plan, Random::new(mix(seed)), journal);
    world.run();
    world.digest()
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn seeds() {
    let first = setting("OPES_SEED");
    let count = setting("OPES_SEEDS").unwrap_or_else(|| if first.is_some() { 1 } else { SEEDS });
    let first = first.unwrap_or_default();
    let lanes = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for lane in 0..lanes as u64 {
            scope.spawn(move || {
                for seed in (first + lane..first + count).step_by(lanes) {
                    simulate(seed, count == 1);
                }
            });
        }
    });
}

#[test]
fn a_seed_decides_everything() {
    for seed in 0..20 {
        assert_eq!(simulate(seed, false), simulate(seed, false), "seed {seed}");
    }
}
