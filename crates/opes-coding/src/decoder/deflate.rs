//! `deflate`: the zlib format (RFC 1950), and the bare format inside it (RFC 1951) that some send under its name.

use flate2::{Decompress, FlushDecompress, Status};

use super::layer::{Fault, Step};

/// What a decompressor made of its input.
pub(super) struct Inflated {
    pub(super) step: Step,
    pub(super) ended: bool,
}

/// Runs the decompressor once.
pub(super) fn inflate(inflate: &mut Decompress, input: &[u8], output: &mut [u8]) -> Result<Inflated, Fault> {
    let (taken, given) = (inflate.total_in(), inflate.total_out());
    let status = inflate
        .decompress(input, output, FlushDecompress::None)
        .map_err(|_| Fault::Malformed("its compressed data is broken"))?;
    let step =
        Step { taken: (inflate.total_in() - taken) as usize, given: (inflate.total_out() - given) as usize };
    Ok(Inflated { step, ended: status == Status::StreamEnd })
}

pub(super) struct Deflate(State);

enum State {
    /// Nothing has come, or only the first octet.
    Start(Option<u8>),
    Data(Decompress),
    Ended,
}

impl Deflate {
    pub(super) fn new() -> Self {
        Self(State::Start(None))
    }

    pub(super) fn may_end(&self) -> bool {
        matches!(self.0, State::Ended)
    }

    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
        match (&mut self.0, input) {
            (State::Start(_) | State::Ended, []) => Ok(Step::default()),
            (State::Start(None), input) => {
                self.0 = State::Start(input.first().copied());
                Ok(Step { taken: 1, given: 0 })
            }
            (State::Start(Some(first)), input) => {
                let zlib = input.first().is_some_and(|second| is_zlib(*first, *second));
                let mut decompress = Decompress::new(zlib);
                // One octet is less than anything can come of.
                inflate(&mut decompress, &[*first], output)?;
                self.0 = State::Data(decompress);
                self.step(input, output)
            }
            (State::Data(decompress), input) => {
                let inflated = inflate(decompress, input, output)?;
                if inflated.ended {
                    self.0 = State::Ended;
                }
                Ok(inflated.step)
            }
            (State::Ended, _) => Err(Fault::Malformed("something follows its end")),
        }
    }
}

/// Whether these two octets begin a zlib stream (RFC 1950 section 2.2). A bare one begins so only where its encoder
/// begins with a stored block and fills up the octet with ones.
fn is_zlib(first: u8, second: u8) -> bool {
    first & 0x0f == 8 && first >> 4 <= 7 && u16::from_be_bytes([first, second]).is_multiple_of(31)
}
