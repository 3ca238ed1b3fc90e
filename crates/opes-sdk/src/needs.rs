//! What a service states about itself before it starts.

/// What a service needs of its host, and what it promises.
///
/// A host plans with it: how much it gathers, when it releases the adapted head, whether payload may stay where
/// it is. So state the least that is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// How the service wants the payload.
    pub body: Body,
    /// The service sees every segment, but the host passes the payload on itself; what the service emits is
    /// ignored. Implies that the payload is not changed.
    pub look_only: bool,
    /// The service may change the payload. One that says no and emits anything but what it was given fails.
    pub modifies: bool,
    /// When the service has decided for good.
    pub decides: Decision,
    /// The service wants the payload without content codings; the host decodes it before the chain.
    pub decoded: bool,
    /// The most octets of the payload that the service holds back itself ([`Service::held`](crate::Service::held))
    /// because it cannot decide without more; hosts allow that much beyond what they allow any service.
    pub holds: u64,
    /// The service refuses every message, and its start comes to nothing else: the host need not have the payload
    /// brought at all. One that says so and does not refuse fails.
    pub refuses: bool,
}

/// How much of the payload a service wants, and in what portions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// Nothing: the service leaves once its start is over.
    Nothing,
    /// Nothing before the first so many octets, or the whole payload if it is shorter, are there; then
    /// everything, as it comes. The host gathers that much for the service.
    First(u64),
    /// Nothing before the payload is complete. The host gathers it for the service.
    Whole {
        /// The most octets that are gathered; a longer payload fails the message.
        limit: u64,
    },
    /// Everything, as it comes.
    Streamed,
}

/// A service's point of decision: after it the service neither refuses nor changes the description.
///
/// The adapted head waits for the last point of decision of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// When the start is over.
    AtStart,
    /// When the service says so ([`Context::decide`](crate::Context::decide)), leaves, or has finished.
    Later,
}

impl Needs {
    /// The needs of a service that only looks at the payload, as it comes, and decides at its start.
    pub fn look() -> Self {
        Self { look_only: true, modifies: false, ..Self::default() }
    }
}

impl Default for Needs {
    /// The needs of a service that changes the payload as it comes, and decides at its start.
    fn default() -> Self {
        Self {
            body: Body::Streamed,
            look_only: false,
            modifies: true,
            decides: Decision::AtStart,
            decoded: false,
            holds: 0,
            refuses: false,
        }
    }
}
