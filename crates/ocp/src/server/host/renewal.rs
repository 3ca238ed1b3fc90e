//! Services that are exchanged while groups of them are in use.

use std::sync::Arc;
use std::time::Duration;

use super::super::body::Served;
use super::super::services::Services;
use super::super::wanted::wanted;
use super::{Group, Host};

impl Host {
    /// Hosts other services for the groups that come from now on. Groups of before keep theirs until no transaction is
    /// under way, or for `patience` where that never comes; then they are [renewed](Self::renew).
    pub(crate) fn replace(&mut self, services: Services, patience: Duration) {
        self.services = services;
        if self.outdated.is_none() && !self.is_current() {
            self.outdated = Some(self.clock.now() + patience);
        }
        self.wake();
    }

    /// Gives the present services to the groups of before, for transactions that start from now on. To end the
    /// connection instead would lose what is on its way to us: OCP cannot announce an end. Only where a group cannot go
    /// on does the connection end, and new transactions are refused until then.
    pub(super) fn renew(&mut self) {
        self.outdated = None;
        for group in self.groups.values_mut() {
            let hosted = |service| self.services.successor(service).map(Arc::clone);
            let services = group.served.services.iter().map(hosted).collect::<Option<Vec<_>>>();
            // What was negotiated for the group stays, so it has to be right for the successors, too.
            let fits = |services: &Vec<_>| {
                wanted(&self.wanted, services) == wanted(&self.wanted, &group.served.services)
            };
            if let Some(services) = services.filter(fits) {
                group.served = Arc::new(Served { services, recoding: Arc::clone(&self.recoding) });
            }
        }
        self.draining |= !self.is_current();
    }

    /// Whether every group has the services that are hosted now.
    fn is_current(&self) -> bool {
        let current = |group: &Group| {
            let mut services = group.served.services.iter();
            services
                .all(|service| self.services.successor(service).is_some_and(|now| Arc::ptr_eq(now, service)))
        };
        self.groups.values().all(current)
    }
}
