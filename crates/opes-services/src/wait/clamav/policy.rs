//! What is released of one message, and when.

use std::collections::VecDeque;

use bytes::Bytes;
use opes_sdk::{Ended, Failure, Payload, Refusal, Segment, TraceRecord};

use super::{Options, PastMax, Policy, error::ScanError, reply::Verdict, scanner::Scanner};

/// With [`Policy::Prefix`], so many octets at the end of what has come are not released before the verdict on all of it:
/// an infected message never looks whole, and a short one never gets far.
pub(super) const WINDOW: u64 = 64 * 1024;

/// Held octets.
#[derive(Default)]
struct Held {
    segments: VecDeque<Segment>,
    octets: u64,
}

impl Held {
    fn push(&mut self, segment: Segment) {
        self.octets += segment.len() as u64;
        self.segments.push_back(segment);
    }

    /// Emits whole segments from the front as long as `keep` octets stay.
    fn release(&mut self, payload: &mut Payload, keep: u64) {
        while let Some(front) = self.segments.front()
            && self.octets - front.len() as u64 >= keep
            && let Some(front) = self.segments.pop_front()
        {
            self.octets -= front.len() as u64;
            payload.emit(front);
        }
        payload.holds(self.octets);
    }

    /// Emits the first `octets`.
    fn release_first(&mut self, payload: &mut Payload, octets: u64) {
        let keep = self.octets.saturating_sub(octets);
        self.release(payload, keep);
        let rest = usize::try_from(self.octets - keep).unwrap_or(usize::MAX);
        if rest > 0
            && let Some(front) = self.segments.front_mut()
        {
            payload.emit(front.split_to(rest));
            self.octets = keep;
        }
        payload.holds(self.octets);
    }

    /// The first `most` octets.
    fn first(&self, most: u64) -> Vec<Bytes> {
        let mut left = most;
        let pieces = self.segments.iter().map(|segment| {
            let octets = head(&segment.octets, left);
            left -= octets.len() as u64;
            octets
        });
        pieces.filter(|octets| !octets.is_empty()).collect()
    }
}

/// The first `most` octets of a piece.
fn head(octets: &Bytes, most: u64) -> Bytes {
    octets.slice(..octets.len().min(usize::try_from(most).unwrap_or(usize::MAX)))
}

/// One message at the scanner.
pub(super) struct Scan<'a> {
    pub(super) uri: &'a str,
    pub(super) scanner: &'a Scanner,
    pub(super) options: &'a Options,
    pub(super) payload: Payload,
}

impl Scan<'_> {
    /// Takes the payload, and releases it as the policy says.
    pub(super) async fn run(mut self) -> Result<Ended, Failure> {
        let max = self.options.max_bytes;
        let wanted = match self.options.policy {
            Policy::Hold => max,
            Policy::Prefix { octets } => octets.min(max),
        };
        let mut held = Held::default();
        let complete = self.gather(&mut held, wanted).await;
        if held.octets == 0 {
            return Ok(Ended::Passes);
        }
        if !complete && wanted == max && self.options.past_max == PastMax::Refuse {
            return Ok(Ended::Refused(Refusal::new(&*self.options.too_long)));
        }
        match self.scanner.scan(&held.first(wanted)).await.map_err(failure)? {
            Verdict::Infected(name) => {
                self.tell_infected(&name);
                Ok(Ended::Refused(Refusal::new(&*self.options.reason)))
            }
            Verdict::TooLong if self.options.past_max == PastMax::Refuse => {
                Ok(Ended::Refused(Refusal::new(&*self.options.too_long)))
            }
            Verdict::TooLong => Ok(self.pass_unscanned(held, 0)),
            Verdict::Clean if complete => Ok(self.pass_clean(held)),
            Verdict::Clean if wanted == max => Ok(self.pass_unscanned(held, max)),
            Verdict::Clean => self.go_on(held).await,
        }
    }

    /// Holds the payload up to more than `wanted` octets, or its end: then true.
    async fn gather(&mut self, held: &mut Held, wanted: u64) -> bool {
        while held.octets <= wanted {
            let Some(segment) = self.payload.next().await else { return true };
            held.push(segment);
            self.payload.holds(held.octets);
        }
        false
    }

    /// The prefix is clean and goes; so does the rest, but for its end, while all of it is scanned as one stream.
    async fn go_on(&mut self, mut held: Held) -> Result<Ended, Failure> {
        let max = self.options.max_bytes;
        let mut stream = self.scanner.stream().await.map_err(failure)?;
        let mut sent = 0;
        for octets in held.first(max) {
            sent += octets.len() as u64;
            stream.send(octets).await.map_err(failure)?;
        }
        let mut seen = held.octets;
        self.payload.decide();
        let prefix = self.prefix();
        held.release_first(&mut self.payload, prefix);
        while seen <= max
            && let Some(segment) = self.payload.next().await
        {
            let octets = head(&segment.octets, max - sent);
            sent += octets.len() as u64;
            seen += segment.len() as u64;
            stream.send(octets).await.map_err(failure)?;
            held.push(segment);
            if let Some(verdict) = stream.verdict() {
                return self.conclude(verdict, held, seen > max);
            }
            held.release(&mut self.payload, WINDOW);
        }
        if seen > max && self.options.past_max == PastMax::Refuse {
            return Err(Failure::new(format!("clamav: the payload is longer than {max} octets")));
        }
        let verdict = self.scanner.finish(stream).await.map_err(failure)?;
        self.conclude(verdict, held, seen > max)
    }

    /// The verdict on a message of which some was released.
    fn conclude(&mut self, verdict: Verdict, held: Held, past_max: bool) -> Result<Ended, Failure> {
        match verdict {
            Verdict::Infected(name) => {
                self.tell_infected(&name);
                Err(Failure::new(format!("clamav: infected with {name}, after a part was released")))
            }
            Verdict::TooLong if self.options.past_max == PastMax::Refuse => {
                Err(Failure::new("clamav: the payload is longer than the scanner takes"))
            }
            Verdict::TooLong => Ok(self.pass_unscanned(held, self.prefix())),
            Verdict::Clean if past_max => Ok(self.pass_unscanned(held, self.options.max_bytes)),
            Verdict::Clean => Ok(self.pass_clean(held)),
        }
    }

    /// The octets that were scanned before anything was released.
    fn prefix(&self) -> u64 {
        match self.options.policy {
            Policy::Hold => 0,
            Policy::Prefix { octets } => octets,
        }
    }

    fn pass_clean(&mut self, mut held: Held) -> Ended {
        self.payload.set_variable(RESULT, "clean");
        held.release(&mut self.payload, 0);
        Ended::Passes
    }

    /// Nothing was scanned from this offset on.
    fn pass_unscanned(&mut self, mut held: Held, from: u64) -> Ended {
        tracing::warn!(service = self.uri, from, "passes unscanned");
        self.payload.set_variable(RESULT, "unscanned");
        self.payload.record(TraceRecord::new(self.uri).with("unscanned", from.to_string()));
        held.release(&mut self.payload, 0);
        Ended::Passes
    }

    fn tell_infected(&mut self, name: &str) {
        tracing::warn!(service = self.uri, signature = name, "infected");
        self.payload.set_variable(RESULT, "infected");
        self.payload.set_variable(SIGNATURE, name);
        self.payload.record(TraceRecord::new(self.uri).with("infected", name));
    }
}

/// The variables that are set.
const RESULT: &str = "clamav";
const SIGNATURE: &str = "clamav_signature";

fn failure(error: ScanError) -> Failure {
    Failure::new(format!("clamav: {error}"))
}
