//! Octets that are no messages: what follows CONNECT (RFC 9110 section 9.3.6) or an upgrade (section 7.8).

use hyper::rt::{Read, Write};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::sync::watch;

use crate::listening::Phase;

/// Carries octets both ways between the client, once our response has been sent, and the other side, until both have
/// ended or the proxy does.
pub(super) fn open<F, S, E>(client: OnUpgrade, other: F, mut phase: watch::Receiver<Phase>)
where
    F: Future<Output = Result<S, E>> + Send + 'static,
    S: AsyncRead + AsyncWrite + Unpin + Send,
    E: std::fmt::Display,
{
    tokio::spawn(async move {
        let carried = async {
            let other = other.await.map_err(|error| error.to_string())?;
            let client = client.await.map_err(|error| error.to_string())?;
            carry(TokioIo::new(client), other).await
        };
        tokio::select! {
            carried = carried => match carried {
                Ok((up, down)) => tracing::debug!(up, down, "a tunnel has ended"),
                Err(error) => tracing::debug!(error, "a tunnel has failed"),
            },
            _ = phase.wait_for(|phase| *phase == Phase::Over) => {}
        }
    });
}

async fn carry<S: AsyncRead + AsyncWrite + Unpin>(
    mut client: TokioIo<impl Read + Write + Unpin>,
    mut other: S,
) -> Result<(u64, u64), String> {
    copy_bidirectional(&mut client, &mut other).await.map_err(|error| error.to_string())
}
