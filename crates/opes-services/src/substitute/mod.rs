//! The service that replaces literal octets.

mod held;
mod pattern;

use std::{error::Error, fmt, sync::Arc};

use bytes::Bytes;
use opes_sdk::{Attributes, Context, Needs, Segment, Service, ServiceFactory, Step};

use self::{held::Held, pattern::Pattern};

/// Replaces every occurrence of some octets in the payload by others, wherever the payload is cut.
///
/// Occurrences do not overlap and are taken from the left. What lies between them keeps its provenance. Fewer
/// octets than the pattern has are held back.
#[derive(Debug, Clone)]
pub struct Substitute {
    uri: String,
    plan: Arc<Plan>,
}

impl Substitute {
    /// The service under this URI that replaces `from` by `to`, which may be empty.
    ///
    /// # Errors
    ///
    /// [`EmptyPattern`] if `from` is empty.
    pub fn new(
        uri: impl Into<String>,
        from: impl Into<String>,
        to: impl Into<String>,
    ) -> Result<Self, EmptyPattern> {
        let from: Bytes = from.into().into();
        if from.is_empty() {
            return Err(EmptyPattern);
        }
        let plan = Plan { from: Pattern::new(from), to: to.into().into() };
        Ok(Self { uri: uri.into(), plan: Arc::new(plan) })
    }
}

impl ServiceFactory for Substitute {
    fn uri(&self) -> &str {
        &self.uri
    }

    fn version(&self) -> Option<&str> {
        Some(crate::VERSION)
    }

    fn build(&self, _: &Attributes) -> Box<dyn Service> {
        Box::new(Replace { plan: Arc::clone(&self.plan), held: Held::default() })
    }

    fn wants_attributes(&self) -> bool {
        false
    }
}

/// There are no octets to replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmptyPattern;

impl fmt::Display for EmptyPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the octets to replace are missing: the pattern is empty")
    }
}

impl Error for EmptyPattern {}

#[derive(Debug)]
struct Plan {
    from: Pattern,
    to: Bytes,
}

/// The service at work: between two calls `held` is the longest end of the payload so far, matches aside, that
/// may be the beginning of a match.
struct Replace {
    plan: Arc<Plan>,
    held: Held,
}

impl Service for Replace {
    fn needs(&self) -> Needs {
        Needs { decoded: true, ..Needs::default() }
    }

    fn push(&mut self, cx: &mut Context<'_>, mut segment: Segment) -> Step {
        self.settle_held(cx, &mut segment);
        if self.held.is_empty() {
            self.replace_within(cx, &mut segment);
            let prefix = self.plan.from.longest_prefix_at_end(&segment.octets);
            cx.emit(segment.split_to(segment.len() - prefix));
        }
        self.held.extend(&segment);
        Step::Continue
    }

    fn finish(&mut self, cx: &mut Context<'_>) -> Step {
        self.release(cx, self.held.len());
        Step::Continue
    }

    fn held(&self) -> u64 {
        self.held.len() as u64
    }
}

impl Replace {
    /// Extends the held prefix into the segment until it is a match, which is replaced and taken off, or until
    /// none of it can begin a match any more. If something is held afterwards, all of the segment continues it.
    fn settle_held(&mut self, cx: &mut Context<'_>, segment: &mut Segment) {
        let mut seen = 0;
        while !self.held.is_empty() {
            let prefix = self.held.len() + seen;
            if prefix == self.plan.from.len() {
                self.held.clear();
                self.replace_front(cx, segment, seen);
                return;
            }
            match segment.octets.get(seen) {
                None => return,
                Some(&octet) if self.plan.from.continues(prefix, octet) => seen += 1,
                Some(_) => self.release(cx, prefix - self.plan.from.border(prefix)),
            }
        }
    }

    /// Replaces every match that lies within the segment; the segment is then what follows the last one.
    fn replace_within(&self, cx: &mut Context<'_>, segment: &mut Segment) {
        while let Some(start) = self.plan.from.find(&segment.octets) {
            cx.emit(segment.split_to(start));
            self.replace_front(cx, segment, self.plan.from.len());
        }
    }

    fn replace_front(&self, cx: &mut Context<'_>, segment: &mut Segment, len: usize) {
        let _matched = segment.split_to(len);
        cx.emit(Segment::new(self.plan.to.clone()));
    }

    /// Emits the first `n` of the held octets, or all if there are fewer.
    fn release(&mut self, cx: &mut Context<'_>, n: usize) {
        self.held.release(n, self.plan.from.octets(), |segment| cx.emit(segment));
    }
}

#[cfg(test)]
mod tests;
