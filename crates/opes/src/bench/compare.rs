//! `opes bench compare`.

use std::io;
use std::path::Path;

use super::{Files, measure, plan, shown, table, write};
use crate::cli::CommandError;

/// Measures what the file lists and prints medians with their spread, and ratios to the base.
pub(super) fn run(file: &Path, files: &Files) -> Result<(), CommandError> {
    let plan =
        plan::read(file).map_err(|error| CommandError::Input(format!("{}: {error}", file.display())))?;
    let mut done = Vec::new();
    for (size, entries) in &plan.sizes {
        let summaries = measure(entries, plan.runs)?;
        shown(table::spread(&mut io::stdout(), entries, &summaries, Some(plan.base)))?;
        done.push((format!("{size} octets, {}", plan.mode.name()), &entries[..], summaries));
    }
    let groups: Vec<_> =
        done.iter().map(|(title, entries, summaries)| (title.clone(), *entries, &summaries[..])).collect();
    write(files, &groups)
}
