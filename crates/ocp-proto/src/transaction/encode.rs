//! A transaction's turn at the transport: its queue becomes DUM, DUY, DPI, AME and TE messages.

use std::time::Instant;

use smallvec::SmallVec;

use super::outgoing::{Extension, Out, Piece, WORTH_DUY};
use super::{FlowState, ProcessorSide, Side, Transaction};
use crate::codec::{MessageWriter, PAYLOAD_END};
use crate::message::{Xid, flow_result, result};
use crate::transmit::Transmit;

/// The most payload of one DUM: small enough that transactions interleave and pauses take effect soon.
const PIECE: u64 = 64 * 1024;

/// How much one transaction sends before it is another one's turn: one large DUM.
const TURN: u64 = PIECE;

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// More could be sent at once.
    More,
    /// Nothing can be sent before something else happens.
    Done,
    /// TE was sent: the transaction is over.
    Over,
}

/// Sends what `transaction` has, up to a fair share. `kept` counts the connection's preserved octets, `budget` says
/// how many a transaction and the connection may preserve.
pub(crate) fn turn(
    xid: Xid,
    transaction: &mut Transaction,
    kept: &mut u64,
    budget: (u64, u64),
    now: Instant,
    out: &mut Transmit,
) -> Turn {
    let mut writer = Writer { xid, transaction, kept, budget, out, left: TURN };
    writer.transaction.active = now;
    loop {
        if !writer.transaction.can_send() {
            return Turn::Done;
        }
        if writer.left == 0 {
            return Turn::More;
        }
        if writer.next() {
            return Turn::Over;
        }
    }
}

struct Writer<'a> {
    xid: Xid,
    transaction: &'a mut Transaction,
    kept: &'a mut u64,
    budget: (u64, u64),
    out: &'a mut Transmit,
    left: u64,
}

impl Writer<'_> {
    /// Sends the first of the queue; true once the transaction is over.
    fn next(&mut self) -> bool {
        match self.transaction.outgoing.queue.front() {
            Some(Out::Data(_)) => self.data(),
            Some(Out::Disposable(offset)) => {
                let offset = *offset;
                self.transaction.outgoing.queue.pop_front();
                self.disposable(offset);
            }
            Some(Out::End(..)) => {
                if let Some(Out::End(outcome, extension)) = self.transaction.outgoing.queue.pop_front() {
                    self.transaction.outgoing.state = FlowState::Ended;
                    let ame = MessageWriter::new(self.out.head(), "AME").number(self.xid.0);
                    extended(flow_result(ame, &outcome), extension).end();
                }
            }
            Some(Out::Close(..)) => {
                if let Some(Out::Close(outcome, extension)) = self.transaction.outgoing.queue.pop_front() {
                    let te = MessageWriter::new(self.out.head(), "TE").number(self.xid.0);
                    extended(result(te, &outcome), extension).end();
                }
                return true;
            }
            None => {}
        }
        false
    }

    fn disposable(&mut self, offset: u64) {
        let Some(side) = self.transaction.server_side() else {
            return;
        };
        if let Some(range) = side.commitment.narrow(offset) {
            MessageWriter::new(self.out.head(), "DPI")
                .number(self.xid.0)
                .number(range.offset)
                .number(range.size)
                .end();
        }
    }

    fn data(&mut self) {
        match self.reusable() {
            Some((offset, size)) => self.duy(offset, size),
            None => self.dum(),
        }
    }

    /// The original range at the front of the queue that is worth a DUY. An empty piece ends it: its parameters need a
    /// DUM.
    fn reusable(&self) -> Option<(u64, u64)> {
        let Side::Server(side) = &self.transaction.side else {
            return None;
        };
        let first = self.transaction.outgoing.front()?;
        let start = first.original?;
        let most = side.commitment.usable(start).min(self.transaction.outgoing.allowance());
        if most < WORTH_DUY {
            return None;
        }
        let mut size = 0;
        for out in &self.transaction.outgoing.queue {
            match out {
                Out::Data(piece) if piece.original == Some(start + size) && !piece.octets.is_empty() => {
                    size += piece.octets.len() as u64;
                }
                _ => break,
            }
            if size >= most {
                break;
            }
        }
        let size = size.min(most);
        (size >= WORTH_DUY).then_some((start, size))
    }

    fn duy(&mut self, offset: u64, size: u64) {
        // RFC 4037 section 11.9: a prediction travels on a DUM, if need be on an empty one.
        if let (Some(modp), Some(piece)) = (self.prediction(), self.transaction.outgoing.front()) {
            let parameters = piece.parameters.clone();
            let mut writer = MessageWriter::new(self.out.head(), "DUM")
                .number(self.xid.0)
                .number(self.transaction.outgoing.offset);
            writer = writer.named_number("Modp", u64::from(modp)).encoded(&parameters);
            writer.payload(0);
            self.out.head().extend_from_slice(PAYLOAD_END);
        }
        let mut taken = 0;
        while taken < size
            && let Some(piece) = self.transaction.outgoing.take_piece(size - taken)
        {
            taken += piece.octets.len() as u64;
        }
        MessageWriter::new(self.out.head(), "DUY").number(self.xid.0).number(offset).number(size).end();
        if let Some(side) = self.transaction.server_side() {
            side.commitment.mark_used();
        }
        self.sent(size, 64);
    }

    fn dum(&mut self) {
        let offset = self.transaction.outgoing.offset;
        let most = self.transaction.outgoing.allowance().min(PIECE);
        let Some(first) = self.transaction.outgoing.take_piece(most) else { return };
        let (more, size) = self.gather(&first, most);
        let as_is = first.original.filter(|_| size > 0 && is_one_range(&first, &more));
        let kept = self.keep(offset, &first, &more);
        let modp = self.prediction();
        let mut writer = MessageWriter::new(self.out.head(), "DUM").number(self.xid.0).number(offset);
        if let Some(as_is) = as_is {
            writer = writer.named_number("As-is", as_is);
        }
        if let Some(kept) = kept {
            writer = writer.named_pair("Kept", kept.offset, kept.size);
        }
        if let Some(modp) = modp {
            writer = writer.named_number("Modp", u64::from(modp));
        }
        writer.encoded(&first.parameters).payload(size);
        self.out.payload(&first.octets);
        for piece in &more {
            self.out.payload(&piece.octets);
        }
        self.out.head().extend_from_slice(PAYLOAD_END);
        self.sent(size, size + 64);
    }

    /// The pieces that share the DUM of the first: of one part, up to its size, and nothing that a DUY could carry. Says
    /// how much all of them have.
    fn gather(&mut self, first: &Piece, most: u64) -> (SmallVec<[Piece; 4]>, u64) {
        let mut more = SmallVec::new();
        let mut size = first.octets.len() as u64;
        while size < most
            && let Some(next) = self.transaction.outgoing.front()
            && next.has_parameters_of(first)
            && self.reusable().is_none()
            && let Some(piece) = self.transaction.outgoing.take_piece(most - size)
        {
            size += piece.octets.len() as u64;
            more.push(piece);
        }
        (more, size)
    }

    /// Keeps what is about to be sent, as the budget allows; the Kept parameter to announce.
    fn keep(&mut self, offset: u64, first: &Piece, more: &[Piece]) -> Option<crate::message::Range> {
        let (per_transaction, per_connection) = self.budget;
        // Once the adapted flow has ended, no DUY can come.
        if self.transaction.incoming.state == FlowState::Ended {
            return None;
        }
        let Side::Processor(ProcessorSide { preserved, .. }) = &mut self.transaction.side else {
            return None;
        };
        let mut at = offset;
        for piece in std::iter::once(first).chain(more) {
            let before = preserved.size();
            let left = per_transaction.saturating_sub(before).min(per_connection.saturating_sub(*self.kept));
            preserved.keep(at, &piece.octets, left);
            *self.kept += preserved.size() - before;
            at += piece.octets.len() as u64;
        }
        preserved.announce()
    }

    /// The prediction that was not sent yet.
    fn prediction(&mut self) -> Option<u8> {
        let side = self.transaction.server_side()?;
        if side.modp == side.modp_sent {
            return None;
        }
        side.modp_sent = side.modp;
        side.modp
    }

    fn sent(&mut self, size: u64, cost: u64) {
        self.left = self.left.saturating_sub(cost);
        if self.transaction.outgoing.sent(size) {
            MessageWriter::new(self.out.head(), "DPM").number(self.xid.0).end();
        }
    }
}

fn extended(writer: MessageWriter<'_>, extension: Extension) -> MessageWriter<'_> {
    match extension {
        Some(lines) => writer.encoded(&lines),
        None => writer,
    }
}

/// Whether the pieces are one contiguous range of the original.
fn is_one_range(first: &Piece, more: &[Piece]) -> bool {
    let end = |piece: &Piece| piece.original.map(|offset| offset + piece.octets.len() as u64);
    let mut expected = end(first);
    more.iter().all(|piece| {
        let fits = piece.original.is_some() && piece.original == expected;
        expected = end(piece);
        fits
    })
}
