//! `Expect: 100-continue` (RFC 9110 section 10.1.1): the client's body is not asked for before the origin wants it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

/// How long the origin is waited for; it may know nothing of expectations.
const PATIENCE: Duration = Duration::from_secs(1);

/// Opens the gate: the origin has sent 100.
#[derive(Debug, Clone)]
pub(super) struct Opener(Arc<Notify>);

impl Opener {
    pub(super) fn open(&self) {
        self.0.notify_one();
    }
}

/// Stands before a request's body. Reading the body is what makes hyper send 100 to the client.
pub(super) struct Gate(Pin<Box<dyn Future<Output = ()> + Send>>);

impl Gate {
    /// A gate that opens when it is told to, or after a second.
    pub(super) fn new() -> (Self, Opener) {
        let notify = Arc::new(Notify::new());
        let opener = Opener(Arc::clone(&notify));
        let opened = async move {
            let _ = timeout(PATIENCE, notify.notified()).await;
        };
        (Self(Box::pin(opened)), opener)
    }

    /// Ready once the body may be read; not polled again then.
    pub(super) fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test]
    async fn a_gate_opens_when_it_is_told_to_or_after_a_second() {
        let (mut gate, opener) = Gate::new();
        opener.open();
        let told = timeout(Duration::ZERO, poll_fn(|cx| gate.poll_open(cx))).await;
        assert!(told.is_ok());
        let begun = std::time::Instant::now();
        let (mut gate, opener) = Gate::new();
        drop(opener);
        poll_fn(|cx| gate.poll_open(cx)).await;
        assert!(begun.elapsed() >= PATIENCE);
    }
}
