//! Where lines and heads end, looked for once in each octet.

/// Looks for an end in octets that keep coming.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Search {
    seen: usize,
}

impl Search {
    /// How many octets stand before the first `end`; `None` while it has not come. Begins anew after that.
    pub(crate) fn find(&mut self, octets: &[u8], end: &[u8]) -> Option<usize> {
        let from = self.seen.saturating_sub(end.len() - 1).min(octets.len());
        match memchr::memmem::find(&octets[from..], end) {
            Some(at) => {
                self.seen = 0;
                Some(from + at)
            }
            None => {
                self.seen = octets.len();
                None
            }
        }
    }
}
