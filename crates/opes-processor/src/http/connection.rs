//! A client's connection, from its first octet to its last.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::Limits;
use super::exchange::{self, Shared};
use super::inbound::Peer;
use super::linger::{PATIENCE, linger};
use super::protocol::{Protocol, detect};
use super::tls::ServerTls;
use super::transport::{Loan, Transport};
use crate::listening::Phase;

/// What all connections of a proxy are served with.
pub(super) struct Serving {
    pub(super) tls: Option<ServerTls>,
    pub(super) limits: Limits,
    /// How long a client may take for a TLS handshake, and for the head of a request.
    pub(super) patience: Duration,
    pub(super) shared: Arc<Shared>,
}

/// Serves a client until either side ends the connection, or the proxy stops.
pub(super) async fn serve(
    serving: Arc<Serving>,
    stream: TcpStream,
    address: SocketAddr,
    mut phase: watch::Receiver<Phase>,
) {
    let _ = stream.set_nodelay(true);
    let until = phase.clone();
    let opened = tokio::select! {
        opened = serving.open(stream) => opened,
        // One that has not begun is not waited for.
        _ = phase.wait_for(|phase| *phase != Phase::Serving) => return,
    };
    let served = async {
        match opened {
            Ok((transport, protocol, begun)) => {
                serving.speak(transport, protocol, begun, address, until).await;
            }
            Err(error) => tracing::debug!(%error, %address, "a client did not begin"),
        }
    };
    tokio::select! {
        () = served => {}
        _ = phase.wait_for(|phase| *phase == Phase::Over) => {}
    }
}

impl Serving {
    /// Finds out what the client speaks.
    async fn open(&self, mut stream: TcpStream) -> io::Result<(Transport, Protocol, Bytes)> {
        let Some(tls) = &self.tls else {
            let (protocol, begun) = detect(&mut stream, self.patience).await?;
            return Ok((Transport::Tcp(stream), protocol, begun));
        };
        let accepting = TlsAcceptor::from(Arc::clone(&tls.config)).accept(stream);
        let stream = timeout(self.patience, accepting)
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let protocol = if http2 { Protocol::Http2 } else { Protocol::Http1 };
        Ok((Transport::Tls(Box::new(stream)), protocol, Bytes::new()))
    }

    async fn speak(
        &self,
        transport: Transport,
        protocol: Protocol,
        begun: Bytes,
        address: SocketAddr,
        phase: watch::Receiver<Phase>,
    ) {
        let secure = transport.is_secure();
        let (loan, returned) = Loan::new(transport, begun);
        let delimited_by_close = Arc::new(AtomicBool::new(false));
        let peer = Peer {
            address,
            secure,
            suspicion: loan.suspicion(),
            delimited_by_close: Arc::clone(&delimited_by_close),
        };
        let shared = Arc::clone(&self.shared);
        let service = service_fn(move |request| {
            let (shared, peer) = (Arc::clone(&shared), peer.clone());
            async move { Ok::<_, Infallible>(exchange::handle(shared, request, peer).await) }
        });
        let io = TokioIo::new(loan);
        let ended = match protocol {
            Protocol::Http1 => {
                let connection = self.http1().serve_connection(io, service).with_upgrades();
                until_ended(connection, |connection| connection.graceful_shutdown(), phase.clone()).await
            }
            Protocol::Http2 => {
                let connection = self.http2().serve_connection(io, service);
                until_ended(connection, |connection| connection.graceful_shutdown(), phase.clone()).await
            }
        };
        if let Err(error) = &ended {
            if error.is_parse_too_large() {
                tracing::info!(%address, "a request's head is larger than limits.head_bytes, or has more fields than limits.head_fields");
            }
            tracing::debug!(%error, %address, "a client's connection ended");
        }
        // It comes back at once, or when the tunnel that it has become has ended.
        let Ok(mut transport) = returned.await else { return };
        if ended.as_ref().is_err_and(hyper::Error::is_user) && delimited_by_close.load(Ordering::Relaxed) {
            return transport.reset();
        }
        // A response that failed is to look broken off; one that is whole, or says that the request is malformed, is
        // to be read.
        let to_be_read = ended.map_or_else(|error| error.is_parse(), |()| true);
        if to_be_read && *phase.borrow() == Phase::Serving {
            let mut phase = phase;
            tokio::select! {
                () = linger(&mut transport, PATIENCE) => {}
                _ = phase.wait_for(|phase| *phase != Phase::Serving) => {}
            }
        }
    }

    fn http1(&self) -> http1::Builder {
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(self.patience)
            .max_headers(self.limits.fields)
            .max_header_size(self.limits.head_octets);
        if let Some(octets) = head_buffer(self.limits.head_octets) {
            builder.max_buf_size(octets);
        }
        builder
    }

    fn http2(&self) -> http2::Builder<TokioExecutor> {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(self.limits.head_octets).unwrap_or(u32::MAX))
            .max_concurrent_streams(self.limits.streams)
            .keep_alive_interval(self.patience)
            .keep_alive_timeout(self.patience);
        builder
    }
}

/// What hyper has to be allowed to read ahead for heads of this size, where that is more than it takes by itself.
pub(super) fn head_buffer(octets: usize) -> Option<usize> {
    // With its buffer hyper reads at most 400 KiB and 8 KiB; a head and what follows it are read at once.
    (octets > 384 * 1024).then(|| octets.saturating_add(64 * 1024))
}

/// Drives a connection. When the proxy stops, messages under way are finished and no others taken.
async fn until_ended<C: Future<Output = Result<(), hyper::Error>>>(
    connection: C,
    stop: impl FnOnce(Pin<&mut C>),
    mut phase: watch::Receiver<Phase>,
) -> Result<(), hyper::Error> {
    let mut connection: Pin<&mut C> = pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return ended,
        _ = phase.wait_for(|phase| *phase != Phase::Serving) => {}
    }
    stop(connection.as_mut());
    connection.await
}
