//! One coded body that services adapt without knowing about its codings.

mod kept;
mod look;

use bytes::Bytes;

use crate::{Bounds, Codings, DecodeError, Decoder, EncodeError, Encoder, RecodeError};
use kept::Kept;
use look::Passed;

/// So many coded octets are decoded at once, so that they can go on once what came out of them was given back.
const SLICE: u64 = 4096;

/// What becomes of the received octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The services change nothing: the received octets go on, each as soon as all that was decoded from it was given
    /// back.
    Look,
    /// The services may change something: what they give back is held until that is known, as long as the body has at
    /// most so many octets, decoded as well as coded.
    Hold(u64),
}

/// What the body that comes out is, for who describes it in a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The very octets that were received: their length and their validators stay true.
    Unchanged,
    /// It is encoded anew, with the same codings: its length is not known, and it is another representation.
    Recoded,
}

/// A piece of the body that comes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Coded octets.
    pub octets: Bytes,
    /// Where they stand in the body that was received, if they are still its octets.
    pub original: Option<u64>,
}

/// Stands between one coded body and services that adapt what it means.
///
/// * [`receive`](Self::receive) takes the coded body, [`end_received`](Self::end_received) its end;
///   [`next_plain`](Self::next_plain) gives what was decoded, for the services.
/// * [`give_back`](Self::give_back) takes what the services made of it, [`end_given`](Self::end_given) its end;
///   [`pull`](Self::pull) gives the body that goes on, coded as the received one.
/// * [`fate`](Self::fate) tells how to describe it. Nothing comes out before that is known.
///
/// Whether anything was changed is seen by comparing octets, so what was decoded is kept until it was given back. In
/// [`Mode::Hold`] no more than the hold is kept of anything, twice (coded, and decoded); in [`Mode::Look`] what the
/// services have not given back, likewise.
pub struct Recoder {
    codings: Codings,
    decoder: Decoder,
    /// Received octets that may still be wanted as they are; none once some of them were dropped.
    coded: Option<Kept>,
    /// Received octets that the decoder has not got.
    undecoded: Kept,
    /// The most received octets to keep for [`into_original`](Self::into_original) once they are recoded.
    keep: u64,
    received_end: bool,
    /// All that was received was decoded, and is complete.
    plain_end: bool,
    /// The adapted body is complete; what is still received is of no use.
    given_end: bool,
    /// Which coded octets may go on where nothing is changed.
    passed: Passed,
    way: Way,
}

enum Way {
    Look {
        /// Decoded octets that were not given back.
        expected: Kept,
    },
    Held {
        limit: u64,
        /// The limit as long as the services have not decided anything.
        undecided: Option<u64>,
        /// Decoded octets that were not given back.
        expected: Kept,
        /// What was given back, which is the same so far.
        given: Kept,
    },
    /// It was held to its end, and nothing was changed.
    Unchanged,
    /// Nothing will be changed: what is received goes on at once.
    Passing,
    Recoded(Encoder),
}

impl Recoder {
    /// For a body with these codings. `keep`: up to so many octets of a body that is recoded are kept nevertheless,
    /// until some of the recoded ones have left, for [`into_original`](Self::into_original).
    pub fn new(codings: Codings, bounds: Bounds, mode: Mode, keep: u64) -> Self {
        let expected = Kept::default();
        let way = match mode {
            Mode::Look => Way::Look { expected },
            Mode::Hold(limit) => Way::Held { limit, undecided: None, expected, given: Kept::default() },
        };
        Self {
            decoder: Decoder::new(&codings, bounds),
            codings,
            coded: Some(Kept::default()),
            undecoded: Kept::default(),
            keep,
            received_end: false,
            plain_end: false,
            given_end: false,
            passed: Passed::default(),
            way,
        }
    }

    /// Says that the services have not decided yet whether they may change the body. Nobody waits for it until they have
    /// ([`decided`](Self::decided)), so up to then it is held past the hold, if need be: at most so many octets of it,
    /// decoded as well as coded.
    pub fn await_decision(&mut self, most: u64) {
        if let Way::Held { limit, undecided, .. } = &mut self.way {
            *undecided = Some(most.max(*limit));
        }
    }

    /// The services have decided, and may change the body: what is more than the hold is held no longer.
    ///
    /// # Errors
    ///
    /// As [`stop_holding`](Self::stop_holding).
    pub fn decided(&mut self) -> Result<(), EncodeError> {
        if let Way::Held { undecided, .. } = &mut self.way {
            *undecided = None;
        }
        self.check_hold()
    }

    /// Takes the next octets of the coded body. None are decoded before [`next_plain`](Self::next_plain) asks for them.
    ///
    /// # Errors
    ///
    /// The body becomes too long to be held, and there is no encoder for it.
    pub fn receive(&mut self, octets: Bytes) -> Result<(), EncodeError> {
        if self.given_end && !self.passes() {
            return Ok(());
        }
        if !self.given_end {
            self.undecoded.push(octets.clone());
        }
        if let Some(coded) = &mut self.coded {
            coded.push(octets);
        }
        self.check_hold()?;
        self.trim();
        Ok(())
    }

    /// Says that the coded body is complete. Whether it really is shows in [`next_plain`](Self::next_plain).
    pub fn end_received(&mut self) {
        self.received_end = true;
    }

    /// The next decoded octets for the services, at most [`PIECE`](crate::PIECE). `None`: more has to be received, or
    /// this was all ([`plain_ended`](Self::plain_ended)). Ask until then after whatever was received.
    ///
    /// # Errors
    ///
    /// The body cannot be decoded; or it becomes too long to be held and there is no encoder for it.
    pub fn next_plain(&mut self) -> Result<Option<Bytes>, RecodeError> {
        let Some(octets) = self.decode()? else { return Ok(None) };
        match &mut self.way {
            Way::Look { expected } | Way::Held { expected, .. } => expected.push(octets.clone()),
            Way::Unchanged | Way::Passing | Way::Recoded(_) => {}
        }
        self.check_hold()?;
        Ok(Some(octets))
    }

    /// Holds a body no longer that has become too long for it.
    fn check_hold(&mut self) -> Result<(), EncodeError> {
        let Way::Held { limit, undecided, expected, .. } = &self.way else { return Ok(()) };
        match expected.end().max(self.undecoded.end()) > undecided.unwrap_or(*limit) {
            true => self.stop_holding(),
            false => Ok(()),
        }
    }

    fn decode(&mut self) -> Result<Option<Bytes>, DecodeError> {
        if self.plain_end || self.given_end {
            return Ok(None);
        }
        loop {
            if let Some(octets) = self.decoder.pull()? {
                return Ok(Some(octets));
            }
            // All that the decoder was given has come out of it.
            let decoded = self.undecoded.start();
            if let Way::Look { expected } | Way::Held { expected, .. } = &self.way {
                self.passed.mark(decoded, expected.end());
            }
            match self.undecoded.take_below(decoded + SLICE) {
                Some(octets) => self.decoder.push(octets),
                None if self.received_end => {
                    self.decoder.finish()?;
                    self.plain_end = true;
                    return Ok(None);
                }
                None => return Ok(None),
            }
        }
    }

    /// Whether [`next_plain`](Self::next_plain) has given all of the body, which is complete.
    pub fn plain_ended(&self) -> bool {
        self.plain_end
    }

    /// Takes the next octets of the adapted body, decoded.
    ///
    /// # Errors
    ///
    /// In [`Mode::Look`] they differ from what was decoded; or an encoder fails.
    pub fn give_back(&mut self, octets: Bytes) -> Result<(), RecodeError> {
        match &mut self.way {
            Way::Look { expected } => {
                return if expected.strip(&octets) { Ok(()) } else { Err(RecodeError::Changed) };
            }
            Way::Held { expected, given, .. } => {
                let same = expected.strip(&octets);
                given.push(octets);
                if !same {
                    self.stop_holding()?;
                }
            }
            Way::Recoded(encoder) => encoder.push(octets)?,
            Way::Unchanged | Way::Passing => {}
        }
        Ok(())
    }

    /// Says that the adapted body is complete. A body that was held keeps its octets if all of it was received by now and
    /// all of that was given back. What is still received is dropped, or passes without being decoded where the services
    /// have [passed](Self::pass) it.
    ///
    /// # Errors
    ///
    /// In [`Mode::Look`] not all of the received body was given back; or an encoder fails, or the end of the received
    /// body is invalid.
    pub fn end_given(&mut self) -> Result<(), RecodeError> {
        if self.given_end {
            return Ok(());
        }
        let whole = self.is_given_back()?;
        match &self.way {
            Way::Look { .. } if !whole => return Err(RecodeError::Changed),
            Way::Held { .. } if whole => self.way = Way::Unchanged,
            Way::Held { .. } => self.stop_holding()?,
            Way::Look { .. } | Way::Unchanged | Way::Passing | Way::Recoded(_) => {}
        }
        if let Way::Recoded(encoder) = &mut self.way {
            encoder.finish()?;
        }
        self.given_end = true;
        self.undecoded = Kept::default();
        self.decoder = Decoder::new(&Codings::default(), Bounds::default());
        Ok(())
    }

    /// Whether all of the body was received, and given back as it was.
    fn is_given_back(&mut self) -> Result<bool, DecodeError> {
        let (Way::Look { expected } | Way::Held { expected, .. }) = &self.way else { return Ok(false) };
        Ok(expected.len() == 0 && self.decode()?.is_none() && self.plain_end)
    }

    /// Drives out of the encoder what was given back, for a body that is read while it is made, such as an event stream.
    /// What is held stays held: see [`stop_holding`](Self::stop_holding).
    ///
    /// # Errors
    ///
    /// The encoder fails.
    pub fn flush(&mut self) -> Result<(), EncodeError> {
        match &mut self.way {
            Way::Recoded(encoder) => encoder.flush(),
            Way::Look { .. } | Way::Held { .. } | Way::Unchanged | Way::Passing => Ok(()),
        }
    }

    /// Whether [`flush`](Self::flush) might drive something out.
    pub fn is_behind(&self) -> bool {
        matches!(&self.way, Way::Recoded(encoder) if encoder.is_behind())
    }

    /// The services promise to change nothing: what is still held goes on as it came, as in [`Mode::Look`]. A body that
    /// is recoded already stays so.
    pub fn look_only(&mut self) {
        if let Way::Held { expected, .. } = &mut self.way {
            self.way = Way::Look { expected: std::mem::take(expected) };
        }
    }

    /// Holds the body no longer: it will be recoded, whether it is changed or not.
    ///
    /// # Errors
    ///
    /// There is no encoder for it, or the encoder fails.
    pub fn stop_holding(&mut self) -> Result<(), EncodeError> {
        let Way::Held { given, .. } = &mut self.way else { return Ok(()) };
        let mut encoder = Encoder::new(&self.codings)?;
        for octets in std::mem::take(given).into_pieces() {
            encoder.push(octets)?;
        }
        self.way = Way::Recoded(encoder);
        self.trim();
        Ok(())
    }

    /// The services will neither change nor refuse anything any more, and have changed nothing so far: what is received
    /// goes on at once, and nothing that they give back is looked at. A body of which something was changed is recoded
    /// nevertheless.
    pub fn pass(&mut self) {
        if let Way::Look { .. } | Way::Held { .. } = self.way {
            self.way = Way::Passing;
        }
    }

    /// Whether what is received goes on at once ([`pass`](Self::pass)).
    pub fn passes(&self) -> bool {
        matches!(self.way, Way::Passing)
    }

    /// The next octets of the body that goes on.
    pub fn pull(&mut self) -> Option<Piece> {
        let end = match &mut self.way {
            Way::Look { expected } => self.passed.up_to(expected.start()),
            Way::Held { .. } => return None,
            Way::Unchanged | Way::Passing => u64::MAX,
            Way::Recoded(encoder) => {
                let octets = encoder.pull()?;
                self.coded = None; // Original octets would no longer fit what has left.
                return Some(Piece { octets, original: None });
            }
        };
        let coded = self.coded.as_mut()?;
        let original = Some(coded.start());
        Some(Piece { octets: coded.take_below(end)?, original })
    }

    /// Whether [`pull`](Self::pull) has given all of the body that goes on.
    pub fn ended(&self) -> bool {
        let waiting = match &self.way {
            Way::Recoded(encoder) => encoder.waiting() as u64,
            _ => self.coded.as_ref().map_or(0, Kept::len),
        };
        self.given_end && (self.received_end || !self.passes()) && waiting == 0
    }

    /// What becomes of the body, once that is known. It does not change any more then.
    pub fn fate(&self) -> Option<Fate> {
        match &self.way {
            Way::Look { .. } | Way::Unchanged | Way::Passing => Some(Fate::Unchanged),
            Way::Held { .. } => None,
            Way::Recoded(_) => Some(Fate::Recoded),
        }
    }

    /// Octets that are kept, coded and decoded, besides what decoder and encoder need themselves.
    pub fn held(&self) -> u64 {
        let coded = self.coded.as_ref().map_or_else(|| self.undecoded.len(), Kept::len);
        let plain = match &self.way {
            Way::Look { expected } => expected.len(),
            Way::Held { expected, given, .. } => expected.len() + given.len(),
            Way::Unchanged => 0,
            Way::Passing => self.undecoded.len(),
            Way::Recoded(encoder) => encoder.waiting() as u64,
        };
        coded + plain
    }

    /// Received octets that were not decoded yet.
    pub fn undecoded(&self) -> u64 {
        self.undecoded.len()
    }

    /// Gives up: the octets of the received body that follow those which have left, for who goes on with the original
    /// from here. `None` where some of them were dropped, or recoded ones have left.
    pub fn into_original(self) -> Option<Vec<Bytes>> {
        self.coded.map(|coded| coded.into_pieces().into())
    }

    /// Drops what nobody will ask for.
    fn trim(&mut self) {
        let keep = self.keep;
        if matches!(self.way, Way::Recoded(_)) && self.coded.as_ref().is_some_and(|coded| coded.len() > keep)
        {
            self.coded = None;
        }
    }
}
