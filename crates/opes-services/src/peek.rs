//! The service that decides on a prefix: pass or block.

use std::sync::Arc;

use opes_sdk::{Attributes, Context, Needs, Refusal, Segment, Service, ServiceFactory, Step};

use crate::beginning::{Beginning, Wanted};

/// Looks at the first octets of the payload, blocks the message if they hold a pattern, and else leaves: the rest of
/// the payload need not come at all.
#[derive(Debug, Clone)]
pub struct Peek {
    uri: String,
    settings: Arc<Settings>,
}

#[derive(Debug)]
struct Settings {
    wanted: Wanted,
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
        let settings = Settings { wanted: Wanted::new(octets, pattern), reason: reason.into() };
        Self { uri: uri.into(), settings: Arc::new(settings) }
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
        Box::new(Peeking { settings: Arc::clone(&self.settings), seen: Beginning::default() })
    }

    fn wants_attributes(&self) -> bool {
        false
    }
}

struct Peeking {
    settings: Arc<Settings>,
    seen: Beginning,
}

impl Peeking {
    fn decide(&self) -> Step {
        match self.seen.has() {
            true => Step::Refuse(Refusal::new(&*self.settings.reason)),
            false => Step::Leave,
        }
    }
}

impl Service for Peeking {
    fn needs(&self) -> Needs {
        self.settings.wanted.needs()
    }

    fn push(&mut self, _: &mut Context<'_>, segment: Segment) -> Step {
        match self.seen.take(&self.settings.wanted, &segment) {
            true => self.decide(),
            false => Step::Continue,
        }
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
