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
    /// The connections of a server together: the more there are, the less each may hold, but never less than
    /// [`LEAST_OF_CONNECTION`].
    pub(crate) process: usize,
    /// What of a transaction may wait to be sent before the owner of its original has to wait.
    pub(crate) unsent: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            transaction: 256 * 1024,
            flood: 8 * 1024 * 1024,
            connection: 32 * 1024 * 1024,
            process: 1024 * 1024 * 1024,
            unsent: 128 * 1024,
        }
    }
}

/// The least that a transaction may hold before it asks its peer to pause.
const LEAST: usize = 16 * 1024;

/// The least that a connection may hold before nothing more is read.
const LEAST_OF_CONNECTION: usize = 1024 * 1024;

impl Budget {
    /// The budget of one of so many connections.
    pub(crate) fn among(&self, connections: usize) -> Self {
        let fair = (self.process / connections.max(1)).max(LEAST_OF_CONNECTION);
        Self { connection: self.connection.min(fair), ..*self }
    }

    /// What each of so many transactions may hold before it asks its peer to pause: together half of the connection's.
    pub(crate) fn share(&self, transactions: usize) -> Share {
        let fair = self.connection / 2 / transactions.max(1);
        Share { high: fair.max(LEAST).min(self.transaction), flood: self.flood }
    }
}

/// The budget of one transaction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    /// Past this it asks its peer to pause.
    pub(crate) high: usize,
    /// With so much more after that it is ended.
    pub(crate) flood: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_share_what_the_process_may_hold() {
        let budget = Budget::default();
        assert_eq!(budget.among(0).connection, 32 << 20);
        assert_eq!(budget.among(32).connection, 32 << 20);
        assert_eq!(budget.among(64).connection, 16 << 20);
        assert_eq!(budget.among(1024).connection, 1 << 20);
        assert_eq!(budget.among(100_000).connection, LEAST_OF_CONNECTION);
        let small = Budget { connection: 5000, ..budget };
        assert_eq!(small.among(100_000).connection, 5000);
    }

    #[test]
    fn transactions_share_half_of_what_their_connection_may_hold() {
        let budget = Budget::default();
        assert_eq!(budget.share(1).high, budget.transaction);
        assert_eq!(budget.share(1024).high, LEAST);
        assert_eq!(budget.among(64).share(100).high, (8 << 20) / 100);
    }
}
