//! `br` (RFC 7932), without the large windows that are not part of it.

use brotli::enc::StandardAlloc;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};

use super::layer::{Fault, Step};

pub(super) struct Brotli {
    state: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>,
    ended: bool,
}

impl Brotli {
    pub(super) fn new() -> Self {
        let memory = StandardAlloc::default;
        Self { state: Box::new(BrotliState::new_strict(memory(), memory(), memory())), ended: false }
    }

    pub(super) fn may_end(&self) -> bool {
        self.ended
    }

    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
        if self.ended {
            let rest = if input.is_empty() { Ok(Step::default()) } else { Err("something follows its end") };
            return rest.map_err(Fault::Malformed);
        }
        let (mut step, mut total) = (Step::default(), 0);
        let (mut left, mut room) = (input.len(), output.len());
        let result = BrotliDecompressStream(
            &mut left,
            &mut step.taken,
            input,
            &mut room,
            &mut step.given,
            output,
            &mut total,
            &mut self.state,
        );
        match result {
            BrotliResult::ResultSuccess => self.ended = true,
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
            BrotliResult::ResultFailure => return Err(Fault::Malformed("its compressed data is broken")),
        }
        Ok(step)
    }
}
