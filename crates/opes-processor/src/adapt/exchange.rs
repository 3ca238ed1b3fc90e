//! One message through one service group: gives the original, takes the adapted message, and applies the failure
//! policy.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use ocp::client::{Adapted, Briefing, ClientError, LinkId, Transaction, TransactionError};
use opes_profile::http::Part;
use thiserror::Error;

use super::original::{Original, OriginalBody, OriginalError};
use super::replay::Replay;
use super::request::{KeptRequest, RequestMissing};
use crate::rules::{OnFailure, Selected};

/// The most octets of an adapted head.
const HEAD_OCTETS: usize = 256 * 1024;

/// Why a message could not be adapted, and cannot go on.
#[derive(Debug, Clone, Error)]
pub enum AdaptError {
    /// The services could not be reached or used.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The adaptation failed.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
    /// The adapted head is too long.
    #[error("the adapted head has more than {HEAD_OCTETS} octets")]
    HeadTooLong,
    /// The provider of the original failed.
    #[error(transparent)]
    Original(#[from] OriginalError),
    /// The services want more of the request than is there.
    #[error(transparent)]
    Request(#[from] RequestMissing),
}

/// What begins the message that goes on. `H` is a head as the front end reads it.
#[derive(Debug)]
pub enum Head<H> {
    /// The adapted message: of the same kind, or a response in place of a request.
    Adapted {
        /// The head.
        head: H,
        /// The body's size in octets, where the callout server announces it.
        length: Option<u64>,
        /// The callout server says for certain that nothing is changed (`Modp: 0`).
        unmodified: bool,
        /// The services that were applied.
        services: Vec<String>,
    },
    /// The original message, by failure policy.
    Original,
}

/// A piece that follows the head.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// Octets of the body; never empty.
    Body(Bytes),
    /// Octets of the trailer.
    Trailer(Bytes),
}

/// Payload that a transaction has moved, heads included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Octets given to the callout server.
    pub sent: u64,
    /// Octets that came back.
    pub received: u64,
    /// Octets of the original that were used in place of ones coming back.
    pub reused: u64,
}

/// How the message goes on.
enum Mode {
    /// Through the services.
    Adapting(Transaction),
    /// As it came, because the adaptation failed.
    Passing(VecDeque<(Part, Bytes)>),
    /// No more: complete or failed.
    Over,
}

/// One message on its way through its services. Dropping it ends the transaction.
pub struct Exchange {
    selected: Selected,
    request_head: Option<Bytes>,
    request_rest: Result<KeptRequest, RequestMissing>,
    head: Bytes,
    length: Option<u64>,
    body: Pin<Box<dyn OriginalBody>>,
    body_complete: bool,
    replay: Replay,
    mode: Mode,
    /// The server has started the adapted message.
    started: bool,
    /// The head was handed on.
    committed: bool,
    retried: bool,
    adapted_length: Option<u64>,
    adapted_services: Option<Vec<String>>,
    unmodified: bool,
    adapted_head: BytesMut,
    head_part: Option<Part>,
    pieces: VecDeque<Piece>,
    traffic: Traffic,
}

impl Exchange {
    /// Starts the adaptation of `original` and waits for the head that goes on. `read` makes a head of the adapted
    /// header part, or says what is wrong with it, which is a failure of the adaptation.
    ///
    /// # Errors
    /// The adaptation failed, and by policy or because the original is not whole any more nothing can go on.
    pub async fn start<H>(
        original: Original,
        selected: Selected,
        read: impl Fn(Part, Bytes) -> Result<H, String>,
    ) -> Result<(Self, Head<H>), AdaptError> {
        let replay = Replay::new(selected.replay_octets);
        let mut exchange = Self {
            selected,
            request_head: original.request_head,
            request_rest: original.request_rest.unwrap_or(Err(RequestMissing::NotKept)),
            head: original.head,
            length: original.length,
            body: original.body,
            body_complete: false,
            replay,
            mode: Mode::Over,
            started: false,
            committed: false,
            retried: false,
            adapted_length: None,
            adapted_services: None,
            unmodified: false,
            adapted_head: BytesMut::new(),
            head_part: None,
            pieces: VecDeque::new(),
            traffic: Traffic::default(),
        };
        let head = exchange.first_head(&read).await?;
        exchange.committed = true;
        exchange.replay.drop_all();
        Ok((exchange, head))
    }

    /// The next piece after the head; `None` once the message is complete.
    ///
    /// # Errors
    /// The message will not become complete: whoever receives it must not take it for whole.
    pub fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Piece, AdaptError>>> {
        loop {
            if let Some(piece) = self.pieces.pop_front() {
                return Poll::Ready(Some(Ok(piece)));
            }
            if matches!(self.mode, Mode::Over) {
                return Poll::Ready(None);
            }
            match self.poll_step(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => {
                    self.end();
                    self.pieces.clear();
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }

    /// Waits until it is known whether anything follows the head.
    ///
    /// # Errors
    /// As for [`Exchange::poll_piece`].
    pub async fn is_empty(&mut self) -> Result<bool, AdaptError> {
        let first = poll_fn(|cx| self.poll_piece(cx)).await.transpose()?;
        let empty = first.is_none();
        self.pieces.extend(first);
        Ok(empty)
    }

    /// What the transaction has moved so far.
    pub fn traffic(&self) -> Traffic {
        let current = match &self.mode {
            Mode::Adapting(transaction) => transaction.crossed(),
            Mode::Passing(_) | Mode::Over => 0,
        };
        Traffic { sent: self.traffic.sent + current, ..self.traffic }
    }

    /// Waits for the head, trying again or falling back to the original as the policy says.
    async fn first_head<H>(
        &mut self,
        read: &impl Fn(Part, Bytes) -> Result<H, String>,
    ) -> Result<Head<H>, AdaptError> {
        let mut avoid = None;
        loop {
            let error = match self.attempt(avoid, read).await {
                Ok(head) => return Ok(head),
                Err(error) => error,
            };
            tracing::info!(%error, services = ?self.selected.group.services, "adaptation failed");
            if let Some(link) = self.may_retry(&error) {
                self.retried = true;
                avoid = Some(link);
                self.reset();
                continue;
            }
            return self.fall_back(error);
        }
    }

    async fn attempt<H>(
        &mut self,
        avoid: Option<LinkId>,
        read: &impl Fn(Part, Bytes) -> Result<H, String>,
    ) -> Result<Head<H>, AdaptError> {
        let Selected { client, group, .. } = &self.selected;
        let transaction = client.start(group, self.length, avoid, &Briefing::default()).await?;
        self.give_head(&transaction)?;
        self.mode = Mode::Adapting(transaction);
        let part = poll_fn(|cx| self.poll_head(cx)).await?;
        let head = read(part, self.adapted_head.split().freeze()).map_err(TransactionError::Broken)?;
        let services = self.adapted_services.take();
        Ok(Head::Adapted {
            head,
            length: self.adapted_length,
            unmodified: self.unmodified,
            services: services.unwrap_or_else(|| self.selected.group.services.to_vec()),
        })
    }

    /// Gives the auxiliary parts that were negotiated, the head, and what was taken of the body before.
    fn give_head(&self, transaction: &Transaction) -> Result<(), AdaptError> {
        self.give_request(transaction)?;
        transaction.send(self.selected.group.profile.header(), self.head.clone())?;
        for (part, octets) in self.replay.pieces() {
            transaction.send(*part, octets.clone())?;
        }
        if self.body_complete {
            transaction.complete();
        }
        Ok(())
    }

    /// Gives the auxiliary parts. RFC 4236 section 3.2.3: those that were negotiated have to be sent, unless the request
    /// does not have them.
    fn give_request(&self, transaction: &Transaction) -> Result<(), AdaptError> {
        let aux = transaction.settings().aux;
        if aux.contains(Part::RequestHeader)
            && let Some(head) = &self.request_head
        {
            transaction.send(Part::RequestHeader, head.clone())?;
        }
        for part in [Part::RequestBody, Part::RequestTrailer] {
            if !aux.contains(part) {
                continue;
            }
            let rest = self.request_rest.as_ref().map_err(|missing| *missing)?;
            let octets = if part.is_body() { &rest.body } else { &rest.trailer };
            // RFC 4236 section 3.2.1: absent parts are not sent.
            if !octets.is_empty() {
                transaction.send(part, octets.clone())?;
            }
        }
        Ok(())
    }

    fn end(&mut self) {
        self.traffic = self.traffic();
        self.mode = Mode::Over;
    }

    fn reset(&mut self) {
        self.end();
        self.started = false;
        self.adapted_length = None;
        self.adapted_services = None;
        self.unmodified = false;
        self.adapted_head.clear();
        self.head_part = None;
        self.pieces.clear();
    }

    /// A transaction that was refused or lost before it was taken up is tried once more on another connection.
    fn may_retry(&self, error: &AdaptError) -> Option<LinkId> {
        let taken_up = self.started || self.retried || !self.replay.is_whole();
        let Mode::Adapting(transaction) = &self.mode else { return None };
        let refused = matches!(
            error,
            AdaptError::Transaction(TransactionError::Refused(_) | TransactionError::Lost(_))
        );
        (refused && !taken_up).then(|| transaction.link())
    }

    fn fall_back<H>(&mut self, error: AdaptError) -> Result<Head<H>, AdaptError> {
        let original_failed = matches!(error, AdaptError::Original(_));
        if self.selected.on_failure == OnFailure::Fail || !self.replay.is_whole() || original_failed {
            return Err(error);
        }
        self.reset();
        self.mode = Mode::Passing(self.replay.pieces().iter().cloned().collect());
        Ok(Head::Original)
    }

    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Part, AdaptError>> {
        loop {
            if let Some(part) = self.whole_head() {
                return Poll::Ready(Ok(part));
            }
            match self.poll_step(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// The header part once all of it is here: something follows it, or it ends with the empty line.
    fn whole_head(&self) -> Option<Part> {
        let followed = !self.pieces.is_empty() || matches!(self.mode, Mode::Over);
        self.head_part.filter(|_| followed || self.adapted_head.ends_with(b"\r\n\r\n"))
    }

    /// Moves something in either direction; ready once something has changed.
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), AdaptError>> {
        let gave = match self.poll_give(cx) {
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) => true,
            Poll::Pending => false,
        };
        let Mode::Adapting(transaction) = &self.mode else {
            return if gave { Poll::Ready(Ok(())) } else { Poll::Pending };
        };
        match transaction.poll_next(cx) {
            Poll::Ready(Ok(adapted)) => Poll::Ready(self.take(adapted)),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error.into())),
            Poll::Pending if gave => Poll::Ready(Ok(())),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Takes a piece of the original and gives it to the services, or passes it on.
    fn poll_give(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), AdaptError>> {
        if let Mode::Passing(kept) = &mut self.mode
            && let Some((part, octets)) = kept.pop_front()
        {
            self.push(part, octets);
            return Poll::Ready(Ok(()));
        }
        if self.body_complete {
            if matches!(self.mode, Mode::Passing(_)) {
                self.mode = Mode::Over;
                return Poll::Ready(Ok(()));
            }
            return Poll::Pending;
        }
        if let Mode::Adapting(transaction) = &self.mode
            && transaction.poll_room(cx).is_pending()
        {
            return Poll::Pending;
        }
        match self.body.as_mut().poll_piece(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => {
                self.body_complete = true;
                if let Mode::Adapting(transaction) = &self.mode {
                    transaction.complete();
                }
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Err(error.into())),
            Poll::Ready(Some(Ok(piece))) => {
                let (part, octets) = piece.part(self.selected.group.profile);
                Poll::Ready(self.give(part, octets))
            }
        }
    }

    fn give(&mut self, part: Part, octets: Bytes) -> Result<(), AdaptError> {
        let Mode::Adapting(transaction) = &self.mode else {
            self.push(part, octets);
            return Ok(());
        };
        if !self.committed {
            self.replay.keep(part, &octets);
        }
        Ok(transaction.send(part, octets)?)
    }

    /// Takes a piece of the adapted message.
    fn take(&mut self, adapted: Adapted) -> Result<(), AdaptError> {
        match adapted {
            Adapted::Started { length, services, .. } => {
                self.started = true;
                self.adapted_length = length;
                self.adapted_services = services;
            }
            Adapted::RestIsOriginal { .. } => {}
            Adapted::Ended { .. } => self.end(),
            Adapted::Data { part, octets, original, modp } => {
                let count =
                    if original.is_some() { &mut self.traffic.reused } else { &mut self.traffic.received };
                *count += octets.len() as u64;
                if modp.is_some() && self.pieces.is_empty() {
                    self.unmodified = modp == Some(0);
                }
                if part.is_header() {
                    return self.take_head(part, &octets);
                }
                self.push(part, octets);
            }
        }
        Ok(())
    }

    fn take_head(&mut self, part: Part, octets: &Bytes) -> Result<(), AdaptError> {
        if self.adapted_head.len() + octets.len() > HEAD_OCTETS {
            return Err(AdaptError::HeadTooLong);
        }
        if self.committed && !octets.is_empty() {
            let reason = "octets after the end of the adapted head".to_owned();
            return Err(TransactionError::Broken(reason).into());
        }
        self.head_part = Some(part);
        self.adapted_head.extend_from_slice(octets);
        Ok(())
    }

    fn push(&mut self, part: Part, octets: Bytes) {
        if octets.is_empty() {
            return;
        }
        self.pieces.push_back(if part.is_body() { Piece::Body(octets) } else { Piece::Trailer(octets) });
    }
}
