//! The encoder of RFC 4037 section 3.1: heads become octets here, payload is never copied by it.

use super::number;
use super::value::{Structure, Value};

/// What follows the payload of a message.
pub const PAYLOAD_END: &[u8] = b"\r\n;\r\n";

/// Writes one message. Anonymous parameters come first, then named ones, then the end or the payload.
#[derive(Debug)]
pub struct MessageWriter<'a> {
    out: &'a mut Vec<u8>,
    named: bool,
}

impl<'a> MessageWriter<'a> {
    /// Begins a message of this name.
    #[inline]
    pub fn new(out: &'a mut Vec<u8>, name: &'static str) -> Self {
        out.extend_from_slice(name.as_bytes());
        Self { out, named: false }
    }

    /// Adds an anonymous number.
    #[must_use]
    #[inline]
    pub fn number(self, value: u64) -> Self {
        debug_assert!(!self.named, "anonymous parameters come before named ones");
        self.out.push(b' ');
        number::write(value, self.out);
        self
    }

    /// Adds an anonymous value.
    #[must_use]
    pub fn value(self, value: &Value) -> Self {
        debug_assert!(!self.named, "anonymous parameters come before named ones");
        self.out.push(b' ');
        write_value(value, self.out);
        self
    }

    /// Adds an anonymous list of structures (features, services).
    #[must_use]
    pub fn list<'s>(self, items: impl Iterator<Item = &'s Structure>) -> Self {
        self.out.push(b' ');
        write_list(items, self.out);
        self
    }

    /// Adds an anonymous structure.
    #[must_use]
    pub fn structure(self, structure: &Structure) -> Self {
        self.out.push(b' ');
        write_structure(structure, self.out);
        self
    }

    /// Adds a named number.
    #[must_use]
    #[inline]
    pub fn named_number(mut self, name: &str, value: u64) -> Self {
        self.name(name);
        number::write(value, self.out);
        self.line_end()
    }

    /// Adds a named bare atom; `atom` holds safe octets only.
    #[must_use]
    pub fn named_bare(mut self, name: &str, atom: &'static str) -> Self {
        self.name(name);
        self.out.extend_from_slice(atom.as_bytes());
        self.line_end()
    }

    /// Adds a named list of structures (features, services).
    #[must_use]
    pub fn named_list<'s>(mut self, name: &str, items: impl Iterator<Item = &'s Structure>) -> Self {
        self.name(name);
        write_list(items, self.out);
        self.line_end()
    }

    /// Adds a pair of numbers in a structure, the form of `Kept` that the grammar allows.
    #[must_use]
    pub fn named_pair(mut self, name: &str, first: u64, second: u64) -> Self {
        self.name(name);
        self.out.push(b'{');
        number::write(first, self.out);
        self.out.push(b' ');
        number::write(second, self.out);
        self.out.push(b'}');
        self.line_end()
    }

    /// Adds named parameters that are encoded already: whole lines of `name ":" SP value CRLF`, or nothing.
    #[must_use]
    #[inline]
    pub fn encoded(mut self, lines: &[u8]) -> Self {
        if !lines.is_empty() {
            debug_assert!(lines.ends_with(b"\r\n"), "encoded parameters are whole lines");
            self.begin_named();
            self.out.extend_from_slice(lines);
        }
        self
    }

    /// Ends a message without payload.
    #[inline]
    pub fn end(self) {
        self.out.extend_from_slice(b";\r\n");
    }

    /// Ends the head of a message whose payload has `size` octets: payload and [`PAYLOAD_END`] follow.
    #[inline]
    pub fn payload(self, size: u64) {
        self.out.extend_from_slice(b"\r\n");
        number::write(size, self.out);
        self.out.push(b':');
    }

    #[inline]
    fn name(&mut self, name: &str) {
        self.begin_named();
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b": ");
    }

    #[inline]
    fn begin_named(&mut self) {
        if !self.named {
            self.out.extend_from_slice(b"\r\n");
            self.named = true;
        }
    }

    #[inline]
    fn line_end(self) -> Self {
        self.out.extend_from_slice(b"\r\n");
        self
    }
}

fn write_list<'s>(items: impl Iterator<Item = &'s Structure>, out: &mut Vec<u8>) {
    out.push(b'(');
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_structure(item, out);
    }
    out.push(b')');
}

/// Appends a value.
pub fn write_value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Atom(octets) => write_atom(octets, out),
        Value::Structure(structure) => write_structure(structure, out),
        Value::List(items) => {
            out.push(b'(');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_value(item, out);
            }
            out.push(b')');
        }
    }
}

fn write_structure(structure: &Structure, out: &mut Vec<u8>) {
    out.push(b'{');
    for (index, member) in structure.anonymous.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        write_value(member, out);
    }
    if !structure.named.is_empty() {
        out.extend_from_slice(b"\r\n");
        for (name, member) in &structure.named {
            out.extend_from_slice(name);
            out.extend_from_slice(b": ");
            write_value(member, out);
            out.extend_from_slice(b"\r\n");
        }
    }
    out.push(b'}');
}

/// Appends an atom, bare where its octets allow it (RFC 4037 section 3.1).
pub fn write_atom(octets: &[u8], out: &mut Vec<u8>) {
    let bare = !octets.is_empty()
        && octets.iter().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'));
    if bare {
        out.extend_from_slice(octets);
        return;
    }
    out.push(b'"');
    number::write(octets.len() as u64, out);
    out.push(b':');
    out.extend_from_slice(octets);
    out.push(b'"');
}
