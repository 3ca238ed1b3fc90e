//! One dataflow as an agent sees it: what its sender may do next (RFC 4037 sections 11.7 to 11.9, 11.15 to 11.17).

use ocp_proto::message::Code;

use super::Rule;

/// A flow that has or has not begun, been paused, ended.
#[derive(Debug, Default)]
pub(super) struct Flow {
    started: bool,
    pub(super) ended: Option<Code>,
    /// Octets so far, those of DUY included.
    pub(super) offset: u64,
    /// The recipient's DWP that is not answered by DPM yet: nothing may be sent from this offset on.
    limit: Option<u64>,
    /// DPM was sent and DWM has not come.
    paused: bool,
    /// DWP was sent and no DWM since.
    pub(super) pause_wanted: bool,
}

impl Flow {
    pub(super) fn is_open(&self) -> bool {
        self.started && self.ended.is_none()
    }

    pub(super) fn start(&mut self) -> Rule {
        if self.started {
            return Err("a second AMS");
        }
        self.started = true;
        Ok(())
    }

    /// A DUM at `offset`, or a DUY, of `size` octets.
    pub(super) fn data(&mut self, offset: Option<u64>, size: u64) -> Rule {
        if !self.is_open() {
            return Err("data outside of AMS and AME");
        }
        if offset.is_some_and(|offset| offset != self.offset) {
            return Err("data with a gap or an overlap");
        }
        if self.paused {
            return Err("data after DPM and before DWM");
        }
        if self.limit.is_some_and(|limit| self.offset >= limit || self.offset + size > limit) {
            return Err("data past the offset of DWP");
        }
        self.offset += size;
        Ok(())
    }

    pub(super) fn end(&mut self, code: Code) -> Rule {
        if self.ended.is_some() {
            return Err("a second AME");
        }
        if !self.started && code != Code::Failure {
            return Err("AME before AMS");
        }
        self.ended = Some(code);
        Ok(())
    }

    /// The recipient has sent DWP, as its own witness sees it.
    pub(super) fn want_pause(&mut self) -> Rule {
        if self.pause_wanted {
            return Err("DWP while an earlier one holds");
        }
        self.pause_wanted = true;
        Ok(())
    }

    /// DWP has come to the sender.
    pub(super) fn pause_from(&mut self, offset: u64) {
        if self.is_open() && !self.paused {
            let limit = self.limit.map_or(offset, |earlier| earlier.min(offset));
            self.limit = Some(limit.max(self.offset));
        }
    }

    /// The sender has sent DPM. `unasked` says that another agreement makes it pause.
    pub(super) fn pause(&mut self, unasked: bool) -> Rule {
        if self.paused {
            return Err("DPM twice");
        }
        match self.limit.take() {
            Some(limit) if limit > self.offset => return Err("DPM before the offset of DWP"),
            None if !unasked => return Err("DPM although DWP did not come"),
            _ => {}
        }
        self.paused = true;
        Ok(())
    }

    /// DWM has come to the sender.
    pub(super) fn resume(&mut self) {
        self.paused = false;
        self.limit = None;
    }

    /// Whether DPM is due at once.
    pub(super) fn owes_pause(&self) -> bool {
        self.is_open() && self.limit.is_some_and(|limit| self.offset >= limit)
    }
}
