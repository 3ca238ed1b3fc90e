//! Rules of a proxy that are exchanged while it runs.

use std::convert::Infallible;
use std::time::Duration;

use ocp::client::Client;
use opes_processor::http::ProxyConfig;
use opes_processor::rules::LiveRules;

use super::{Occasions, warn_of};
use crate::config::{self, LIVE_IN_PROXY, ProxyFile, Written};

/// What a proxy adapts by, and what it was started with.
pub(crate) struct Adapting {
    rules: LiveRules,
    /// Clients of the present rules. Those of earlier rules end by themselves once no message goes by these any more.
    clients: Vec<Client>,
    owners: Vec<String>,
    started: Written,
}

impl Adapting {
    pub(crate) fn new(settings: &ProxyConfig, clients: Vec<Client>, started: Written) -> Self {
        Self { rules: settings.rules.clone(), clients, owners: settings.system.owners(), started }
    }

    /// Puts the rules of the file in force on every occasion.
    pub(crate) async fn follow(&mut self, mut occasions: Occasions) -> Infallible {
        loop {
            let file = occasions.next(config::proxy).await;
            self.replace(file);
        }
    }

    fn replace(&mut self, file: ProxyFile) {
        warn_of(&self.started.changed(&file.written, LIVE_IN_PROXY));
        let (rules, services) = (file.adaptation.rules(), file.adaptation.services());
        let (snapshot, clients) = file.adaptation.into_rules(self.owners.clone(), &self.clients);
        self.rules.replace(snapshot);
        self.clients = clients;
        tracing::info!(rules, services, "the configuration is reloaded");
    }

    /// Ends the connections to the callout servers, those with transactions under way after `drain` at the latest.
    pub(crate) async fn close(self, drain: Duration) {
        for client in self.clients {
            client.close(drain).await;
        }
    }
}
