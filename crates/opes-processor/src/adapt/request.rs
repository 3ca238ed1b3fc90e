//! What is kept of a request for the services of its response: body and trailer as auxiliary parts (RFC 4236 section
//! 3.2.3).

use bytes::{Bytes, BytesMut};
use thiserror::Error;

use super::OriginalPiece;

/// Body and trailer of a request. What is empty is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptRequest {
    /// The body.
    pub body: Bytes,
    /// The trailer: field lines, without a final empty line.
    pub trailer: Bytes,
}

/// Why a request cannot be given to services that want its body or trailer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RequestMissing {
    /// It has more octets than are kept.
    #[error("the request is longer than the {0} octets that are kept for services of its response")]
    TooLong(u64),
    /// The response has begun before the request was complete.
    #[error("the response has begun before the request was complete")]
    Unfinished,
    /// Nothing is kept here: such parts should not have been offered.
    #[error("requests are not kept for services of their responses")]
    NotKept,
}

/// Keeps a request while it passes, up to a limit; past it, nothing.
#[derive(Debug)]
pub struct RequestKeeper {
    limit: u64,
    /// Body and trailer, copied, so that small pieces of large buffers do not keep those alive.
    kept: Option<(BytesMut, BytesMut)>,
    complete: bool,
}

impl RequestKeeper {
    /// Keeps up to `limit` octets of body and trailer together.
    pub fn new(limit: u64) -> Self {
        Self { limit, kept: Some(Default::default()), complete: false }
    }

    /// Takes the next piece.
    pub fn keep(&mut self, piece: &OriginalPiece) {
        let Some((body, trailer)) = &mut self.kept else { return };
        match piece {
            OriginalPiece::Body(octets) => body.extend_from_slice(octets),
            OriginalPiece::Trailer(octets) => trailer.extend_from_slice(octets),
        }
        if (body.len() + trailer.len()) as u64 > self.limit {
            self.kept = None;
        }
    }

    /// The request is complete.
    pub fn complete(&mut self) {
        self.complete = true;
    }

    /// What was kept.
    ///
    /// # Errors
    /// It is not the whole request.
    pub fn finish(self) -> Result<KeptRequest, RequestMissing> {
        match self.kept {
            None => Err(RequestMissing::TooLong(self.limit)),
            Some(_) if !self.complete => Err(RequestMissing::Unfinished),
            Some((body, trailer)) => Ok(KeptRequest { body: body.freeze(), trailer: trailer.freeze() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(octets: &'static str) -> OriginalPiece {
        OriginalPiece::Body(Bytes::from_static(octets.as_bytes()))
    }

    fn keeper(limit: u64, pieces: &[OriginalPiece]) -> RequestKeeper {
        let mut keeper = RequestKeeper::new(limit);
        pieces.iter().for_each(|piece| keeper.keep(piece));
        keeper
    }

    #[test]
    fn body_and_trailer_are_kept_as_they_come() {
        let trailer = OriginalPiece::Trailer(Bytes::from_static(b"A: b\r\n"));
        let mut keeper = keeper(11, &[body("abc"), body(""), body("de"), trailer]);
        keeper.complete();
        let kept = keeper.finish().unwrap();
        assert_eq!((&kept.body[..], &kept.trailer[..]), (&b"abcde"[..], &b"A: b\r\n"[..]));
    }

    #[test]
    fn past_the_limit_nothing_is_kept() {
        let mut keeper = keeper(4, &[body("abc"), body("de"), body("f")]);
        assert!(keeper.kept.is_none());
        keeper.complete();
        assert_eq!(keeper.finish(), Err(RequestMissing::TooLong(4)));
    }

    #[test]
    fn what_is_not_complete_cannot_be_given() {
        assert_eq!(keeper(4, &[body("abc")]).finish(), Err(RequestMissing::Unfinished));
    }
}
