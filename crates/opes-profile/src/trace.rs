//! OPES traces in HTTP messages (RFC 4236 section 4, RFC 3897 section 3).

mod agent;
mod entry;

use http::{HeaderMap, HeaderName, HeaderValue};

pub use agent::{AgentId, AgentIdError, same_agent};
pub use entry::{Entry, Listed, entries};

use crate::list::Quoting;

/// The field to which every OPES System that handles a message appends its entry.
pub const OPES_SYSTEM: HeaderName = HeaderName::from_static("opes-system");

/// The field with optional tracing details of OPES processors and services.
pub const OPES_VIA: HeaderName = HeaderName::from_static("opes-via");

/// The request field that asks for services to be bypassed (RFC 4236 section 5); see [`crate::bypass`].
pub const OPES_BYPASS: HeaderName = HeaderName::from_static("opes-bypass");

/// What an OPES System has to say about one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// The System's own entry, which RFC 3897 section 3.1 requires.
    pub system: Entry,
    /// The processor's entry, where the System shows its processors.
    pub processor: Option<Entry>,
    /// The entries of the services that were applied, in the order of their application.
    pub services: Vec<Entry>,
}

impl Trace {
    /// A trace with the required entry only.
    pub fn new(system: Entry) -> Self {
        Self { system, processor: None, services: Vec::new() }
    }

    /// Appends the entries to the message's trace fields: the System's to OPES-System, and to OPES-Via, when
    /// that field exists or there are details to tell, the System's, the processor's and the services'.
    pub fn merge_into(&self, headers: &mut HeaderMap) {
        // RFC 4236 section 4: an OPES System MUST add its entry to OPES-System.
        append_each(headers, OPES_SYSTEM, std::iter::once(&self.system));
        // RFC 4236 section 4: where OPES-Via is used already, the System MUST append its entry there too.
        let details = self.processor.iter().chain(&self.services);
        if headers.contains_key(OPES_VIA) || details.clone().next().is_some() {
            // RFC 4236 section 4: the entries in both fields are identical, and this one opens the group.
            append_each(headers, OPES_VIA, std::iter::once(&self.system).chain(details));
        }
    }
}

/// Appends `entries` to the field, which becomes one field: the values of several are joined in their order,
/// and stay as they are, octet for octet (RFC 4236 section 4). Changes nothing when there are no entries.
///
/// A value that ends inside a quoted string would swallow what is appended; its string is closed first.
pub fn append(headers: &mut HeaderMap, field: HeaderName, entries: &[Entry]) {
    append_each(headers, field, entries.iter());
}

fn append_each<'a>(headers: &mut HeaderMap, field: HeaderName, entries: impl Iterator<Item = &'a Entry>) {
    let mut entries = entries.peekable();
    if entries.peek().is_none() {
        return;
    }
    let mut line = Vec::new();
    for value in headers.get_all(&field) {
        join(&mut line, value.as_bytes());
        line.extend_from_slice(closing(value.as_bytes()));
    }
    for entry in entries {
        join(&mut line, entry.to_string().as_bytes());
    }
    // What was a field value and what an entry displays as are both free of octets that a value cannot hold.
    if let Ok(value) = HeaderValue::from_maybe_shared(bytes::Bytes::from(line)) {
        headers.insert(field, value);
    }
}

fn join(line: &mut Vec<u8>, value: &[u8]) {
    if value.trim_ascii().is_empty() {
        return;
    }
    if !line.is_empty() {
        line.extend_from_slice(b", ");
    }
    line.extend_from_slice(value);
}

/// What closes the quoted string in which a value ends.
fn closing(value: &[u8]) -> &'static [u8] {
    match Quoting::at_end_of(value) {
        Quoting::Outside => b"",
        Quoting::Inside => b"\"",
        Quoting::Escaped => b"\"\"",
    }
}

#[cfg(test)]
mod tests;
