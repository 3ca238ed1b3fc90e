//! How much of its messages an agent holds.

/// The most that the agents of one connection hold before they pause their peer, and before they read no further.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    /// A transaction that holds more than this asks its peer to pause; at a quarter of it the pause ends.
    pub(crate) transaction: usize,
    /// The transactions of a connection together; past it nothing more is read.
    pub(crate) connection: usize,
    /// What of a transaction may wait to be sent before the owner of its original has to wait.
    pub(crate) unsent: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { transaction: 256 * 1024, connection: 4 * 1024 * 1024, unsent: 128 * 1024 }
    }
}
