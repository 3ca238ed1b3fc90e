//! How much of a message is kept while it is read.

/// Limits of a reader, in octets. RFC 3507 sets none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The head of an ICAP message.
    pub head: usize,
    /// All encapsulated heads of a message together.
    pub sections: usize,
    /// The line that begins a chunk, with its extensions and its end.
    pub line: usize,
    /// The trailer of a body, with its empty line.
    pub trailer: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { head: 64 * 1024, sections: 256 * 1024, line: 4 * 1024, trailer: 64 * 1024 }
    }
}
