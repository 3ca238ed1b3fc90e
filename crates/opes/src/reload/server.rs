//! Services of a callout server that are exchanged while it runs.

use std::convert::Infallible;

use ocp::server::Hosting;

use super::{Occasions, warn_of};
use crate::config::{self, HostedServices, LIVE_IN_SERVER, ServerSettings, Written};

/// What a callout server hosts, and what it was started with.
pub(crate) struct Hosted {
    hosting: Hosting,
    services: HostedServices,
    started: Written,
}

impl Hosted {
    pub(crate) fn new(hosting: Hosting, services: HostedServices, started: Written) -> Self {
        Self { hosting, services, started }
    }

    /// Hosts the services of the file on every occasion.
    pub(crate) async fn follow(mut self, mut occasions: Occasions) -> Infallible {
        loop {
            let file = occasions.next(config::server).await;
            self.replace(file);
        }
    }

    fn replace(&mut self, file: ServerSettings) {
        warn_of(&self.started.changed(&file.written, LIVE_IN_SERVER));
        let mut services = file.services;
        services.keep(&self.services);
        self.hosting.replace(services.hosted());
        self.services = services;
        tracing::info!(services = self.services.count(), "the configuration is reloaded");
    }
}
