//! Answers on their way to the client.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use icap_proto::{Encapsulated, Fields, LastChunk, ResponseHead, write_chunk, write_last_chunk};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// What is written at once.
const BATCH: usize = 32 * 1024;

/// Writes answers, with a limit to the time that the client may take none of them.
pub(super) struct Output<W> {
    writer: W,
    buffer: BytesMut,
    silence: Duration,
}

impl<W: AsyncWrite + Unpin> Output<W> {
    pub(super) fn new(writer: W, silence: Duration) -> Self {
        Self { writer, buffer: BytesMut::new(), silence }
    }

    /// Adds the head of an answer, and the head that it encapsulates.
    pub(super) fn head(&mut self, head: &ResponseHead, carries: Option<&Encapsulated>, section: &[u8]) {
        self.buffer.extend_from_slice(&head.encode(carries));
        self.buffer.extend_from_slice(section);
    }

    /// Adds octets of the body, and writes what has come together.
    pub(super) async fn body(&mut self, octets: &Bytes) -> io::Result<()> {
        write_chunk(&mut self.buffer, octets);
        if self.buffer.len() < BATCH { Ok(()) } else { self.flush().await }
    }

    /// Ends the body.
    pub(super) fn end(&mut self, trailer: Option<&HeaderMap>) {
        let mut fields = Fields::default();
        for (name, value) in trailer.into_iter().flatten() {
            // Whatever is a field of HTTP is one of ICAP.
            let _ = fields.push(name.as_str().to_owned(), Bytes::copy_from_slice(value.as_bytes()));
        }
        write_last_chunk(&mut self.buffer, LastChunk::End(&fields));
    }

    /// Ends the body with the original from an octet on.
    pub(super) fn end_with_original(&mut self, from: u64) {
        write_last_chunk(&mut self.buffer, LastChunk::UseOriginal(from));
    }

    /// Writes what has come together. Not cancel safe: what was written is not known then.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        while !self.buffer.is_empty() {
            let written = timeout(self.silence, self.writer.write_buf(&mut self.buffer)).await;
            if written.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        timeout(self.silence, self.writer.flush())
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    /// The end of the connection.
    pub(super) async fn shutdown(&mut self) {
        let _ = timeout(self.silence, self.writer.shutdown()).await;
    }
}
