//! One message through one service group: gives the original, takes the adapted message, and applies the failure
//! policy.

mod coding;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use ocp::client::{Adapted, LinkId, Notes, TransactionError};
use opes_profile::http::Part;
use opes_sdk::TraceRecord;

use super::asked::drop_strangers;
use super::coded::{Coded, is_bomb};
use super::flow::{Came, Flow};
use super::head::LazyHead;
use super::message::{AdaptError, HEAD_OCTETS, Head, Piece, Rest, Traffic};
use super::original::{Known, Original, OriginalBody};
use super::pauses::Pauses;
use super::remaining::Remaining;
use super::replay::Replay;
use super::request::{KeptRequest, RequestMissing};
use crate::rules::{OnFailure, Place, Selected, Variables};

#[cfg(test)]
mod tests;

/// The most of a coded message that waits for its services, coded and decoded.
const HELD: u64 = 64 * 1024 * 1024;

/// So much of the adapted body is waited for before its head goes on, as far as it comes soon. A bomb makes less.
const AHEAD: usize = 16 * 1024;

/// How the message goes on.
enum Mode {
    /// Through the services.
    Adapting(Flow),
    /// As it came, because the adaptation failed.
    Passing(VecDeque<(Part, Bytes)>),
    /// No more: complete or failed.
    Over,
}

/// One message on its way through its services. Dropping it ends the transaction.
pub struct Exchange {
    selected: Arc<Selected>,
    request_head: Option<Arc<LazyHead>>,
    request_rest: Result<KeptRequest, RequestMissing>,
    /// Until a head goes on.
    head: Option<Arc<LazyHead>>,
    /// The head that the services get, where that is another one.
    plain_head: Option<Arc<LazyHead>>,
    length: Option<u64>,
    codings: Vec<String>,
    /// Services want the body plain, and get it so; apart, since it is large and rare.
    coded: Option<Box<Coded>>,
    /// The adapted message is a response in the place of the original, and is not coded.
    replaced: Option<bool>,
    known: Known,
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
    adapted_services: Option<Arc<[String]>>,
    variables: Variables,
    records: Vec<TraceRecord>,
    /// Records of agents that were not asked, which were dropped.
    strangers: u32,
    /// Of a transaction that has failed.
    result: Option<u16>,
    unmodified: bool,
    adapted_head: BytesMut,
    /// The adapted head is the one that the services got.
    head_stays: bool,
    head_part: Option<Part>,
    pieces: VecDeque<Piece>,
    traffic: Traffic,
    pauses: Pauses,
    /// The transaction of a message that is complete.
    ended: Option<Remaining>,
    /// Octets that the flow was given before the body.
    before_body: u64,
    /// What the callout server has said of the rest.
    rest: Option<Rest>,
}

impl Exchange {
    /// Starts the adaptation of `original` and waits for the head that goes on. `read` makes a head of the adapted
    /// header part, or says what is wrong with it, which is a failure of the adaptation.
    ///
    /// # Errors
    /// The adaptation failed, and by policy or because the original is not whole any more nothing can go on.
    pub async fn start<H>(
        original: Original,
        selected: Arc<Selected>,
        read: impl Fn(Part, Bytes) -> Result<H, String>,
    ) -> Result<(Box<Self>, Head<H>), AdaptError> {
        let mut exchange = Self::new(original, selected);
        let head = exchange.first_head(&read).await?;
        exchange.committed = true;
        (exchange.head, exchange.plain_head) = (None, None);
        exchange.replay.drop_all();
        Ok((exchange, head))
    }

    fn new(original: Original, selected: Arc<Selected>) -> Box<Self> {
        // Only another connection, or the original itself, may take it again.
        let again = matches!(selected.place, Place::Callout(_)) || selected.on_failure == OnFailure::Pass;
        let replay = Replay::new(if again { selected.replay_octets } else { 0 });
        Box::new(Self {
            selected,
            request_head: original.request_head,
            request_rest: original.request_rest.unwrap_or(Err(RequestMissing::NotKept)),
            head: Some(original.head),
            plain_head: None,
            length: original.length,
            codings: original.codings,
            coded: None,
            replaced: None,
            known: original.known,
            body: original.body,
            body_complete: false,
            replay,
            mode: Mode::Over,
            started: false,
            committed: false,
            retried: false,
            adapted_length: None,
            adapted_services: None,
            variables: Variables::new(),
            records: Vec::new(),
            strangers: 0,
            result: None,
            unmodified: false,
            adapted_head: BytesMut::new(),
            head_stays: false,
            head_part: None,
            pieces: VecDeque::new(),
            traffic: Traffic::default(),
            pauses: Pauses::default(),
            ended: None,
            before_body: 0,
            rest: None,
        })
    }

    /// The next piece after the head; `None` once the message is complete.
    ///
    /// # Errors
    /// The message will not become complete: whoever receives it must not take it for whole.
    pub fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Piece, AdaptError>>> {
        ready!(self.poll_pieces(cx))?;
        let piece = self.pieces.pop_front();
        self.traffic.adapted += piece.iter().map(Piece::body_octets).sum::<u64>();
        Poll::Ready(piece.map(Ok))
    }

    /// Ready once a piece is there, or none will be.
    fn poll_pieces(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), AdaptError>> {
        while self.pieces.is_empty() && !matches!(self.mode, Mode::Over) {
            match self.poll_step(cx) {
                Poll::Pending => {
                    if !self.flush(cx)? {
                        return Poll::Pending;
                    }
                }
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => {
                    self.result = error.result();
                    self.end();
                    self.pieces.clear();
                    return Poll::Ready(Err(error));
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Waits until it is known whether anything follows the head.
    ///
    /// # Errors
    /// As for [`Exchange::poll_piece`].
    pub async fn is_empty(&mut self) -> Result<bool, AdaptError> {
        poll_fn(|cx| self.poll_pieces(cx)).await?;
        Ok(self.pieces.is_empty())
    }

    /// What the transaction has moved so far.
    pub fn traffic(&self) -> Traffic {
        let current = match &self.mode {
            Mode::Adapting(flow) => flow.crossed(),
            Mode::Passing(_) | Mode::Over => 0,
        };
        Traffic { sent: self.traffic.sent + current, before_body: self.before_body, ..self.traffic }
    }

    /// Whether the services say for certain that they change nothing.
    pub fn is_unmodified(&self) -> bool {
        self.unmodified
    }

    /// The result code of a transaction that has failed, where it had one.
    pub(crate) fn result(&self) -> Option<u16> {
        self.result
    }

    /// What the services and their host have recorded since the head.
    pub fn take_records(&mut self) -> Vec<TraceRecord> {
        std::mem::take(&mut self.records)
    }

    /// When the original waited for the services, up to now.
    pub fn take_pauses(&mut self) -> Pauses {
        self.pauses.end();
        std::mem::take(&mut self.pauses)
    }

    /// How many records of agents that had not been asked were dropped so far.
    pub fn strangers(&self) -> u32 {
        self.strangers
    }

    /// What the services of a message that is complete may still have to say. Whoever does not want it drops it.
    ///
    /// To be asked once the message is complete for its recipient, who need not have asked for its end where the length
    /// is known.
    pub fn take_ended(&mut self) -> Option<Remaining> {
        let whole = self.length == Some(self.traffic.original);
        if let Mode::Adapting(flow) = &mut self.mode
            && whole
            && !self.body_complete
        {
            flow.complete();
        }
        match std::mem::replace(&mut self.mode, Mode::Over) {
            Mode::Adapting(Flow::Callout(transaction)) => {
                self.ended = Some(Remaining::unended(transaction, &self.selected.group.services));
            }
            Mode::Adapting(Flow::Here(mut here)) => {
                let notes = here.last_notes();
                self.note(notes);
            }
            Mode::Passing(_) | Mode::Over => {}
        }
        self.ended.take()
    }

    /// From where on the adapted body is the original, with no service that needs more of it; `None` while that is not
    /// known.
    pub fn rest(&self) -> Option<Rest> {
        match &self.mode {
            Mode::Passing(_) => Some(Rest { at: 0, original: 0 }),
            Mode::Adapting(_) if self.coded.is_some() => None,
            Mode::Adapting(flow) => match flow.left_here() {
                Some(original) => Some(Rest { at: self.adapted_octets(), original }),
                None => self.rest.filter(|_| !flow.wants_original()),
            },
            Mode::Over => None,
        }
    }

    /// Octets of the adapted body so far: those that have gone on, and those that wait for it.
    fn adapted_octets(&self) -> u64 {
        self.traffic.adapted + self.pieces.iter().map(Piece::body_octets).sum::<u64>()
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
        // RFC 4236 section 3.3: the length of what is sent, which of decoded content nobody knows. What was given as it is
        // before is so in a further attempt.
        let wanted = || !self.retried && Flow::may_want_plain(&self.selected, &self.codings);
        let may_decode = self.coded.is_some() || (!self.codings.is_empty() && !self.is_range() && wanted());
        let length = self.length.filter(|_| !may_decode);
        let mut flow = Flow::start(&self.selected, length, &self.known, avoid).await?;
        self.decode_for(&flow, length.is_some())?;
        self.give_head(&mut flow)?;
        self.mode = Mode::Adapting(flow);
        let part = poll_fn(|cx| self.poll_head(cx)).await?;
        let adapted = self.adapted_head.split().freeze();
        let head = self.coded_again(part, adapted).await?;
        self.look_ahead().await?;
        let head = match head {
            Some(head) => Some(read(part, head).map_err(TransactionError::Broken)?),
            None => None,
        };
        let services = self.adapted_services.take();
        Ok(Head::Adapted {
            head,
            length: self.adapted_length,
            unmodified: self.unmodified,
            services: services.unwrap_or_else(|| Arc::clone(&self.selected.group.services)),
            variables: std::mem::take(&mut self.variables),
            records: std::mem::take(&mut self.records),
        })
    }

    /// The octets of the original's head.
    fn original_head(&self) -> Bytes {
        self.head.as_ref().map(|head| head.octets().clone()).unwrap_or_default()
    }

    /// Gives the auxiliary parts that were negotiated, the head, and what was taken of the body before.
    fn give_head(&mut self, flow: &mut Flow) -> Result<(), AdaptError> {
        self.before_body = self.give_request(flow)?;
        if let Some(head) = self.plain_head.as_ref().or(self.head.as_ref()) {
            self.before_body += flow.send_head(self.selected.group.profile.header(), head)?;
        }
        for (part, octets) in self.replay.pieces() {
            flow.send(*part, octets.clone())?;
        }
        if self.body_complete {
            flow.complete();
        }
        Ok(())
    }

    /// Gives the auxiliary parts, and says how many octets they have. RFC 4236 section 3.2.3: those that were negotiated
    /// have to be sent, unless the request does not have them.
    fn give_request(&self, flow: &mut Flow) -> Result<u64, AdaptError> {
        let (aux, mut given) = (flow.aux(), 0);
        if aux.contains(Part::RequestHeader)
            && let Some(head) = &self.request_head
        {
            given += flow.send_request_head(head)?;
        }
        for part in [Part::RequestBody, Part::RequestTrailer] {
            if !aux.contains(part) {
                continue;
            }
            let rest = self.request_rest.as_ref().map_err(|missing| *missing)?;
            let octets = if part.is_body() { &rest.body } else { &rest.trailer };
            // RFC 4236 section 3.2.1: absent parts are not sent.
            if !octets.is_empty() {
                given += octets.len() as u64;
                flow.send(part, octets.clone())?;
            }
        }
        Ok(given)
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
        self.variables.clear();
        self.records.clear();
        self.replaced = None;
        self.unmodified = false;
        self.adapted_head.clear();
        self.head_stays = false;
        self.head_part = None;
        self.pieces.clear();
        self.rest = None;
    }

    /// A transaction that was refused or lost before it was taken up is tried once more on another connection.
    fn may_retry(&self, error: &AdaptError) -> Option<LinkId> {
        let taken_up = self.started || self.retried || !self.replay.is_whole();
        let Mode::Adapting(flow) = &self.mode else { return None };
        let refused = matches!(
            error,
            AdaptError::Transaction(TransactionError::Refused(_) | TransactionError::Lost(_))
        );
        flow.link().filter(|_| refused && !taken_up)
    }

    fn fall_back<H>(&mut self, error: AdaptError) -> Result<Head<H>, AdaptError> {
        let hopeless = match &error {
            AdaptError::Original(_) => true,
            // Whoever made it shall not get it past the services by that.
            AdaptError::Coding(error) => is_bomb(error),
            _ => false,
        };
        if self.selected.on_failure == OnFailure::Fail || hopeless {
            return Err(error);
        }
        let Some(kept) = self.kept_original() else { return Err(error) };
        self.reset();
        self.mode = Mode::Passing(kept);
        Ok(Head::Original(error))
    }

    /// What has come of the original, where all of it is still here.
    fn kept_original(&mut self) -> Option<VecDeque<(Part, Bytes)>> {
        // Octets that were taken of it do not come back.
        if self.coded.is_some() && !self.pieces.is_empty() {
            return None;
        }
        let Some(coded) = self.coded.take() else {
            return self.replay.is_whole().then(|| self.replay.pieces().iter().cloned().collect());
        };
        let profile = self.selected.group.profile;
        let (body, trailer, complete) = coded.into_original()?;
        self.body_complete = complete;
        let body = body.into_iter().map(|octets| (profile.body(), octets));
        Some(body.chain(trailer.into_iter().map(|octets| (profile.trailer(), octets))).collect())
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
        self.head_part.filter(|_| followed || self.head_stays || self.adapted_head.ends_with(b"\r\n\r\n"))
    }

    /// Moves something in either direction; ready once something has changed.
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), AdaptError>> {
        let gave = match self.poll_give(cx) {
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) => true,
            Poll::Pending => false,
        };
        let Mode::Adapting(flow) = &mut self.mode else {
            return if gave { Poll::Ready(Ok(())) } else { Poll::Pending };
        };
        match flow.poll_next(cx) {
            Poll::Ready(Ok(Came::Adapted(adapted))) => Poll::Ready(self.take(adapted)),
            Poll::Ready(Ok(Came::HeadStays { unmodified })) => Poll::Ready(self.keep_head(unmodified)),
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
        if let Mode::Adapting(flow) = &self.mode
            && flow.poll_room(cx).is_pending()
        {
            if flow.is_full() {
                self.traffic.pauses += u32::from(self.pauses.begin());
            }
            return Poll::Pending;
        }
        self.pauses.end();
        match self.poll_original(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => {
                self.body_complete = true;
                if let Mode::Adapting(flow) = &mut self.mode {
                    flow.complete();
                }
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Err(error)),
            Poll::Ready(Some(Ok(piece))) => {
                let (part, octets) = piece.part(self.selected.group.profile);
                Poll::Ready(self.give(part, octets))
            }
        }
    }

    fn give(&mut self, part: Part, octets: Bytes) -> Result<(), AdaptError> {
        let Mode::Adapting(flow) = &mut self.mode else {
            self.push(part, octets);
            return Ok(());
        };
        if !self.committed {
            self.replay.keep(part, &octets);
        }
        Ok(flow.send(part, octets)?)
    }

    /// Takes a piece of the adapted message.
    fn take(&mut self, adapted: Adapted) -> Result<(), AdaptError> {
        match adapted {
            Adapted::Started { length, services, notes } => {
                self.note(notes);
                self.started = true;
                self.adapted_length = length;
                self.adapted_services = services.map(Into::into);
            }
            Adapted::RestIsOriginal { from } => {
                let original = from.saturating_sub(self.before_body);
                self.rest = Some(Rest { at: self.adapted_octets(), original });
            }
            Adapted::Ended { notes } => {
                self.note(notes);
                if let Some(coded) = self.coded.as_mut().filter(|_| self.replaced != Some(true)) {
                    coded.end_given()?;
                    self.pull_coded();
                }
                self.traffic = self.traffic();
                if let Mode::Adapting(Flow::Callout(transaction)) =
                    std::mem::replace(&mut self.mode, Mode::Over)
                {
                    self.ended = Remaining::ended(transaction, &self.selected.group.services);
                }
            }
            Adapted::Data { part, octets, original, modp } => {
                let count =
                    if original.is_some() { &mut self.traffic.reused } else { &mut self.traffic.received };
                *count += octets.len() as u64;
                if let Some(modp) = modp.filter(|_| self.pieces.is_empty()) {
                    self.unmodified = modp == 0;
                }
                if let Some(coded) = self.coded.as_mut().filter(|_| part.is_header()) {
                    coded.begun(self.unmodified)?;
                }
                if part.is_header() {
                    return self.take_head(part, &octets);
                }
                return self.take_content(part, octets);
            }
        }
        Ok(())
    }

    /// Takes the head that was given for the adapted one.
    fn keep_head(&mut self, unmodified: bool) -> Result<(), AdaptError> {
        self.unmodified = unmodified;
        self.head_stays = true;
        self.head_part = Some(self.selected.group.profile.header());
        if let Some(coded) = &mut self.coded {
            coded.begun(unmodified)?;
        }
        Ok(())
    }

    /// Takes what the services say beside the message.
    fn note(&mut self, notes: Option<Box<Notes>>) {
        let Some(mut notes) = notes else { return };
        let strangers = drop_strangers(&mut notes.records, &self.selected.group.services);
        self.strangers = self.strangers.saturating_add(strangers);
        self.variables.extend(notes.variables);
        self.records.extend(notes.records);
    }

    fn take_content(&mut self, part: Part, octets: Bytes) -> Result<(), AdaptError> {
        if self.coded.is_some()
            && self.replaced.is_none()
            && let Some(head) = self.head_part
        {
            let adapted = self.adapted_head.clone();
            self.is_replaced(head, &adapted);
        }
        match &mut self.coded {
            Some(coded) if part.is_body() && self.replaced == Some(false) => {
                coded.give_back(octets)?;
                self.pull_coded();
            }
            // A trailer follows a body that is complete.
            Some(coded) if self.replaced == Some(false) => {
                coded.end_given()?;
                self.pull_coded();
                self.push(part, octets);
            }
            _ => self.push(part, octets),
        }
        Ok(())
    }

    fn take_head(&mut self, part: Part, octets: &Bytes) -> Result<(), AdaptError> {
        let octets_then = self.adapted_head.len() + octets.len();
        // A head that was large before may be so.
        if octets_then > HEAD_OCTETS && octets_then > HEAD_OCTETS + self.original_head().len() {
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
