//! `gzip` (RFC 1952): members, each with a header, deflated data, and a trailer that tells whether it arrived whole.

use flate2::{Crc, Decompress};

use super::deflate::inflate;
use super::layer::{Fault, Step};

const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

/// RFC 1952 section 2.3.1.
const FHCRC: u8 = 1 << 1;
const FEXTRA: u8 = 1 << 2;
const FNAME: u8 = 1 << 3;
const FCOMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

/// The longest header: extra field, name and comment are of no use here.
const HEADER: usize = 128 * 1024;

const AFTER_THE_END: Fault = Fault::Malformed("something follows its end");

pub(super) struct Gzip {
    state: State,
    inflate: Decompress,
    /// The flags whose parts of the header are still to come.
    flags: u8,
    /// Octets of this header.
    header: usize,
    /// Of this member's decoded octets, whose length it knows too.
    crc: Crc,
}

#[derive(Clone, Copy)]
enum State {
    /// Octets read of the ten with which every header begins.
    Fixed(usize),
    /// The low octet of the extra field's length.
    ExtraLength(Option<u8>),
    /// Octets that mean nothing to us.
    Skip(u16),
    /// Up to a zero.
    Text,
    Data,
    /// Check value and length, and how many of their octets were read.
    Trailer([u8; 8], usize),
    /// A member has ended: zeros may follow, or another member (RFC 1952 section 2.2).
    Between,
    /// Zeros after the last member.
    Padding,
}

impl Gzip {
    pub(super) fn new() -> Self {
        Self { state: State::Fixed(0), inflate: Decompress::new(false), flags: 0, header: 0, crc: Crc::new() }
    }

    pub(super) fn may_end(&self) -> bool {
        matches!(self.state, State::Between | State::Padding)
    }

    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
        let mut taken = 0;
        while !matches!(self.state, State::Data) {
            let Some(&octet) = input.get(taken) else { return Ok(Step { taken, given: 0 }) };
            self.state = self.octet(octet)?;
            taken += 1;
        }
        let inflated = inflate(&mut self.inflate, &input[taken..], output)?;
        self.crc.update(&output[..inflated.step.given]);
        if inflated.ended {
            self.state = State::Trailer([0; 8], 0);
        }
        Ok(Step { taken: taken + inflated.step.taken, ..inflated.step })
    }

    /// Takes an octet that is not compressed data.
    fn octet(&mut self, octet: u8) -> Result<State, Fault> {
        self.header += 1;
        Ok(match self.state {
            State::Trailer(mut trailer, read) => {
                trailer[read] = octet;
                if read + 1 == trailer.len() {
                    self.verify(trailer)?
                } else {
                    State::Trailer(trailer, read + 1)
                }
            }
            State::Between | State::Padding if octet == 0 => State::Padding,
            State::Between if octet == MAGIC[0] => {
                self.inflate.reset(false);
                self.crc.reset();
                self.header = 1;
                State::Fixed(1)
            }
            State::Between | State::Padding => return Err(AFTER_THE_END),
            _ if self.header > HEADER => return Err(Fault::Malformed("its header is too long")),
            State::Fixed(read) => self.fixed(read, octet)?,
            State::ExtraLength(None) => State::ExtraLength(Some(octet)),
            State::ExtraLength(Some(low)) => match u16::from_le_bytes([low, octet]) {
                0 => self.next_part(),
                length => State::Skip(length),
            },
            State::Skip(1) => self.next_part(),
            State::Skip(left) => State::Skip(left - 1),
            State::Text if octet == 0 => self.next_part(),
            State::Text => State::Text,
            State::Data => State::Data,
        })
    }

    fn fixed(&mut self, read: usize, octet: u8) -> Result<State, Fault> {
        match (MAGIC.get(read), read) {
            (Some(expected), _) if *expected != octet => {
                return Err(Fault::Malformed("it does not begin like one"));
            }
            (None, 3) if octet & RESERVED != 0 => {
                return Err(Fault::Malformed("its header has unknown flags")); // RFC 1952 section 2.3.1.2
            }
            (None, 3) => self.flags = octet,
            _ => {}
        }
        Ok(if read == 9 { self.next_part() } else { State::Fixed(read + 1) })
    }

    /// What follows in the header, in the order of RFC 1952 section 2.3.
    fn next_part(&mut self) -> State {
        let parts = [
            (FEXTRA, State::ExtraLength(None)),
            (FNAME, State::Text),
            (FCOMMENT, State::Text),
            (FHCRC, State::Skip(2)),
        ];
        for (flag, state) in parts {
            if self.flags & flag != 0 {
                self.flags &= !flag;
                return state;
            }
        }
        State::Data
    }

    fn verify(&self, trailer: [u8; 8]) -> Result<State, Fault> {
        let trailer = u64::from_le_bytes(trailer);
        if trailer as u32 != self.crc.sum() {
            return Err(Fault::Malformed("its check value is wrong"));
        }
        if (trailer >> 32) as u32 != self.crc.amount() {
            return Err(Fault::Malformed("its length is wrong"));
        }
        Ok(State::Between)
    }
}
