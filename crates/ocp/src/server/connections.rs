//! The connections of a server, and the services that all of them host.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;

use super::host::Host;
use super::services::Services;
use crate::driver::lock;

/// The services that a running server hosts, to be exchanged. Clones are about the same server.
#[derive(Clone)]
pub struct Hosting {
    pub(super) connections: Arc<Connections>,
    patience: Duration,
}

impl Hosting {
    pub(super) fn new(services: Services, patience: Duration) -> Self {
        let state = State { hosts: HashMap::new(), services };
        let connections = Connections { state: Mutex::new(state), gone: Notify::new(), open: Arc::default() };
        Self { connections: Arc::new(connections), patience }
    }

    /// Hosts these services from now on.
    ///
    /// On connections with groups of services that are replaced, these groups keep the services of before until no
    /// transaction is under way, or for the drain time of the server where that never comes; transactions that start
    /// after that have the new services. Where one of them is gone, or needs other parts of messages than were negotiated,
    /// the connection ends then, so that the processor connects anew. A service that is the same factory as before (the
    /// same `Arc`) is not replaced.
    pub fn replace(&self, services: Services) {
        let hosts = self.connections.exchange(services.clone());
        for host in hosts {
            lock(&host).replace(services.clone(), self.patience);
        }
    }
}

impl std::fmt::Debug for Hosting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hosting").field("patience", &self.patience).finish_non_exhaustive()
    }
}

/// The connections of a server by a running number.
pub(super) struct Connections {
    state: Mutex<State>,
    gone: Notify,
    open: Arc<AtomicUsize>,
}

/// Both change together, so that no connection misses an exchange.
struct State {
    hosts: HashMap<u64, Arc<Mutex<Host>>>,
    services: Services,
}

impl Connections {
    pub(super) fn each(&self, act: impl Fn(&mut Host)) {
        let hosts = lock(&self.state).all();
        for host in hosts {
            act(&mut lock(&host));
        }
    }

    fn exchange(&self, services: Services) -> Vec<Arc<Mutex<Host>>> {
        let mut state = lock(&self.state);
        state.services = services;
        state.all()
    }

    /// Adds a connection, which from now on hosts the services of the moment.
    pub(super) fn add(&self, number: u64, host: &Arc<Mutex<Host>>) {
        let mut state = lock(&self.state);
        lock(host).replace(state.services.clone(), Duration::ZERO);
        state.hosts.insert(number, Arc::clone(host));
        self.open.store(state.hosts.len(), Ordering::Relaxed);
    }

    pub(super) fn remove(&self, number: u64) {
        let mut state = lock(&self.state);
        state.hosts.remove(&number);
        self.open.store(state.hosts.len(), Ordering::Relaxed);
        self.gone.notify_waiters();
    }

    pub(super) fn count(&self) -> usize {
        lock(&self.state).hosts.len()
    }

    /// How many there are, kept up to date.
    pub(super) fn open(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.open)
    }

    pub(super) async fn all_gone(&self) {
        loop {
            let gone = self.gone.notified();
            let mut gone = pin!(gone);
            gone.as_mut().enable();
            if self.count() == 0 {
                return;
            }
            gone.await;
        }
    }
}

impl State {
    fn all(&self) -> Vec<Arc<Mutex<Host>>> {
        self.hosts.values().map(Arc::clone).collect()
    }
}
