//! How many trace records a transaction may have.

/// The most records of a transaction.
pub(super) const RECORDS: usize = 128;

/// The most octets of all records of a transaction, counted as [`cost`] does.
pub(super) const RECORD_OCTETS: usize = 32 * 1024;

/// What a transaction's trace records may still come to. Each side has one for each transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    records: usize,
    octets: usize,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { records: RECORDS, octets: RECORD_OCTETS }
    }
}

impl Allowance {
    /// Takes a record of so many octets; false when it is too much.
    pub(super) fn take(&mut self, octets: usize) -> bool {
        let fits = self.records > 0 && octets <= self.octets;
        if fits {
            self.records -= 1;
            self.octets -= octets;
        }
        fits
    }
}

/// What stands around an atom at most: quotes, its size, and the delimiters of its place.
const AROUND: usize = 16;

/// What atoms of so many octets cost in a message at most.
pub(super) fn cost(octets: impl IntoIterator<Item = usize>) -> usize {
    octets.into_iter().fold(0, |sum, octets| sum.saturating_add(octets).saturating_add(AROUND))
}
