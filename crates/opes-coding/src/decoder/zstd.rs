//! `zstd` (RFC 8878), with windows of at most 8 MiB (RFC 9659).

use zstd::zstd_safe::zstd_sys::ZSTD_ErrorCode;
use zstd::zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer};

use super::layer::{Fault, Step};

/// Of the largest window: RFC 9659 section 3.
const WINDOW_LOG: u32 = 23;

pub(super) struct Zstd {
    context: DCtx<'static>,
    /// A frame has ended and no other has begun.
    between: bool,
}

impl Zstd {
    pub(super) fn new() -> Result<Self, Fault> {
        let mut context = DCtx::try_create().ok_or(Fault::Unavailable)?;
        context.set_parameter(DParameter::WindowLogMax(WINDOW_LOG)).map_err(fault)?;
        Ok(Self { context, between: false })
    }

    pub(super) fn may_end(&self) -> bool {
        self.between
    }

    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
        let mut from = InBuffer::around(input);
        let mut to = OutBuffer::around(output);
        let more = self.context.decompress_stream(&mut to, &mut from).map_err(fault)?;
        let step = Step { taken: from.pos(), given: to.pos() };
        // Without any progress it speaks of the frame that might follow.
        if step.taken > 0 || step.given > 0 {
            self.between = more == 0;
        }
        Ok(step)
    }
}

fn fault(code: usize) -> Fault {
    // The library gives an error as its negated number.
    let number = 0usize.wrapping_sub(code);
    let is = |error: ZSTD_ErrorCode| number == error as usize;
    if is(ZSTD_ErrorCode::ZSTD_error_frameParameter_windowTooLarge) {
        return Fault::Window;
    }
    if is(ZSTD_ErrorCode::ZSTD_error_memory_allocation) {
        return Fault::Unavailable;
    }
    Fault::Malformed(zstd::zstd_safe::get_error_name(code))
}
