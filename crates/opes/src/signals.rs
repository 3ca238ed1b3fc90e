//! The signals that end a command, and the one that has its configuration read again.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::CommandError;

/// Completes on SIGTERM or SIGINT. Signals count from this call on, not only from the first poll.
pub(crate) fn shutdown() -> Result<impl Future<Output = ()>, CommandError> {
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// SIGHUP, which from this call on does not end the process any more.
pub(crate) fn hangup() -> Result<Signal, CommandError> {
    listen(SignalKind::hangup())
}

fn listen(kind: SignalKind) -> Result<Signal, CommandError> {
    signal(kind).map_err(|error| CommandError::Failed(format!("cannot handle signals: {error}")))
}
