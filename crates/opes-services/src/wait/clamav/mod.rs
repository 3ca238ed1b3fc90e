//! The service that has payload scanned by ClamAV.

mod error;
mod policy;
mod reply;
mod scanner;
mod session;
#[cfg(test)]
mod tests;

use std::{path::PathBuf, sync::Arc, time::Duration};

use opes_sdk::{Attributes, Decision, Needs, Service, ServiceFactory, streaming};

use self::{
    policy::{Scan, WINDOW},
    scanner::Scanner,
};

/// Has the payload scanned by a clamd, and refuses what is infected.
///
/// A scanner that is down, slow, or answers anything but a verdict fails the message: what has no verdict is never
/// clean. The variable `clamav` becomes `clean`, `infected` or `unscanned`, and `clamav_signature` the signature's name;
/// a trace record with `infected=NAME` or `unscanned=OFFSET` is made.
///
/// It needs tokio's reactor and timer where it is polled.
#[derive(Clone)]
pub struct ClamAv {
    shared: Arc<Shared>,
}

struct Shared {
    uri: String,
    options: Options,
    scanner: Scanner,
}

/// How a [`ClamAv`] works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Where clamd listens.
    pub address: Address,
    /// What is released before the verdict.
    pub policy: Policy,
    /// The most octets of a message that are scanned; clamd's `StreamMaxLength` and `MaxFileSize` should not be less,
    /// since clamd calls what is longer than the latter clean.
    pub max_bytes: u64,
    /// What becomes of a longer message.
    pub past_max: PastMax,
    /// How long connecting, sending, the verdict, and the wait for a session may take, each.
    pub timeout: Duration,
    /// The most sessions at a time. With [`Policy::Prefix`] a long message keeps one until its end.
    pub pool: usize,
    /// What the recipient of an infected message is told.
    pub reason: String,
    /// What the recipient of a message is told that is refused for its length.
    pub too_long: String,
}

impl Options {
    /// The usual ones for the clamd at this address: [`Policy::Hold`], 25 MiB at most and a refusal past that, 20 s, 16
    /// sessions.
    pub fn new(address: Address) -> Self {
        Self {
            address,
            policy: Policy::Hold,
            max_bytes: 25 << 20,
            past_max: PastMax::Refuse,
            timeout: Duration::from_secs(20),
            pool: 16,
            reason: "This content is infected.".to_owned(),
            too_long: "This content is too long to be scanned.".to_owned(),
        }
    }
}

/// Where a clamd listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// Host and port.
    Tcp(String),
    /// A socket in the file system.
    Unix(PathBuf),
}

/// What is released before the verdict on the whole message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Nothing.
    Hold,
    /// Once the first so many octets, scanned as a stream of their own, are clean: they, and the rest as it comes, but for
    /// the last 64 KiB. An infection that is found later aborts the message.
    Prefix {
        /// So many octets.
        octets: u64,
    },
}

/// What becomes of a message that is too long to be scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PastMax {
    /// It is refused, or aborted where some of it was released.
    Refuse,
    /// It passes, if what was scanned of it is clean.
    Pass,
}

impl ClamAv {
    /// The service under this URI. Nothing is connected before the first message.
    pub fn new(uri: impl Into<String>, options: Options) -> Self {
        let scanner = Scanner::new(options.address.clone(), options.timeout, options.pool);
        Self { shared: Arc::new(Shared { uri: uri.into(), options, scanner }) }
    }
}

impl std::fmt::Debug for ClamAv {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Shared { uri, options, .. } = &*self.shared;
        f.debug_struct("ClamAv").field("uri", uri).field("options", options).finish_non_exhaustive()
    }
}

impl ServiceFactory for ClamAv {
    fn uri(&self) -> &str {
        &self.shared.uri
    }

    fn version(&self) -> Option<&str> {
        Some(crate::VERSION)
    }

    fn records_late(&self) -> bool {
        true
    }

    fn build(&self, _: &Attributes) -> Box<dyn Service> {
        let shared = Arc::clone(&self.shared);
        Box::new(streaming(self.shared.options.needs(), move |_, payload| async move {
            let Shared { uri, options, scanner } = &*shared;
            Scan { uri, scanner, options, payload }.run().await
        }))
    }

    fn wants_attributes(&self) -> bool {
        false
    }
}

impl Options {
    fn needs(&self) -> Needs {
        let holds = match self.policy {
            Policy::Hold => self.max_bytes,
            Policy::Prefix { octets } => octets.min(self.max_bytes).saturating_add(WINDOW),
        };
        // Content codings hide what signatures are for.
        Needs { modifies: false, decides: Decision::Later, decoded: true, holds, ..Needs::default() }
    }
}
