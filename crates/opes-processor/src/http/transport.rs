//! The transport of a client's connection: TCP, or TLS on it. hyper takes it and gives it back when it is done.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_rustls::server::TlsStream;

use super::framing::{Suspicion, Watch};

/// What octets travel on.
#[derive(Debug)]
pub(super) enum Transport {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Transport {
    /// Ends the connection so that nobody takes what was sent for whole, also where the end of the connection is the
    /// end of the message (RFC 9112 section 6.3, rule 8).
    pub(super) fn reset(self) {
        let stream = match &self {
            Self::Tcp(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        };
        if let Err(error) = stream.set_zero_linger() {
            tracing::debug!(%error, "a connection could not be reset");
        }
    }

    /// Whether the client speaks TLS.
    pub(super) fn is_secure(&self) -> bool {
        matches!(self, Self::Tls(_))
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, octets),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, octets),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }
}

/// A transport on loan: dropping the loan gives it back, also when it has become a tunnel.
pub(super) struct Loan<T> {
    /// `None` only while dropping.
    transport: Option<T>,
    /// What was read of it before.
    begun: Bytes,
    back: Option<oneshot::Sender<T>>,
    watch: Watch,
}

impl<T> Loan<T> {
    /// Lends a transport of which `begun` was read already, and says where it comes back.
    pub(super) fn new(transport: T, begun: Bytes) -> (Self, oneshot::Receiver<T>) {
        let (back, returned) = oneshot::channel();
        let mut watch = Watch::default();
        watch.look(&begun);
        (Self { transport: Some(transport), begun, back: Some(back), watch }, returned)
    }

    /// Whether what was read looks like a request with two framings.
    pub(super) fn suspicion(&self) -> Suspicion {
        self.watch.suspicion()
    }
}

impl<T> Drop for Loan<T> {
    fn drop(&mut self) {
        if let (Some(transport), Some(back)) = (self.transport.take(), self.back.take()) {
            // Nobody waits for it after a shutdown.
            let _ = back.send(transport);
        }
    }
}

/// What is left once a transport was given back.
fn gone() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

impl<T: AsyncRead + Unpin> AsyncRead for Loan<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.begun.has_remaining() {
            let size = this.begun.len().min(buffer.remaining());
            buffer.put_slice(&this.begun.split_to(size));
            return Poll::Ready(Ok(()));
        }
        match &mut this.transport {
            Some(transport) => {
                let before = buffer.filled().len();
                let read = Pin::new(transport).poll_read(cx, buffer);
                this.watch.look(&buffer.filled()[before..]);
                read
            }
            None => Poll::Ready(Err(gone())),
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Loan<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().transport {
            Some(transport) => Pin::new(transport).poll_write(cx, octets),
            None => Poll::Ready(Err(gone())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().transport {
            Some(transport) => Pin::new(transport).poll_flush(cx),
            None => Poll::Ready(Err(gone())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().transport {
            Some(transport) => Pin::new(transport).poll_shutdown(cx),
            None => Poll::Ready(Err(gone())),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().transport {
            Some(transport) => Pin::new(transport).poll_write_vectored(cx, slices),
            None => Poll::Ready(Err(gone())),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn what_was_read_before_is_read_first() {
        let (ours, mut client) = tokio::io::duplex(64);
        let (mut loan, returned) = Loan::new(ours, Bytes::from_static(b"GE"));
        client.write_all(b"T /").await.expect("room");
        let mut read = [0; 5];
        loan.read_exact(&mut read).await.expect("five octets");
        assert_eq!(&read, b"GET /");
        drop(loan);
        let mut ours = returned.await.expect("comes back");
        client.write_all(b"!").await.expect("still open");
        assert_eq!(ours.read_u8().await.expect("an octet"), b'!');
    }
}
