//! The beginning of an adapted body, held while the answer may still refer to what the client has.

use bytes::Bytes;

use super::intake::Intake;

/// What is held of an adapted body.
pub(super) struct Hold {
    pieces: Vec<Bytes>,
    held: usize,
    most: usize,
    /// The octets of the adapted body so far.
    pub(super) at: u64,
    /// So far the message is what the client sent.
    pub(super) same: bool,
    /// The services change nothing, and the client has everything: nothing needs to be held.
    certain: bool,
}

impl Hold {
    /// Nothing yet, and at most so many octets.
    pub(super) fn new(same: bool, certain: bool, most: usize) -> Self {
        Self { pieces: Vec::new(), held: 0, most, at: 0, same, certain: same && certain }
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
        self.certain || self.held < self.most
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "this is test code: a broken expectation ends the test")]

    use futures_util::FutureExt;
    use icap_proto::Stage;

    use super::super::intake::KEPT;
    use super::*;

    fn intake(octets: &[u8]) -> Intake {
        let intake = Intake::new(Stage::Preview, None, true);
        intake.give(Bytes::copy_from_slice(octets)).now_or_never().unwrap().unwrap();
        intake
    }

    #[test]
    fn what_comes_back_is_compared_with_what_was_sent() {
        let intake = intake(b"abcdef");
        let mut hold = Hold::new(true, false, KEPT);
        hold.take(Bytes::from_static(b"abc"), &intake);
        hold.take(Bytes::from_static(b"de"), &intake);
        assert!(hold.same);
        hold.take(Bytes::from_static(b"fg"), &intake);
        assert!(!hold.same, "more than was sent");
        assert_eq!(hold.at, 7);
        assert_eq!(hold.into_pieces().concat(), b"abcdefg");
    }

    #[test]
    fn more_than_is_kept_cannot_be_compared() {
        let intake = intake(&vec![0; KEPT]);
        intake.body();
        let mut hold = Hold::new(true, false, KEPT);
        hold.take(Bytes::from(vec![0; KEPT]), &intake);
        assert!(hold.same && !hold.has_room());
        intake.keep_nothing();
        hold.take(Bytes::from_static(b"a"), &intake);
        assert!(!hold.same);
    }

    #[test]
    fn services_that_change_nothing_have_nothing_held() {
        let mut hold = Hold::new(true, true, KEPT);
        hold.take(Bytes::from(vec![0; 4 * KEPT]), &intake(b""));
        assert!(hold.has_room() && hold.same);
        assert!(hold.into_pieces().is_empty());
    }
}
