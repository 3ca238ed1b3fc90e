//! The processor's side: a pool of connections to one callout server, each with many transactions.

mod breaker;
pub(crate) mod group;
pub(crate) mod guard;
pub(crate) mod inbox;
pub(crate) mod link;
mod notes;
pub(crate) mod pool;
mod transaction;

use std::sync::Arc;
use std::time::Duration;

use ocp_proto::Limits;
use opes_profile::http::{AuxParts, Extensions, Settings};
use opes_profile::notes::Unfit;
pub use opes_profile::notes::{Briefing, Notes};
use thiserror::Error;

use crate::budget::Budget;
use crate::clock::Clock;
pub use breaker::BreakerConfig;
pub use group::GroupSpec;
pub use inbox::{Adapted, TransactionError};
use pool::Pool;
pub use transaction::Transaction;

/// The longest silence about a message whose original is still on its way.
const REPORT: Duration = Duration::from_secs(10);

/// What is wanted of a transaction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish<'a> {
    pub(crate) spec: &'a GroupSpec,
    /// The size of the body in octets, where it is known exactly.
    pub(crate) length: Option<u64>,
    pub(crate) briefing: &'a Briefing,
}

/// Identifies a connection of a client for as long as the process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(u64);

/// How to reach a callout server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientConfig {
    /// Host and port.
    pub address: String,
    /// How long connecting and the first negotiation may take together.
    pub connect: Duration,
    /// The most connections.
    pub connections: usize,
    /// Limits of each connection; its progress time is how long the server may owe something.
    pub limits: Limits,
    /// When the server is left alone since it has failed.
    pub breaker: BreakerConfig,
    /// Groups that every new connection creates at once.
    pub groups: Vec<GroupSpec>,
    /// The parts of requests that are offered along with responses (RFC 4236 section 3.2.3): all those that the owners
    /// of transactions are able to give, since what a server selects has to be sent.
    pub aux: AuxParts,
    /// The extensions that are offered (`proto-spec/extensions/`). Trace records cost time on both sides, and the
    /// server's TE is waited for: they are left out by default.
    pub extensions: Extensions,
}

impl ClientConfig {
    /// The defaults for this address.
    pub fn new(address: impl Into<String>) -> Self {
        let limits = Limits {
            progress: Duration::from_secs(30),
            idle: Duration::from_secs(3600),
            ping: Some(Duration::from_secs(15)),
            report: Some(REPORT),
            ..Limits::default()
        };
        Self {
            address: address.into(),
            connect: Duration::from_secs(5),
            connections: 4,
            limits,
            breaker: BreakerConfig::default(),
            groups: Vec::new(),
            aux: AuxParts::REQUEST_HEADER,
            extensions: Extensions { trace_records: false, ..Extensions::ALL },
        }
    }
}

/// Why no transaction could be started.
#[derive(Debug, Clone, Error)]
pub enum ClientError {
    /// There is no connection.
    #[error("cannot connect to the callout server {address}: {reason}")]
    Connect {
        /// The server's address.
        address: String,
        /// What went wrong.
        reason: String,
    },
    /// The server has failed too often, or has fallen silent: it gets no transactions for a while.
    #[error("the callout server {address} has failed and is left alone for {} s", .left.as_secs_f32().ceil())]
    LeftAlone {
        /// The server's address.
        address: String,
        /// How long it is not tried, at least.
        left: Duration,
    },
    /// The server does not provide the services, or not under the profile.
    #[error("the callout server does not provide the services: {0}")]
    Services(String),
    /// The server did not answer in time.
    #[error("the callout server did not answer in time")]
    Timeout,
    /// The server cannot take a message of this size: past 2147483647 octets, extensions have to be negotiated (RFC
    /// 4037 section 10.3).
    #[error("the body of {0} octets is larger than the callout server can take")]
    TooLarge(u64),
    /// The rule has parameters, and the server does not take any (`proto-spec/extensions/variables.md`).
    #[error("the callout server does not take the parameters of the rule")]
    NoParameters,
    /// The rule's parameters cannot be sent.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// The client is shutting down.
    #[error("the client is shutting down")]
    Closed,
}

/// A client of one callout server. Its clones share its connections; when the last of them is dropped, every connection
/// ends with CE as soon as the transactions under way on it are over.
#[derive(Clone)]
pub struct Client(Arc<Owned>);

/// A pool until nobody can start transactions on it any more: its own tasks hold it for longer.
struct Owned(Arc<Pool>);

impl Drop for Owned {
    fn drop(&mut self) {
        self.0.retire();
    }
}

/// What is left of a client that nobody holds any more: connections whose last transactions are under way, or whose CE
/// is. It keeps no client from ending.
pub struct Remnant(Arc<Pool>);

impl Remnant {
    /// Whether the client has gone with all its connections.
    pub fn is_over(&self) -> bool {
        // Whoever drives or opens a connection holds the pool.
        Arc::strong_count(&self.0) == 1
    }

    /// As [`Client::close`].
    pub async fn close(self, drain: Duration) {
        self.0.close(drain).await;
    }
}

impl Client {
    /// A client that connects when it is first needed.
    pub fn new(config: ClientConfig) -> Self {
        Self(Arc::new(Owned(Arc::new(Pool::new(config, Clock::Real, Budget::default())))))
    }

    /// How it reaches the callout server.
    pub fn config(&self) -> &ClientConfig {
        self.pool().config()
    }

    fn pool(&self) -> &Arc<Pool> {
        &self.0.0
    }

    /// Starts a transaction for these services, on any connection but `avoid`. `length` is the size of the body in
    /// octets where it is known exactly. `briefing` is what the services are told, where the server takes that up;
    /// an empty one costs nothing. Cancel safe.
    ///
    /// # Errors
    /// No connection, or the services are not provided; or the rule has parameters that cannot be delivered. What else
    /// is in the briefing is left out where the server does not take it.
    pub async fn start(
        &self,
        spec: &GroupSpec,
        length: Option<u64>,
        avoid: Option<LinkId>,
        briefing: &Briefing,
    ) -> Result<Transaction, ClientError> {
        let wish = Wish { spec, length, briefing };
        self.pool().start(wish, avoid).await
    }

    /// Host and port of the callout server.
    pub fn address(&self) -> &str {
        self.pool().address()
    }

    /// What was negotiated for these services on some open connection; `None` where that is not known yet.
    pub fn settings(&self, spec: &GroupSpec) -> Option<Arc<Settings>> {
        self.pool().settings(spec)
    }

    /// Whether both are one client.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// For whoever gives the client up, and wants to see its connections end.
    pub fn remnant(&self) -> Remnant {
        Remnant(Arc::clone(self.pool()))
    }

    /// Takes no new transactions, waits up to `drain` for those under way, and ends every connection with CE.
    pub async fn close(&self, drain: Duration) {
        self.pool().close(drain).await;
    }
}
