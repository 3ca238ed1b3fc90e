//! What comes back of a message, and whether it is what was sent.

use ocp_proto::message::{Outcome, Range};
use thiserror::Error;

use crate::message::Sample;

/// What is wrong with an answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum Wrong {
    #[error("{0} came before AMS")]
    NoStart(&'static str),
    #[error("AMS came twice")]
    SecondStart,
    #[error("{0} came after AME")]
    AfterEnd(&'static str),
    #[error("DUM at offset {found} where {expected} has to stand")]
    Offset { found: u64, expected: u64 },
    #[error("DUY or DPI of octets {offset} to {end}, which are not kept", end = .0.end(), offset = .0.offset)]
    NotKept(Range),
    #[error("DUY of octets from {0} on, which have not been sent")]
    NotSent(u64),
    #[error("the message came back with other octets")]
    OtherOctets,
    #[error("{back} of {expected} octets came back")]
    Missing { back: usize, expected: usize },
    #[error("AME 206 although DSS was not sent")]
    Partial,
    #[error("the server ended the transaction with a failure{}", reason(.0))]
    Failure(Outcome),
    #[error("the server ended the transaction before its message")]
    NoEnd,
    #[error("the server sent {0}, which is the processor's")]
    NotYours(&'static str),
    #[error("the server sent an invalid message: {0}")]
    Invalid(String),
}

fn reason(outcome: &Outcome) -> String {
    if outcome.reason.is_empty() { String::new() } else { format!(": {}", outcome.reason()) }
}

/// What has come back of a message.
#[derive(Debug, Default)]
pub(super) struct Adapted {
    begun: bool,
    /// Octets of the adapted flow, of head and body.
    offset: u64,
    /// Octets of the body.
    body: usize,
    /// The data that comes now is of the header.
    in_header: bool,
}

impl Adapted {
    pub(super) fn start(&mut self) -> Result<(), Wrong> {
        if std::mem::replace(&mut self.begun, true) { Err(Wrong::SecondStart) } else { Ok(()) }
    }

    /// Takes the head of a DUM: its octets follow.
    pub(super) fn dum(&mut self, offset: u64, size: u64, in_header: bool) -> Result<(), Wrong> {
        if !self.begun {
            return Err(Wrong::NoStart("DUM"));
        }
        if offset != self.offset {
            return Err(Wrong::Offset { found: offset, expected: self.offset });
        }
        self.offset += size;
        self.in_header = in_header;
        Ok(())
    }

    /// Takes octets of a DUM.
    pub(super) fn octets(&mut self, sample: &Sample, octets: &[u8]) -> Result<(), Wrong> {
        if self.in_header {
            return Ok(());
        }
        if !sample.has(self.body, octets) {
            return Err(Wrong::OtherOctets);
        }
        self.body += octets.len();
        Ok(())
    }

    /// Takes octets of what was sent, head first, then body: of the body they have to be the next ones.
    pub(super) fn duy(&mut self, sample: &Sample, range: Range) -> Result<(), Wrong> {
        if !self.begun {
            return Err(Wrong::NoStart("DUY"));
        }
        let head = sample.head.len() as u64;
        self.offset += range.size;
        if range.end() > head {
            let first = range.offset.max(head);
            if first - head != self.body as u64 {
                return Err(Wrong::OtherOctets);
            }
            self.body += (range.end() - first) as usize;
        }
        Ok(())
    }

    /// Whether all of the body has come that stands in the first `original` octets of what was sent.
    pub(super) fn is_whole(&self, sample: &Sample, original: u64) -> Result<(), Wrong> {
        let expected = (original as usize).saturating_sub(sample.head.len());
        if self.body == expected { Ok(()) } else { Err(Wrong::Missing { back: self.body, expected }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(offset: u64, size: u64) -> Range {
        Range { offset, size }
    }

    fn begun() -> Adapted {
        Adapted { begun: true, ..Adapted::default() }
    }

    #[test]
    fn what_follows_the_first_octets_of_a_header_is_not_of_the_body() {
        let (sample, mut adapted) = (Sample::new(true, 3, 3), begun());
        adapted.dum(0, 19, true).unwrap();
        adapted.octets(&sample, b"HTTP/1.1 200 ").unwrap();
        adapted.octets(&sample, b"OK\r\n\r\n").unwrap();
        assert_eq!(adapted.body, 0);
        adapted.dum(19, 3, false).unwrap();
        adapted.octets(&sample, &[0, 1]).unwrap();
        adapted.octets(&sample, &[2]).unwrap();
        assert_eq!(adapted.body, 3);
        assert_eq!(adapted.octets(&sample, &[3]), Err(Wrong::OtherOctets), "more than was sent");
    }

    #[test]
    fn small_pieces_come_by_dum_between_preserved_ones() {
        let (sample, mut adapted) = (Sample::new(true, 5, 5), begun());
        let head = sample.head.len() as u64;
        adapted.duy(&sample, range(0, head)).unwrap();
        adapted.duy(&sample, range(head - 1, 3)).unwrap();
        adapted.dum(head + 3, 2, false).unwrap();
        adapted.octets(&sample, &[2, 3]).unwrap();
        adapted.duy(&sample, range(head + 4, 1)).unwrap();
        assert_eq!(adapted.is_whole(&sample, head + 5), Ok(()));
        assert_eq!(adapted.is_whole(&sample, head + 4), Err(Wrong::Missing { back: 5, expected: 4 }));
        assert_eq!(adapted.duy(&sample, range(head, 1)), Err(Wrong::OtherOctets), "the same again");
    }

    #[test]
    fn the_body_is_compared_from_the_first_octet_of_its_message_on() {
        let sample = Sample::new(true, 3, 3);
        for (first, second) in [([1], [1]), ([0], [2])] {
            let mut adapted = begun();
            adapted.dum(0, 2, false).unwrap();
            let results = [adapted.octets(&sample, &first), adapted.octets(&sample, &second)];
            assert!(results.contains(&Err(Wrong::OtherOctets)));
        }
    }

    #[test]
    fn data_has_its_place_between_start_and_end() {
        let (sample, mut adapted) = (Sample::new(true, 3, 3), Adapted::default());
        assert_eq!(adapted.dum(0, 1, true), Err(Wrong::NoStart("DUM")));
        assert_eq!(adapted.duy(&sample, range(0, 1)), Err(Wrong::NoStart("DUY")));
        assert_eq!([adapted.start(), adapted.start()], [Ok(()), Err(Wrong::SecondStart)]);
        adapted.dum(0, 4, true).unwrap();
        assert_eq!(adapted.dum(3, 1, false), Err(Wrong::Offset { found: 3, expected: 4 }));
    }
}
