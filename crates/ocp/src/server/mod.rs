//! The callout server: listens, hosts services on each connection, and drains gracefully.

mod adaptation;
mod body;
mod connections;
pub(crate) mod host;
mod notes;
mod original;
mod recoded;
mod services;
mod wanted;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ocp_proto::Limits;
use opes_profile::http::{AuxParts, Extensions, Wanted};
use tokio::net::{TcpListener, TcpStream};

use crate::budget::Budget;
use crate::clock::Clock;
use crate::driver::Driver;
use crate::transport::Transport;
use connections::Connections;
pub use connections::Hosting;
use host::{Host, HostSettings};
pub use opes_coding::Bounds;
pub(crate) use original::HEAD_OCTETS;
pub use recoded::Recoding;
pub use services::Services;

/// What a callout server offers and bears.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// The hosted services.
    pub services: Services,
    /// Connections at a time; a further one is refused with CE.
    pub connections: usize,
    /// Limits of each connection.
    pub limits: Limits,
    /// How long a service may wait for something outside before its message fails.
    pub patience: Duration,
    /// The most octets of a message's head.
    pub head_octets: usize,
    /// How coded bodies are decoded for services that want that.
    pub recoding: Arc<Recoding>,
    /// How long [`Server::run`] waits for transactions after its shutdown signal.
    pub drain: Duration,
}

impl ServerConfig {
    /// Hosts these services under the default limits.
    pub fn new(services: Services) -> Self {
        Self {
            services,
            connections: 1024,
            limits: Limits::default(),
            patience: Duration::from_secs(300),
            head_octets: HEAD_OCTETS,
            recoding: Arc::default(),
            drain: Duration::from_secs(10),
        }
    }
}

/// A callout server that listens.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    config: ServerConfig,
    hosting: Hosting,
}

impl Server {
    /// Listens on `address`.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn bind(address: SocketAddr, config: ServerConfig) -> io::Result<Self> {
        let hosting = Hosting::new(config.services.clone(), config.drain);
        Ok(Self { listener: TcpListener::bind(address).await?, config, hosting })
    }

    /// Exchanges the services while the server runs.
    pub fn hosting(&self) -> Hosting {
        self.hosting.clone()
    }

    /// The address that is listened on, with its real port.
    ///
    /// # Errors
    /// The operating system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `shutdown` completes; then takes no new connections and transactions, waits up to the drain time
    /// for those under way, and ends every connection with CE.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let connections = Arc::clone(&self.hosting.connections);
        let wanted = Arc::new(wanted());
        let mut shutdown = pin!(shutdown);
        let mut number = 0_u64;
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        number += 1;
                        serve(number, stream, &self.config, &connections, &wanted);
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        // Out of descriptors, most likely: trying again at once would only burn time.
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                },
            }
        }
        drop(self.listener);
        connections.each(Host::drain);
        if tokio::time::timeout(self.config.drain, connections.all_gone()).await.is_err() {
            tracing::warn!(
                connections = connections.count(),
                "the drain time is over; ending what is unfinished"
            );
            connections.each(Host::stop);
            let _ = tokio::time::timeout(Duration::from_secs(2), connections.all_gone()).await;
        }
    }
}

/// Response services need to know what was asked for.
pub(crate) fn wanted() -> Wanted {
    Wanted { aux: AuxParts::REQUEST_HEADER, extensions: Extensions::ALL, ..Wanted::default() }
}

fn serve(
    number: u64,
    stream: TcpStream,
    config: &ServerConfig,
    connections: &Arc<Connections>,
    wanted: &Arc<Wanted>,
) {
    let mut host = Host::new(HostSettings {
        services: Services::new(), // those of the moment come with its place among the connections
        wanted: Arc::clone(wanted),
        limits: config.limits.clone(),
        patience: config.patience,
        most_head: config.head_octets,
        recoding: Arc::clone(&config.recoding),
        clock: Clock::Real,
        budget: Budget::default(),
        open: connections.open(),
    });
    let full = connections.count() >= config.connections;
    if full {
        host.refuse("too many connections");
    }
    let Ok(transport) = Transport::tcp(stream) else { return };
    let host = Arc::new(Mutex::new(host));
    let connections = Arc::clone(connections);
    if !full {
        connections.add(number, &host);
    }
    tokio::spawn(async move {
        Driver::new(host, transport).await;
        connections.remove(number);
    });
}
