//! Which coded octets may go on, as services that only look give back what was decoded from them.

use std::collections::VecDeque;

/// Pairs of offsets, in the coded body and in the decoded one, at which a decoder had given all that it had got.
#[derive(Debug, Default)]
pub(super) struct Passed {
    marks: VecDeque<(u64, u64)>,
    /// The coded octets before this offset may go on.
    coded: u64,
}

impl Passed {
    /// Notes that the octets before `coded` came to those before `plain`.
    pub(super) fn mark(&mut self, coded: u64, plain: u64) {
        match self.marks.back_mut() {
            Some((last, same)) if *same == plain => *last = coded,
            _ => self.marks.push_back((coded, plain)),
        }
    }

    /// Where the coded octets end that may go on, once the decoded ones before `plain` were given back.
    pub(super) fn up_to(&mut self, plain: u64) -> u64 {
        while let Some((coded, _)) = self.marks.front().filter(|(_, needed)| *needed <= plain) {
            self.coded = *coded;
            self.marks.pop_front();
        }
        self.coded
    }
}
