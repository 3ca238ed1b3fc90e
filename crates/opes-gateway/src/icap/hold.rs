//! The beginning of an adapted body, held while the answer may still refer to what the client has.

use bytes::Bytes;

use super::intake::{Intake, KEPT};

/// What is held of an adapted body.
pub(super) struct Hold {
    pieces: Vec<Bytes>,
    held: usize,
    /// The octets of the adapted body so far.
    pub(super) at: u64,
    /// So far the message is what the client sent.
    pub(super) same: bool,
    /// The services change nothing, and the client has everything: nothing needs to be held.
    certain: bool,
}

impl Hold {
    pub(super) fn new(same: bool, certain: bool) -> Self {
        Self { pieces: Vec::new(), held: 0, at: 0, same, certain: same && certain }
    }

    /// Takes the next octets of the body.
    pub(super) fn take(&mut self, octets: Bytes, intake: &Intake) {
        let at = self.at;
        self.at += octets.len() as u64;
        if self.certain {
            return;
        }
        if self.same && !intake.has_at(at, &octets) {
            self.same = false;
            intake.keep_nothing();
        }
        self.held += octets.len();
        self.pieces.push(octets);
    }

    /// Whether more can be taken.
    pub(super) fn has_room(&self) -> bool {
        self.certain || self.held < KEPT
    }

    /// Whether nothing is held because nothing needs to be.
    pub(super) fn is_certain(&self) -> bool {
        self.certain
    }

    /// What is held.
    pub(super) fn into_pieces(self) -> Vec<Bytes> {
        self.pieces
    }
}
