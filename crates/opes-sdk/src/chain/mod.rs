//! The chain runner: one message's payload through its services, in order.

mod applied;
mod link;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, iter, mem,
    sync::Arc,
    task::Waker,
};

use bytes::Bytes;

pub use self::applied::{Applied, Deed};
use self::link::{Link, Stop, Turn, failed};
use crate::{
    Attributes, Description, Failure, Refusal, Segment, ServiceFactory, TraceRecord, context::Shared,
    queue::Queue,
};

/// One message's services at work, each link's output the next link's input.
///
/// The host calls [`start`](Self::start), [`push`](Self::push) for each piece of the original body,
/// [`finish`](Self::finish), and [`resume`](Self::resume) whenever the waker fired; after any of them it looks
/// at the state and [`pull`](Self::pull)s what there is. No call blocks, and none fails by itself: a refusal or
/// failure of a service stops the chain, which then holds and yields nothing any more; the first one wins.
///
/// The chain bounds nothing but what services state in [`Needs`](crate::Needs): the host stops pushing when
/// [`buffered`](Self::buffered), [`gathered`](Self::gathered) aside, exceeds what it allows.
pub struct Chain {
    /// Empty once the chain has stopped.
    links: Vec<Link>,
    output: Queue,
    shared: Shared,
    description: Description,
    /// The octets of the original body that came in.
    received: u64,
    ended: bool,
    wants_decoded: bool,
    stop: Option<Stop>,
    stopped_by: Option<usize>,
    /// What had become of the services when the chain stopped.
    last: Vec<Applied>,
}

impl Chain {
    /// A chain of a fresh service from each factory, in this order, for the message with these attributes.
    /// Without factories the payload passes unchanged. The waker tells the host to call `resume`.
    pub fn new(factories: &[Arc<dyn ServiceFactory>], attributes: Attributes, waker: Waker) -> Self {
        let links: Vec<_> = factories.iter().map(|factory| Link::new(factory.build(&attributes))).collect();
        Self {
            wants_decoded: links.iter().any(Link::wants_decoded),
            links,
            output: Queue::default(),
            shared: Shared { attributes, waker, records: Vec::new(), set: BTreeSet::new(), described: false },
            description: Description::default(),
            received: 0,
            ended: false,
            stop: None,
            stopped_by: None,
            last: Vec::new(),
        }
    }

    /// Starts every service, in order. A second start does nothing.
    pub fn start(&mut self) {
        self.each(Link::start);
        self.run();
    }

    /// Takes the next octets of the original body; the chain counts their offset itself. Octets after
    /// [`finish`](Self::finish) fail the chain; a stopped chain ignores them.
    pub fn push(&mut self, octets: Bytes) {
        if self.stop.is_some() || octets.is_empty() {
            return;
        }
        if self.ended {
            return self.halt(failed("payload came after its end"), None);
        }
        let segment = Segment::original(octets, self.received);
        self.received = self.received.saturating_add(segment.len() as u64);
        self.links.first_mut().map_or(&mut self.output, Link::input_mut).push(segment);
        self.run();
    }

    /// The original body is complete.
    pub fn finish(&mut self) {
        self.ended = true;
        self.run();
    }

    /// Drops the services and everything held; the chain yields nothing more.
    pub fn abort(&mut self) {
        self.halt(Stop::Aborted, None);
    }

    /// A waker fired: resumes every service that waits, in order.
    pub fn resume(&mut self) {
        self.each(Link::resume);
        self.run();
    }

    /// The next piece of the adapted body, in order. Never empty.
    pub fn pull(&mut self) -> Option<Segment> {
        self.output.pop()
    }

    /// Every service has passed its point of decision: the adapted head may be released. Not so once stopped.
    pub fn decided(&self) -> bool {
        self.stop.is_none() && self.links.iter().all(Link::has_decided)
    }

    /// The verdict of the service that refused the message.
    pub fn refusal(&self) -> Option<&Refusal> {
        match &self.stop {
            Some(Stop::Refused(refusal)) => Some(refusal),
            _ => None,
        }
    }

    /// Why the chain failed.
    pub fn failure(&self) -> Option<&Failure> {
        match &self.stop {
            Some(Stop::Failed(failure)) => Some(failure),
            _ => None,
        }
    }

    /// The position in the chain, from 0, of the service that refused or failed, where it was one service.
    pub fn stopped_by(&self) -> Option<usize> {
        self.stopped_by
    }

    /// Some service waits. Octets may still be pushed: they queue before that service.
    pub fn waiting(&self) -> bool {
        self.links.iter().any(Link::is_waiting)
    }

    /// The octets held: before services, by services that say so, and those not pulled yet.
    pub fn buffered(&self) -> u64 {
        self.links.iter().map(Link::buffered).fold(self.output.octets(), u64::saturating_add)
    }

    /// Those of the octets [`buffered`](Self::buffered) that a service wants together with more
    /// ([`Body::First`](crate::Body::First), [`Body::Whole`](crate::Body::Whole),
    /// [`Needs::holds`](crate::Needs::holds)): only more octets, or the end, set them free. So they count while the
    /// service holds them itself, as one does that works on the whole. At most what the services state.
    pub fn gathered(&self) -> u64 {
        let gathered = self.links.iter().map(Link::gathered).fold(0, u64::saturating_add);
        if self.decided() {
            return gathered;
        }
        // What a service only looks at went on before it has seen it, and waits at the end for its decision.
        let looked_at = self.links.iter().filter(|link| link.looks()).map(Link::gathered).max();
        gathered.saturating_add(looked_at.unwrap_or_default().min(self.output.octets()))
    }

    /// The adapted body is complete and has been pulled: the original ended and every service finished or left.
    /// Never so once stopped.
    pub fn finished(&self) -> bool {
        self.completed() && self.output.is_empty()
    }

    /// From here on every octet goes out as it came in, nothing changed is held back, and no service can refuse
    /// any more: the host may ask to stop sending. The rest of the adapted body, what is held included, is then
    /// the original from [`offset`](Self::offset).
    pub fn only_looks(&self) -> bool {
        self.original_from().is_some()
    }

    /// While [`only_looks`](Self::only_looks): the offset in the original body from which on all that was not
    /// pulled yet is the original. Otherwise the number of octets that came in.
    pub fn offset(&self) -> u64 {
        self.original_from().unwrap_or(self.received)
    }

    /// Every service has left or finished: the services need no more of the original. Not so once stopped.
    pub fn has_left(&self) -> bool {
        self.stop.is_none() && self.links.iter().all(Link::has_left)
    }

    /// Whether the adapted body may differ from the original. Once false it stays false: a service that then
    /// changes the payload nevertheless fails the chain. True once stopped.
    pub fn modifies(&self) -> bool {
        let settled = self.has_left() && !self.modified();
        self.stop.is_some() || (!settled && self.links.iter().any(Link::may_modify))
    }

    /// The adapted body differs from the original: what was emitted so far is not the original's beginning, or
    /// every service has left and some of the original is missing.
    pub fn modified(&self) -> bool {
        !self.output.is_faithful() || (self.has_left() && self.output.accepted() != self.received)
    }

    /// Whether some service has declared to refuse every message. Not so once stopped.
    pub fn refuses(&self) -> bool {
        self.links.iter().any(Link::refuses)
    }

    /// Whether some service takes the payload only whole, so that a part of it is of no use.
    pub fn wants_whole(&self) -> bool {
        self.links.iter().any(Link::wants_whole)
    }

    /// Whether some service wants the payload without content codings.
    pub fn wants_decoded(&self) -> bool {
        self.wants_decoded
    }

    /// The message's attributes, with the variables that services have set.
    pub fn attributes(&self) -> &Attributes {
        &self.shared.attributes
    }

    /// What the services say about the adapted payload's description; final once [`decided`](Self::decided).
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Takes the trace records that services have made since the last call, in the order of their making.
    pub fn take_records(&mut self) -> Vec<TraceRecord> {
        mem::take(&mut self.shared.records)
    }

    /// The variables that services have set to another value since the last call.
    pub fn take_variables(&mut self) -> BTreeMap<String, String> {
        let variables = &self.shared.attributes.variables;
        let set = mem::take(&mut self.shared.set).into_iter();
        set.filter_map(|name| variables.get(&name).cloned().map(|value| (name, value))).collect()
    }

    /// What has become of each service so far, in their order.
    pub fn applied(&self) -> Vec<Applied> {
        if self.stop.is_some() {
            return self.last.clone();
        }
        let outputs = self.links.iter().skip(1).map(Link::input).chain(iter::once(&self.output));
        self.links.iter().zip(outputs).map(|(link, output)| link.applied(output)).collect()
    }

    fn run(&mut self) {
        self.each(Link::run);
        if self.stop.is_none() && self.modified() && !self.modifies() {
            self.halt(failed("a service that declared not to change the payload changed it"), None);
        }
    }

    /// One pass over the links, in order; the first that stops ends the chain.
    fn each(&mut self, act: impl Fn(&mut Link, &mut Turn<'_>) -> Result<(), Stop>) {
        let mut stopped = None;
        let mut ended = self.ended;
        let mut rest = self.links.iter_mut().enumerate().peekable();
        while let Some((position, link)) = rest.next() {
            let output = rest.peek_mut().map_or(&mut self.output, |(_, next)| next.input_mut());
            if let Err(stop) = act(link, &mut Turn { shared: &mut self.shared, output, ended }) {
                stopped = Some((stop, position));
                break;
            }
            ended = ended && link.has_left();
        }
        if let Some((stop, position)) = stopped {
            self.halt(stop, Some(position));
        } else if mem::take(&mut self.shared.described) {
            self.merge_descriptions();
        }
    }

    fn merge_descriptions(&mut self) {
        self.description = Description::default();
        for link in &self.links {
            self.description.override_with(link.description());
        }
    }

    fn halt(&mut self, stop: Stop, position: Option<usize>) {
        if self.stop.is_none() {
            self.last = self.applied();
            for (index, applied) in self.last.iter_mut().enumerate() {
                applied.deed = match &stop {
                    Stop::Refused(_) if position == Some(index) => Deed::Refused,
                    Stop::Failed(_) if position == Some(index) => Deed::Failed,
                    _ if applied.deed == Deed::AtWork => Deed::Stopped,
                    _ => applied.deed,
                };
            }
            self.stop = Some(stop);
            self.stopped_by = position;
            self.links = Vec::new();
            self.output.clear();
        }
    }

    /// Whether all that the adapted body will ever have is in the output.
    fn completed(&self) -> bool {
        self.ended && self.has_left()
    }

    fn original_from(&self) -> Option<u64> {
        if self.stop.is_some() || !self.links.iter().all(Link::is_transparent) {
            return None;
        }
        let mut queues = self.links.iter().map(Link::input).chain(iter::once(&self.output));
        queues.try_fold(self.received, |end, queue| queue.original_up_to(end))
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain")
            .field("services", &self.links.len())
            .field("received", &self.received)
            .field("buffered", &self.buffered())
            .field("stop", &self.stop)
            .finish_non_exhaustive()
    }
}
