//! The processor's copy of original data that the server may use (RFC 4037 sections 7, 11.9 to 11.11).

use std::collections::VecDeque;

use bytes::Bytes;

use super::outgoing::join;
use crate::message::Range;

/// Preserved original data: one contiguous chunk, as the Kept parameter describes it.
///
/// The chunk only grows at its end, until DPI releases some of it.
#[derive(Debug, Default)]
pub(crate) struct Preserved {
    pieces: VecDeque<(u64, Bytes)>,
    start: u64,
    end: u64,
    interest: Option<Range>,
    announced: Option<Range>,
    /// Set once an octet was sent that is not kept: what follows cannot join the chunk.
    broken: bool,
    /// Where the interest ends was agreed on before the flow began.
    agreed: bool,
}

impl Preserved {
    /// Octets that are kept.
    pub(crate) fn size(&self) -> u64 {
        self.end - self.start
    }

    /// Keeps `octets`, sent at `offset`, if they join the chunk, the server may want them and `budget` allows it.
    pub(crate) fn keep(&mut self, offset: u64, octets: &Bytes, budget: u64) {
        let size = octets.len() as u64;
        if size == 0 {
            return;
        }
        if self.size() == 0 {
            // Everything announced so far was released, so the commitment may begin anew here.
            self.pieces.clear();
            (self.start, self.end, self.broken) = (offset, offset, false);
        }
        let within = self.interest.map(|range| up_to(range.end().saturating_sub(offset), octets));
        let octets = within.as_ref().unwrap_or(octets);
        let size = octets.len() as u64;
        let wanted = self.interest.is_none_or(|range| offset >= range.offset);
        if self.broken || offset != self.end || size > budget || size == 0 || !wanted {
            self.broken = true;
            return;
        }
        let joined = self.pieces.back_mut().is_some_and(|(_, last)| join(last, octets));
        if !joined {
            self.pieces.push_back((offset, octets.clone()));
        }
        self.end += size;
    }

    /// Takes an interest that was agreed on before the flow began: nothing from this offset on will be used. A DPI
    /// only counts within it.
    pub(crate) fn agree(&mut self, end: u64) {
        self.interest.get_or_insert(Range { offset: 0, size: end });
        self.agreed = true;
    }

    /// The commitment to announce with the next DUM, when it differs from the last one.
    pub(crate) fn announce(&mut self) -> Option<Range> {
        let range = Range { offset: self.start, size: self.size() };
        if range.size == 0 || self.announced == Some(range) {
            return None;
        }
        self.announced = Some(range);
        Some(range)
    }

    /// Takes a DPI: only this range may be asked for from now on.
    ///
    /// # Errors
    /// The range overlaps with data that was declared disposable before (section 11.11).
    pub(crate) fn limit(&mut self, mut range: Range) -> Result<(), &'static str> {
        if let Some(old) = self.interest.filter(|_| self.agreed) {
            range.size = range.size.min(old.end().saturating_sub(range.offset));
        }
        let shrinks = self.interest.is_none_or(|old| range.offset >= old.offset && range.end() <= old.end());
        if !shrinks && range.size > 0 {
            return Err("DPI declares disposable data reusable");
        }
        self.interest = Some(range);
        self.release(range);
        Ok(())
    }

    fn release(&mut self, range: Range) {
        if range.size == 0 {
            self.clear();
        }
        while let Some((offset, piece)) = self.pieces.front()
            && (offset + piece.len() as u64) <= range.offset
        {
            self.pieces.pop_front();
        }
        while let Some((offset, _)) = self.pieces.back()
            && *offset >= range.end()
        {
            self.pieces.pop_back();
            self.broken = true;
        }
        match (self.pieces.front(), self.pieces.back()) {
            (Some((first, _)), Some((last, piece))) => {
                (self.start, self.end) = (*first, last + piece.len() as u64);
            }
            _ => self.start = self.end,
        }
    }

    /// The kept octets of `range`, in pieces with their offsets.
    ///
    /// # Errors
    /// Some of them are not kept, or were declared disposable (sections 11.10, 11.11).
    pub(crate) fn slices(&self, range: Range) -> Result<impl Iterator<Item = (u64, Bytes)>, &'static str> {
        if range.size > 0 {
            let announced = self.announced.is_some_and(|kept| range.end() <= kept.end());
            if !announced || range.offset < self.start || range.end() > self.end {
                return Err("DUY refers to data that is not kept");
            }
            if self.interest.is_some_and(|wanted| range.offset < wanted.offset || range.end() > wanted.end())
            {
                return Err("DUY refers to data declared disposable by DPI");
            }
        }
        let end = if range.size > 0 { range.end() } else { 0 };
        let pieces =
            self.pieces.iter().skip_while(move |(offset, piece)| offset + piece.len() as u64 <= range.offset);
        Ok(pieces.take_while(move |(offset, _)| *offset < end).map(move |(offset, piece)| {
            let from = range.offset.saturating_sub(*offset);
            let to = (end - offset).min(piece.len() as u64);
            (offset + from, piece.slice(from as usize..to as usize))
        }))
    }

    /// Lets go of everything; returns how many octets that were.
    pub(crate) fn clear(&mut self) -> u64 {
        let size = self.size();
        self.pieces.clear();
        self.start = self.end;
        size
    }
}

/// The first `most` octets. Little of much is copied, so that it does not keep the rest alive.
fn up_to(most: u64, octets: &Bytes) -> Bytes {
    let size = usize::try_from(most).map_or(octets.len(), |most| most.min(octets.len()));
    let wanted = octets.slice(..size);
    if size < octets.len() / 2 { Bytes::copy_from_slice(&wanted) } else { wanted }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(kept: &Preserved, offset: u64, size: u64) -> Result<Vec<u8>, &'static str> {
        Ok(kept.slices(Range { offset, size })?.flat_map(|(_, octets)| octets.to_vec()).collect())
    }

    fn filled() -> Preserved {
        let mut kept = Preserved::default();
        kept.keep(0, &Bytes::from_static(b"0123"), 100);
        kept.keep(4, &Bytes::from_static(b"456789"), 100);
        assert_eq!(kept.announce(), Some(Range { offset: 0, size: 10 }));
        kept
    }

    // req: OCP-11.9-11, OCP-11.10-03
    #[test]
    fn kept_data_comes_back_for_any_range_inside_the_commitment() {
        let kept = filled();
        assert_eq!(take(&kept, 0, 10).unwrap(), b"0123456789");
        assert_eq!(take(&kept, 2, 4).unwrap(), b"2345");
        assert_eq!(take(&kept, 10, 0).unwrap(), b"");
        assert!(take(&kept, 9, 2).is_err());
    }

    #[test]
    fn data_is_usable_only_once_it_was_announced() {
        let mut kept = filled();
        kept.keep(10, &Bytes::from_static(b"ab"), 100);
        assert!(take(&kept, 10, 1).is_err());
        kept.announce();
        assert_eq!(take(&kept, 10, 1).unwrap(), b"a");
    }

    // req: OCP-11.11-05, OCP-11.11-08
    #[test]
    fn disposable_data_is_released_and_stays_disposable() {
        let mut kept = filled();
        kept.keep(10, &Bytes::from(vec![b'x'; 5000]), 10_000);
        kept.announce();
        kept.limit(Range { offset: 5, size: 10_000 }).unwrap();
        assert!(take(&kept, 4, 1).is_err());
        assert_eq!(take(&kept, 5, 6).unwrap(), b"56789x");
        assert_eq!(kept.size(), 5010, "whole buffers are released");
        kept.limit(Range { offset: 11, size: 10 }).unwrap();
        assert_eq!(kept.size(), 5000);
        assert!(kept.limit(Range { offset: 0, size: 10 }).is_err());
        kept.limit(Range { offset: 2500, size: 0 }).unwrap();
        assert_eq!(kept.size(), 0);
    }

    #[test]
    fn past_the_agreed_end_nothing_is_kept() {
        let mut kept = Preserved::default();
        kept.agree(6);
        kept.keep(0, &Bytes::from_static(b"0123"), 100);
        kept.keep(4, &Bytes::from_static(b"456789"), 100);
        kept.keep(10, &Bytes::from_static(b"ab"), 100);
        assert_eq!(kept.announce(), Some(Range { offset: 0, size: 6 }));
        assert_eq!(take(&kept, 3, 3).unwrap(), b"345");
        assert!(take(&kept, 5, 2).is_err());
        kept.limit(Range { offset: 2, size: 1000 }).unwrap();
        assert!(take(&kept, 5, 2).is_err(), "DPI cannot bring back what was never kept");
        let mut nothing = Preserved::default();
        nothing.agree(0);
        nothing.keep(0, &Bytes::from_static(b"0123"), 100);
        assert_eq!((nothing.announce(), nothing.size()), (None, 0));
    }

    #[test]
    fn what_was_declared_disposable_at_the_end_is_released_and_leaves_a_gap() {
        let mut kept = filled();
        kept.keep(10, &Bytes::from(vec![b'x'; 5000]), 10_000);
        kept.announce();
        kept.limit(Range { offset: 0, size: 10 }).unwrap();
        assert_eq!(kept.size(), 10);
        kept.keep(5010, &Bytes::from_static(b"y"), 10_000);
        assert_eq!(kept.announce(), Some(Range { offset: 0, size: 10 }));
        assert_eq!(take(&kept, 0, 10).unwrap(), b"0123456789");
    }

    #[test]
    fn a_full_budget_ends_the_chunk_and_release_lets_it_begin_anew() {
        let mut kept = filled();
        kept.keep(10, &Bytes::from_static(b"too much"), 3);
        kept.keep(18, &Bytes::from_static(b"x"), 100);
        assert_eq!(kept.announce(), None, "a gap cannot be kept");
        kept.limit(Range { offset: 19, size: 1000 }).unwrap();
        kept.keep(19, &Bytes::from_static(b"yz"), 100);
        assert_eq!(kept.announce(), Some(Range { offset: 19, size: 2 }));
        assert_eq!(take(&kept, 19, 2).unwrap(), b"yz");
    }
}
