//! The service that inserts text into the beginning of the payload, and leaves.

use std::sync::Arc;

use bytes::Bytes;
use memchr::memmem::Finder;
use opes_sdk::{Attributes, Context, Needs, Segment, Service, ServiceFactory, Step};

use crate::substitute::EmptyPattern;

/// Inserts text after the first occurrence of a marker among the first octets of the payload. After that, or once the
/// marker can no longer come, it leaves: the rest of the payload need not pass through it.
#[derive(Debug, Clone)]
pub struct Inject {
    uri: String,
    settings: Arc<Settings>,
}

#[derive(Debug)]
struct Settings {
    marker: Finder<'static>,
    text: Bytes,
    within: u64,
}

impl Inject {
    /// The service under this URI: `text` goes behind the first `marker` that ends within the first `within` octets.
    ///
    /// # Errors
    /// The marker is empty.
    pub fn new(
        uri: impl Into<String>,
        marker: impl AsRef<[u8]>,
        text: impl Into<Bytes>,
        within: u64,
    ) -> Result<Self, EmptyPattern> {
        if marker.as_ref().is_empty() {
            return Err(EmptyPattern);
        }
        let marker = Finder::new(marker.as_ref()).into_owned();
        Ok(Self { uri: uri.into(), settings: Arc::new(Settings { marker, text: text.into(), within }) })
    }
}

impl ServiceFactory for Inject {
    fn uri(&self) -> &str {
        &self.uri
    }

    fn version(&self) -> Option<&str> {
        Some(crate::VERSION)
    }

    fn build(&self, _: &Attributes) -> Box<dyn Service> {
        Box::new(Injecting { settings: Arc::clone(&self.settings), seen: 0, border: Vec::new() })
    }

    fn wants_attributes(&self) -> bool {
        false
    }
}

struct Injecting {
    settings: Arc<Settings>,
    /// Octets that have passed.
    seen: u64,
    /// The last of them, one fewer than the marker has: where a marker that spans segments begins.
    border: Vec<u8>,
}

impl Injecting {
    /// How many octets of `segment` belong before the text; `None` when the marker does not end in it.
    fn find(&self, segment: &Segment) -> Option<usize> {
        let marker = self.settings.marker.needle().len();
        let mut joined = self.border.clone();
        joined.extend_from_slice(&segment.octets[..segment.len().min(marker - 1)]);
        let across = self.settings.marker.find(&joined).map(|start| start + marker - self.border.len());
        across.or_else(|| self.settings.marker.find(&segment.octets).map(|start| start + marker))
    }

    fn remember(&mut self, octets: &[u8]) {
        let keep = self.settings.marker.needle().len() - 1;
        self.seen += octets.len() as u64;
        self.border.extend_from_slice(&octets[octets.len().saturating_sub(keep)..]);
        self.border.drain(..self.border.len().saturating_sub(keep));
    }
}

impl Service for Injecting {
    fn needs(&self) -> Needs {
        Needs { decoded: true, ..Needs::default() }
    }

    fn push(&mut self, cx: &mut Context<'_>, mut segment: Segment) -> Step {
        let left = self.settings.within.saturating_sub(self.seen);
        if let Some(end) = self.find(&segment).filter(|end| *end as u64 <= left) {
            cx.emit(segment.split_to(end));
            cx.emit(Segment::new(self.settings.text.clone()));
            cx.emit(segment);
            return Step::Leave;
        }
        self.remember(&segment.octets);
        cx.emit(segment);
        if self.seen >= self.settings.within { Step::Leave } else { Step::Continue }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use opes_sdk::Chain;
    use proptest::prelude::*;

    use super::*;

    fn adapted(within: u64, pieces: &[&[u8]]) -> (Vec<u8>, Chain) {
        let inject = Inject::new("http://s.example/inject", "<b>", "TEXT", within).unwrap();
        let mut chain = Chain::new(&[Arc::new(inject)], Attributes::default(), Waker::noop().clone());
        chain.start();
        pieces.iter().for_each(|piece| chain.push(Bytes::copy_from_slice(piece)));
        let left = chain.has_left();
        chain.finish();
        let mut octets = Vec::new();
        while let Some(segment) = chain.pull() {
            octets.extend_from_slice(&segment.octets);
        }
        assert!(left || octets.len() < 1000);
        (octets, chain)
    }

    #[test]
    fn the_text_goes_behind_the_first_marker_and_the_service_leaves() {
        let (octets, chain) = adapted(100, &[b"a<b>c<b>d"]);
        assert_eq!(octets, b"a<b>TEXTc<b>d");
        assert!(chain.modified());
    }

    #[test]
    fn a_marker_that_ends_too_late_is_none() {
        assert_eq!(adapted(3, &[b"a<b>c"]).0, b"a<b>c");
        assert_eq!(adapted(4, &[b"a<b>c"]).0, b"a<b>TEXTc");
    }

    #[test]
    fn without_a_marker_nothing_changes() {
        let (octets, chain) = adapted(100, &[b"a", b"<", b"c>"]);
        assert_eq!(octets, b"a<c>");
        assert!(!chain.modified());
    }

    proptest! {
        #[test]
        fn cuts_make_no_difference(body in "[ab<>]{0,30}", cuts in proptest::collection::vec(0usize..30, 0..6), within in 0u64..40) {
            let body = body.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(body.len())).collect();
            cuts.sort_unstable();
            let starts = std::iter::once(0).chain(cuts.iter().copied());
            let ends = cuts.iter().copied().chain([body.len()]);
            let pieces: Vec<&[u8]> = starts.zip(ends).map(|(start, end)| &body[start..end]).collect();
            let expected = match body.windows(3).position(|window| window == b"<b>") {
                Some(start) if start as u64 + 3 <= within => [&body[..start + 3], b"TEXT", &body[start + 3..]].concat(),
                _ => body.to_vec(),
            };
            prop_assert_eq!(adapted(within, &pieces).0, expected);
        }
    }
}
