//! A body's codings, undone in bounded memory.

mod brotli;
mod deflate;
mod gzip;
mod layer;
mod zstd;

use std::collections::VecDeque;

use bytes::Bytes;

use crate::{Codings, DecodeError};
use layer::Layer;

/// The most octets of one decoded piece.
pub const PIECE: usize = 64 * 1024;

/// Up to so many octets, nobody asks how long the body was when it was coded.
const FREE: u64 = 256 * 1024;

/// How much may come out of a coded body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The most decoded octets for each coded one, for every coding of the body as well as for all of them together.
    /// Counted once more than 256 KiB have come out.
    pub ratio: u32,
    /// The most decoded octets, for every coding of the body.
    pub octets: u64,
}

impl Default for Bounds {
    /// A ratio of 250, and 4 GiB.
    fn default() -> Self {
        Self { ratio: 250, octets: 4 << 30 }
    }
}

impl Bounds {
    /// Whether `given` octets may have come out of `taken`.
    fn check(&self, taken: u64, given: u64) -> Result<(), DecodeError> {
        if given > self.octets {
            return Err(DecodeError::TooLong { octets: self.octets });
        }
        if given > FREE && given > taken.saturating_mul(self.ratio.into()) {
            return Err(DecodeError::Ratio { ratio: self.ratio });
        }
        Ok(())
    }
}

/// Decodes one body: [`push`](Self::push) what came, then [`pull`](Self::pull) until it gives nothing more, and after
/// all of it [`finish`](Self::finish).
///
/// Nothing is decoded before it is pulled, so what is kept is what was pushed and what the formats themselves look
/// back on: 32 KiB for `gzip` and `deflate`, up to 8 MiB for `zstd`, up to 16 MiB for `br` and half as much again while
/// that grows, of which no more is ever written than has been decoded.
pub struct Decoder {
    /// Coded octets that nobody has taken yet.
    input: VecDeque<Bytes>,
    /// The first undoes what was applied last.
    layers: Vec<Layer>,
    bounds: Bounds,
    /// Octets that were pushed and taken, and octets that were pulled.
    taken: u64,
    given: u64,
    /// Where a layer writes; made with the first octet.
    scratch: Vec<u8>,
    failed: Option<DecodeError>,
}

impl Decoder {
    /// A decoder for a body with these codings.
    pub fn new(codings: &Codings, bounds: Bounds) -> Self {
        Self {
            input: VecDeque::new(),
            layers: codings.iter().rev().map(Layer::new).collect(),
            bounds,
            taken: 0,
            given: 0,
            scratch: Vec::new(),
            failed: None,
        }
    }

    /// Takes the next coded octets.
    pub fn push(&mut self, octets: Bytes) {
        if !octets.is_empty() {
            self.input.push_back(octets);
        }
    }

    /// The next decoded octets, at most [`PIECE`] and at least one. `None`: everything that was pushed has been decoded,
    /// as far as that goes without what follows it.
    ///
    /// # Errors
    ///
    /// What was pushed is not valid or comes to more than the bounds allow; every later call says so again.
    pub fn pull(&mut self) -> Result<Option<Bytes>, DecodeError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let pulled = self.advance();
        if let Err(error) = &pulled {
            self.failed = Some(error.clone());
            self.input.clear();
        }
        pulled
    }

    fn advance(&mut self) -> Result<Option<Bytes>, DecodeError> {
        if self.scratch.is_empty() && !self.layers.is_empty() && !self.input.is_empty() {
            self.scratch.resize(PIECE, 0);
        }
        let mut source = Source {
            input: &mut self.input,
            taken: &mut self.taken,
            scratch: &mut self.scratch,
            bounds: self.bounds,
        };
        let piece = source.pull(&mut self.layers)?;
        if let Some(piece) = &piece {
            self.given += piece.len() as u64;
            self.bounds.check(self.taken, self.given)?;
        }
        Ok(piece)
    }

    /// Says that nothing follows what was pushed. Call it after [`pull`](Self::pull) has given all there was. A body of
    /// no octets at all decodes to none, whatever its codings.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`] where a coding is incomplete, and what an earlier call has found.
    pub fn finish(&self) -> Result<(), DecodeError> {
        match &self.failed {
            Some(error) => Err(error.clone()),
            None => self.layers.iter().try_for_each(Layer::finish),
        }
    }
}

/// Where the first layer gets its octets from, and what all of them use.
struct Source<'a> {
    input: &'a mut VecDeque<Bytes>,
    taken: &'a mut u64,
    scratch: &'a mut [u8],
    bounds: Bounds,
}

impl Source<'_> {
    /// What the last of these layers gives.
    fn pull(&mut self, layers: &mut [Layer]) -> Result<Option<Bytes>, DecodeError> {
        let Some((last, before)) = layers.split_last_mut() else {
            let piece = self.next();
            *self.taken += piece.as_ref().map_or(0, |piece| piece.len() as u64);
            return Ok(piece);
        };
        loop {
            if let Some(piece) = last.step(self.scratch, self.bounds)? {
                return Ok(Some(piece));
            }
            match self.pull(before)? {
                Some(octets) => last.feed(octets),
                None => return Ok(None),
            }
        }
    }

    /// The next of what was pushed, in pieces like those that a layer gives.
    fn next(&mut self) -> Option<Bytes> {
        let first = self.input.front_mut()?;
        if first.len() > PIECE {
            return Some(first.split_to(PIECE));
        }
        self.input.pop_front()
    }
}
