//! A front end that listens: its connections up to a number at a time, and how it comes to its end.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

/// How far the life of a front end has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Messages are taken.
    Serving,
    /// No new messages are taken; those under way are finished.
    Draining,
    /// Whatever is left is broken off.
    Over,
}

/// The address of a front end, listened on.
#[derive(Debug)]
pub struct Listening {
    listener: TcpListener,
    phase: watch::Sender<Phase>,
}

impl Listening {
    /// Listens on `address`.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await?, phase: watch::Sender::new(Phase::Serving) })
    }

    /// The address that is listened on, with its real port.
    ///
    /// # Errors
    /// The operating system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// How far its life has come, from now on.
    pub fn phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// Has up to `connections` of them served at a time by `serve`, until `shutdown` completes; then takes no new ones,
    /// and waits up to `drain` for what `serve` has under way. What is left then is told so by its phase, and not waited for.
    ///
    /// Cancellation breaks all connections off.
    pub async fn run<F>(
        self,
        connections: usize,
        drain: Duration,
        shutdown: impl Future<Output = ()>,
        serve: impl Fn(TcpStream, SocketAddr, watch::Receiver<Phase>) -> F,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let slots = Arc::new(Semaphore::new(connections));
        let mut served = JoinSet::new();
        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                (accepted, slot) = accept(&self.listener, &slots) => match accepted {
                    Ok((stream, address)) => {
                        let serving = serve(stream, address, self.phase());
                        served.spawn(async move {
                            let _slot = slot;
                            serving.await;
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                },
                Some(_) = served.join_next(), if !served.is_empty() => {}
            }
        }
        drop(self.listener);
        self.phase.send_replace(Phase::Draining);
        let all = async { while served.join_next().await.is_some() {} };
        if tokio::time::timeout(drain, all).await.is_err() {
            tracing::warn!("the drain time is over; unfinished messages are broken off");
        }
        self.phase.send_replace(Phase::Over);
    }
}

/// The next connection, once there is a slot for it. Cancellation safe: the slot is taken first.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (io::Result<(TcpStream, SocketAddr)>, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed.
    let slot = Arc::clone(slots).acquire_owned().await.ok();
    (listener.accept().await, slot)
}
