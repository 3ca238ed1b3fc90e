//! What has to be true of a connection when nothing is under way.

use ocp_proto::Connection;

use super::plan::Mood;
use super::wire::Wire;
use crate::driver::lock;
use crate::pilot::Agent;

/// Why a transaction or connection may fail at any time.
const ALWAYS: [&str; 3] =
    ["the message is not needed any more", "the service fails", "the original message failed"];

/// Why one may fail when connections end early.
const FAULTY: [&str; 3] = ["the server is shutting down", "the server stops", "the processor stops"];

/// Why one may fail when nobody is patient.
const HASTY: [&str; 2] = ["no progress for", "a service did not come to an end in time"];

/// What one agent still has.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    transactions: usize,
    queued: u64,
    kept: u64,
}

impl Left {
    const NOTHING: Self = Self { transactions: 0, queued: 0, kept: 0 };

    fn of(connection: &Connection) -> Self {
        let transactions = connection.transactions();
        Self { transactions, queued: connection.queued(), kept: connection.kept() }
    }
}

impl Wire {
    /// Whether no transaction is left on either side, and nothing is under way.
    pub(super) fn is_at_rest(&self) -> bool {
        let nothing =
            |connection: &Connection| Left::of(connection) == Left::NOTHING && connection.is_flushed();
        let under_way = self.from_client.octets() + self.from_server.octets();
        under_way == 0 && nothing(lock(&self.link).connection()) && nothing(lock(&self.host).connection())
    }

    /// Nothing is left of any transaction.
    pub(super) fn check_tables(&self) {
        let state = self.describe();
        let (mut link, mut host) = (lock(&self.link), lock(&self.host));
        assert_eq!(Left::of(link.connection()), Left::NOTHING, "the client: {state}");
        assert_eq!(Left::of(host.connection()), Left::NOTHING, "the server: {state}");
        let census = link.census();
        assert!(census.inboxes.is_empty() && census.held == 0, "the link has something left: {census:?}");
        assert!(census.blocked == 0 || link.closed().is_some(), "the link has somebody blocked: {census:?}");
        assert!(host.census().is_empty(), "the host has something left: {:?}", host.census());
        if !link.connection().is_closing() && !host.connection().is_closing() {
            self.client.borrow().check_rest();
            self.server.borrow().check_rest();
            for (xid, crossed, exact) in self.crossed.borrow().iter() {
                let Some(sent) = self.client.borrow().original_octets(*xid) else { continue };
                let fits = if *exact { *crossed == sent } else { *crossed <= sent };
                assert!(fits, "in transaction {xid} {sent} octets have crossed, not {crossed}");
            }
        }
    }

    /// Everything that failed did so for a reason that was to be expected.
    pub(super) fn check_failures(&self, mood: Mood) {
        let known: Vec<_> = match mood {
            Mood::Calm => ALWAYS.to_vec(),
            Mood::Faulty => [ALWAYS, FAULTY].concat(),
            Mood::Hasty => ALWAYS.into_iter().chain(HASTY).collect(),
        };
        let (client, server) = (self.client.borrow(), self.server.borrow());
        for reason in client.failures.iter().chain(&server.failures) {
            let parting = FAULTY[1..].contains(&reason.as_str());
            assert!(parting || known.iter().any(|known| reason.starts_with(known)), "a failure: {reason}");
        }
    }

    /// How far everything is, for messages about failures.
    pub(super) fn describe(&self) -> String {
        let (mut link, mut host) = (lock(&self.link), lock(&self.host));
        format!(
            "client: {:?} congested: {} {:?}; server: {:?} congested: {} {:?}; under way: {} and {}",
            Left::of(link.connection()),
            link.is_congested(),
            link.census(),
            Left::of(host.connection()),
            host.is_congested(),
            host.census(),
            self.from_client.octets(),
            self.from_server.octets(),
        )
    }
}
