//! How much of its messages an agent holds.

/// The most that the agents of one connection hold before they pause their peer, and before they read no further.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    /// A transaction that holds more than this asks its peer to pause; at a quarter of it the pause ends.
    pub(crate) transaction: usize,
    /// A transaction that holds more than this although its peer was asked to pause is ended.
    pub(crate) flood: usize,
    /// The transactions of a connection together; past it nothing more is read. It is more than all of them ask for
    /// and what may be under way, so that peers who pause when they are asked never come to it.
    pub(crate) connection: usize,
    /// What of a transaction may wait to be sent before the owner of its original has to wait.
    pub(crate) unsent: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            transaction: 256 * 1024,
            flood: 8 * 1024 * 1024,
            connection: 32 * 1024 * 1024,
            unsent: 128 * 1024,
        }
    }
}

/// The least that a transaction may hold before it asks its peer to pause.
const LEAST: usize = 16 * 1024;

impl Budget {
    /// What each of so many transactions may hold before it asks its peer to pause: together half of the connection's.
    pub(crate) fn share(&self, transactions: usize) -> usize {
        let fair = self.connection / 2 / transactions.max(1);
        fair.max(LEAST).min(self.transaction)
    }
}
