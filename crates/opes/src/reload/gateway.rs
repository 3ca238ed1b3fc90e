//! Services of a gateway that are exchanged while it runs.

use std::convert::Infallible;
use std::time::Duration;

use ocp::client::Client;
use opes_gateway::icap::{IcapConfig, LiveServices};
use opes_processor::http::ServerTls;

use super::clients::Clients;
use super::{Occasions, renew, warn_of};
use crate::config::{self, GatewayFile, LIVE_IN_GATEWAY, Written};

/// What a gateway offers, and what it was started with.
pub(crate) struct Offered {
    services: LiveServices,
    clients: Clients,
    /// What clients of the gateway are shown.
    tls: Option<ServerTls>,
    owners: Vec<String>,
    started: Written,
}

impl Offered {
    pub(crate) fn new(
        settings: &IcapConfig,
        clients: Vec<Client>,
        owners: Vec<String>,
        started: Written,
    ) -> Self {
        Self {
            services: settings.services.clone(),
            clients: Clients::new(clients),
            tls: settings.tls.clone(),
            owners,
            started,
        }
    }

    /// Offers the services of the file on every occasion.
    pub(crate) async fn follow(&mut self, mut occasions: Occasions) -> Infallible {
        loop {
            let file = occasions.next(config::gateway).await;
            self.replace(file);
        }
    }

    fn replace(&mut self, file: GatewayFile) {
        let mut in_vain = self.started.changed(&file.written, LIVE_IN_GATEWAY);
        if !renew(self.tls.as_ref(), file.tls.as_ref()) {
            in_vain.push("icap.tls".to_owned());
        }
        warn_of(&in_vain);
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
