//! The signals that end a command.

use tokio::signal::unix::{SignalKind, signal};

use crate::cli::CommandError;

/// Completes on SIGTERM or SIGINT. Signals count from this call on, not only from the first poll.
pub(crate) fn shutdown() -> Result<impl Future<Output = ()>, CommandError> {
    let listen =
        |kind| signal(kind).map_err(|error| CommandError::Failed(format!("cannot handle signals: {error}")));
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
