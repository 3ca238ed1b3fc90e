//! The service that reads everything and reports what it read.

use std::{fmt::Write, sync::Arc};

use opes_sdk::{Attributes, Context, Needs, Segment, Service, ServiceFactory, Step, TraceRecord};
use sha2::{Digest as _, Sha256};

/// Reads the whole payload and changes nothing.
///
/// Once the payload is complete, it logs its SHA-256 in one line and adds a trace record: its own URI with the
/// parameter `sha256`, in lower-case hexadecimal digits.
#[derive(Debug, Clone)]
pub struct Digest {
    uri: Arc<str>,
}

impl Digest {
    /// The service under this URI.
    pub fn new(uri: impl Into<String>) -> Self {
        Self { uri: uri.into().into() }
    }
}

impl ServiceFactory for Digest {
    fn uri(&self) -> &str {
        &self.uri
    }

    fn version(&self) -> Option<&str> {
        Some(crate::VERSION)
    }

    fn records_late(&self) -> bool {
        true
    }

    fn build(&self, _: &Attributes) -> Box<dyn Service> {
        Box::new(Reader { uri: Arc::clone(&self.uri), hasher: Sha256::new() })
    }

    fn wants_attributes(&self) -> bool {
        false
    }
}

struct Reader {
    uri: Arc<str>,
    hasher: Sha256,
}

impl Service for Reader {
    fn needs(&self) -> Needs {
        Needs::look()
    }

    fn push(&mut self, _: &mut Context<'_>, segment: Segment) -> Step {
        self.hasher.update(&segment.octets);
        Step::Continue
    }

    fn finish(&mut self, cx: &mut Context<'_>) -> Step {
        let sha256 = hex(&self.hasher.finalize_reset());
        let xid = cx.attributes().transaction;
        tracing::info!(xid, service = %self.uri, %sha256, "digest");
        cx.record(TraceRecord::new(&*self.uri).with("sha256", sha256));
        Step::Continue
    }
}

fn hex(octets: &[u8]) -> String {
    let mut digits = String::with_capacity(2 * octets.len());
    for octet in octets {
        // Writing to a String cannot fail.
        let _ = write!(digits, "{octet:02x}");
    }
    digits
}

#[cfg(test)]
mod tests {
    use std::{fmt, sync::Mutex, task::Waker};

    use opes_sdk::Chain;
    use tracing::{Event, Metadata, Subscriber, field, span};

    use super::*;

    const URI: &str = "http://s.example/digest";
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    /// Keeps the fields of each event as one line.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<String>>>);

    struct Line(String);

    impl field::Visit for Line {
        fn record_debug(&mut self, field: &field::Field, value: &dyn fmt::Debug) {
            write!(self.0, "{}={value:?} ", field.name()).unwrap();
        }
    }

    impl Subscriber for Lines {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }

        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

        fn event(&self, event: &Event<'_>) {
            let mut line = Line(format!("{} ", event.metadata().level()));
            event.record(&mut line);
            self.0.lock().unwrap().push(line.0);
        }

        fn enter(&self, _: &span::Id) {}

        fn exit(&self, _: &span::Id) {}
    }

    fn chain() -> Chain {
        let attributes = Attributes { transaction: Some(4037), ..Attributes::default() };
        let mut chain = Chain::new(&[Arc::new(Digest::new(URI))], attributes, Waker::noop().clone());
        chain.start();
        chain
    }

    #[test]
    fn reports_the_digest_once_the_payload_is_complete() {
        let lines = Lines::default();
        let mut chain = chain();
        assert!(chain.decided() && chain.only_looks() && !chain.modifies());
        chain.push("a".into());
        chain.push("bc".into());
        tracing::subscriber::with_default(lines.clone(), || chain.finish());

        let lines = lines.0.lock().unwrap();
        assert_eq!(lines.len(), 1);
        assert!(lines[0].starts_with("INFO") && lines[0].contains("xid=4037 "));
        assert!(lines[0].contains(URI) && lines[0].contains(ABC));
        assert_eq!(chain.take_records(), [TraceRecord::new(URI).with("sha256", ABC)]);
        assert_eq!(chain.pull(), Some(Segment::original("a", 0)));
        assert_eq!(chain.pull(), Some(Segment::original("bc", 1)));
        assert!(chain.finished() && !chain.modified());
    }

    #[test]
    fn says_nothing_about_a_payload_that_did_not_end() {
        let lines = Lines::default();
        tracing::subscriber::with_default(lines.clone(), || {
            let mut chain = chain();
            chain.push("abc".into());
            chain.abort();
            assert!(chain.take_records().is_empty());
        });
        assert!(lines.0.lock().unwrap().is_empty());
    }

    #[test]
    fn an_empty_payload_has_a_digest_too() {
        let mut chain = chain();
        chain.finish();
        let records = chain.take_records();
        assert!(records[0].parameters[0].1.starts_with("e3b0c44298fc1c14"));
    }
}
