//! Messages as they come in, at whatever octets they are cut.

use bytes::{Buf, Bytes, BytesMut};

use crate::chunks::{Chunk, Chunks, Marks};
use crate::encapsulated::{BodyKind, Encapsulated, Section};
use crate::error::Error;
use crate::fields::Fields;
use crate::head::{Method, RequestHead, ResponseHead};
use crate::limits::Limits;
use crate::lines::Search;
use crate::permissions::Permissions;

/// How a message ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct End {
    /// The body was whole within the preview (RFC 3507 section 4.5).
    pub ieof: bool,
    /// 206: the body goes on with the original from this octet on.
    pub original: Option<u64>,
    /// The trailer of the body.
    pub trailer: Fields,
}

/// A part of a request.
#[derive(Debug, PartialEq, Eq)]
pub enum RequestPart {
    /// The head, with what it carries and allows.
    Head {
        /// The head.
        head: RequestHead,
        /// What follows.
        encapsulated: Encapsulated,
        /// What may be answered.
        permissions: Permissions,
    },
    /// An encapsulated head, whole and with its empty line.
    Section(Section, Bytes),
    /// Octets of the body; never empty.
    Body(Bytes),
    /// The client waits (RFC 3507 section 4.5): either [`RequestReader::go_on`] or [`RequestReader::finish`] is next.
    PreviewEnd,
    /// The request is complete.
    End(End),
}

/// A part of an answer.
#[derive(Debug, PartialEq, Eq)]
pub enum ResponsePart {
    /// The head, with what it carries.
    Head {
        /// The head.
        head: ResponseHead,
        /// What follows.
        encapsulated: Encapsulated,
    },
    /// An encapsulated head, whole and with its empty line.
    Section(Section, Bytes),
    /// Octets of the body; never empty.
    Body(Bytes),
    /// The answer is complete. After 100 Continue another one follows.
    End(End),
}

/// Reads requests one after the other, on the side of a server.
#[derive(Debug)]
pub struct RequestReader {
    core: Core,
}

impl RequestReader {
    /// Reads within limits.
    pub fn new(limits: Limits) -> Self {
        Self { core: Core::new(limits) }
    }

    /// The next part, taken out of `buffer`; `None` until more octets have come, or while the client waits.
    ///
    /// # Errors
    /// What is wrong with the request. Nothing more can be read then.
    pub fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<RequestPart>, Error> {
        let Some(octets) = self.core.head(buffer)? else {
            return Ok(match self.core.next(buffer)? {
                None => None,
                Some(Part::Section(section, octets)) => Some(RequestPart::Section(section, octets)),
                Some(Part::Body(octets)) => Some(RequestPart::Body(octets)),
                Some(Part::End { marks, trailer }) => Some(self.end(marks, trailer)?),
            });
        };
        let head = RequestHead::parse(octets)?;
        let encapsulated = head.encapsulated()?;
        let permissions = Permissions::of(&head)?;
        // Without a body there is nothing to wait for.
        let preview = permissions.preview.filter(|_| encapsulated.body != BodyKind::Null);
        self.core.begin(encapsulated, preview)?;
        Ok(Some(RequestPart::Head { head, encapsulated, permissions }))
    }

    /// 100 Continue goes out, so the rest of the body follows the preview. Nothing where the client does not wait.
    pub fn go_on(&mut self) {
        if self.core.place == Place::Waiting {
            self.core.preview = None;
            self.core.place = Place::Body(Chunks::new(None));
        }
    }

    /// A final answer goes out to the preview, so the next request follows. Nothing where the client does not wait.
    pub fn finish(&mut self) {
        if self.core.place == Place::Waiting {
            self.core.place = Place::Head;
        }
    }

    /// Whether a request has begun and is not complete.
    pub fn is_within(&self) -> bool {
        self.core.place != Place::Head
    }

    fn end(&mut self, marks: Marks, trailer: Fields) -> Result<RequestPart, Error> {
        if marks.original.is_some() {
            return Err(Error::OriginalBody);
        }
        let waits = self.core.preview.is_some() && !marks.ieof;
        if waits {
            if !trailer.is_empty() {
                return Err(Error::PreviewTrailer);
            }
            self.core.place = Place::Waiting;
            return Ok(RequestPart::PreviewEnd);
        }
        // Past the preview the mark says nothing new.
        Ok(RequestPart::End(End { ieof: self.core.preview.is_some(), original: None, trailer }))
    }
}

/// Reads the answers to requests that were sent one after the other, on the side of a client.
#[derive(Debug)]
pub struct ResponseReader {
    core: Core,
    method: Method,
    status: u16,
}

impl ResponseReader {
    /// Reads the answer to a request with `method` within limits.
    pub fn new(limits: Limits, method: Method) -> Self {
        Self { core: Core::new(limits), method, status: 0 }
    }

    /// The next answer is one to a request with `method`.
    pub fn expect(&mut self, method: Method) {
        self.method = method;
    }

    /// The next part, taken out of `buffer`; `None` until more octets have come.
    ///
    /// # Errors
    /// What is wrong with the answer. Nothing more can be read then.
    pub fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<ResponsePart>, Error> {
        let Some(octets) = self.core.head(buffer)? else {
            return Ok(match self.core.next(buffer)? {
                None => None,
                Some(Part::Section(section, octets)) => Some(ResponsePart::Section(section, octets)),
                Some(Part::Body(octets)) => Some(ResponsePart::Body(octets)),
                Some(Part::End { marks, trailer }) => {
                    if marks.original.is_some() && self.status != 206 {
                        return Err(Error::OriginalBody);
                    }
                    Some(ResponsePart::End(End { ieof: false, original: marks.original, trailer }))
                }
            });
        };
        let head = ResponseHead::parse(octets)?;
        let encapsulated = head.encapsulated(&self.method)?;
        self.core.begin(encapsulated, None)?;
        self.status = head.status;
        Ok(Some(ResponsePart::Head { head, encapsulated }))
    }
}

enum Part {
    Section(Section, Bytes),
    Body(Bytes),
    End { marks: Marks, trailer: Fields },
}

/// Where in a message the reader stands.
#[derive(Debug)]
enum Place {
    Head,
    Sections,
    Body(Chunks),
    /// The client has sent its preview.
    Waiting,
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// What both sides read alike.
#[derive(Debug)]
struct Core {
    limits: Limits,
    place: Place,
    search: Search,
    /// What is still to come of the present message.
    carries: Encapsulated,
    /// The most that the preview of the present request may have, until the client goes on.
    preview: Option<u64>,
}

impl Core {
    fn new(limits: Limits) -> Self {
        let (search, carries) = (Search::default(), Encapsulated::NOTHING);
        Self { limits, place: Place::Head, search, carries, preview: None }
    }

    /// The head of the next message up to the CRLF of its last line, where one is next and has come.
    fn head(&mut self, buffer: &mut BytesMut) -> Result<Option<Bytes>, Error> {
        if self.place != Place::Head {
            return Ok(None);
        }
        // RFC 9112 section 2.2: empty lines before a message.
        while buffer.starts_with(b"\r\n") {
            buffer.advance(2);
        }
        match self.search.find(buffer, b"\r\n\r\n") {
            Some(end) if end + 4 <= self.limits.head => {
                let mut octets = buffer.split_to(end + 4);
                octets.truncate(end + 2);
                Ok(Some(octets.freeze()))
            }
            None if buffer.len() <= self.limits.head => Ok(None),
            _ => Err(Error::HeadTooLong(self.limits.head)),
        }
    }

    fn begin(&mut self, carries: Encapsulated, preview: Option<u64>) -> Result<(), Error> {
        let total = carries.heads().try_fold(0usize, |total, (_, length)| total.checked_add(length));
        if total.is_none_or(|total| total > self.limits.sections) {
            return Err(Error::SectionsTooLong(self.limits.sections));
        }
        (self.carries, self.preview) = (carries, preview);
        self.place = Place::Sections;
        Ok(())
    }

    /// The next part after the head.
    fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<Part>, Error> {
        loop {
            match &mut self.place {
                Place::Head | Place::Waiting => return Ok(None),
                Place::Sections => {
                    let Some((section, length)) = self.carries.heads().next() else {
                        if self.carries.body == BodyKind::Null {
                            self.place = Place::Head;
                            return Ok(Some(Part::End {
                                marks: Marks::default(),
                                trailer: Fields::default(),
                            }));
                        }
                        self.place = Place::Body(Chunks::new(self.preview));
                        continue;
                    };
                    if buffer.len() < length {
                        return Ok(None);
                    }
                    match section {
                        Section::Request => self.carries.request = None,
                        Section::Response => self.carries.response = None,
                    }
                    let octets = buffer.split_to(length).freeze();
                    // RFC 3507 section 4.4.2. A head that ends before that would have the rest of the section read as
                    // something else by others.
                    if memchr::memmem::find(&octets, b"\r\n\r\n").is_none_or(|end| end + 4 != length) {
                        return Err(Error::SectionEnd);
                    }
                    return Ok(Some(Part::Section(section, octets)));
                }
                Place::Body(chunks) => match chunks.next(buffer, &self.limits)? {
                    None => return Ok(None),
                    Some(Chunk::Data(octets)) => return Ok(Some(Part::Body(octets))),
                    Some(Chunk::Last { marks, trailer }) => {
                        self.place = Place::Head;
                        return Ok(Some(Part::End { marks, trailer }));
                    }
                },
            }
        }
    }
}
