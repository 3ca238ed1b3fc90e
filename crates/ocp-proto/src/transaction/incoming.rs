//! The flow that the peer sends: order, contiguity and progress (RFC 4037 sections 11.7 to 11.9).

/// How far a flow is (RFC 4037 appendix B: born by AMS, ended by AME).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FlowState {
    Before,
    Open,
    Ended,
}

/// What of the peer's flow has come.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) state: FlowState,
    /// The offset that the next data message has to have.
    pub(crate) offset: u64,
    /// How many octets the flow may have (section 10.3).
    pub(crate) largest: u64,
    /// Octets that have come, the message under way included.
    pub(crate) received: u64,
    /// Whether we have asked for a pause and not for more since (section 11.15).
    pub(crate) paused: bool,
    /// Whether the peer was asked beforehand to pause on its own.
    pub(crate) pause_expected: bool,
}

type Rule = Result<(), &'static str>;

impl Incoming {
    /// A flow that may have so many octets.
    pub(crate) fn new(largest: u64) -> Self {
        Self {
            state: FlowState::Before,
            offset: 0,
            largest,
            received: 0,
            paused: false,
            pause_expected: false,
        }
    }

    pub(crate) fn start(&mut self) -> Rule {
        match self.state {
            FlowState::Before => {
                self.state = FlowState::Open;
                Ok(())
            }
            FlowState::Open => Err("a second AMS in one flow"),
            FlowState::Ended => Err("AMS after AME"),
        }
    }

    /// Takes the head of a data message: `size` octets at `offset`.
    pub(crate) fn data(&mut self, offset: u64, size: u64) -> Rule {
        self.open("data before AMS", "data after AME")?;
        // RFC 4037 section 11.9: messages with gaps are invalid.
        if offset != self.offset {
            return Err("data does not begin where the data before it ended");
        }
        self.advance(size)
    }

    /// Takes data that has no offset of its own (DUY).
    pub(crate) fn advance(&mut self, size: u64) -> Rule {
        self.open("data before AMS", "data after AME")?;
        // RFC 4037 section 10.3: OCP Core cannot handle application messages past 2147483647 octets.
        if size > self.largest - self.offset {
            return Err("the application message is larger than OCP can carry here");
        }
        self.offset += size;
        Ok(())
    }

    pub(crate) fn end(&mut self, failed: bool) -> Rule {
        // RFC 4037 section 11.7: the recipient of an AMS may refuse by an AME of its own.
        if !failed {
            self.open("AME before AMS", "a second AME in one flow")?;
        } else if self.state == FlowState::Ended {
            return Err("a second AME in one flow");
        }
        self.state = FlowState::Ended;
        Ok(())
    }

    fn open(&self, before: &'static str, after: &'static str) -> Rule {
        match self.state {
            FlowState::Open => Ok(()),
            FlowState::Before => Err(before),
            FlowState::Ended => Err(after),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::number;

    // req: OCP-11.8-02, OCP-11.9-06
    #[test]
    fn gaps_and_overlaps_are_violations() {
        let mut flow = Incoming::new(number::MAX);
        assert!(flow.data(0, 1).is_err(), "before AMS");
        flow.start().unwrap();
        flow.data(0, 5).unwrap();
        flow.data(5, 0).unwrap();
        for offset in [0, 4, 6, number::MAX] {
            assert!(flow.data(offset, 1).is_err(), "{offset}");
        }
        flow.data(5, 1).unwrap();
        flow.end(false).unwrap();
        assert!(flow.data(6, 0).is_err(), "after AME");
        assert!(flow.end(false).is_err(), "second AME");
    }

    // req: OCP-10.3-03
    #[test]
    fn the_largest_message_has_2147483647_octets() {
        let mut flow = Incoming::new(number::MAX);
        flow.start().unwrap();
        flow.data(0, number::MAX).unwrap();
        assert!(flow.data(number::MAX, 1).is_err());
        assert!(flow.data(number::MAX, 0).is_ok());
    }
}
