//! The beginning of a payload, for services that decide by it.

use memchr::memmem::Finder;
use opes_sdk::{Body, Decision, Needs, Segment};

/// What is looked for, and how far.
#[derive(Debug)]
pub(crate) struct Wanted {
    octets: u64,
    pattern: Finder<'static>,
}

impl Wanted {
    /// `pattern` among the first `octets` of a payload, or in all of a shorter one.
    pub(crate) fn new(octets: u64, pattern: impl AsRef<[u8]>) -> Self {
        Self { octets, pattern: Finder::new(pattern.as_ref()).into_owned() }
    }

    /// The needs of a service that looks for this, and leaves then.
    pub(crate) fn needs(&self) -> Needs {
        let body = Body::First(self.octets);
        Needs { body, decides: Decision::Later, decoded: true, ..Needs::look() }
    }
}

/// What has come of the beginning of one payload.
#[derive(Debug, Default)]
pub(crate) struct Beginning(Vec<u8>);

impl Beginning {
    /// Takes the next piece; true once there is as much as is looked at.
    pub(crate) fn take(&mut self, wanted: &Wanted, segment: &Segment) -> bool {
        let left = usize::try_from(wanted.octets).unwrap_or(usize::MAX) - self.0.len();
        self.0.extend_from_slice(&segment.octets[..segment.len().min(left)]);
        segment.len() >= left
    }

    /// Whether it holds what is looked for.
    pub(crate) fn has(&self, wanted: &Wanted) -> bool {
        wanted.pattern.find(&self.0).is_some()
    }
}
