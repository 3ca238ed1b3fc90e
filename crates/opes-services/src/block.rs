//! The service that lets nothing pass.

use std::sync::Arc;

use opes_sdk::{Attributes, Body, Context, Decision, Needs, Refusal, Segment, Service, ServiceFactory, Step};

/// Refuses every message at its start, before any payload.
#[derive(Debug, Clone)]
pub struct Block {
    uri: String,
    reason: Arc<str>,
}

impl Block {
    /// The service under this URI. The reason is for the message's recipient.
    pub fn new(uri: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { uri: uri.into(), reason: reason.into().into() }
    }
}

impl ServiceFactory for Block {
    fn uri(&self) -> &str {
        &self.uri
    }

    fn version(&self) -> Option<&str> {
        Some(crate::VERSION)
    }

    fn build(&self, _: &Attributes) -> Box<dyn Service> {
        Box::new(Refuse { reason: Arc::clone(&self.reason) })
    }

    fn wants_attributes(&self) -> bool {
        false
    }
}

struct Refuse {
    reason: Arc<str>,
}

impl Refuse {
    fn refuse(&self) -> Step {
        Step::Refuse(Refusal::new(&*self.reason))
    }
}

impl Service for Refuse {
    fn needs(&self) -> Needs {
        let decides = Decision::AtStart;
        Needs { body: Body::Nothing, modifies: false, decides, refuses: true, ..Needs::default() }
    }

    fn start(&mut self, _: &mut Context<'_>) -> Step {
        self.refuse()
    }

    fn push(&mut self, _: &mut Context<'_>, _: Segment) -> Step {
        self.refuse()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use opes_sdk::Chain;

    use super::*;

    #[test]
    fn refuses_at_the_start() {
        let service = Block::new("http://s.example/block", "not here");
        assert_eq!(service.uri(), "http://s.example/block");
        let mut chain = Chain::new(&[Arc::new(service)], Attributes::default(), Waker::noop().clone());
        chain.start();
        assert_eq!(chain.refusal(), Some(&Refusal::new("not here")));
        chain.push("abc".into());
        chain.finish();
        assert!(chain.pull().is_none() && !chain.finished());
    }
}
