//! The sessions with one clamd, shared by all messages.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{Address, error::ScanError, reply::Verdict, session::Session};

/// A bounded number of sessions, of which the idle ones wait to be used again.
pub(super) struct Scanner {
    address: Address,
    limit: Duration,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Session>>,
}

impl Scanner {
    /// At most `pool` sessions at a time, at least one. Each step with one, and the wait for a free one, may take up to
    /// `limit`.
    pub(super) fn new(address: Address, limit: Duration, pool: usize) -> Self {
        let pool = pool.clamp(1, Semaphore::MAX_PERMITS);
        Self { address, limit, permits: Arc::new(Semaphore::new(pool)), idle: Mutex::default() }
    }

    /// Scans these octets as one stream. A session that the scanner ended while it was idle is no failure: the octets
    /// are still there for another one.
    pub(super) async fn scan(&self, octets: &[Bytes]) -> Result<Verdict, ScanError> {
        let (session, permit) = self.idle_session().await?;
        if let Some(session) = session {
            let stream = Stream { session, permit, verdict: None };
            match self.attempt(stream, octets).await {
                Err((error, permit)) if error.is_lost() => return self.scan_anew(permit, octets).await,
                done => return done.map_err(|(error, _)| error),
            }
        }
        self.scan_anew(permit, octets).await
    }

    /// Begins a stream whose octets come as they come.
    pub(super) async fn stream(&self) -> Result<Stream, ScanError> {
        let (session, permit) = self.idle_session().await?;
        let session = match session {
            Some(session) => session,
            None => Session::open(&self.address, self.limit).await?,
        };
        let mut stream = Stream { session, permit, verdict: None };
        stream.begin().await?;
        Ok(stream)
    }

    async fn scan_anew(&self, permit: OwnedSemaphorePermit, octets: &[Bytes]) -> Result<Verdict, ScanError> {
        let session = Session::open(&self.address, self.limit).await?;
        let stream = Stream { session, permit, verdict: None };
        self.attempt(stream, octets).await.map_err(|(error, _)| error)
    }

    async fn attempt(
        &self,
        mut stream: Stream,
        octets: &[Bytes],
    ) -> Result<Verdict, (ScanError, OwnedSemaphorePermit)> {
        let written = async {
            stream.begin().await?;
            for piece in octets {
                stream.send(piece.clone()).await?;
            }
            Ok(())
        };
        match written.await {
            Ok(()) => self.end(stream).await,
            Err(error) => Err((error, stream.permit)),
        }
    }

    /// Ends a stream: what the scanner says of all that was sent.
    pub(super) async fn finish(&self, stream: Stream) -> Result<Verdict, ScanError> {
        self.end(stream).await.map_err(|(error, _)| error)
    }

    async fn end(&self, mut stream: Stream) -> Result<Verdict, (ScanError, OwnedSemaphorePermit)> {
        if let Some(verdict) = stream.verdict {
            return Ok(verdict);
        }
        match stream.session.end().await {
            Ok(Verdict::TooLong) => Ok(Verdict::TooLong),
            Ok(verdict) => {
                self.idle().push(stream.session);
                Ok(verdict)
            }
            Err(error) => Err((error, stream.permit)),
        }
    }

    /// The permission to use a session, and one that waits to be used, where there is one.
    async fn idle_session(&self) -> Result<(Option<Session>, OwnedSemaphorePermit), ScanError> {
        let permit = timeout(self.limit, Arc::clone(&self.permits).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else {
            return Err(ScanError::TimedOut { what: "waiting for a free session", limit: self.limit });
        };
        loop {
            let Some(mut session) = self.idle().pop() else { return Ok((None, permit)) };
            if session.is_idle().await {
                return Ok((Some(session), permit));
            }
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream under way. Dropping it ends its session.
pub(super) struct Stream {
    session: Session,
    /// Given back with the stream.
    permit: OwnedSemaphorePermit,
    /// The scanner has said this, and takes no more.
    verdict: Option<Verdict>,
}

impl Stream {
    async fn begin(&mut self) -> Result<(), ScanError> {
        self.verdict = self.session.begin().await?;
        Ok(())
    }

    /// Sends the next octets, unless the scanner has given its verdict.
    pub(super) async fn send(&mut self, octets: Bytes) -> Result<(), ScanError> {
        if self.verdict.is_none() {
            self.verdict = self.session.send(octets).await?;
        }
        Ok(())
    }

    /// The verdict that came before the end.
    pub(super) fn verdict(&mut self) -> Option<Verdict> {
        mem::take(&mut self.verdict)
    }
}
