//! The ICAP server (RFC 3507): what an ICAP client sends is adapted by the services of the processor.
//!
//! An answer refers to what the client has already wherever that is allowed: 204 for a message that services have left as
//! it was, 206 for one that they have left after its beginning. Otherwise it starts as soon as services have decided about
//! the head, while the message still comes.

mod answer;
mod connection;
mod hold;
mod intake;
mod message;
mod options;
mod output;
mod request;
mod services;
mod sides;
mod thought;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use opes_processor::http::{Processor, ServerTls};
use opes_processor::listening::Listening;

use connection::Serving;
pub use services::{LiveServices, Offer, Path, Services};

/// The port of ICAP (RFC 3507 section 4.2).
pub const PORT: u16 = 1344;

/// What an ICAP server does.
pub struct IcapConfig {
    /// Who adapts the messages; its rules are not used.
    pub processor: Processor,
    /// Which rules adapt what is sent to which path.
    pub services: LiveServices,
    /// Clients speak TLS (icaps); `None` for ICAP in clear.
    pub tls: Option<ServerTls>,
    /// The octets of a body that clients are asked to show first.
    pub preview: u64,
    /// Messages that services have left as they were get their trace, too, for which they cannot be answered by 204.
    pub always_trace: bool,
    /// Connections at a time; others wait to be accepted.
    pub connections: usize,
    /// The octets of the head of an ICAP message, and of the encapsulated heads.
    pub head_octets: usize,
    /// A client's TLS handshake, and the heads of a request; also the silence between requests.
    pub head_time: Duration,
    /// The silence of a client that sends a body, or that is to take an answer.
    pub silence: Duration,
    /// How long [`Icap::run`] waits for messages after its shutdown signal.
    pub drain: Duration,
}

impl IcapConfig {
    /// The defaults.
    pub fn new(processor: Processor, services: LiveServices) -> Self {
        Self {
            processor,
            services,
            tls: None,
            preview: 4096,
            always_trace: false,
            connections: 10_000,
            head_octets: 64 * 1024,
            head_time: Duration::from_secs(30),
            silence: Duration::from_secs(60),
            drain: Duration::from_secs(10),
        }
    }
}

/// An ICAP server that listens.
pub struct Icap {
    listening: Listening,
    serving: Arc<Serving>,
}

impl Icap {
    /// Listens on `address`.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn bind(address: SocketAddr, config: IcapConfig) -> io::Result<Self> {
        let listening = Listening::bind(address).await?;
        let acceptor = config.tls.as_ref().map(ServerTls::acceptor);
        Ok(Self { listening, serving: Arc::new(Serving { config, acceptor }) })
    }

    /// The address that is listened on, with its real port.
    ///
    /// # Errors
    /// The operating system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listening.local_addr()
    }

    /// Serves until `shutdown` completes; then takes no new messages, and waits up to the drain time for those under way.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self { listening, serving } = self;
        let (connections, drain) = (serving.config.connections, serving.config.drain);
        let serve = |stream, address, phase| {
            let serving = Arc::clone(&serving);
            async move { serving.serve(stream, address, phase).await }
        };
        listening.run(connections, drain, shutdown, serve).await;
    }
}
