//! The clients of callout servers through every reload.

use std::time::Duration;

use ocp::client::{Client, Remnant};
use tokio::task::JoinSet;

/// Clients of the present rules. Those of earlier rules end by themselves once no message goes by these any more.
pub(super) struct Clients {
    pub(super) present: Vec<Client>,
    /// What is left of those of earlier rules.
    pub(super) retired: Vec<Remnant>,
}

impl Clients {
    pub(super) fn new(present: Vec<Client>) -> Self {
        Self { present, retired: Vec::new() }
    }

    /// Other rules are in force, with these clients.
    pub(super) fn replace(&mut self, clients: Vec<Client>) {
        self.retired.retain(|remnant| !remnant.is_over());
        let before = std::mem::replace(&mut self.present, clients);
        let gone = |client: &&Client| !self.present.iter().any(|known| known.is_same(client));
        self.retired.extend(before.iter().filter(gone).map(Client::remnant));
    }

    /// Ends the connections to the callout servers, those with transactions under way after `drain` at the latest.
    pub(super) async fn close(self, drain: Duration) {
        let mut closing = JoinSet::new();
        for remnant in self.retired {
            closing.spawn(remnant.close(drain));
        }
        for client in self.present {
            closing.spawn(async move { client.close(drain).await });
        }
        closing.join_all().await;
    }
}
