//! One transaction: two flows and what the role adds to them (RFC 4037 section 4, appendix B).

mod commitment;
mod encode;
mod incoming;
mod outgoing;
mod preserved;

use std::time::Instant;

pub(crate) use commitment::Commitment;
pub(crate) use encode::{Turn, turn};
pub(crate) use incoming::{FlowState, Incoming};
pub(crate) use outgoing::{Extension, Out, Outgoing, Piece};
pub(crate) use preserved::Preserved;

/// The state of one transaction.
#[derive(Debug)]
pub(crate) struct Transaction {
    pub(crate) incoming: Incoming,
    pub(crate) outgoing: Outgoing,
    pub(crate) side: Side,
    /// When the last message of the transaction came or went.
    pub(crate) active: Instant,
    /// Whether it stands in the queue of those that have something to send.
    pub(crate) ready: bool,
    /// Whether its clock starts at the next known time.
    pub(crate) fresh: bool,
    /// How often the peer was asked for progress since it last sent anything but answers to that.
    pub(crate) pings: u8,
    /// When it was last asked.
    pub(crate) asked: Option<Instant>,
    /// Nobody above waits for it any more: why it fails if the peer holds it up.
    pub(crate) abandoned: Option<&'static str>,
}

/// What only one of the roles has.
#[derive(Debug)]
pub(crate) enum Side {
    Processor(ProcessorSide),
    Server(ServerSide),
}

/// The processor's part of a transaction.
#[derive(Debug, Default)]
pub(crate) struct ProcessorSide {
    pub(crate) preserved: Preserved,
    pub(crate) stop: StopSending,
    /// DWSR has come: the original may end early once this much was sent (section 11.12).
    pub(crate) enough: Option<u64>,
}

/// The premature end of the adapted flow, as the processor sees it (sections 8.2, 11.13, 11.14).
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopSending {
    /// The server has not asked.
    #[default]
    None,
    /// DWSS has come.
    Wanted,
    /// DSS was sent at this offset of the original flow, which rests until the server's AME.
    Granted(u64),
    /// DSS cannot be sent any more: the adapted flow has ended, or we have ended the original one with AME 206, after
    /// which the adapted one has to be whole (section 8.1).
    Done,
}

/// The server's part of a transaction.
#[derive(Debug)]
pub(crate) struct ServerSide {
    pub(crate) commitment: Commitment,
    /// The prediction to send, and the one sent last (section 11.9).
    pub(crate) modp: Option<u8>,
    pub(crate) modp_sent: Option<u8>,
    /// DWSS was sent.
    pub(crate) wants_stop: bool,
    /// DWSR was sent: the original may end early once this much of it has come.
    pub(crate) enough: Option<u64>,
    /// DSS has come.
    pub(crate) stopped: bool,
}

impl Transaction {
    /// A transaction whose messages may have so many octets.
    pub(crate) fn processor(now: Instant, largest: u64) -> Self {
        Self::new(Side::Processor(ProcessorSide::default()), now, largest)
    }

    /// A transaction whose messages may have so many octets.
    pub(crate) fn server(now: Instant, largest: u64) -> Self {
        Self::new(
            Side::Server(ServerSide {
                commitment: Commitment::new(largest),
                modp: None,
                modp_sent: None,
                wants_stop: false,
                enough: None,
                stopped: false,
            }),
            now,
            largest,
        )
    }

    fn new(side: Side, now: Instant, largest: u64) -> Self {
        Self {
            incoming: Incoming::new(largest),
            outgoing: Outgoing::new(largest),
            side,
            active: now,
            ready: false,
            fresh: false,
            pings: 0,
            asked: None,
            abandoned: None,
        }
    }

    pub(crate) fn processor_side(&mut self) -> Option<&mut ProcessorSide> {
        match &mut self.side {
            Side::Processor(side) => Some(side),
            Side::Server(_) => None,
        }
    }

    pub(crate) fn server_side(&mut self) -> Option<&mut ServerSide> {
        match &mut self.side {
            Side::Server(side) => Some(side),
            Side::Processor(_) => None,
        }
    }

    /// Whether the original flow has to rest until the adapted one has ended (section 8.2).
    pub(crate) fn rests(&self) -> bool {
        matches!(&self.side, Side::Processor(side) if matches!(side.stop, StopSending::Granted(_)))
    }

    /// Whether something could go out now.
    pub(crate) fn can_send(&self) -> bool {
        match self.outgoing.queue.front() {
            None => false,
            // RFC 4037 section 11.15: not even an empty DUM while paused.
            Some(Out::Data(_)) => !self.rests() && !self.outgoing.is_paused(),
            Some(Out::End(..)) => !self.rests(),
            Some(_) => true,
        }
    }

    /// Whether something in the queue cannot go out before the peer has said more.
    pub(crate) fn is_held_up(&self) -> bool {
        let rests = self.rests() && !self.outgoing.queue.is_empty();
        rests || self.outgoing.is_cut_by_pause()
    }

    /// The original flow's octets, for progress answers; `None` outside of the flow (section 11.23).
    pub(crate) fn original_octets(&self) -> Option<u64> {
        let (state, octets) = match &self.side {
            Side::Processor(_) => (self.outgoing.state, self.outgoing.offset),
            Side::Server(_) => (self.incoming.state, self.incoming.received),
        };
        (state == FlowState::Open).then_some(octets)
    }

    /// Whether the clock runs for the other agent (section 2.7).
    ///
    /// For a server any message of the transaction is progress, except while the processor has paused us. For a
    /// processor the callout server owes something after AME and DSS, while it pauses us or while our data waits.
    pub(crate) fn awaits_peer(&self) -> bool {
        if self.incoming.paused && self.incoming.state != FlowState::Ended {
            return false;
        }
        match &self.side {
            Side::Server(_) => !self.outgoing.is_paused(),
            Side::Processor(_) => {
                self.outgoing.state == FlowState::Ended
                    || self.rests()
                    || self.outgoing.is_paused()
                    || !self.outgoing.queue.is_empty()
            }
        }
    }
}
