//! Services of a gateway that are exchanged while it runs.

use std::convert::Infallible;
use std::time::Duration;

use ocp::client::Client;
use opes_gateway::icap::LiveServices;

use super::clients::Clients;
use super::{Occasions, warn_of};
use crate::config::{self, GatewayFile, LIVE_IN_GATEWAY, Written};

/// What a gateway offers, and what it was started with.
pub(crate) struct Offered {
    services: LiveServices,
    clients: Clients,
    owners: Vec<String>,
    started: Written,
}

impl Offered {
    pub(crate) fn new(
        services: LiveServices,
        clients: Vec<Client>,
        owners: Vec<String>,
        started: Written,
    ) -> Self {
        Self { services, clients: Clients::new(clients), owners, started }
    }

    /// Offers the services of the file on every occasion.
    pub(crate) async fn follow(&mut self, mut occasions: Occasions) -> Infallible {
        loop {
            let file = occasions.next(config::gateway).await;
            self.replace(file);
        }
    }

    fn replace(&mut self, file: GatewayFile) {
        warn_of(&self.started.changed(&file.written, LIVE_IN_GATEWAY));
        let (rules, services) = (file.offers.adaptation.rules(), file.offers.adaptation.services());
        let (snapshot, clients) = file.offers.into_services(self.owners.clone(), &self.clients.present);
        self.services.replace(snapshot);
        self.clients.replace(clients);
        tracing::info!(rules, services, "the configuration is reloaded");
    }

    /// Ends the connections to the callout servers, those with transactions under way after `drain` at the latest.
    pub(crate) async fn close(self, drain: Duration) {
        self.clients.close(drain).await;
    }
}
