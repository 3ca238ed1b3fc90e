//! What was taken of an original message, kept so that it can be given again.

use bytes::Bytes;
use opes_profile::http::Part;

/// Pieces of body and trailer, up to a limit; past it, nothing.
#[derive(Debug)]
pub(super) struct Replay {
    pieces: Vec<(Part, Bytes)>,
    left: u64,
    whole: bool,
}

impl Replay {
    pub(super) fn new(limit: u64) -> Self {
        Self { pieces: Vec::new(), left: limit, whole: true }
    }

    pub(super) fn keep(&mut self, part: Part, octets: &Bytes) {
        let size = octets.len() as u64;
        if !self.whole || size > self.left {
            return self.drop_all();
        }
        self.left -= size;
        self.pieces.push((part, octets.clone()));
    }

    /// Lets go of everything: it will not be given again.
    pub(super) fn drop_all(&mut self) {
        self.whole = false;
        self.pieces = Vec::new();
    }

    /// Whether everything that was taken is still here.
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    pub(super) fn pieces(&self) -> &[(Part, Bytes)] {
        &self.pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn past_its_limit_nothing_is_kept() {
        let mut replay = Replay::new(5);
        replay.keep(Part::ResponseBody, &Bytes::from_static(b"abc"));
        replay.keep(Part::ResponseBody, &Bytes::from_static(b"de"));
        assert!(replay.is_whole());
        assert_eq!(replay.pieces().len(), 2);
        replay.keep(Part::ResponseBody, &Bytes::from_static(b"f"));
        assert!(!replay.is_whole());
        assert!(replay.pieces().is_empty());
        replay.keep(Part::ResponseBody, &Bytes::new());
        assert!(!replay.is_whole(), "a gap stays a gap");
    }
}
