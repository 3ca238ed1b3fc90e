//! The service that passes everything.

use opes_sdk::{Attributes, Context, Needs, Segment, Service, ServiceFactory, Step};

/// Passes the payload unchanged, piece by piece. It stays in the path: what comes in goes out through it.
#[derive(Debug, Clone)]
pub struct Identity {
    uri: String,
}

impl Identity {
    /// The service under this URI.
    pub fn new(uri: impl Into<String>) -> Self {
        Self { uri: uri.into() }
    }
}

impl ServiceFactory for Identity {
    fn uri(&self) -> &str {
        &self.uri
    }

    fn version(&self) -> Option<&str> {
        Some(crate::VERSION)
    }

    fn build(&self, _: &Attributes) -> Box<dyn Service> {
        Box::new(Echo)
    }

    fn wants_attributes(&self) -> bool {
        false
    }
}

struct Echo;

impl Service for Echo {
    fn needs(&self) -> Needs {
        Needs { modifies: false, ..Needs::default() }
    }

    fn push(&mut self, cx: &mut Context<'_>, segment: Segment) -> Step {
        cx.emit(segment);
        Step::Continue
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, task::Waker};

    use opes_sdk::Chain;

    use super::*;

    #[test]
    fn echoes_with_provenance_and_stays() {
        let service = Identity::new("http://s.example/identity");
        assert_eq!(service.uri(), "http://s.example/identity");
        let mut chain = Chain::new(&[Arc::new(service)], Attributes::default(), Waker::noop().clone());
        chain.start();
        assert!(chain.decided() && !chain.modifies() && !chain.only_looks() && !chain.has_left());
        chain.push("abc".into());
        chain.push("de".into());
        assert_eq!(chain.pull(), Some(Segment::original("abc", 0)));
        assert_eq!(chain.pull(), Some(Segment::original("de", 3)));
        chain.finish();
        assert!(chain.finished() && !chain.modified());
    }
}
