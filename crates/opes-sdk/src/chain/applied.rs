//! What became of each service of a chain: what a host can say about it by itself.

/// One service of a chain, as its host saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// What the service has done.
    pub deed: Deed,
    /// Octets of payload that came to its place in the chain.
    pub received: u64,
    /// Octets that went on from there.
    pub emitted: u64,
}

/// What a service has done with a message's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Deed {
    /// It is not done yet.
    AtWork,
    /// It saw the payload to its end and let it pass unchanged.
    Passed,
    /// It saw the payload to its end. It may have changed what an earlier service had changed already, so that nobody
    /// can tell from outside.
    Processed,
    /// What went on is not what came.
    Changed,
    /// It left before the end, and what it saw passed unchanged.
    Left,
    /// It refused the message.
    Refused,
    /// It failed.
    Failed,
    /// It was stopped, because another service or the host gave the message up.
    Stopped,
}

impl Deed {
    /// Whether nothing more will become of the service.
    pub fn is_final(self) -> bool {
        self != Self::AtWork
    }
}
