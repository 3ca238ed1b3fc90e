//! Several loads, run in turn.

use crate::error::BenchError;
use crate::load::Load;
use crate::outcome::Outcome;
use crate::run::{Progress, run};
use crate::summary::Summary;

/// A load with the name that reports call it by.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// What is run.
    pub load: Load,
}

/// Something that happens while loads are run.
#[derive(Debug)]
pub enum Step<'a> {
    /// A run is so far.
    Progress(Progress),
    /// A run is over.
    Done(&'a Outcome),
}

/// Runs each entry so many times. All have their first run before one has its second, so that what a machine does
/// beside meets all alike. `told` hears each step with the entry and the number of the run, from 0.
///
/// # Errors
/// The first failure of a run, with the place of its entry.
pub fn interleave(
    entries: &[Entry],
    runs: usize,
    mut told: impl FnMut(&Entry, usize, Step<'_>),
) -> Result<Vec<Summary>, (usize, BenchError)> {
    let mut summaries = vec![Summary::default(); entries.len()];
    for number in 0..runs {
        for (at, (entry, summary)) in entries.iter().zip(&mut summaries).enumerate() {
            let outcome = run(&entry.load, |progress| told(entry, number, Step::Progress(progress)));
            let outcome = outcome.map_err(|error| (at, error))?;
            told(entry, number, Step::Done(&outcome));
            summary.add(outcome);
        }
    }
    Ok(summaries)
}
