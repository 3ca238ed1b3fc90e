//! The end of a client's connection, in stages (RFC 9112 section 9.6): a client that still sends when it has been
//! answered must be able to read the answer, which a reset would take from it.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// How long a client is listened to.
pub(super) struct Patience {
    /// Without an octet of it.
    pub(super) silence: Duration,
    /// Whatever it sends.
    pub(super) total: Duration,
}

/// Of every connection.
pub(super) const PATIENCE: Patience =
    Patience { silence: Duration::from_secs(5), total: Duration::from_secs(30) };

/// Says that nothing more will come, then reads and forgets what the client still sends, until it closes or has used
/// up our patience.
pub(super) async fn linger(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), patience: Patience) {
    // TLS has to write something for that.
    if !matches!(timeout(patience.silence, stream.shutdown()).await, Ok(Ok(()))) {
        return;
    }
    let mut forgotten = vec![0; 64 * 1024];
    let until_closed =
        async { while let Ok(Ok(1..)) = timeout(patience.silence, stream.read(&mut forgotten)).await {} };
    let _ = timeout(patience.total, until_closed).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);
    const SHORT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn a_client_is_read_until_it_closes() {
        let (mut ours, mut client) = tokio::io::duplex(16);
        let sending = tokio::spawn(async move { client.write_all(&[7; 4096]).await });
        linger(&mut ours, Patience { silence: LONG, total: LONG }).await;
        sending.await.expect("no panic").expect("all of it was taken");
    }

    #[tokio::test]
    async fn a_silent_client_is_not_waited_for() {
        let (mut ours, _client) = tokio::io::duplex(16);
        linger(&mut ours, Patience { silence: SHORT, total: LONG }).await;
    }

    #[tokio::test]
    async fn a_client_cannot_send_for_ever() {
        let (mut ours, mut client) = tokio::io::duplex(16);
        let sending = tokio::spawn(async move { while client.write_all(&[7]).await.is_ok() {} });
        linger(&mut ours, Patience { silence: LONG, total: SHORT }).await;
        drop(ours);
        sending.await.expect("no panic");
    }
}
