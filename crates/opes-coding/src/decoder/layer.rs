//! One coding, undone: the format itself, and what is alike in all of them.

use bytes::{Buf, Bytes};

use super::Bounds;
use super::brotli::Brotli;
use super::deflate::Deflate;
use super::gzip::Gzip;
use super::zstd::Zstd;
use crate::{Coding, DecodeError};

/// What a format made of what it was given.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Step {
    /// Coded octets that it took.
    pub(super) taken: usize,
    /// Decoded octets that it wrote.
    pub(super) given: usize,
}

/// Why a format goes no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is no valid stream.
    Malformed(&'static str),
    /// Its window is larger than allowed.
    Window,
    /// There is no memory for it.
    Unavailable,
}

enum Format {
    Gzip(Gzip),
    Deflate(Deflate),
    Br(Brotli),
    Zstd(Zstd),
}

impl Format {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
        match self {
            Self::Gzip(format) => format.step(input, output),
            Self::Deflate(format) => format.step(input, output),
            Self::Br(format) => format.step(input, output),
            Self::Zstd(format) => format.step(input, output),
        }
    }

    fn may_end(&self) -> bool {
        match self {
            Self::Gzip(format) => format.may_end(),
            Self::Deflate(format) => format.may_end(),
            Self::Br(format) => format.may_end(),
            Self::Zstd(format) => format.may_end(),
        }
    }
}

/// One coding of a body.
pub(super) struct Layer {
    coding: Coding,
    /// Made with the first octet, since some of them are large.
    format: Option<Format>,
    input: Bytes,
    taken: u64,
    given: u64,
    /// The last step has filled what it was given to write to, so that more may come without any input.
    full: bool,
}

impl Layer {
    pub(super) fn new(coding: Coding) -> Self {
        Self { coding, format: None, input: Bytes::new(), taken: 0, given: 0, full: false }
    }

    /// Takes the next octets, once [`step`](Self::step) has used up those before.
    pub(super) fn feed(&mut self, octets: Bytes) {
        self.input = octets;
    }

    /// The next decoded octets; none when more input is needed for them.
    pub(super) fn step(&mut self, scratch: &mut [u8], bounds: Bounds) -> Result<Option<Bytes>, DecodeError> {
        while self.full || !self.input.is_empty() {
            let step = self.run(scratch).map_err(|fault| self.fault(fault))?;
            self.input.advance(step.taken);
            self.taken += step.taken as u64;
            self.given += step.given as u64;
            bounds.check(self.taken, self.given)?;
            if step.given > 0 {
                return Ok(Some(Bytes::copy_from_slice(&scratch[..step.given])));
            }
            if step.taken == 0 && !self.input.is_empty() {
                return Err(self.fault(Fault::Malformed("it does not go on")));
            }
        }
        Ok(None)
    }

    fn run(&mut self, scratch: &mut [u8]) -> Result<Step, Fault> {
        let format = match &mut self.format {
            Some(format) => format,
            none => none.insert(match self.coding {
                Coding::Gzip => Format::Gzip(Gzip::new()),
                Coding::Deflate => Format::Deflate(Deflate::new()),
                Coding::Br => Format::Br(Brotli::new()),
                Coding::Zstd => Format::Zstd(Zstd::new()?),
            }),
        };
        let step = format.step(&self.input, scratch)?;
        self.full = step.given == scratch.len();
        Ok(step)
    }

    fn fault(&self, fault: Fault) -> DecodeError {
        let coding = self.coding;
        match fault {
            Fault::Malformed(problem) => DecodeError::Malformed { coding, problem },
            Fault::Window => DecodeError::Window { coding },
            Fault::Unavailable => DecodeError::Unavailable { coding },
        }
    }

    /// Whether the octets so far are all of it.
    pub(super) fn finish(&self) -> Result<(), DecodeError> {
        match &self.format {
            Some(format) if !format.may_end() || !self.input.is_empty() => {
                Err(DecodeError::Truncated { coding: self.coding })
            }
            _ => Ok(()),
        }
    }
}
