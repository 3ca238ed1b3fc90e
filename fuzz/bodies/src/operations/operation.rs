//! What may happen to a pair of agents.

use arbitrary::Arbitrary;

/// One of the two agents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
pub(super) enum Side {
    Processor,
    Server,
}

impl Side {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Processor => Self::Server,
            Self::Server => Self::Processor,
        }
    }
}

/// What the pair agreed on before anything happens.
#[derive(Debug, Clone, Arbitrary)]
pub(super) struct Terms {
    /// How much the processor preserves, from a list; then a bit for large sizes and one for asking silent peers.
    pub(super) kept: u8,
    /// A profile has the original pause at this offset.
    pub(super) pause_at: Option<u8>,
    /// A profile has the original end at this offset.
    pub(super) stop_at: Option<u8>,
    /// The server asks to get out of the loop as soon as its message has begun.
    pub(super) leaves: bool,
    /// Transaction identifiers are almost used up.
    pub(super) exhausted: bool,
    /// Everything that one agent says is delivered at once.
    pub(super) prompt: bool,
}

impl Terms {
    /// Sizes past 2147483647 may be named.
    pub(super) fn large(&self) -> bool {
        self.kept & 4 != 0
    }

    /// Both agents ask whether a silent peer is still there.
    pub(super) fn pings(&self) -> bool {
        self.kept & 8 != 0
    }

    /// A size that an agent names: odd ones are large where they may be.
    pub(super) fn size(&self, size: u16) -> u64 {
        if self.large() && size & 1 != 0 { u64::from(size) << 20 } else { u64::from(size) }
    }
}

/// One thing that happens. Numbers choose among what there is; what cannot be done is left out.
#[derive(Debug, Clone, Arbitrary)]
pub(super) enum Operation {
    /// An agent gives octets to the transport, at least this many if it can.
    Transmit {
        side: Side,
        most: u16,
    },
    /// Octets arrive.
    Deliver {
        to: Side,
        octets: u16,
    },
    /// Everything that was said arrives, both ways, until nothing more is said.
    Settle,
    /// Time passes.
    Pass {
        seconds: u8,
    },
    /// The transport breaks; what is under way is lost.
    Cut,
    /// An agent ends the connection.
    End {
        side: Side,
        failure: bool,
    },
    CreateGroup {
        services: u8,
    },
    DestroyGroup {
        group: u8,
    },
    Offer {
        side: Side,
        features: u8,
        group: Option<u8>,
    },
    QueryAbility {
        side: Side,
    },
    QueryProgress {
        side: Side,
        transaction: Option<u8>,
    },
    ReportProgress {
        side: Side,
        transaction: u8,
    },
    Start {
        group: u8,
    },
    /// The processor gives original data.
    Give {
        transaction: u8,
        octets: u16,
        large: bool,
    },
    /// The server begins the adapted message.
    Answer {
        transaction: u8,
        modp: Option<u8>,
    },
    /// The server gives data of its own.
    Write {
        transaction: u8,
        octets: u16,
    },
    /// The server gives original data that it has got.
    Quote {
        transaction: u8,
        from: u16,
        octets: u16,
    },
    /// The server gives all original data that it has not given yet.
    Copy {
        transaction: u8,
    },
    Predict {
        transaction: u8,
        modp: u8,
    },
    EndMessage {
        side: Side,
        transaction: u8,
        failure: bool,
    },
    EndTransaction {
        side: Side,
        transaction: u8,
    },
    /// The processor has the whole adapted message.
    Complete {
        transaction: u8,
    },
    Abort {
        side: Side,
        transaction: u8,
    },
    Pause {
        side: Side,
        transaction: u8,
    },
    Resume {
        side: Side,
        transaction: u8,
        size: Option<u16>,
    },
    WantStopSending {
        transaction: u8,
    },
    WantStopReceiving {
        transaction: u8,
        size: u16,
    },
    StopSending {
        transaction: u8,
    },
    Dispose {
        transaction: u8,
        below: u16,
    },
}
