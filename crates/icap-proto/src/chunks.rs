//! A body in chunks (RFC 3507 section 4.4, RFC 9112 section 7.1).

use bytes::{Buf, Bytes, BytesMut};

use crate::encapsulated::number;
use crate::error::Error;
use crate::fields::Fields;
use crate::limits::Limits;
use crate::lines::Search;

/// What the chunk of size zero says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// RFC 3507 section 4.5: nothing follows the preview.
    pub(crate) ieof: bool,
    /// The rest is the original body from there.
    pub(crate) original: Option<u64>,
}

#[derive(Debug)]
pub(crate) enum Chunk {
    Data(Bytes),
    Last { marks: Marks, trailer: Fields },
}

#[derive(Debug, Clone, Copy)]
enum State {
    Size,
    Data { left: u64 },
    DataEnd,
    Trailer { marks: Marks, size: usize },
}

/// Reads the chunks of one body.
#[derive(Debug)]
pub(crate) struct Chunks {
    state: State,
    search: Search,
    /// The lines of the trailer.
    trailer: BytesMut,
    /// The most that may come, where these are the chunks of a preview.
    preview: Option<u64>,
    announced: u64,
}

impl Chunks {
    /// Of a preview of so many octets, or of the rest of a body.
    pub(crate) fn new(preview: Option<u64>) -> Self {
        let (search, trailer) = (Search::default(), BytesMut::new());
        Self { state: State::Size, search, trailer, preview, announced: 0 }
    }

    /// The next piece, where enough has come for one; nothing is to be asked after the last.
    pub(crate) fn next(&mut self, buffer: &mut BytesMut, limits: &Limits) -> Result<Option<Chunk>, Error> {
        loop {
            match self.state {
                State::Size => {
                    let too_long = Error::LineTooLong(limits.line);
                    let Some(line) = self.line(buffer, limits.line, too_long)? else { return Ok(None) };
                    let (size, marks) = chunk_line(&line)?;
                    self.state = match size {
                        0 => State::Trailer { marks, size: 0 },
                        left => State::Data { left },
                    };
                    // RFC 3507 section 4.5. Before its octets, of which there may be any number here by now.
                    self.announced = self.announced.saturating_add(size);
                    if let Some(preview) = self.preview.filter(|preview| self.announced > *preview) {
                        return Err(Error::PreviewTooLong(preview));
                    }
                }
                State::Data { left: 0 } => self.state = State::DataEnd,
                State::Data { left } => {
                    let here = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    if here == 0 {
                        return Ok(None);
                    }
                    self.state = State::Data { left: left - here as u64 };
                    return Ok(Some(Chunk::Data(buffer.split_to(here).freeze())));
                }
                State::DataEnd => {
                    if !b"\r\n".starts_with(&buffer[..buffer.len().min(2)]) {
                        return Err(Error::ChunkEnd);
                    }
                    if buffer.len() < 2 {
                        return Ok(None);
                    }
                    buffer.advance(2);
                    self.state = State::Size;
                }
                State::Trailer { marks, size } => {
                    let left = limits.trailer.saturating_sub(size);
                    let too_long = Error::TrailerTooLong(limits.trailer);
                    let Some(line) = self.line(buffer, left, too_long)? else { return Ok(None) };
                    if line.is_empty() {
                        let trailer = Fields::parse(&self.trailer.split().freeze())?;
                        return Ok(Some(Chunk::Last { marks, trailer }));
                    }
                    self.state = State::Trailer { marks, size: size + line.len() + 2 };
                    self.trailer.extend_from_slice(&line);
                    self.trailer.extend_from_slice(b"\r\n");
                }
            }
        }
    }

    /// The next line without its end, which counts for the limit: one that is cut within its end is as long as a whole one.
    fn line(&mut self, buffer: &mut BytesMut, limit: usize, too_long: Error) -> Result<Option<Bytes>, Error> {
        let found = self.search.find(buffer, b"\r\n");
        match found {
            Some(end) if end + 2 <= limit => {
                let line = buffer.split_to(end).freeze();
                buffer.advance(2);
                Ok(Some(line))
            }
            None if buffer.len() <= limit => Ok(None),
            _ => Err(too_long),
        }
    }
}

/// The size of a chunk, and what its extensions say; extensions that nobody knows mean nothing (RFC 9112 section 7.1.1).
fn chunk_line(line: &[u8]) -> Result<(u64, Marks), Error> {
    let mut parts = line.split(|octet| *octet == b';').map(|part| part.trim_ascii());
    let size = parts.next().unwrap_or_default();
    // 15 digits are more than any body, and no number that wraps.
    if size.is_empty() || size.len() > 15 || !size.iter().all(u8::is_ascii_hexdigit) {
        return Err(Error::ChunkSize);
    }
    let size = std::str::from_utf8(size).ok().and_then(|size| u64::from_str_radix(size, 16).ok());
    let size = size.ok_or(Error::ChunkSize)?;
    let mut marks = Marks::default();
    for extension in parts {
        if extension.eq_ignore_ascii_case(b"ieof") {
            marks.ieof = true;
        }
        let (name, value) = extension.split_at(memchr::memchr(b'=', extension).unwrap_or(extension.len()));
        if name.trim_ascii_end().eq_ignore_ascii_case(b"use-original-body") {
            let digits = value.get(1..).unwrap_or_default().trim_ascii();
            let from = number(digits).filter(|_| size == 0 && !digits.is_empty());
            marks.original = Some(from.ok_or(Error::OriginalBody)?);
        }
    }
    Ok((size, marks))
}
