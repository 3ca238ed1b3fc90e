//! One answer: what is said, and when (RFC 3507 sections 4.5 and 4.6).

use std::future::{pending, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::HeaderMap;
use http_body::{Body, Frame};
use icap_proto::{BodyKind, Encapsulated, Permissions, ResponseHead, Stage};
use opes_processor::http::{Apart, BodyError, Followed, Outcome, Processor, ProxyBody};
use opes_processor::rules::Variables;
use thiserror::Error;
use tokio::io::AsyncWrite;
use tokio::time::{sleep, timeout};

use super::hold::Hold;
use super::intake::{Intake, KEPT};
use super::output::Output;
use super::services::Services;
use super::thought::Thought;
use super::{message, options, sides};

/// How long a body is held that makes no progress.
const STALL: Duration = Duration::from_millis(200);

/// The most that is held of a request until all of the original is here.
const UPLOAD: usize = 1024 * 1024;

/// Why an answer is not complete.
#[derive(Debug, Error)]
pub(super) enum AnswerError {
    /// The client does not take it.
    #[error("the connection is lost: {0}")]
    Io(#[from] io::Error),
    /// The adaptation failed after the answer had begun.
    #[error("the adaptation failed within the message: {0}")]
    Broken(String),
    /// The client's message cannot become complete, of which its reader tells.
    #[error("the client's message is not complete")]
    Input,
}

/// What a request is answered with.
pub(super) struct Answer<'a, W> {
    pub(super) out: &'a mut Output<W>,
    pub(super) intake: &'a Intake,
    pub(super) followed: Followed,
    pub(super) permissions: Permissions,
    pub(super) services: Arc<Services>,
    pub(super) processor: &'a Processor,
    pub(super) always_trace: bool,
    pub(super) closes: bool,
    pub(super) thought: &'a Thought,
    /// Is set once something of the final answer may be out.
    pub(super) started: &'a AtomicBool,
}

/// The message that goes back.
struct Message {
    section: Bytes,
    /// A request or a response.
    is_request: bool,
    /// It stands in the place of what was sent.
    own: bool,
    /// It has no body.
    bodiless: bool,
    variables: Variables,
}

/// Its body.
struct Content(Pin<Box<ProxyBody>>);

impl Content {
    async fn next(&mut self) -> Option<Result<Frame<Bytes>, BodyError>> {
        poll_fn(|cx| self.0.as_mut().poll_frame(cx)).await
    }

    /// The same, but it is news, too, that services leave the rest as it is.
    async fn next_or_left(&mut self, followed: &Followed) -> Event {
        let known = followed.rest().is_some();
        poll_fn(|cx| match self.0.as_mut().poll_frame(cx) {
            Poll::Ready(frame) => Poll::Ready(Event::Frame(frame)),
            Poll::Pending if !known && followed.rest().is_some() => Poll::Ready(Event::Left),
            Poll::Pending => Poll::Pending,
        })
        .await
    }
}

impl Message {
    fn new(outcome: Outcome, of_request: bool) -> (Self, Content) {
        let Outcome { message, variables, failed } = outcome;
        let (section, is_request, body) = match message {
            Apart::Request(request) => (message::encode_request(&request), true, request.into_body()),
            Apart::Response(response) => (message::encode_response(&response), false, response.into_body()),
        };
        let bodiless = body.is_end_stream() || body.size_hint().exact() == Some(0);
        let own = failed || is_request != of_request;
        (Self { section, is_request, own, bodiless, variables }, Content(Box::pin(body)))
    }

    /// What the answer encapsulates.
    fn carries(&self, bodiless: bool) -> Encapsulated {
        let length = Some(self.section.len());
        let (request, response, body) = match self.is_request {
            true => (length, None, BodyKind::Request),
            false => (None, length, BodyKind::Response),
        };
        Encapsulated { request, response, body: if bodiless { BodyKind::Null } else { body } }
    }
}

/// What comes next of a message that is held.
enum Event {
    Frame(Option<Result<Frame<Bytes>, BodyError>>),
    /// Services leave the rest as it is.
    Left,
    /// The client has to be told to go on.
    Starved,
    /// The message makes no progress.
    Stalled,
}

impl<W: AsyncWrite + Unpin> Answer<'_, W> {
    /// Waits for what becomes of the message, and says it. Not cancel safe: what was said is not known then.
    ///
    /// # Errors
    /// The answer is not complete. Where it has begun, the connection has to end with that.
    pub(super) async fn run(
        mut self,
        of_request: bool,
        adapting: impl Future<Output = Outcome>,
    ) -> Result<(), AnswerError> {
        let outcome = self.head(adapting).await?;
        if self.intake.failure().is_some() {
            return Err(AnswerError::Input);
        }
        let (message, content) = Message::new(outcome, of_request);
        self.held(message, content).await
    }

    /// Waits for the head.
    async fn head(&mut self, adapting: impl Future<Output = Outcome>) -> Result<Outcome, AnswerError> {
        let mut adapting = pin!(adapting);
        tokio::select! {
            biased;
            outcome = &mut adapting => return Ok(outcome),
            () = self.demand() => {}
        }
        self.go_on().await?;
        Ok(adapting.await)
    }

    /// Completes when the client has to be told to go on, for the services to get further.
    async fn demand(&self) {
        self.intake.starved().await;
        if let Some(time) = self.thought.time().filter(|_| self.followed.is_elsewhere()) {
            sleep(time).await;
        }
    }

    /// RFC 3507 section 4.5: 100 Continue.
    async fn go_on(&mut self) -> io::Result<()> {
        self.thought.was_vain();
        self.out.head(&ResponseHead::new(100), None, &[]);
        self.out.flush().await?;
        self.intake.go_on();
        Ok(())
    }

    /// Holds the message while the answer may still refer to what the client has.
    async fn held(&mut self, message: Message, mut content: Content) -> Result<(), AnswerError> {
        let same = !message.own && !self.always_trace && self.followed.is_intact();
        let certain = self.permissions.unchanged && self.followed.is_unmodified();
        // Squid 5.7 takes the length of a chunked upload that ends after the adapted head has come for the adapted one's, and
        // cuts that.
        let whole_first = message.is_request && !message.own && !self.intake.has_length();
        let mut hold = Hold::new(same, certain, if whole_first { UPLOAD } else { KEPT });
        let (mut stalled, mut trailer) = (false, None);
        loop {
            let early = whole_first && !self.intake.is_whole();
            if !message.own && self.refer(&message, &mut hold, early).await? {
                return Ok(());
            }
            if !self.waits(&hold, early, stalled) {
                return self.stream(message, content, hold, trailer).await;
            }
            match self.next(&mut content, &hold).await {
                Event::Starved => self.go_on().await?,
                Event::Left => {}
                Event::Stalled => stalled = true,
                Event::Frame(None) => return self.whole(message, hold, trailer).await,
                Event::Frame(Some(Ok(frame))) => take(frame, &mut trailer, |octets| {
                    hold.take(octets, self.intake);
                }),
                Event::Frame(Some(Err(error))) => {
                    self.ought_to_fail(&error)?;
                    return self.fail().await;
                }
            }
        }
    }

    async fn next(&self, content: &mut Content, hold: &Hold) -> Event {
        let room = hold.has_room();
        if !room {
            self.intake.want();
        }
        let may_stall = hold.at > 0 && !hold.is_certain() && self.may_start();
        let stall = async {
            match may_stall {
                true => sleep(STALL).await,
                false => pending().await,
            }
        };
        tokio::select! {
            biased;
            event = content.next_or_left(&self.followed), if room => event,
            () = self.demand() => Event::Starved,
            () = stall => Event::Stalled,
        }
    }

    /// Whether an answer with a message may begin: a client that waits sends nothing more after it.
    fn may_start(&self) -> bool {
        self.intake.stage() == Stage::Message || self.intake.is_whole()
    }

    /// Whether there is something to be had from holding the message for longer. `early`: a head that comes now may be
    /// misread.
    fn waits(&self, hold: &Hold, early: bool, stalled: bool) -> bool {
        if !self.may_start() {
            return true;
        }
        let stage = self.intake.stage();
        let hope = early
            || (hold.same && self.permissions.may_be_unchanged(stage))
            || self.permissions.may_be_partial(stage);
        hope && (hold.is_certain() || (hold.has_room() && !stalled))
    }

    /// Answers by a reference to what the client has, where services have left the rest of it as it is and that is allowed.
    /// `early`: a head that comes now may be misread.
    async fn refer(&mut self, message: &Message, hold: &mut Hold, early: bool) -> Result<bool, AnswerError> {
        let Some(rest) = self.followed.rest() else { return Ok(false) };
        let Some(further) = hold.at.checked_sub(rest.at) else { return Ok(false) };
        let (from, stage) = (rest.original + further, self.intake.stage());
        if hold.same && from == hold.at && self.permissions.may_be_unchanged(stage) {
            self.unchanged(&message.variables).await?;
            return Ok(true);
        }
        // What is all here is better said itself.
        if self.permissions.may_be_partial(stage)
            && (!early || stage != Stage::Message)
            && !hold.is_certain()
            && !message.bodiless
            && !self.intake.is_whole_at(from)
        {
            self.followed.refer();
            let hold = std::mem::replace(hold, Hold::new(false, false, 0));
            self.begin(206, message, false).await;
            for octets in hold.into_pieces() {
                self.out.body(&octets).await?;
            }
            self.out.end_with_original(from);
            self.finish().await?;
            return Ok(true);
        }
        Ok(false)
    }

    /// The message is complete while it is held.
    async fn whole(
        &mut self,
        message: Message,
        hold: Hold,
        trailer: Option<HeaderMap>,
    ) -> Result<(), AnswerError> {
        let same = hold.same && self.intake.is_whole_at(hold.at) && self.intake.trailer() == trailer;
        if same && self.permissions.may_be_unchanged(self.intake.stage()) {
            return Ok(self.unchanged(&message.variables).await?);
        }
        if hold.is_certain() && hold.at > 0 {
            // Nothing was held because nothing was to change.
            tracing::warn!("services that change nothing have changed the message");
            return self.fail().await;
        }
        self.start(&message, hold).await?;
        self.complete(&message, trailer).await
    }

    /// Says the message while it comes.
    async fn stream(
        &mut self,
        message: Message,
        mut content: Content,
        hold: Hold,
        mut trailer: Option<HeaderMap>,
    ) -> Result<(), AnswerError> {
        self.intake.keep_nothing();
        self.start(&message, hold).await?;
        loop {
            let frame = match content.next().now_or_never() {
                Some(frame) => frame,
                None => {
                    self.out.flush().await?;
                    content.next().await
                }
            };
            let mut next = None;
            match frame {
                None => return self.complete(&message, trailer).await,
                Some(Ok(frame)) => take(frame, &mut trailer, |octets| next = Some(octets)),
                Some(Err(error)) => {
                    self.ought_to_fail(&error)?;
                    return Err(AnswerError::Broken(error.to_string()));
                }
            }
            if let Some(octets) = next {
                self.out.body(&octets).await?;
            }
        }
    }

    /// Something is wrong with what the client sends, rather than with its adaptation.
    fn ought_to_fail(&self, error: &BodyError) -> Result<(), AnswerError> {
        tracing::debug!(%error, "a message could not be adapted");
        match self.intake.failure() {
            Some(_) => Err(AnswerError::Input),
            None => Ok(()),
        }
    }

    /// A clear failure in the place of the message, of which nothing was said yet.
    async fn fail(&mut self) -> Result<(), AnswerError> {
        let message = Apart::Response(self.processor.failure());
        let outcome = Outcome { message, variables: Variables::new(), failed: true };
        let (message, mut content) = Message::new(outcome, false);
        self.begin(200, &message, false).await;
        while let Some(Ok(frame)) = content.next().await {
            if let Ok(octets) = frame.into_data() {
                self.out.body(&octets).await?;
            }
        }
        self.complete(&message, None).await
    }

    async fn start(&mut self, message: &Message, hold: Hold) -> Result<(), AnswerError> {
        self.begin(200, message, message.bodiless).await;
        for octets in hold.into_pieces() {
            self.out.body(&octets).await?;
        }
        Ok(self.out.flush().await?)
    }

    async fn begin(&mut self, status: u16, message: &Message, bodiless: bool) {
        self.apart().await;
        self.started.store(true, Ordering::Relaxed);
        let mut head = options::answer(status, &self.services, self.closes);
        sides::tell(&message.variables, &mut head.fields);
        self.out.head(&head, Some(&message.carries(bodiless)), &message.section);
    }

    async fn complete(&mut self, message: &Message, trailer: Option<HeaderMap>) -> Result<(), AnswerError> {
        if !message.bodiless {
            let known = self.permissions.trailers || self.intake.trailer().is_some();
            self.out.end(trailer.as_ref().filter(|_| known));
        }
        Ok(self.finish().await?)
    }

    /// Waits until 100 Continue is read: there are clients that throw away what comes together with it, such as the crate
    /// icap-rs. One that has read it goes on, but perhaps later, with what it does not have yet itself.
    async fn apart(&self) {
        let _ = timeout(STALL, self.intake.resumed()).await;
    }

    /// RFC 3507 section 4.6: the client has the message.
    async fn unchanged(&mut self, variables: &Variables) -> io::Result<()> {
        self.apart().await;
        self.followed.refer();
        self.started.store(true, Ordering::Relaxed);
        let mut head = options::answer(204, &self.services, self.closes);
        sides::tell(variables, &mut head.fields);
        self.out.head(&head, Some(&Encapsulated::NOTHING), &[]);
        self.finish().await
    }

    async fn finish(&mut self) -> io::Result<()> {
        self.out.flush().await?;
        if !self.intake.is_whole() && self.intake.stage() == Stage::Preview {
            self.thought.paid();
        }
        self.intake.discard();
        Ok(())
    }
}

/// Takes a frame apart.
fn take(frame: Frame<Bytes>, trailer: &mut Option<HeaderMap>, body: impl FnOnce(Bytes)) {
    match frame.into_data() {
        Ok(octets) => body(octets),
        Err(frame) => *trailer = frame.into_trailers().ok(),
    }
}
