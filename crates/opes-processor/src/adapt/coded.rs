//! A message whose content is coded, on its way through services that want it plain (RFC 9110 section 8.4).

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use opes_coding::{Bounds, Codings, DecodeError, Fate, Mode, RecodeError, Recoder};
use opes_profile::http::{HeadError, Profile, attributes, describe};
use opes_sdk::Description;
use tokio::time::{Sleep, sleep};

use super::original::OriginalPiece;

/// How long a body is held that makes no progress: one that is read while it is made, such as an event stream, must go
/// on.
const STALL: Duration = Duration::from_millis(200);

/// How long octets stay in the encoder while nothing more comes out of it: driving them out costs compression.
const LINGER: Duration = Duration::from_millis(50);

/// How long a head waits in all for more of the body, so that what is wrong with that can be told in its place.
const GLANCE: Duration = Duration::from_millis(50);

/// A body that is read while it is made: none of it waits for what follows.
const STREAM: &str = "text/event-stream";

/// So much is held until the services have begun the adapted message, and so have said whether they may change it.
const UNDECIDED: u64 = 16 * 1024 * 1024;

/// How much is done about content codings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recoding {
    /// How many octets of an adapted body are held to see whether it was changed at all.
    pub hold_octets: u64,
    /// What decoding may come to.
    pub bounds: Bounds,
}

impl Default for Recoding {
    fn default() -> Self {
        Self { hold_octets: 256 * 1024, bounds: Bounds::default() }
    }
}

/// The coded body, and what of it is still under way.
pub(super) struct Coded {
    recoder: Recoder,
    names: Vec<String>,
    /// Octets of the coded body that have come.
    received: u64,
    /// Kept, for whoever goes on with the original.
    trailer: Vec<Bytes>,
    /// How many pieces of the trailer the services have got.
    given: usize,
    ended: bool,
    stall: Option<Pin<Box<Sleep>>>,
    /// Runs from the first pause after something has gone into the encoder.
    linger: Option<Pin<Box<Sleep>>>,
    /// Runs from the first time that a head had to wait for more of the body.
    glance: Option<Pin<Box<Sleep>>>,
    streams: bool,
}

impl Coded {
    /// For a body with these codings; `None` where one is not known, so that services get it as it is. `keep` is how
    /// much is kept for [`into_original`](Self::into_original).
    pub(super) fn new(names: &[String], recoding: Recoding, changes: bool, keep: u64) -> Option<Self> {
        let codings =
            Codings::parse(names.iter().map(String::as_str)).ok().filter(|codings| !codings.is_empty())?;
        let mode = if changes { Mode::Hold(recoding.hold_octets) } else { Mode::Look };
        let mut recoder = Recoder::new(codings, recoding.bounds, mode, keep);
        recoder.await_decision(UNDECIDED);
        Some(Self {
            recoder,
            names: names.to_vec(),
            received: 0,
            trailer: Vec::new(),
            given: 0,
            ended: false,
            stall: None,
            linger: None,
            glance: None,
            streams: false,
        })
    }

    /// For a message with this head.
    pub(super) fn described_by(mut self, profile: Profile, head: &[u8]) -> Self {
        let media_type = attributes(profile, None, head, None).ok().and_then(|read| read.media_type);
        self.streams = media_type.as_deref() == Some(STREAM);
        self
    }

    /// The head of the message without its codings, its length and its checksums.
    pub(super) fn plain_head(head: &[u8]) -> Result<Bytes, HeadError> {
        describe(head, &Description { media_type: None, coding: Some(Vec::new()) })
    }

    /// The head of the adapted message with the codings, which come on top of those that services have applied.
    pub(super) fn coded_head(&self, profile: Profile, head: &[u8]) -> Result<Bytes, HeadError> {
        let mut codings = attributes(profile, None, head, None)?.coding;
        codings.extend(self.names.iter().cloned());
        describe(head, &Description { media_type: None, coding: Some(codings) })
    }

    /// What the services get next, as far as nothing more of the original is needed for it.
    ///
    /// # Errors
    /// The content is not what it claims to be.
    pub(super) fn next(&mut self) -> Result<Next, RecodeError> {
        if let Some(octets) = self.recoder.next_plain()? {
            self.stall = None;
            return Ok(Next::Piece(OriginalPiece::Body(octets)));
        }
        Ok(match self.trailer.get(self.given) {
            Some(octets) => {
                self.given += 1;
                Next::Piece(OriginalPiece::Trailer(octets.clone()))
            }
            None if self.ended => Next::Ended,
            None => Next::More,
        })
    }

    /// Takes the next piece of the original; `None` is its end.
    pub(super) fn receive(&mut self, piece: Option<OriginalPiece>) -> Result<(), RecodeError> {
        self.stall = None;
        match piece {
            Some(OriginalPiece::Body(octets)) => {
                self.received += octets.len() as u64;
                return Ok(self.recoder.receive(octets)?);
            }
            Some(OriginalPiece::Trailer(octets)) => {
                self.recoder.end_received();
                self.trailer.push(octets);
            }
            None => {
                self.recoder.end_received();
                self.ended = true;
            }
        }
        Ok(())
    }

    /// Takes plain octets of the adapted body.
    pub(super) fn give_back(&mut self, octets: Bytes) -> Result<(), RecodeError> {
        self.stall = None;
        self.recoder.give_back(octets)
    }

    /// The adapted body is complete.
    pub(super) fn end_given(&mut self) -> Result<(), RecodeError> {
        self.recoder.end_given()
    }

    /// The next octets that go on.
    pub(super) fn pull(&mut self) -> Option<Bytes> {
        self.recoder.pull().map(|piece| piece.octets)
    }

    /// Ready once what is in the encoder was driven out of it, since no more has come for a time.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), RecodeError>> {
        if !self.recoder.is_behind() {
            self.linger = None;
            return Poll::Pending;
        }
        if !self.streams {
            ready!(self.linger.get_or_insert_with(|| Box::pin(sleep(LINGER))).as_mut().poll(cx));
            self.linger = None;
        }
        Poll::Ready(self.recoder.flush().map_err(Into::into))
    }

    /// Whether the body that goes on is the original, once that is known.
    pub(super) fn fate(&self) -> Option<Fate> {
        self.recoder.fate()
    }

    /// The services have begun the adapted message, and perhaps promised not to change anything.
    ///
    /// # Errors
    /// There is no encoder.
    pub(super) fn begun(&mut self, unchanged: bool) -> Result<(), RecodeError> {
        if unchanged {
            self.recoder.look_only();
        }
        Ok(self.recoder.decided()?)
    }

    /// Ready when nothing of the original has come for too long for the body to be held further, which then ends. For
    /// services that are slow themselves it is held: they have the whole original, and it is short.
    pub(super) fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), RecodeError>> {
        if self.ended {
            return Poll::Pending;
        }
        let stall = self.stall.get_or_insert_with(|| Box::pin(sleep(STALL)));
        if stall.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.stall = None;
        Poll::Ready(self.recoder.stop_holding().map_err(Into::into))
    }

    /// Ready when a head has waited long enough: for services that take nothing of what has come, or for more of it.
    pub(super) fn poll_glanced(&mut self, cx: &mut Context<'_>, services_wait: bool) -> Poll<()> {
        if self.streams {
            return Poll::Ready(());
        }
        let (timer, patience) = match services_wait {
            true => (&mut self.stall, STALL),
            false => (&mut self.glance, GLANCE),
        };
        timer.get_or_insert_with(|| Box::pin(sleep(patience))).as_mut().poll(cx)
    }

    /// Octets that wait for the services, coded and decoded.
    pub(super) fn held(&self) -> u64 {
        self.recoder.held()
    }

    /// Octets of the coded body that have come.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// All of the coded body that has come, where it is still here, the trailer, and whether the original is complete.
    pub(super) fn into_original(self) -> Option<(Vec<Bytes>, Vec<Bytes>, bool)> {
        self.recoder.into_original().map(|octets| (octets, self.trailer, self.ended))
    }
}

/// What services get next.
pub(super) enum Next {
    Piece(OriginalPiece),
    /// More of the original has to come first.
    More,
    Ended,
}

/// Whether the content was made to be more than it seems: that is no failure of a service.
pub(super) fn is_bomb(error: &DecodeError) -> bool {
    matches!(error, DecodeError::Ratio { .. } | DecodeError::TooLong { .. } | DecodeError::Window { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codings_of_services_stay_beneath_those_of_the_message() {
        let names = ["br".to_owned(), "gzip".to_owned()];
        let coded = Coded::new(&names, Recoding::default(), true, 0).unwrap();
        let head = b"HTTP/1.1 200 OK\r\nContent-Encoding: rot13\r\n\r\n";
        let head = coded.coded_head(Profile::Response, head).unwrap();
        assert_eq!(head, "HTTP/1.1 200 OK\r\nContent-Encoding: rot13, br, gzip\r\n\r\n");
    }
}
