//! The flow that this agent sends: what waits to be sent, and whether the peer wants it now
//! (RFC 4037 sections 11.7 to 11.9, 11.15 to 11.17).

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::incoming::FlowState;
use crate::message::Outcome;

/// A piece of application data that waits to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    /// Encoded named parameters of the DUM that carries it.
    pub(crate) parameters: Bytes,
    pub(crate) octets: Bytes,
    /// Where in the original flow the same octets stand; only a server knows.
    pub(crate) original: Option<u64>,
}

/// Original data shorter than this is sent again rather than referred to: a DUY of its own costs as much.
pub(crate) const WORTH_DUY: u64 = 64;

/// Pieces that together have at most this many octets share one buffer.
const JOINED: usize = 2048;

/// Puts `more` behind `octets` where both are small, so that a flood of tiny pieces costs little more than what it
/// holds; true when it did.
pub(crate) fn join(octets: &mut Bytes, more: &[u8]) -> bool {
    if octets.len() + more.len() > JOINED || more.is_empty() {
        return more.is_empty();
    }
    let mut joined = std::mem::take(octets).try_into_mut().unwrap_or_else(|shared| {
        let mut copy = BytesMut::with_capacity(JOINED);
        copy.extend_from_slice(&shared);
        copy
    });
    joined.extend_from_slice(more);
    *octets = joined.freeze();
    true
}

impl Piece {
    /// Takes `next` into this piece where it continues it; else gives it back.
    fn join(&mut self, next: Self) -> Option<Self> {
        let end = self.original.map(|offset| offset + self.octets.len() as u64);
        let continues = end == next.original || next.octets.is_empty();
        let fits = (continues || (self.is_plain() && next.is_plain())) && self.has_parameters_of(&next);
        let joined = fits && join(&mut self.octets, &next.octets);
        if joined && !continues {
            self.original = None;
        }
        (!joined).then_some(next)
    }

    /// Whether nothing is lost when it is sent as data of its own: it is no original data, or too little to refer to.
    fn is_plain(&self) -> bool {
        self.original.is_none() || (self.octets.len() as u64) < WORTH_DUY
    }

    /// Whether both may travel in one DUM.
    pub(crate) fn has_parameters_of(&self, other: &Self) -> bool {
        let (own, other) = (&self.parameters, &other.parameters);
        own.as_ptr() == other.as_ptr() && own.len() == other.len() || own == other
    }

    fn split_to(&mut self, size: usize) -> Self {
        let octets = self.octets.split_to(size);
        let original = self.original;
        self.original = original.map(|offset| offset + size as u64);
        Self { parameters: self.parameters.clone(), octets, original }
    }
}

/// Encoded named parameters that hardly any message has.
pub(crate) type Extension = Option<Box<Bytes>>;

/// What waits in a transaction's queue, in the order in which it goes out.
#[derive(Debug)]
pub(crate) enum Out {
    Data(Piece),
    /// DPI: the original data below this offset is not needed any more.
    Disposable(u64),
    /// AME, with encoded named parameters.
    End(Outcome, Extension),
    /// TE, likewise.
    Close(Outcome, Extension),
}

/// A pause that the peer asked for (section 11.15).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pause {
    None,
    /// DWP has come: send nothing from this offset on.
    At(u64),
    /// Nothing is sent until DWM comes. DPM was sent, or still has to be.
    Paused {
        announced: bool,
    },
}

/// The flow that this agent sends.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) state: FlowState,
    pub(crate) queue: VecDeque<Out>,
    /// Octets of data in the queue.
    pub(crate) queued: u64,
    /// The offset of the next octet to be sent: what was sent so far.
    pub(crate) offset: u64,
    /// How many octets the flow may have (section 10.3).
    pub(crate) largest: u64,
    pause: Pause,
    /// DWM has come.
    resumed: bool,
    /// AME or TE is in the queue: nothing may be added behind it but TE.
    closing: bool,
}

impl Outgoing {
    /// A flow that may have so many octets.
    pub(crate) fn new(largest: u64) -> Self {
        Self {
            state: FlowState::Before,
            queue: VecDeque::new(),
            queued: 0,
            offset: 0,
            largest,
            pause: Pause::None,
            resumed: false,
            closing: false,
        }
    }

    /// Whether data may still be added.
    pub(crate) fn accepts(&self) -> bool {
        self.state == FlowState::Open && !self.closing
    }

    /// Whether it has ended, or ends with what is in the queue.
    pub(crate) fn is_over(&self) -> bool {
        self.state != FlowState::Before && !self.accepts()
    }

    /// Octets that the flow can still take before it exceeds what OCP can carry here (section 10.3).
    pub(crate) fn room(&self) -> u64 {
        self.largest - self.offset - self.queued
    }

    /// Whether all data was sent, and AME was or is next.
    pub(crate) fn is_complete(&self) -> bool {
        self.state == FlowState::Ended || matches!(self.queue.front(), Some(Out::End(..)))
    }

    /// Whether TE waits at the end of the queue.
    pub(crate) fn is_ending(&self) -> bool {
        matches!(self.queue.back(), Some(Out::Close(..)))
    }

    pub(crate) fn push(&mut self, piece: Piece) {
        self.queued += piece.octets.len() as u64;
        let apart = match self.queue.back_mut() {
            Some(Out::Data(last)) => last.join(piece),
            _ => Some(piece),
        };
        self.queue.extend(apart.map(Out::Data));
    }

    pub(crate) fn end(&mut self, outcome: Outcome, extension: Extension) {
        self.closing = true;
        self.queue.push_back(Out::End(outcome, extension));
    }

    /// Ends the flow and the transaction once everything in the queue is sent.
    pub(crate) fn close(&mut self, outcome: Outcome, extension: Extension) {
        self.closing = true;
        self.queue.push_back(Out::Close(outcome, extension));
    }

    /// Drops data that was not sent yet.
    pub(crate) fn drop_data(&mut self) {
        self.queue.clear();
        self.queued = 0;
        self.closing = false;
    }

    /// Ends the flow as partial behind this offset; false when nothing waits that could be cut off.
    pub(crate) fn end_early(&mut self, size: u64) -> bool {
        if self.accepts() {
            self.cut_after(size);
            self.end(Outcome::PARTIAL, None);
            return true;
        }
        let end =
            self.queue.iter().position(|out| matches!(out, Out::End(outcome, _) if !outcome.is_failure()));
        let Some(end) = end.filter(|end| *end > 0) else { return false };
        let mut behind = self.queue.split_off(end);
        let before = self.queued;
        self.cut_after(size);
        if self.queued < before {
            behind[0] = Out::End(Outcome::PARTIAL, None);
        }
        self.queue.append(&mut behind);
        true
    }

    /// Drops the data at the end of the queue that lies past this offset of the flow, and empty data there.
    fn cut_after(&mut self, size: u64) {
        let size = size.max(self.offset);
        while let Some(Out::Data(piece)) = self.queue.back_mut() {
            let length = piece.octets.len() as u64;
            let excess = (self.offset + self.queued).saturating_sub(size).min(length);
            self.queued -= excess;
            if excess < length {
                piece.octets.truncate((length - excess) as usize);
                return;
            }
            self.queue.pop_back();
        }
    }

    /// The data in the queue.
    pub(crate) fn unsent(&self) -> Vec<Bytes> {
        let data = self.queue.iter().filter_map(|out| match out {
            Out::Data(piece) => Some(piece.octets.clone()),
            _ => None,
        });
        data.collect()
    }

    /// Takes a DWP; true when the flow stops at once, so that DPM is due (section 11.15).
    pub(crate) fn pause_at(&mut self, offset: u64) -> bool {
        if self.is_paused() || self.state == FlowState::Ended {
            return false;
        }
        // An earlier DWP holds until DWM takes it back.
        let offset = if let Pause::At(earlier) = self.pause { earlier.min(offset) } else { offset };
        let reached = self.offset >= offset;
        self.pause = if reached { Pause::Paused { announced: false } } else { Pause::At(offset) };
        reached
    }

    /// Takes a pause that was agreed on before the flow began, and that a DWM may have taken back since (section
    /// 11.17); true when DPM is due.
    pub(crate) fn pause_as_agreed(&mut self, offset: u64) -> bool {
        !self.resumed && self.pause_at(offset)
    }

    /// Whether a DPM that waited is still true, and to be sent now: DWM may have come meanwhile.
    pub(crate) fn announce_pause(&mut self) -> bool {
        let due = self.pause == Pause::Paused { announced: false };
        if due {
            self.pause = Pause::Paused { announced: true };
        }
        due
    }

    /// Takes a DWM, which ends a pause and takes back one that was asked for (section 11.17).
    pub(crate) fn resume(&mut self) {
        self.resumed = true;
        self.pause = Pause::None;
    }

    pub(crate) fn is_paused(&self) -> bool {
        matches!(self.pause, Pause::Paused { .. })
    }

    /// How many octets of data may go out before the pause; `u64::MAX` without one.
    pub(crate) fn allowance(&self) -> u64 {
        match self.pause {
            Pause::None => u64::MAX,
            Pause::At(offset) => offset - self.offset,
            Pause::Paused { .. } => 0,
        }
    }

    /// Whether data in the queue lies behind the pause. Not even an empty DUM goes out there (section 11.15).
    pub(crate) fn is_cut_by_pause(&self) -> bool {
        let allowance = self.allowance();
        let mut before = 0;
        self.queue.iter().any(|out| {
            let Out::Data(piece) = out else { return false };
            let cut = before >= allowance || before + piece.octets.len() as u64 > allowance;
            before += piece.octets.len() as u64;
            cut
        })
    }

    /// Counts `size` octets as sent; true when that reaches the pause, so that DPM is due.
    pub(crate) fn sent(&mut self, size: u64) -> bool {
        self.offset += size;
        self.queued -= size;
        if matches!(self.pause, Pause::At(offset) if self.offset >= offset) {
            self.pause = Pause::Paused { announced: true };
            return true;
        }
        false
    }

    /// The first piece of the queue cut to at most `size` octets; the rest of it stays.
    pub(crate) fn take_piece(&mut self, size: u64) -> Option<Piece> {
        let Some(Out::Data(piece)) = self.queue.front_mut() else {
            return None;
        };
        if piece.octets.len() as u64 <= size {
            return match self.queue.pop_front() {
                Some(Out::Data(piece)) => Some(piece),
                _ => None,
            };
        }
        Some(piece.split_to(size as usize))
    }

    /// The first piece of the queue.
    pub(crate) fn front(&self) -> Option<&Piece> {
        match self.queue.front() {
            Some(Out::Data(piece)) => Some(piece),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::number;

    fn piece(octets: &'static str) -> Piece {
        Piece { parameters: Bytes::new(), octets: Bytes::from_static(octets.as_bytes()), original: None }
    }

    /// A flow with "0123456789" in its queue in pieces of their own, after `sent` octets.
    fn flow(sent: u64) -> Outgoing {
        let mut flow = Outgoing::new(number::MAX);
        flow.state = FlowState::Open;
        flow.offset = sent;
        for octets in ["012", "", "3456", "789", ""] {
            flow.queued += octets.len() as u64;
            flow.queue.push_back(Out::Data(piece(octets)));
        }
        flow
    }

    fn rest(flow: &Outgoing) -> String {
        String::from_utf8(flow.unsent().concat()).unwrap()
    }

    // req: OCP-11.12-02
    #[test]
    fn a_cut_leaves_exactly_the_prefix() {
        for sent in [0, 5] {
            for size in 0..=sent + 12 {
                let mut flow = flow(sent);
                flow.cut_after(size);
                let left = size.saturating_sub(sent).min(10) as usize;
                assert_eq!(rest(&flow), "0123456789"[..left], "{sent} {size}");
                assert_eq!(flow.queued, left as u64);
            }
        }
    }

    #[test]
    fn small_pieces_that_follow_each_other_are_joined() {
        let mut flow = Outgoing::new(number::MAX);
        let mut push = |octets: String, parameters: &'static str, original| {
            let parameters = Bytes::from_static(parameters.as_bytes());
            flow.push(Piece { parameters, octets: octets.into(), original });
            flow.queue.len()
        };
        let some = |octets: &str| octets.repeat(WORTH_DUY as usize);
        assert_eq!(push("ab".to_owned(), "", Some(0)), 1);
        assert_eq!(push(some("c"), "", Some(2)), 1, "it follows in the original");
        assert_eq!(push(some("d"), "", Some(900)), 2, "it does not, and DUY could name it");
        assert_eq!(push("e".to_owned(), "", None), 3);
        assert_eq!(push("f".to_owned(), "", None), 3);
        assert_eq!(push("g".to_owned(), "", Some(5)), 3, "too little for DUY");
        assert_eq!(push(String::new(), "", Some(0)), 3, "nothing to add");
        assert_eq!(push("h".to_owned(), "P: 1\r\n", None), 4, "another part");
        let originals = flow.queue.iter().map(|out| match out {
            Out::Data(piece) => piece.original,
            _ => None,
        });
        let originals: Vec<_> = originals.collect();
        assert_eq!(originals, [Some(0), Some(900), None, None]);
        assert_eq!(rest(&flow), ["ab", &some("c"), &some("d"), "efgh"].concat());
        assert_eq!(flow.queued, 2 + 2 * WORTH_DUY + 4);
    }

    #[test]
    fn large_pieces_are_not_copied() {
        let large = Bytes::from(vec![b'x'; JOINED]);
        let mut flow = Outgoing::new(number::MAX);
        for _ in 0..2 {
            flow.push(Piece { octets: large.clone(), ..piece("") });
        }
        let unsent = flow.unsent();
        assert_eq!(unsent.len(), 2);
        assert!(unsent.iter().all(|octets| octets.as_ptr() == large.as_ptr()));
    }

    #[test]
    fn joining_spares_what_others_hold() {
        let source = Bytes::from(b"abcdef".to_vec());
        let mut octets = source.slice(..3);
        assert!(join(&mut octets, b"XY"));
        assert_eq!((&octets[..], &source[..]), (&b"abcXY"[..], &b"abcdef"[..]));
        let held = octets.clone();
        assert!(join(&mut octets, b"Z"));
        assert_eq!((&octets[..], &held[..]), (&b"abcXYZ"[..], &b"abcXY"[..]));
        assert!(!join(&mut octets, &[b'x'; JOINED]));
        assert_eq!(&octets[..], b"abcXYZ");
    }

    #[test]
    fn a_piece_is_taken_up_to_a_size() {
        let mut flow = Outgoing::new(number::MAX);
        flow.push(Piece { original: Some(10), ..piece("abcdef") });
        let first = flow.take_piece(4).unwrap();
        assert_eq!((&first.octets[..], first.original), (&b"abcd"[..], Some(10)));
        assert!(!flow.sent(4));
        let rest = flow.take_piece(4).unwrap();
        assert_eq!((&rest.octets[..], rest.original), (&b"ef"[..], Some(14)));
        assert!(flow.take_piece(4).is_none());
    }
}
