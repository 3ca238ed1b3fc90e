//! A run of services in this process: the same pieces in and out as of a transaction with a callout server.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use bytes::{Bytes, BytesMut};
use futures_util::task::AtomicWaker;
use ocp::client::{Adapted, Notes, TransactionError};
use opes_profile::http::{self, AuxParts, Part, Profile};
use opes_sdk::{Attributes, Chain, ServiceFactory};

use super::flow::Came;
use super::head::LazyHead;

/// The most that services may hold besides what they have stated.
const HELD: u64 = 16 * 1024 * 1024;

/// What may wait for services that wait themselves before the original has to.
const ROOM: u64 = 256 * 1024;

/// How far the adapted message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The services have not decided about the head.
    Held,
    /// The head was released.
    Flowing,
    /// Nothing more comes.
    Over,
}

/// Wakes whoever polls at the moment.
#[derive(Default)]
struct Relay(AtomicWaker);

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        self.0.wake();
    }
}

/// One message on its way through services in this process.
pub(super) struct Here {
    profile: Profile,
    factories: Arc<[Arc<dyn ServiceFactory>]>,
    /// What is known of the message besides its heads.
    known: Attributes,
    request_head: Option<Arc<LazyHead>>,
    request_body: BytesMut,
    /// Until it is released.
    head: Option<Arc<LazyHead>>,
    trailer: Vec<Bytes>,
    /// Empty until the head is there.
    chain: Option<Chain>,
    ended: bool,
    stage: Stage,
    output: VecDeque<Came>,
    relay: Arc<Relay>,
    given: u64,
}

impl Here {
    /// The services of `factories` for a message of which this is known.
    pub(super) fn new(
        profile: Profile,
        factories: Arc<[Arc<dyn ServiceFactory>]>,
        known: Attributes,
    ) -> Self {
        Self {
            profile,
            factories,
            known,
            request_head: None,
            request_body: BytesMut::new(),
            head: None,
            trailer: Vec::new(),
            chain: None,
            ended: false,
            stage: Stage::Held,
            output: VecDeque::new(),
            relay: Arc::default(),
            given: 0,
        }
    }

    /// Whether some service wants the body without content codings.
    pub(super) fn wants_plain(&self) -> bool {
        wants_plain(&self.factories)
    }

    /// The auxiliary parts that the services look at.
    pub(super) fn aux(&self) -> AuxParts {
        let mut aux = AuxParts::REQUEST_HEADER;
        if self.factories.iter().any(|factory| factory.takes_request().is_some()) {
            aux.insert(Part::RequestBody);
        }
        aux
    }

    /// Ready once more of the original may be given.
    pub(super) fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        self.relay.0.register(cx.waker());
        // What is ready goes first, so that nothing piles up.
        if self.is_full() || !self.output.is_empty() { Poll::Pending } else { Poll::Ready(()) }
    }

    /// Whether too much waits for a service that waits itself.
    pub(super) fn is_full(&self) -> bool {
        self.chain.as_ref().is_some_and(|chain| chain.waiting() && free(chain) > ROOM)
    }

    /// Takes the head of the request that the message answers.
    pub(super) fn take_request_head(&mut self, head: Arc<LazyHead>) {
        self.request_head = Some(head);
    }

    /// Gives the next octets of the original, other than heads.
    ///
    /// # Errors
    /// The services cannot take the message.
    pub(super) fn send(&mut self, part: Part, octets: Bytes) -> Result<(), TransactionError> {
        self.given += octets.len() as u64;
        if self.stage == Stage::Over {
            return Ok(());
        }
        if part == self.profile.body() {
            if let Some(chain) = &mut self.chain {
                chain.push(octets);
            }
        } else if part == self.profile.trailer() {
            self.trailer.push(octets);
        } else if part == Part::RequestBody {
            self.request_body.extend_from_slice(&octets);
        }
        Ok(())
    }

    /// The original is complete.
    pub(super) fn complete(&mut self) {
        self.ended = true;
        if let Some(chain) = &mut self.chain {
            chain.finish();
        }
    }

    /// How many octets of the original were given.
    pub(super) fn given(&self) -> u64 {
        self.given
    }

    /// Where in the original body that begins which goes on as it is, without any service that needs more of it, once
    /// all before it was taken.
    pub(super) fn left(&self) -> Option<u64> {
        let chain = self.chain.as_ref().filter(|_| self.stage == Stage::Flowing && self.output.is_empty())?;
        (chain.has_left() && chain.only_looks()).then(|| chain.offset())
    }

    /// The next piece of the adapted message.
    ///
    /// # Errors
    /// Why it will not be complete.
    pub(super) fn poll_next(&mut self, cx: &Context<'_>) -> Poll<Result<Came, TransactionError>> {
        self.relay.0.register(cx.waker());
        let full = self.is_full();
        if let Some(chain) = self.chain.as_mut().filter(|chain| chain.waiting()) {
            chain.resume();
        }
        if self.output.is_empty() {
            self.advance()?;
        }
        if let Some(came) = self.output.pop_front() {
            return Poll::Ready(Ok(came));
        }
        if full && !self.is_full() {
            // There is room again, of which nobody else tells.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// What the services say at the end of a message whose recipient has all of it.
    pub(super) fn last_notes(&mut self) -> Option<Box<Notes>> {
        let cx = Context::from_waker(Waker::noop());
        while let Poll::Ready(Ok(came)) = self.poll_next(&cx) {
            if let Came::Adapted(Adapted::Ended { notes }) = came {
                return notes;
            }
        }
        self.notes()
    }

    /// Starts the services with the head of the message.
    ///
    /// # Errors
    /// The services cannot take the message.
    pub(super) fn begin(&mut self, head: Arc<LazyHead>) -> Result<(), TransactionError> {
        let mut attributes = std::mem::take(&mut self.known);
        if self.factories.iter().any(|factory| factory.wants_attributes()) {
            let aux = self.request_head.as_ref().map(|head| &head.octets()[..]);
            let read = http::attributes(self.profile, aux, head.octets(), attributes.length);
            let read = read.map_err(|error| TransactionError::Broken(format!("unusable head: {error}")))?;
            let Attributes { client, parameters, variables, .. } = attributes;
            attributes = Attributes { client, parameters, variables, ..read };
        }
        if let Some(limit) = self.factories.iter().filter_map(|factory| factory.takes_request()).min() {
            if self.request_body.len() as u64 > limit {
                let reason =
                    format!("the request's body has more than the {limit} octets that the services take");
                return Err(TransactionError::Refused(reason));
            }
            attributes.request = Some(self.request_body.split().freeze());
        }
        let mut chain = Chain::new(&self.factories, attributes, Waker::from(Arc::clone(&self.relay)));
        chain.start();
        if chain.wants_whole() && http::is_range(self.profile, head.octets()) {
            let reason = "the message is only a range of the content (206), and a service needs all of it";
            return Err(TransactionError::Refused(reason.to_owned()));
        }
        self.chain = Some(chain);
        (self.head, self.request_head) = (Some(head), None);
        Ok(())
    }

    /// Takes what the services have ready.
    fn advance(&mut self) -> Result<(), TransactionError> {
        let Some(chain) = self.chain.as_mut().filter(|_| self.stage != Stage::Over) else { return Ok(()) };
        if let Some(failure) = chain.failure() {
            return Err(TransactionError::Refused(failure.reason.clone()));
        }
        if let Some(refusal) = chain.refusal() {
            let reason = refusal.reason.clone();
            return self.refuse(&reason);
        }
        if self.stage == Stage::Held {
            if !chain.decided() {
                return held(chain);
            }
            self.release_head()?;
        }
        let Some(chain) = &mut self.chain else { return Ok(()) };
        while let Some(segment) = chain.pull() {
            let original = segment.original;
            self.output.push_back(Came::Adapted(Adapted::Data {
                part: self.profile.body(),
                octets: segment.octets,
                original,
                modp: None,
            }));
        }
        held(chain)?;
        if self.ended && chain.finished() {
            let part = self.profile.trailer();
            let trailer = std::mem::take(&mut self.trailer).into_iter();
            self.output.extend(
                trailer
                    .map(|octets| Adapted::Data { part, octets, original: None, modp: None })
                    .map(Came::Adapted),
            );
            let notes = self.notes();
            self.output.push_back(Came::Adapted(Adapted::Ended { notes }));
            self.stage = Stage::Over;
        }
        Ok(())
    }

    fn release_head(&mut self) -> Result<(), TransactionError> {
        let (Some(chain), Some(head)) = (&self.chain, self.head.take()) else { return Ok(()) };
        let never = !chain.modifies();
        let length = chain.attributes().length.filter(|_| never);
        let came = match chain.description().is_empty() {
            true => Came::HeadStays { unmodified: never },
            false => {
                let octets = http::describe(head.octets(), chain.description())
                    .map_err(|error| TransactionError::Broken(format!("unusable head: {error}")))?;
                let part = self.profile.header();
                Came::Adapted(Adapted::Data { part, octets, original: None, modp: None })
            }
        };
        let notes = self.notes();
        let started = Came::Adapted(Adapted::Started { length, services: None, notes });
        self.output.extend([started, came]);
        self.stage = Stage::Flowing;
        Ok(())
    }

    /// What the services have said since this was asked last.
    fn notes(&mut self) -> Option<Box<Notes>> {
        let chain = self.chain.as_mut()?;
        let notes = Notes { variables: chain.take_variables(), records: chain.take_records(), dropped: 0 };
        (!notes.variables.is_empty() || !notes.records.is_empty()).then(|| Box::new(notes))
    }

    /// A response of our own in the place of a message that must not pass.
    fn refuse(&mut self, reason: &str) -> Result<(), TransactionError> {
        if self.stage != Stage::Held {
            return Err(TransactionError::Refused(reason.to_owned()));
        }
        let (head, body) = http::refusal(self.profile, reason);
        let notes = self.notes();
        let length = Some(body.len() as u64);
        // RFC 3897: a trace tells what was done. Those behind the one that answers had no part in it.
        let last = self.chain.as_ref().and_then(Chain::stopped_by);
        let services = last.map(|last| {
            self.factories.iter().take(last + 1).map(|factory| factory.uri().to_owned()).collect()
        });
        self.output.push_back(Came::Adapted(Adapted::Started { length, services, notes }));
        for (part, octets) in [(Part::ResponseHeader, head), (Part::ResponseBody, body)] {
            let data = Adapted::Data { part, octets, original: None, modp: Some(100) };
            self.output.push_back(Came::Adapted(data));
        }
        self.output.push_back(Came::Adapted(Adapted::Ended { notes: None }));
        self.stage = Stage::Over;
        Ok(())
    }
}

/// Whether some of these services want bodies without content codings.
pub(super) fn wants_plain(factories: &[Arc<dyn ServiceFactory>]) -> bool {
    factories.iter().any(|factory| factory.build(&Attributes::default()).needs().decoded)
}

/// What waits that no service has asked to be gathered.
fn free(chain: &Chain) -> u64 {
    chain.buffered().saturating_sub(chain.gathered())
}

fn held(chain: &Chain) -> Result<(), TransactionError> {
    match free(chain) > HELD {
        true => Err(TransactionError::Refused("the services hold too much of the message".to_owned())),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use opes_sdk::{Context as ServiceContext, Needs, Segment, Service, Step, factory};
    use opes_services::{Block, Identity};

    use super::*;

    const HEAD: &str = "HTTP/1.1 200 OK\r\n\r\n";

    fn here(services: Vec<Arc<dyn ServiceFactory>>) -> Here {
        let mut here = Here::new(Profile::Response, services.into(), Attributes::default());
        here.begin(Arc::new(LazyHead::new(Bytes::from_static(HEAD.as_bytes())))).unwrap();
        here
    }

    fn identity(uri: &str) -> Arc<dyn ServiceFactory> {
        Arc::new(Identity::new(uri))
    }

    fn cx() -> Context<'static> {
        Context::from_waker(Waker::noop())
    }

    #[test]
    fn an_answer_names_the_services_up_to_the_one_that_made_it() {
        for at in 0..3 {
            let mut services: Vec<_> = ["urn:a", "urn:b", "urn:c"].into_iter().map(identity).collect();
            let uri = services[at].uri().to_owned();
            services[at] = Arc::new(Block::new(uri, "no"));
            let mut here = here(services);
            let Poll::Ready(Ok(Came::Adapted(Adapted::Started { services, .. }))) = here.poll_next(&cx())
            else {
                panic!("it is refused")
            };
            assert_eq!(services.unwrap(), ["urn:a", "urn:b", "urn:c"][..=at]);
        }
    }

    #[test]
    fn what_is_ready_goes_before_more_is_taken() {
        let mut here = here(vec![identity("urn:a")]);
        assert!(here.poll_room(&cx()).is_ready(), "nothing is ready yet");
        here.send(Part::ResponseBody, "abc".into()).unwrap();
        let mut ready = 0;
        while here.poll_next(&cx()).is_ready() {
            ready += 1;
            let left = !here.output.is_empty();
            assert_eq!(here.poll_room(&cx()).is_pending(), left, "after {ready}");
        }
        assert_eq!(ready, 3, "the start, the head, the body");
    }

    /// Waits with its first octets until it may go on, and lets nothing through.
    struct Swallow(Arc<AtomicBool>);

    impl Service for Swallow {
        fn needs(&self) -> Needs {
            Needs::default()
        }

        fn push(&mut self, _: &mut ServiceContext<'_>, _: Segment) -> Step {
            if self.0.load(Ordering::Relaxed) { Step::Continue } else { Step::Wait }
        }
    }

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn whoever_waits_for_room_hears_of_it_although_nothing_comes_out() {
        let free = Arc::new(AtomicBool::new(false));
        let own = Arc::clone(&free);
        let service = factory("urn:swallow", move |_: &Attributes| Swallow(Arc::clone(&own)));
        let mut here = here(vec![Arc::new(service)]);
        while here.poll_next(&cx()).is_ready() {}
        for _ in 0..3 {
            here.send(Part::ResponseBody, vec![0; ROOM as usize].into()).unwrap();
        }
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let cx = Context::from_waker(&waker);
        assert!(here.poll_room(&cx).is_pending());
        free.store(true, Ordering::Relaxed);
        assert!(here.poll_next(&cx).is_pending(), "it lets nothing through");
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert!(here.poll_room(&cx).is_ready());
    }
}
