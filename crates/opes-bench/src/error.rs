//! Why a run has no outcome.

use std::time::Duration;

use thiserror::Error;

use crate::icap::IcapError;

/// Why there is no outcome.
#[derive(Debug, Error)]
pub enum BenchError {
    /// The server cannot be reached, or the connection failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The server does not do what the load needs.
    #[error("{0}")]
    Server(String),
    /// What the server sends is not ICAP.
    #[error("not ICAP: {0}")]
    Icap(#[from] IcapError),
    /// The server closed a connection that is needed.
    #[error("the server closed the connection")]
    Closed,
    /// Not every connection could be made ready in time.
    #[error("only {ready} of {wanted} connections were ready after {} s", .waited.as_secs())]
    NotReady {
        /// Connections that were ready.
        ready: usize,
        /// Connections that the load needs.
        wanted: usize,
        /// How long they had.
        waited: Duration,
    },
    /// Nothing came back for long.
    #[error("nothing came back for {} s", .0.as_secs())]
    Stalled(Duration),
    /// No transaction ended well.
    #[error("no transaction ended well{}", .first.as_ref().map(|why| format!(": {why}")).unwrap_or_default())]
    Nothing {
        /// What the first one failed with.
        first: Option<String>,
    },
    /// The target was left out when this was built.
    #[error("ext-proc is not in this build; `cargo build --release -p opes --features ext-proc` has it")]
    NoExtProc,
    /// The load asks for what the target cannot do.
    #[error("{0}")]
    Load(&'static str),
}
