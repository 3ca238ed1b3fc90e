//! Entries with the identity of one of our systems that are not its own.

use super::{AgentId, Field, Line};
use crate::trace::write::{CLAIMED, claims};

/// For each line, whether our own entry says that it is not ours.
///
/// The entry of a system says in `claimed` how many entries with its identity there were before it, in OPES-System and
/// OPES-Via together. So in each of these fields, at most so many before it are disowned, the nearest first. What an
/// entry says that is disowned itself can only disown more.
pub(super) fn disowned(lines: &[Line], own: &[AgentId]) -> Vec<bool> {
    let mut disowned = vec![false; lines.len()];
    for system in own {
        for field in [Field::System, Field::Via, Field::Bare] {
            let mut before = 0_usize;
            for (line, disowned) in lines.iter().zip(&mut disowned).rev() {
                if line.field != field || !claims(system.as_str(), line.text.as_bytes()) {
                    continue;
                }
                *disowned |= before > 0;
                before = before.saturating_sub(1).max(claimed(line));
            }
        }
    }
    disowned
}

/// How many entries an entry disowns.
fn claimed(line: &Line) -> usize {
    let parameters = line.entry.iter().flat_map(|entry| &entry.parameters);
    let values = parameters.filter(|(name, _)| name.eq_ignore_ascii_case(CLAIMED));
    values.filter_map(|(_, value)| value.as_deref()?.parse().ok()).max().unwrap_or_default()
}
