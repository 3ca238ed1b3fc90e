//! The service that tells later rules what the payload begins with.

use std::sync::Arc;

use opes_sdk::{Attributes, Context, Needs, Segment, Service, ServiceFactory, Step};

use crate::beginning::{Beginning, Wanted};

/// Looks at the first octets of the payload and sets a variable if they hold a pattern, then leaves.
///
/// A rule may say another value to it by the parameter `value`.
#[derive(Debug, Clone)]
pub struct Tag {
    uri: String,
    settings: Arc<Settings>,
}

#[derive(Debug)]
struct Settings {
    wanted: Wanted,
    variable: String,
    value: String,
}

impl Tag {
    /// The service under this URI, which looks at the first `octets` of the payload, or all of a shorter one, and sets
    /// `variable` to `value` where `pattern` is among them. An empty pattern is in every payload.
    pub fn new(
        uri: impl Into<String>,
        octets: u64,
        pattern: impl AsRef<[u8]>,
        variable: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        let wanted = Wanted::new(octets, pattern);
        let settings = Settings { wanted, variable: variable.into(), value: value.into() };
        Self { uri: uri.into(), settings: Arc::new(settings) }
    }
}

impl ServiceFactory for Tag {
    fn uri(&self) -> &str {
        &self.uri
    }

    fn version(&self) -> Option<&str> {
        Some(crate::VERSION)
    }

    fn build(&self, _: &Attributes) -> Box<dyn Service> {
        Box::new(Tagging { settings: Arc::clone(&self.settings), seen: Beginning::default() })
    }
}

struct Tagging {
    settings: Arc<Settings>,
    seen: Beginning,
}

impl Tagging {
    fn decide(&self, cx: &mut Context<'_>) -> Step {
        if self.seen.has() {
            let told = cx.attributes().parameters.get("value");
            let value = told.unwrap_or(&self.settings.value).clone();
            cx.set_variable(self.settings.variable.clone(), value);
        }
        Step::Leave
    }
}

impl Service for Tagging {
    fn needs(&self) -> Needs {
        self.settings.wanted.needs()
    }

    fn push(&mut self, cx: &mut Context<'_>, segment: Segment) -> Step {
        match self.seen.take(&self.settings.wanted, &segment) {
            true => self.decide(cx),
            false => Step::Continue,
        }
    }

    fn finish(&mut self, cx: &mut Context<'_>) -> Step {
        self.decide(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use bytes::Bytes;
    use opes_sdk::Chain;

    use super::*;

    /// The variable after a payload in these pieces.
    fn tagged(attributes: Attributes, pieces: &[&'static str]) -> Option<String> {
        let tag = Tag::new("urn:tag", 8, "cat", "animal", "cat");
        let mut chain = Chain::new(&[Arc::new(tag)], attributes, Waker::noop().clone());
        chain.start();
        for piece in pieces {
            chain.push(Bytes::from_static(piece.as_bytes()));
        }
        chain.finish();
        let mut out = Vec::new();
        while let Some(segment) = chain.pull() {
            out.extend_from_slice(&segment.octets);
        }
        assert_eq!(out, pieces.concat().as_bytes(), "nothing is changed");
        assert!(!chain.modified() && chain.decided());
        chain.attributes().variables.get("animal").cloned()
    }

    #[test]
    fn the_variable_is_set_where_the_beginning_holds_the_pattern() {
        let plain = Attributes::default;
        assert_eq!(tagged(plain(), &["a c", "at"]).as_deref(), Some("cat"));
        assert_eq!(tagged(plain(), &["a dog and a cat"]), None, "it comes too late");
        assert_eq!(tagged(plain(), &[]), None);
    }

    #[test]
    fn a_rule_may_say_another_value() {
        let parameters = [("value".to_owned(), "lion".to_owned())].into();
        let told = Attributes { parameters, ..Attributes::default() };
        assert_eq!(tagged(told, &["cat"]).as_deref(), Some("lion"));
    }
}
