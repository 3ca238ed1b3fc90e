//! OPES traces in HTTP messages (RFC 4236 section 4, RFC 3897 section 3), also as
//! draft-ietf-opes-end-comm-02 section 8 shows them.

mod agent;
mod entry;
mod explain;
mod manner;
mod records;
mod write;

use http::{HeaderMap, HeaderName, HeaderValue};

pub use agent::{AgentId, AgentIdError, same_agent};
pub use entry::{Entry, Listed, entries};
pub use explain::{Explanation, Field, Kind, Line, Problem, Whose, explain, explain_headers};
pub use manner::{Granularity, Manner, Rendering};
pub use write::{Written, trace_octets};

use crate::list::Quoting;

/// The field to which every OPES System that handles a message appends its entry.
pub const OPES_SYSTEM: HeaderName = HeaderName::from_static("opes-system");

/// The field with optional tracing details of OPES processors and services.
pub const OPES_VIA: HeaderName = HeaderName::from_static("opes-via");

/// The field for processors in draft-ietf-opes-end-comm-02 section 8.
pub const OPES_PROCESSOR: HeaderName = HeaderName::from_static("opes-processor");

/// The field for services there.
pub const OPES_SERVICE: HeaderName = HeaderName::from_static("opes-service");

/// The request field that asks for services to be bypassed (RFC 4236 section 5); see [`crate::bypass`].
pub const OPES_BYPASS: HeaderName = HeaderName::from_static("opes-bypass");

/// Whether a message carries a trace, in whatever form.
pub fn has_trace(headers: &HeaderMap) -> bool {
    let fields = fields();
    headers.keys().any(|name| fields.contains(name))
}

/// Those that a trace stands in.
fn fields() -> [HeaderName; 4] {
    [OPES_SYSTEM, OPES_VIA, OPES_PROCESSOR, OPES_SERVICE]
}

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

    /// Appends every entry to OPES-System and OPES-Via: [`Trace::write_into`] in the default manner.
    pub fn merge_into(&self, headers: &mut HeaderMap) {
        let _ = self.write_into(headers, &Manner::default());
    }
}

/// Appends `entries` to the field, which becomes one field: the values of several are joined in their order,
/// and stay as they are, octet for octet (RFC 4236 section 4). Changes nothing when there are no entries.
///
/// A value that ends inside a quoted string would swallow what is appended; its string is closed first.
pub fn append(headers: &mut HeaderMap, field: HeaderName, entries: &[Entry]) {
    let texts: Vec<_> = entries.iter().map(Entry::text).collect();
    append_texts(headers, field, texts.iter().map(|text| &**text));
}

/// As [`append`], of entries as they are written.
fn append_texts<'a>(
    headers: &mut HeaderMap,
    field: HeaderName,
    texts: impl Iterator<Item = &'a str> + Clone,
) {
    let added: usize = texts.clone().map(|text| text.len() + ", ".len()).sum();
    if added == 0 {
        return;
    }
    let mut line = Vec::with_capacity(added);
    for value in headers.get_all(&field) {
        join(&mut line, value.as_bytes());
        line.extend_from_slice(closing(value.as_bytes()));
    }
    for text in texts {
        join(&mut line, text.as_bytes());
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
