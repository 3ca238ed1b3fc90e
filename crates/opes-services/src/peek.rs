//! The service that decides on a prefix: pass or block.

use std::sync::Arc;

use memchr::memmem::Finder;
use opes_sdk::{Attributes, Body, Context, Decision, Needs, Refusal, Segment, Service, ServiceFactory, Step};

/// Looks at the first octets of the payload, blocks the message if they hold a pattern, and else leaves: the rest of
/// the payload need not come at all.
#[derive(Debug, Clone)]
pub struct Peek {
    uri: String,
    settings: Arc<Settings>,
}

#[derive(Debug)]
struct Settings {
    octets: u64,
    pattern: Finder<'static>,
    reason: String,
}

impl Peek {
    /// The service under this URI, which looks at the first `octets` of the payload, or all of a shorter one. A
    /// message with `pattern` among them is refused for `reason`.
    pub fn new(
        uri: impl Into<String>,
        octets: u64,
        pattern: impl AsRef<[u8]>,
        reason: impl Into<String>,
    ) -> Self {
        let pattern = Finder::new(pattern.as_ref()).into_owned();
        Self { uri: uri.into(), settings: Arc::new(Settings { octets, pattern, reason: reason.into() }) }
    }
}

impl ServiceFactory for Peek {
    fn uri(&self) -> &str {
        &self.uri
    }

    fn version(&self) -> Option<&str> {
        Some(crate::VERSION)
    }

    fn build(&self, _: &Attributes) -> Box<dyn Service> {
        Box::new(Peeking { settings: Arc::clone(&self.settings), seen: Vec::new() })
    }

    fn wants_attributes(&self) -> bool {
        false
    }
}

struct Peeking {
    settings: Arc<Settings>,
    seen: Vec<u8>,
}

impl Peeking {
    fn decide(&self) -> Step {
        match self.settings.pattern.find(&self.seen) {
            Some(_) => Step::Refuse(Refusal::new(&*self.settings.reason)),
            None => Step::Leave,
        }
    }
}

impl Service for Peeking {
    fn needs(&self) -> Needs {
        let body = Body::First(self.settings.octets);
        Needs { body, decides: Decision::Later, decoded: true, ..Needs::look() }
    }

    fn push(&mut self, _: &mut Context<'_>, segment: Segment) -> Step {
        let left = usize::try_from(self.settings.octets).unwrap_or(usize::MAX) - self.seen.len();
        self.seen.extend_from_slice(&segment.octets[..segment.len().min(left)]);
        if segment.len() < left { Step::Continue } else { self.decide() }
    }

    fn finish(&mut self, _: &mut Context<'_>) -> Step {
        self.decide()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use opes_sdk::Chain;

    use super::*;

    fn chain(octets: u64) -> Chain {
        let peek = Peek::new("http://s.example/peek", octets, "evil", "not this");
        let mut chain = Chain::new(&[Arc::new(peek)], Attributes::default(), Waker::noop().clone());
        chain.start();
        chain
    }

    #[test]
    fn it_decides_once_its_prefix_is_there_and_leaves() {
        let mut chain = chain(8);
        chain.push("good ev".into());
        assert!(!chain.decided());
        chain.push("il".into());
        assert!(chain.decided() && chain.has_left() && chain.only_looks() && !chain.modifies());
    }

    #[test]
    fn the_pattern_is_found_across_borders_and_only_in_the_prefix() {
        let mut blocked = chain(9);
        blocked.push("good ev".into());
        blocked.push("il".into());
        assert_eq!(blocked.refusal().map(|refusal| refusal.reason.as_str()), Some("not this"));
    }

    #[test]
    fn a_short_payload_is_decided_at_its_end() {
        let mut passed = chain(100);
        passed.push("good".into());
        passed.finish();
        assert!(passed.decided() && passed.refusal().is_none());
        let mut blocked = chain(100);
        blocked.push("evil".into());
        blocked.finish();
        assert!(blocked.refusal().is_some());
    }
}
