//! Which version of HTTP a client speaks on a connection in clear.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

/// How HTTP/2 begins (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A protocol between the client and us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// Reads as far as it takes to tell HTTP/2 with prior knowledge (RFC 9113 section 3.3) from HTTP/1, and gives back
/// what was read.
///
/// # Errors
/// The client failed, or was silent for `patience` before that much had come.
pub(super) async fn detect(
    stream: &mut (impl AsyncRead + Unpin),
    patience: Duration,
) -> io::Result<(Protocol, Bytes)> {
    let mut begun = BytesMut::with_capacity(PREFACE.len());
    let read = async {
        // The capacity ends the reading at the preface's end: what follows is read by those who know the protocol.
        while begun.len() < PREFACE.len() && PREFACE.starts_with(&begun) {
            let mut limited = (&mut *stream).take((PREFACE.len() - begun.len()) as u64);
            if limited.read_buf(&mut begun).await? == 0 {
                break;
            }
        }
        io::Result::Ok(())
    };
    timeout(patience, read).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    let protocol = if begun.as_ref() == PREFACE { Protocol::Http2 } else { Protocol::Http1 };
    Ok((protocol, begun.freeze()))
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    async fn detected(pieces: &[&[u8]]) -> io::Result<(Protocol, Bytes)> {
        let (mut ours, mut client) = tokio::io::duplex(64);
        let sending = async {
            for piece in pieces {
                client.write_all(piece).await.expect("room");
                tokio::task::yield_now().await;
            }
        };
        tokio::join!(detect(&mut ours, Duration::from_millis(20)), sending).0
    }

    #[tokio::test]
    async fn the_preface_is_known_in_pieces() {
        let pieces: Vec<&[u8]> = PREFACE.chunks(1).chain([&b"more"[..]]).collect();
        let (protocol, begun) = detected(&pieces).await.expect("whole");
        assert_eq!((protocol, begun.as_ref()), (Protocol::Http2, PREFACE));
    }

    #[tokio::test]
    async fn anything_else_is_http_1() {
        for request in ["GET / HTTP/1.1\r\n", "POST", "PRI * HTTP/2.0\r\n\r\nXX", "PRINT"] {
            let (protocol, begun) = detected(&[request.as_bytes()]).await.expect("enough");
            assert_eq!((protocol, begun.as_ref()), (Protocol::Http1, request.as_bytes()));
        }
    }

    #[tokio::test]
    async fn half_a_preface_is_not_waited_for_for_ever() {
        let error = detected(&[b"PRI * "]).await.expect_err("nothing follows");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
