//! ICAP messages as they come in: a head, encapsulated heads, and a body in chunks.

use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;

/// No head is longer than this.
const HEAD: usize = 64 * 1024;
/// No line of a chunked body is longer than this.
const LINE: usize = 4 * 1024;

/// What is wrong with an ICAP message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IcapError {
    /// Not `ICAP/1.0` and a number of three digits.
    #[error("no status line: {0:?}")]
    StatusLine(String),
    /// The list of encapsulated sections is missing or cannot be read.
    #[error("no good Encapsulated: {0:?}")]
    Encapsulated(String),
    /// Not the size of a chunk.
    #[error("no chunk size: {0:?}")]
    ChunkSize(String),
    /// A chunk is longer than it says.
    #[error("no line end after a chunk")]
    ChunkEnd,
    /// A head or a line has no end.
    #[error("a head or a line longer than {0} octets")]
    TooLong(usize),
}

/// A part of an ICAP message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The head of the ICAP message.
    Head(Head),
    /// A piece of the encapsulated heads.
    Encapsulated(Bytes),
    /// A piece of the body.
    Body(Bytes),
    /// The message is over. In a request with a preview, more may follow.
    End {
        /// The body ends here for certain (RFC 3507, section 4.5: `ieof`).
        ieof: bool,
    },
}

/// The head of an ICAP message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// The first line.
    pub(crate) start: String,
    pub(crate) encapsulated: Option<String>,
    /// The octets of the encapsulated heads, and whether a body follows.
    sections: (usize, bool),
    pub(crate) preview: Option<usize>,
    pub(crate) allows_204: bool,
    /// The connection ends after the message.
    pub(crate) closes: bool,
}

impl Head {
    /// The status of an answer.
    pub(crate) fn status(&self) -> Result<u16, IcapError> {
        let code = self.start.strip_prefix("ICAP/1.0 ").and_then(|rest| rest.get(..3));
        let code = code.and_then(|code| code.parse().ok());
        code.ok_or_else(|| IcapError::StatusLine(self.start.clone()))
    }

    /// Whether a body follows the encapsulated heads.
    pub(crate) fn has_body(&self) -> bool {
        self.sections.1
    }

    fn parse(octets: &[u8]) -> Result<Self, IcapError> {
        let text = String::from_utf8_lossy(octets);
        let mut lines = text.split("\r\n");
        let mut head = Self {
            start: lines.next().unwrap_or_default().to_owned(),
            encapsulated: None,
            sections: (0, false),
            preview: None,
            allows_204: false,
            closes: false,
        };
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            if name.eq_ignore_ascii_case("encapsulated") {
                head.sections = sections(value)?;
                head.encapsulated = Some(value.to_owned());
            } else if name.eq_ignore_ascii_case("connection") {
                head.closes = has_token(value, "close");
            } else if name.eq_ignore_ascii_case("allow") {
                head.allows_204 = has_token(value, "204");
            } else if name.eq_ignore_ascii_case("preview") {
                head.preview = value.parse().ok();
            }
        }
        Ok(head)
    }
}

fn has_token(list: &str, token: &str) -> bool {
    list.split(',').any(|item| item.trim().eq_ignore_ascii_case(token))
}

/// Where the body begins, and whether there is one (RFC 3507, section 4.4.1).
fn sections(list: &str) -> Result<(usize, bool), IcapError> {
    let bad = || IcapError::Encapsulated(list.to_owned());
    let (name, offset) =
        list.rsplit(',').next().and_then(|last| last.trim().split_once('=')).ok_or_else(bad)?;
    let offset = offset.parse().map_err(|_| bad())?;
    match name {
        "null-body" => Ok((offset, false)),
        "req-body" | "res-body" | "opt-body" => Ok((offset, true)),
        _ => Err(bad()),
    }
}

/// Where in a message the reader stands.
#[derive(Debug, Clone, Copy)]
enum State {
    Head,
    Encapsulated { left: usize, body: bool },
    ChunkSize,
    Chunk { left: usize },
    ChunkEnd,
    Trailer { ieof: bool },
    End { ieof: bool },
}

/// Reads one message after the other.
#[derive(Debug)]
pub(crate) struct Reader {
    state: State,
}

impl Reader {
    pub(crate) fn new() -> Self {
        Self { state: State::Head }
    }

    /// After a preview: the rest of the same body follows.
    pub(crate) fn body_goes_on(&mut self) {
        self.state = State::ChunkSize;
    }

    /// The next part, when enough of it is there.
    pub(crate) fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<Part>, IcapError> {
        loop {
            match self.state {
                State::Head => {
                    let Some(length) = find(buffer, b"\r\n\r\n", HEAD)? else { return Ok(None) };
                    let head = Head::parse(&buffer[..length])?;
                    buffer.advance(length + 4);
                    let (left, body) = head.sections;
                    self.state = State::Encapsulated { left, body };
                    return Ok(Some(Part::Head(head)));
                }
                State::Encapsulated { left: 0, body } => {
                    self.state = if body { State::ChunkSize } else { State::End { ieof: false } };
                }
                State::Encapsulated { left, body } => {
                    let Some(piece) = take(buffer, left) else { return Ok(None) };
                    self.state = State::Encapsulated { left: left - piece.len(), body };
                    return Ok(Some(Part::Encapsulated(piece)));
                }
                State::ChunkSize => {
                    let Some(length) = find(buffer, b"\r\n", LINE)? else { return Ok(None) };
                    let (size, ieof) = chunk_size(&buffer[..length])?;
                    buffer.advance(length + 2);
                    self.state =
                        if size == 0 { State::Trailer { ieof } } else { State::Chunk { left: size } };
                }
                State::Chunk { left: 0 } => self.state = State::ChunkEnd,
                State::Chunk { left } => {
                    let Some(piece) = take(buffer, left) else { return Ok(None) };
                    self.state = State::Chunk { left: left - piece.len() };
                    return Ok(Some(Part::Body(piece)));
                }
                State::ChunkEnd => match buffer.first_chunk::<2>() {
                    None => return Ok(None),
                    Some(b"\r\n") => {
                        buffer.advance(2);
                        self.state = State::ChunkSize;
                    }
                    Some(_) => return Err(IcapError::ChunkEnd),
                },
                State::Trailer { ieof } => {
                    let Some(length) = find(buffer, b"\r\n", LINE)? else { return Ok(None) };
                    buffer.advance(length + 2);
                    if length == 0 {
                        self.state = State::End { ieof };
                    }
                }
                State::End { ieof } => {
                    self.state = State::Head;
                    return Ok(Some(Part::End { ieof }));
                }
            }
        }
    }
}

/// What is there of so many octets.
fn take(buffer: &mut BytesMut, most: usize) -> Option<Bytes> {
    let length = most.min(buffer.len());
    (length > 0).then(|| buffer.split_to(length).freeze())
}

/// Where a line or a head ends.
fn find(buffer: &[u8], end: &[u8], most: usize) -> Result<Option<usize>, IcapError> {
    let found = buffer.windows(end.len()).take(most).position(|window| window == end);
    if found.is_none() && buffer.len() >= most + end.len() {
        return Err(IcapError::TooLong(most));
    }
    Ok(found)
}

/// The size of a chunk, and whether it says that nothing follows a preview.
fn chunk_size(line: &[u8]) -> Result<(usize, bool), IcapError> {
    let text = String::from_utf8_lossy(line);
    let (size, extension) = text.split_once(';').unwrap_or((&text, ""));
    let size = size.trim();
    // The parser would take a sign.
    let digits = size.bytes().all(|octet| octet.is_ascii_hexdigit());
    let size = usize::from_str_radix(size, 16).ok().filter(|_| digits);
    let size = size.ok_or_else(|| IcapError::ChunkSize(text.clone().into_owned()))?;
    Ok((size, extension.trim() == "ieof"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"ICAP/1.0 200 OK\r\nISTag: \"a\"\r\nEncapsulated: res-hdr=0, res-body=19\r\n\r\n\
                            HTTP/1.1 200 OK\r\n\r\n3\r\nabc\r\n2; name=value\r\nde\r\n0\r\n\r\n";

    #[derive(Default)]
    struct Found {
        starts: Vec<String>,
        heads: Vec<u8>,
        body: Vec<u8>,
        ends: Vec<bool>,
    }

    /// The parts of what comes in pieces of this size.
    fn read(octets: &[u8], step: usize) -> Result<Found, IcapError> {
        let (mut reader, mut buffer) = (Reader::new(), BytesMut::new());
        let mut found = Found::default();
        for piece in octets.chunks(step) {
            buffer.extend_from_slice(piece);
            while let Some(part) = reader.next(&mut buffer)? {
                match part {
                    Part::Head(head) => found.starts.push(head.start),
                    Part::Encapsulated(octets) => found.heads.extend_from_slice(&octets),
                    Part::Body(octets) => found.body.extend_from_slice(&octets),
                    Part::End { ieof } => found.ends.push(ieof),
                }
            }
        }
        Ok(found)
    }

    #[test]
    fn messages_are_read_however_they_are_cut() {
        let two = ANSWER.repeat(2);
        for step in 1..=two.len() {
            let found = read(&two, step).unwrap();
            assert_eq!(found.starts, ["ICAP/1.0 200 OK"; 2]);
            assert_eq!(found.heads, b"HTTP/1.1 200 OK\r\n\r\n".repeat(2));
            assert_eq!(found.body, b"abcdeabcde");
            assert_eq!(found.ends, [false; 2]);
        }
    }

    #[test]
    fn a_message_without_body_ends_with_its_heads() {
        for head in ["Encapsulated: null-body=0\r\n", ""] {
            let octets = format!("ICAP/1.0 204 No Content\r\n{head}\r\n");
            let found = read(octets.as_bytes(), 1).unwrap();
            assert_eq!(
                (found.starts.len(), found.heads.len(), found.body.len(), found.ends.len()),
                (1, 0, 0, 1)
            );
        }
        let octets = b"ICAP/1.0 200 OK\r\nEncapsulated: req-hdr=0, null-body=4\r\n\r\nabcd";
        let found = read(octets, 1).unwrap();
        assert_eq!((&found.heads[..], found.body.len(), found.ends.len()), (&b"abcd"[..], 0, 1));
    }

    #[test]
    fn the_end_of_a_preview_may_be_the_end_of_the_body() {
        let octets = b"RESPMOD x ICAP/1.0\r\nPreview: 3\r\nEncapsulated: res-body=0\r\n\r\n3\r\nabc\r\n0; ieof\r\n\r\n";
        assert_eq!(read(octets, 1).unwrap().ends, [true]);
    }

    #[test]
    fn heads_say_what_matters() {
        let head =
            Head::parse(b"ICAP/1.0 204 x\r\nCONNECTION: Keep-Alive, Close\r\nallow: 206, 204").unwrap();
        assert!(head.closes && head.allows_204);
        assert_eq!(head.status(), Ok(204));
        assert!(Head::parse(b"HTTP/1.1 200 OK").unwrap().status().is_err());
    }

    #[test]
    fn what_is_not_icap_is_told() {
        let head = "ICAP/1.0 200 OK\r\nEncapsulated: ";
        for (rest, expected) in [
            ("res-hdr=0\r\n\r\n", IcapError::Encapsulated("res-hdr=0".to_owned())),
            ("res-body=x\r\n\r\n", IcapError::Encapsulated("res-body=x".to_owned())),
            ("res-body=0\r\n\r\nxyz\r\n", IcapError::ChunkSize("xyz".to_owned())),
            ("res-body=0\r\n\r\n+3\r\n", IcapError::ChunkSize("+3".to_owned())),
            ("res-body=0\r\n\r\n1\r\nabc", IcapError::ChunkEnd),
        ] {
            assert_eq!(read(format!("{head}{rest}").as_bytes(), 1).err(), Some(expected));
        }
        assert_eq!(read(&vec![b'a'; HEAD + 10], 4096).err(), Some(IcapError::TooLong(HEAD)));
    }
}
