//! What is wrong with an ICAP message.

use thiserror::Error;

use crate::encapsulated::Form;

/// Why a message cannot be read. Where it ends is not known then, so nothing that follows can be read either.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// Not a method, a URI and `ICAP/1.0`.
    #[error("the request line cannot be read")]
    RequestLine,
    /// Another version than 1.0 (RFC 3507 section 4.3.3: 505).
    #[error("not ICAP/1.0")]
    Version,
    /// Not `ICAP/1.0`, a status of three digits and a reason.
    #[error("the status line cannot be read")]
    StatusLine,
    /// A line of the head or of a trailer is no field.
    #[error("a line that is no field")]
    Field,
    /// The head of the message is longer than is allowed.
    #[error("a head of more than {0} octets")]
    HeadTooLong(usize),
    /// The encapsulated heads are longer than is allowed.
    #[error("encapsulated heads of more than {0} octets")]
    SectionsTooLong(usize),
    /// The line of a chunk is longer than is allowed.
    #[error("a chunk line of more than {0} octets")]
    LineTooLong(usize),
    /// The trailer is longer than is allowed.
    #[error("a trailer of more than {0} octets")]
    TrailerTooLong(usize),
    /// A message that has to say what it encapsulates does not, or does so twice.
    #[error("one Encapsulated field is needed")]
    NoEncapsulated,
    /// The list of encapsulated sections cannot be read.
    #[error("an Encapsulated field that cannot be read")]
    Encapsulated,
    /// The offsets do not begin with 0 or do not grow (RFC 3507 section 4.4.1).
    #[error("offsets in Encapsulated that do not grow from 0")]
    Offsets,
    /// The sections are not those of such a message (RFC 3507 section 4.4.1).
    #[error("sections in Encapsulated that are not those of {0}")]
    Sections(Form),
    /// An encapsulated head does not end with an empty line where Encapsulated says (RFC 3507 section 4.4.2).
    #[error("an encapsulated head that does not end where Encapsulated says")]
    SectionEnd,
    /// The Preview field is no number.
    #[error("a Preview that is no number")]
    Preview,
    /// More came before the end of the preview than the Preview field says (RFC 3507 section 4.5).
    #[error("more octets than the preview of {0}")]
    PreviewTooLong(u64),
    /// A preview that is not the whole body has a trailer.
    #[error("a trailer after a preview that is not the whole body")]
    PreviewTrailer,
    /// No hexadecimal size where a chunk should begin.
    #[error("no chunk size where one should be")]
    ChunkSize,
    /// A chunk does not end where its size says.
    #[error("a chunk that does not end where its size says")]
    ChunkEnd,
    /// `use-original-body` has no number, or stands in another answer than 206.
    #[error("a use-original-body that means nothing")]
    OriginalBody,
    /// A Transfer-Encoding, which ICAP does not allow (RFC 3507 section 4.3.1).
    #[error("a Transfer-Encoding, which ICAP does not have")]
    TransferEncoding,
}

impl Error {
    /// The status that a server answers with (RFC 3507 section 4.3.3).
    pub fn status(&self) -> u16 {
        match self {
            Self::Version => 505,
            _ => 400,
        }
    }
}
