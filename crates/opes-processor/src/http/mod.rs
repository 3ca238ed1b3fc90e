//! The HTTP front end: a reverse or forward proxy whose messages are adapted.

mod body;
mod exchange;
mod linger;
mod message;
mod origin;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::report::Observer;
use crate::rules::Rules;
use crate::system::System;
use exchange::Shared;
use linger::{PATIENCE, linger};
use origin::{Origins, Route};

pub use body::{BodyError, ProxyBody};

/// How long a client may take to send the head of a request.
const HEAD_TIME: Duration = Duration::from_secs(30);

/// Why the configured origin cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("an origin is an http URI without a path, such as http://127.0.0.1:9000")]
pub struct InvalidOrigin;

/// The origin of a reverse proxy.
#[derive(Debug, Clone)]
pub struct OriginUri(Route);

impl std::str::FromStr for OriginUri {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let uri: Uri = text.parse().map_err(|_| InvalidOrigin)?;
        let parts = uri.into_parts();
        let plain = parts.path_and_query.is_none_or(|path| path == "/");
        match (parts.scheme, parts.authority) {
            (Some(scheme), Some(authority)) if scheme == Scheme::HTTP && plain => {
                Ok(Self(Route::Origin { scheme, authority }))
            }
            _ => Err(InvalidOrigin),
        }
    }
}

/// What an HTTP proxy does.
pub struct ProxyConfig {
    /// Where all requests go; `None` for a forward proxy, which goes where each request says.
    pub origin: Option<OriginUri>,
    /// Who we are in traces.
    pub system: System,
    /// Which messages are adapted.
    pub rules: Rules,
    /// How long connecting to an origin may take.
    pub connect: Duration,
    /// How long [`Proxy::run`] waits for transactions after its shutdown signal.
    pub drain: Duration,
    /// Is told of every adaptation.
    pub observer: Arc<dyn Observer>,
}

/// An HTTP proxy that listens.
pub struct Proxy {
    listener: TcpListener,
    shared: Arc<Shared>,
    drain: Duration,
}

impl Proxy {
    /// Listens on `address`.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn bind(address: SocketAddr, config: ProxyConfig) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let route = config.origin.map_or(Route::Target, |origin| origin.0);
        let origins = Origins::new(route, config.connect);
        let shared =
            Shared { system: config.system, rules: config.rules, origins, observer: config.observer };
        Ok(Self { listener, shared: Arc::new(shared), drain: config.drain })
    }

    /// The address that is listened on, with its real port.
    ///
    /// # Errors
    /// The operating system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `shutdown` completes; then takes no new connections, and waits up to the drain time for messages
    /// under way. What is unfinished then is broken off.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let (stop, stopping) = watch::channel(false);
        let mut connections = JoinSet::new();
        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(serve(stream, Arc::clone(&self.shared), stopping.clone()));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                },
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
            }
        }
        drop(self.listener);
        let _ = stop.send(true);
        let all = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(self.drain, all).await.is_err() {
            tracing::warn!("the drain time is over; unfinished messages are broken off");
        }
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>, mut stopping: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(exchange::handle(shared, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .serve_connection(TokioIo::new(&mut stream), service);
    let mut stop = pin!(async {
        let _ = stopping.wait_for(|stopping| *stopping).await;
    });
    let ended = {
        let mut connection = pin!(connection);
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = &mut stop => {
                connection.as_mut().graceful_shutdown();
                let _ = connection.await;
                return;
            }
        }
    };
    if let Err(error) = &ended {
        tracing::debug!(%error, "a client's connection ended");
    }
    // A response that failed is to look broken off; one that is whole, or says that the request is malformed, is to
    // be read.
    if ended.map_or_else(|error| error.is_parse(), |()| true) {
        tokio::select! {
            () = linger(&mut stream, PATIENCE) => {}
            () = stop => {}
        }
    }
}
