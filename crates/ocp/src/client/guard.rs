//! The breaker of a callout server among those who start, carry and lose its transactions.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::ClientError;
use super::breaker::{Admission, Breaker, BreakerConfig, Change};
use crate::clock::Clock;
use crate::driver::lock;

/// A breaker that its client shares with its connections.
#[derive(Debug)]
pub(crate) struct Guard {
    address: String,
    open: Duration,
    clock: Clock,
    breaker: Mutex<Breaker>,
    /// Nothing is wrong: the usual case costs no lock.
    calm: AtomicBool,
}

/// The transaction that tries the server. Dropped before the server was tried, it makes way for another one.
#[derive(Debug)]
pub(crate) struct Trial<'a>(Option<&'a Guard>);

impl Trial<'_> {
    /// The transaction has started: what becomes of it decides.
    pub(crate) fn started(mut self) {
        self.0 = None;
    }
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        if let Some(guard) = self.0 {
            guard.change(|breaker| {
                breaker.untried(guard.clock.now());
                None
            });
        }
    }
}

impl Guard {
    pub(crate) fn new(address: &str, config: BreakerConfig, clock: Clock) -> Self {
        let breaker = Mutex::new(Breaker::new(config));
        Self { address: address.to_owned(), open: config.open, clock, breaker, calm: AtomicBool::new(true) }
    }

    /// Asks whether a transaction may start.
    ///
    /// # Errors
    /// It may not, since the server has failed.
    pub(crate) fn admit(&self) -> Result<Trial<'_>, ClientError> {
        if self.calm.load(Ordering::Relaxed) {
            return Ok(Trial(None));
        }
        match lock(&self.breaker).admit(self.clock.now()) {
            Admission::Free => Ok(Trial(None)),
            Admission::Refused(left) => Err(ClientError::LeftAlone { address: self.address.clone(), left }),
            Admission::Trial => {
                tracing::info!(server = self.address, "a transaction tries the callout server");
                Ok(Trial(Some(self)))
            }
        }
    }

    /// The server works on a transaction.
    pub(crate) fn succeeded(&self) {
        if !self.calm.load(Ordering::Relaxed) && self.change(Breaker::succeeded) == Some(Change::Closed) {
            tracing::info!(server = self.address, "the callout server works again");
        }
    }

    /// The server has failed a transaction or a connection, for this reason.
    pub(crate) fn failed(&self, reason: &str) {
        let now = self.clock.now();
        self.tell(self.change(|breaker| breaker.failed(now)), reason);
    }

    /// The server has not said whether it is there.
    pub(crate) fn fell_silent(&self, reason: &str) {
        let now = self.clock.now();
        self.tell(self.change(|breaker| breaker.fell_silent(now)), reason);
    }

    fn change(&self, act: impl FnOnce(&mut Breaker) -> Option<Change>) -> Option<Change> {
        let mut breaker = lock(&self.breaker);
        let change = act(&mut breaker);
        self.calm.store(breaker.is_calm(), Ordering::Relaxed);
        change
    }

    fn tell(&self, change: Option<Change>, reason: &str) {
        if change == Some(Change::Opened) {
            let seconds = self.open.as_secs();
            let server = &self.address;
            tracing::warn!(server, reason, seconds, "the callout server gets no transactions for a while");
        }
    }
}
