//! The HTTP front end: a reverse or forward proxy whose messages are adapted.

mod apart;
mod asked;
mod body;
mod connection;
mod exchange;
mod expect;
mod failed;
mod fields;
mod followed;
mod forwarded;
mod framing;
mod hop;
mod inbound;
mod informational;
mod kept;
mod late;
mod layer;
mod linger;
mod message;
mod origin;
mod original;
mod page;
mod points;
mod processor;
mod protocol;
mod received;
mod request;
mod response;
mod tls;
mod told;
mod transaction;
mod transform;
mod transport;
mod tunnel;
mod upstream;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use opes_pages::SystemPage;
use thiserror::Error;

use crate::listening::Listening;
use crate::record::Recorder;
use crate::report::Observer;
use crate::rules::LiveRules;
use crate::system::System;
use connection::{Serving, serve};
use exchange::Shared;
use inbound::Reception;
use origin::{Origins, Patience, Route};
use upstream::Ways;

pub use apart::{About, Apart, Outcome};
pub use body::{BodyError, ProxyBody};
pub use followed::Followed;
pub use forwarded::Forwarded;
pub use layer::{Adapt, AdaptFuture, AdaptLayer};
pub use processor::Processor;
pub use tls::{OriginTls, ServerTls, TlsError};
pub use transform::Transformation;

/// Why the configured origin cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("an origin is an http or https URI without a path, such as http://127.0.0.1:9000")]
pub struct InvalidOrigin;

/// The origin of a reverse proxy.
#[derive(Debug, Clone)]
pub struct OriginUri(Route);

impl OriginUri {
    /// Whether the origin speaks TLS.
    pub fn is_secure(&self) -> bool {
        matches!(&self.0, Route::Origin { scheme, .. } if *scheme == Scheme::HTTPS)
    }
}

impl std::str::FromStr for OriginUri {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let uri: Uri = text.parse().map_err(|_| InvalidOrigin)?;
        let parts = uri.into_parts();
        let plain = parts.path_and_query.is_none_or(|path| path == "/");
        match (parts.scheme, parts.authority) {
            (Some(scheme), Some(authority))
                if (scheme == Scheme::HTTP || scheme == Scheme::HTTPS) && plain =>
            {
                Ok(Self(Route::Origin { scheme, authority }))
            }
            _ => Err(InvalidOrigin),
        }
    }
}

/// How long each phase of a message may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Connecting to an origin; a TLS handshake after that counts towards the head of the response.
    pub connect: Duration,
    /// A client's TLS handshake, and the head of a request; also the silence between requests.
    pub request_head: Duration,
    /// The silence of a client that is sending a body.
    pub request_body: Duration,
    /// An origin that has the request, until the head of its response.
    pub response_head: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            request_head: Duration::from_secs(30),
            request_body: Duration::from_secs(60),
            response_head: Duration::from_secs(120),
        }
    }
}

/// How much clients may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time; others wait to be accepted.
    pub connections: usize,
    /// Octets in the head of a request; and of a response, where that is more than the 384 KiB that it may have in any
    /// case.
    pub head_octets: usize,
    /// Fields in the head of a request (HTTP/1). A response may have 100, and as many as this where it is more than the
    /// default.
    pub fields: usize,
    /// Requests at a time on a connection (HTTP/2).
    pub streams: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 10_000, head_octets: 64 * 1024, fields: 200, streams: 200 }
    }
}

/// What an HTTP proxy does.
pub struct ProxyConfig {
    /// Where all requests go; `None` for a forward proxy, which goes where each request says.
    pub origin: Option<OriginUri>,
    /// Clients speak TLS, and this is what they are shown; `None` for HTTP in clear.
    pub tls: Option<ServerTls>,
    /// Which certificates https origins may show.
    pub origin_tls: OriginTls,
    /// Who we are in traces.
    pub system: System,
    /// Which messages are adapted.
    pub rules: LiveRules,
    /// Whether `Cache-Control: no-transform` is obeyed.
    pub transformation: Transformation,
    /// The ports that CONNECT may name; `None` for 443 and all from 1024 on.
    pub tunnel_ports: Option<Vec<u16>>,
    /// What origins are told of clients.
    pub forwarded: Forwarded,
    /// How long each phase may take.
    pub timeouts: Timeouts,
    /// How much clients may ask for.
    pub limits: Limits,
    /// How long [`Proxy::run`] waits for transactions after its shutdown signal.
    pub drain: Duration,
    /// Is told of every adaptation.
    pub observer: Arc<dyn Observer>,
    /// Keeps a record of each message that is adapted, if any does.
    pub recorder: Option<Recorder>,
    /// What everybody is told at the system's address; its services are those of the rules.
    pub page: Arc<SystemPage>,
}

impl ProxyConfig {
    /// A forward proxy with defaults for all the rest.
    pub fn new(
        system: System,
        rules: impl Into<LiveRules>,
        origin_tls: OriginTls,
        observer: Arc<dyn Observer>,
    ) -> Self {
        Self {
            origin: None,
            tls: None,
            origin_tls,
            page: Arc::new(system.page()),
            system,
            rules: rules.into(),
            transformation: Transformation::Forbiddable,
            tunnel_ports: None,
            forwarded: Forwarded::default(),
            timeouts: Timeouts::default(),
            limits: Limits::default(),
            drain: Duration::from_secs(10),
            observer,
            recorder: None,
        }
    }
}

/// An HTTP proxy that listens.
pub struct Proxy {
    listening: Listening,
    serving: Arc<Serving>,
    drain: Duration,
}

impl Proxy {
    /// Listens on `address`.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn bind(address: SocketAddr, config: ProxyConfig) -> io::Result<Self> {
        let listening = Listening::bind(address).await?;
        let Timeouts { connect, request_head, request_body, response_head } = config.timeouts;
        let reception = Reception {
            reverse: config.origin.is_some(),
            silence: request_body,
            forwarded: config.forwarded,
        };
        let route = config.origin.map_or(Route::Target, |origin| origin.0);
        let ways = Ways {
            origins: Origins::new(
                route,
                config.origin_tls,
                Patience { connect, response_head },
                &config.limits,
            ),
            reverse: reception.reverse,
            tunnel_ports: config.tunnel_ports,
            phase: listening.phase(),
        };
        let processor = Processor {
            system: config.system,
            rules: config.rules,
            transformation: config.transformation,
            observer: config.observer,
            recorder: config.recorder,
            page: config.page,
        };
        let adapt = AdaptLayer::new(processor);
        let shared = Shared { reception, adapt, ways: Arc::new(ways) };
        let serving = Serving {
            tls: config.tls,
            limits: config.limits,
            patience: request_head,
            shared: Arc::new(shared),
        };
        Ok(Self { listening, serving: Arc::new(serving), drain: config.drain })
    }

    /// The address that is listened on, with its real port.
    ///
    /// # Errors
    /// The operating system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listening.local_addr()
    }

    /// Serves until `shutdown` completes; then takes no new connections, and waits up to the drain time for messages
    /// under way. What is unfinished then, tunnels too, is broken off.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self { listening, serving, drain } = self;
        let connections = serving.limits.connections;
        let serve = |stream, address, phase| serve(Arc::clone(&serving), stream, address, phase);
        listening.run(connections, drain, shutdown, serve).await;
    }
}

#[cfg(test)]
mod tests;
