//! What is measured, and how.

use std::net::SocketAddr;
use std::time::Duration;

pub use opes_profile::http::Profile;

use crate::error::BenchError;

/// What kind of server is put under load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// An OCP callout server.
    Ocp,
    /// An ICAP server (RFC 3507).
    Icap,
    /// A processor of Envoy's ext_proc filter; only with the feature `ext-proc`.
    ExtProc,
    /// An echo of length-prefixed messages: what the machine and its loopback give at best.
    Raw,
}

impl Target {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ocp => "ocp",
            Self::Icap => "icap",
            Self::ExtProc => "ext-proc",
            Self::Raw => "raw",
        }
    }

    /// Whether a connection carries one message at a time, so that it takes a connection for each.
    fn one_at_a_time(self) -> bool {
        matches!(self, Self::Icap)
    }
}

/// What the service does with the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The whole message comes back over the wire, and every octet is checked.
    Echo,
    /// The service only looks; the load generator keeps the message, so that it need not come back.
    Look,
}

impl Mode {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Look => "look",
        }
    }
}

/// When transactions start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Arrivals {
    /// A closed loop: each place in flight starts its next transaction so long after the end of the one before.
    Closed {
        /// The pause between them.
        think: Duration,
    },
    /// An open loop: so many start each second, whatever the server does. One that finds no place in flight waits, and
    /// the wait is a part of its latency.
    Open {
        /// Arrivals a second, over all connections.
        rate: f64,
    },
}

/// When a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// After this time.
    Time(Duration),
    /// After so many transactions, good or not.
    Count(u64),
}

/// A load.
#[derive(Debug, Clone)]
pub struct Load {
    /// What kind of server it is.
    pub target: Target,
    /// Where it listens.
    pub address: SocketAddr,
    /// Octets of the body.
    pub size: usize,
    /// Octets of one piece of the body.
    pub chunk: usize,
    /// Transactions at a time, over all connections.
    pub inflight: usize,
    /// Connections; see [`Load::connections`].
    pub connections: usize,
    /// When transactions start.
    pub arrivals: Arrivals,
    /// When the run ends.
    pub extent: Extent,
    /// What goes before and is not counted.
    pub warm_up: Duration,
    /// What the service does.
    pub mode: Mode,
    /// The application profile.
    pub profile: Profile,
    /// The services to ask an OCP server for.
    pub services: Vec<String>,
    /// The path of the ICAP service.
    pub path: String,
    /// OCP: other messages of this size, so many a second, on the same connections. They are checked, not counted.
    pub background: Option<(usize, f64)>,
    /// Octets that an ICAP server gets to see before it says whether it wants the rest.
    pub preview: Option<usize>,
    /// The server's process, whose processor time is reported.
    pub server_pid: Option<u32>,
}

impl Load {
    /// Connections that the load opens: as asked for, but never more than there are transactions at a time, and as many
    /// as that where a connection carries one at a time.
    pub fn connections(&self) -> usize {
        let inflight = self.inflight.max(1);
        if self.target.one_at_a_time() { inflight } else { self.connections.clamp(1, inflight) }
    }

    /// Transactions at a time on one of the connections.
    pub(crate) fn share(&self, connection: usize) -> usize {
        let (inflight, connections) = (self.inflight.max(1), self.connections());
        inflight / connections + usize::from(connection < inflight % connections)
    }

    /// The longest time in which nothing may start by what the load says.
    pub(crate) fn pause(&self) -> Duration {
        match self.arrivals {
            Arrivals::Closed { think } => think,
            Arrivals::Open { rate } => Duration::from_secs_f64(1.0 / rate),
        }
    }

    /// Refuses what cannot be measured.
    pub(crate) fn check(&self) -> Result<(), BenchError> {
        if self.target == Target::Raw && self.size >= 1 << 31 {
            return Err(BenchError::Load("a raw message is smaller than 2 GiB"));
        }
        if matches!(self.arrivals, Arrivals::Open { rate } if !(SLOWEST..=FASTEST).contains(&rate)) {
            return Err(BenchError::Load("the rate has to be from 0.001 to 1000000000 arrivals a second"));
        }
        if matches!(self.background, Some((_, rate)) if !(SLOWEST..=FASTEST).contains(&rate)) {
            return Err(BenchError::Load(
                "the rate of the background has to be from 0.001 to 1000000000 a second",
            ));
        }
        let time = match self.extent {
            Extent::Time(time) => time,
            Extent::Count(_) => Duration::ZERO,
        };
        if [time, self.warm_up, self.pause()].into_iter().any(|time| time > DAY) {
            return Err(BenchError::Load("no time of a run may be longer than a day"));
        }
        Ok(())
    }
}

const SLOWEST: f64 = 0.001;
const FASTEST: f64 = 1e9;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
