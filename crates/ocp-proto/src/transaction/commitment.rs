//! The server's view of the processor's preservation commitment (RFC 4037 sections 7, 11.9 to 11.11).

use crate::message::Range;

/// What the processor has promised to keep and what of it may still be used.
#[derive(Debug)]
pub(crate) struct Commitment {
    kept: Option<Range>,
    interest: Range,
    used: bool,
    /// A broken promise before the first DUY: preserved data must not be used at all (section 11.9).
    void: bool,
}

impl Commitment {
    /// No commitment yet to a flow of at most `largest` octets.
    pub(crate) fn new(largest: u64) -> Self {
        Self { kept: None, interest: Range { offset: 0, size: largest }, used: false, void: false }
    }

    /// Takes a Kept parameter; false when it shows that preserved data must not be used.
    ///
    /// # Errors
    /// It drops data that was promised and may still be wanted, and DUY was sent already (section 11.9).
    pub(crate) fn announce(&mut self, range: Range) -> Result<bool, &'static str> {
        if self.void {
            return Ok(true);
        }
        let required = self.kept.and_then(|kept| intersection(kept, self.interest));
        let covered = required.is_none_or(|old| range.offset <= old.offset && range.end() >= old.end());
        match (covered, self.used) {
            (true, _) => self.kept = Some(range),
            (false, true) => return Err("Kept drops data that was promised, after DUY"),
            (false, false) => self.void = true,
        }
        Ok(!self.void)
    }

    /// Takes an end of what will be used that was agreed on before the flow began; it needs no DPI.
    pub(crate) fn agree(&mut self, end: u64) {
        self.interest.size = self.interest.size.min(end.saturating_sub(self.interest.offset));
    }

    /// How many octets from `offset` on may be used by DUY.
    pub(crate) fn usable(&self, offset: u64) -> u64 {
        let kept = self.kept.filter(|_| !self.void);
        kept.and_then(|kept| intersection(kept, self.interest))
            .filter(|range| range.offset <= offset)
            .map_or(0, |range| range.end().saturating_sub(offset))
    }

    pub(crate) fn mark_used(&mut self) {
        self.used = true;
    }

    /// Narrows what will be used; `None` when that changes nothing. The result goes into a DPI.
    pub(crate) fn narrow(&mut self, from: u64) -> Option<Range> {
        if from <= self.interest.offset || self.kept.is_none() || self.interest.size == 0 {
            return None;
        }
        let offset = from.min(self.interest.end());
        self.interest = Range { offset, size: self.interest.end() - offset };
        Some(self.interest)
    }
}

fn intersection(a: Range, b: Range) -> Option<Range> {
    let offset = a.offset.max(b.offset);
    let end = a.end().min(b.end());
    (offset < end).then(|| Range { offset, size: end - offset })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::number;

    fn range(offset: u64, size: u64) -> Range {
        Range { offset, size }
    }

    // req: OCP-7-07, OCP-11.9-12
    #[test]
    fn a_commitment_may_grow_at_both_ends() {
        let mut commitment = Commitment::new(number::MAX);
        commitment.announce(range(10, 10)).unwrap();
        assert_eq!((commitment.usable(9), commitment.usable(12), commitment.usable(20)), (0, 8, 0));
        commitment.mark_used();
        commitment.announce(range(0, 30)).unwrap();
        assert_eq!(commitment.usable(0), 30);
    }

    // req: OCP-11.9-14
    #[test]
    fn a_broken_promise_before_duy_voids_the_data() {
        let mut commitment = Commitment::new(number::MAX);
        commitment.announce(range(0, 10)).unwrap();
        commitment.announce(range(5, 10)).unwrap();
        assert_eq!(commitment.usable(5), 0);
        commitment.announce(range(0, 20)).unwrap();
        assert_eq!(commitment.usable(0), 0, "for the rest of the transaction");
    }

    // req: OCP-11.9-15
    #[test]
    fn a_broken_promise_after_duy_is_invalid() {
        let mut commitment = Commitment::new(number::MAX);
        commitment.announce(range(0, 10)).unwrap();
        commitment.mark_used();
        assert!(commitment.announce(range(0, 9)).is_err());
    }

    #[test]
    fn past_the_agreed_end_nothing_is_used() {
        let mut commitment = Commitment::new(number::MAX);
        commitment.agree(6);
        commitment.announce(range(0, 10)).unwrap();
        assert_eq!((commitment.usable(2), commitment.usable(6), commitment.usable(8)), (4, 0, 0));
        assert_eq!(commitment.narrow(4), Some(range(4, 2)));
    }

    // req: OCP-7-08, OCP-11.11-03
    #[test]
    fn what_was_declared_disposable_may_go_and_is_not_used() {
        let mut commitment = Commitment::new(number::MAX);
        assert_eq!(commitment.narrow(4), None, "nothing is kept yet");
        commitment.announce(range(0, 10)).unwrap();
        commitment.mark_used();
        assert_eq!(commitment.narrow(4), Some(range(4, number::MAX - 4)));
        assert_eq!(commitment.narrow(4), None);
        assert_eq!((commitment.usable(3), commitment.usable(4)), (0, 6));
        commitment.announce(range(4, 20)).unwrap();
        assert_eq!(commitment.usable(4), 20);
    }
}
