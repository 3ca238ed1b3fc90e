//! The incremental decoder of RFC 4037 section 3.1: octets in, message heads and pieces of payload out.
//!
//! The grammar is a state machine that can stop before any octet and goes on from there, so that each octet of a
//! head is looked at once however the input is cut, and a violation is found at the octet that makes it.

use bytes::{Buf, Bytes, BytesMut};
use smallvec::SmallVec;
use thiserror::Error;

use super::number;
use super::quick;
use super::raw::{Head, RawMessage};
use super::tokens::{FARTHEST, Token, Tokens};

/// What bounds a message head, because RFC 4037 section 13 sets no limits itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecoderLimits {
    /// The most octets of a message without its payload. Costs up to this much memory a connection, and about eight
    /// times as much again for the tokens of a head that is made of nothing but tiny values.
    pub message_octets: usize,
    /// How deep lists and structures may nest.
    pub nesting_depth: usize,
}

impl Default for DecoderLimits {
    fn default() -> Self {
        Self { message_octets: 65_536, nesting_depth: 16 }
    }
}

/// Octets that no message can have (RFC 4037 section 3.1), or more of them than we take (section 5).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SyntaxError {
    /// An octet that the grammar does not allow here.
    #[error("unexpected octet 0x{octet:02x} where {expected} has to stand")]
    Unexpected {
        /// The octet.
        octet: u8,
        /// What the grammar allows instead.
        expected: &'static str,
    },
    /// A size with a leading zero or sign, or past 2147483647.
    #[error("a size is a decimal number from 0 to 2147483647 without leading zeros")]
    Size,
    /// The message without its payload is longer than the limit.
    #[error("message longer than {limit} octets without its payload")]
    TooLong {
        /// The limit in octets.
        limit: usize,
    },
    /// Lists and structures nest deeper than the limit.
    #[error("values nested deeper than {limit}")]
    TooDeep {
        /// The limit in levels.
        limit: usize,
    },
}

/// What the decoder yields, in the order of the octets.
#[derive(Debug)]
pub enum Item {
    /// A message head. Where it has a payload, `Payload` items that sum up to its size and one `End` follow.
    Message(RawMessage),
    /// The next piece of the payload, a slice of the input; never empty.
    Payload(Bytes),
    /// The end of a message that has a payload.
    End,
}

/// What was found, in the order of the octets: as [`Item`], but a head is still in the buffer.
#[derive(Debug)]
pub(crate) enum Found {
    Head,
    Payload(Bytes),
    End,
}

/// The line that a CRLF begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// After the anonymous parameters: a name, or the payload.
    Parameters,
    /// After a named parameter: a further one, the end, or the blank line before the payload.
    MoreParameters,
    /// After the blank line: the payload.
    Payload,
    /// After the anonymous members of a structure: a name.
    Members,
    /// After a named member: a further one, or the end of the structure.
    MoreMembers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In the message name, from `mark`.
    MessageName,
    /// In the name of a parameter or member, from `mark`.
    Name,
    /// The space after a name's colon.
    NameSpace,
    /// Before a value.
    Value,
    /// After `(`.
    FirstItem,
    /// After `{`.
    FirstMember,
    /// In a bare atom, from `mark`.
    Bare,
    /// In the size of a quoted atom, from `mark`.
    QuotedSize,
    /// In the data of a quoted atom, from `mark`, up to this position.
    Quoted { end: usize },
    /// After a value: the innermost container decides.
    AfterValue,
    /// Between CR and LF.
    Lf(Line),
    /// Before the first octet of a line.
    LineStart(Line),
    /// In the size of the payload, from `mark`.
    PayloadSize,
    /// In the payload.
    Payload { left: u64 },
    /// After the payload: how many octets of CRLF `;` CRLF have come.
    Tail { matched: usize },
    /// After `;`: how many octets of CRLF have come.
    End { matched: usize },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Container {
    List,
    Structure,
}

#[derive(Debug, Clone, Copy)]
struct Frame {
    container: Container,
    token: usize,
    named: bool,
}

/// What became of one step. Small, since every token takes some.
enum Step {
    /// The message goes on.
    Goes,
    /// The head is whole.
    Whole { payload: Option<u64> },
}

const TAIL: &[u8] = b"\r\n;\r\n";
const CRLF: &[u8] = b"\r\n";

/// Decodes a stream of messages.
///
/// One form that the grammar does not allow is taken, since the definition of DUM asks for it (RFC 4037 section
/// 11.9): `Kept: offset size`, a named parameter with two values. No other name, and no other message, may have a second
/// value.
#[derive(Debug)]
pub struct Decoder {
    buffer: BytesMut,
    limits: DecoderLimits,
    state: State,
    position: usize,
    mark: usize,
    name_end: usize,
    /// How many named parameters have begun.
    names: u32,
    tokens: Tokens,
    /// The payload that was announced.
    announced: Option<u64>,
    /// How many octets at the start of the buffer are the head that was found last.
    found: usize,
    frames: SmallVec<[Frame; 8]>,
    failed: Option<SyntaxError>,
}

impl Decoder {
    /// A decoder at the start of a connection.
    pub fn new(mut limits: DecoderLimits) -> Self {
        limits.message_octets = limits.message_octets.min(FARTHEST);
        Self {
            buffer: BytesMut::new(),
            limits,
            state: State::MessageName,
            position: 0,
            mark: 0,
            name_end: 0,
            names: 0,
            tokens: Tokens::default(),
            announced: None,
            found: 0,
            frames: SmallVec::new(),
            failed: None,
        }
    }

    /// Where the input goes: append received octets here, then call [`Decoder::next`] until it gives `None`.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// Whether a message has begun and not ended.
    pub fn in_message(&self) -> bool {
        self.state != State::MessageName || self.position > 0
    }

    /// How many tokens are held.
    #[cfg(test)]
    pub(super) fn tokens(&self) -> usize {
        self.tokens.len()
    }

    /// The next item, or `None` when more octets are needed.
    ///
    /// # Errors
    /// The input violates the grammar or a limit. The same error comes again from every later call: where a message
    /// ends cannot be known any more.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Item>, SyntaxError> {
        Ok(self.find()?.map(|found| match found {
            Found::Head => Item::Message(self.take()),
            Found::Payload(octets) => Item::Payload(octets),
            Found::End => Item::End,
        }))
    }

    /// The next item, where a head stays in the buffer: to be looked at with [`Decoder::head`] or taken with
    /// [`Decoder::take`], until the next call.
    pub(crate) fn find(&mut self) -> Result<Option<Found>, SyntaxError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.discard();
        self.advance().inspect_err(|error| self.failed = Some(error.clone()))
    }

    /// Whether the head that was found last has named parameters.
    pub(crate) fn has_names(&self) -> bool {
        self.names > 0
    }

    /// The head that was found last.
    pub(crate) fn head(&self) -> Head<'_> {
        Head {
            octets: &self.buffer[..self.found],
            name_end: self.name_end as u32,
            tokens: &self.tokens,
            payload: self.announced,
            names: self.names,
        }
    }

    /// Takes the head that was found last out of the buffer.
    pub(crate) fn take(&mut self) -> RawMessage {
        let message = RawMessage {
            octets: self.buffer.split_to(self.found).freeze(),
            name_end: self.name_end as u32,
            tokens: std::mem::take(&mut self.tokens),
            payload: self.announced,
            names: self.names,
        };
        self.found = 0;
        self.names = 0;
        message
    }

    /// Forgets the head that was found last.
    fn discard(&mut self) {
        if self.found > 0 {
            self.buffer.advance(self.found);
            self.found = 0;
            self.names = 0;
            self.tokens.clear();
        }
    }

    fn advance(&mut self) -> Result<Option<Found>, SyntaxError> {
        match self.state {
            State::Payload { left } => return Ok(self.payload(left)),
            State::Tail { matched } => return self.tail(matched),
            State::MessageName if self.position == 0 && self.limits.nesting_depth > 0 => {
                if let Some(found) = self.whole_head() {
                    return Ok(Some(found));
                }
            }
            _ => {}
        }
        while self.position < self.input().len() {
            if let Step::Whole { payload } = self.step()? {
                return Ok(Some(self.whole(payload)));
            }
        }
        if self.buffer.len() > self.limits.message_octets {
            return Err(SyntaxError::TooLong { limit: self.limits.message_octets });
        }
        Ok(None)
    }

    /// The head at the start of the buffer, where all of it is there and has a common form.
    fn whole_head(&mut self) -> Option<Found> {
        let length = self.input().len();
        let Some(head) = quick::head(&self.buffer[..length], &mut self.tokens) else {
            self.tokens.clear();
            return None;
        };
        self.position = head.length;
        self.name_end = head.name_end;
        self.names = head.names;
        if let Some(size) = head.payload {
            self.state = payload_state(size);
        }
        Some(self.whole(head.payload))
    }

    /// What there is of a message head. Octets past the limit are never looked at, so that what a head costs, and
    /// where one that is too long fails, do not depend on how the input is cut.
    fn input(&self) -> &[u8] {
        &self.buffer[..self.buffer.len().min(self.limits.message_octets)]
    }

    fn payload(&mut self, left: u64) -> Option<Found> {
        if self.buffer.is_empty() {
            return None;
        }
        let size = usize::try_from(left).map_or(self.buffer.len(), |left| left.min(self.buffer.len()));
        let octets = self.buffer.split_to(size).freeze();
        let left = left - size as u64;
        self.state = payload_state(left);
        Some(Found::Payload(octets))
    }

    fn tail(&mut self, mut matched: usize) -> Result<Option<Found>, SyntaxError> {
        if self.buffer.starts_with(&TAIL[matched..]) {
            self.buffer.advance(TAIL.len() - matched);
            matched = TAIL.len();
        }
        while matched < TAIL.len() {
            let Some(&octet) = self.buffer.first() else {
                self.state = State::Tail { matched };
                return Ok(None);
            };
            if octet != TAIL[matched] {
                return unexpected(octet, "CRLF, a semicolon and CRLF after the payload");
            }
            self.buffer.advance(1);
            matched += 1;
        }
        self.state = State::MessageName;
        Ok(Some(Found::End))
    }

    /// Takes one token or delimiter, or as much of it as there is.
    fn step(&mut self) -> Result<Step, SyntaxError> {
        let octet = self.buffer[self.position];
        match self.state {
            State::MessageName => self.message_name()?,
            State::Name => self.name()?,
            State::NameSpace => {
                expect(octet, b' ', "a space after the colon")?;
                self.go(State::Value);
            }
            State::Value => self.value(octet)?,
            State::FirstItem if octet == b')' => self.close(Container::List)?,
            State::FirstItem => self.value(octet)?,
            State::FirstMember => self.first_member(octet)?,
            State::Bare => self.bare(),
            State::QuotedSize => self.quoted_size()?,
            State::Quoted { end } => self.quoted(end)?,
            State::AfterValue => self.after_value(octet)?,
            State::Lf(line) => {
                expect(octet, b'\n', "LF after CR")?;
                self.go(State::LineStart(line));
            }
            State::LineStart(line) => self.line(line, octet)?,
            State::PayloadSize => return self.payload_size(),
            State::End { matched } => return self.end(matched, octet),
            State::Payload { .. } | State::Tail { .. } => {}
        }
        Ok(Step::Goes)
    }

    /// Consumes one octet and goes on in `state`, with whatever it reads starting at the next octet.
    fn go(&mut self, state: State) {
        self.position += 1;
        self.mark = self.position;
        self.state = state;
    }

    /// Moves `position` to the first octet from it that is not safe; true when there is one.
    fn run(&mut self) -> bool {
        let rest = &self.input()[self.position..];
        let length = rest.iter().position(|&octet| !is_safe(octet));
        self.position += length.unwrap_or(rest.len());
        length.is_some()
    }

    fn message_name(&mut self) -> Result<(), SyntaxError> {
        if self.position == self.mark && !self.buffer[self.position].is_ascii_alphabetic() {
            return unexpected(self.buffer[self.position], "a letter that begins a message name");
        }
        if self.run() {
            self.name_end = self.position;
            self.after_value(self.buffer[self.position])?;
        }
        Ok(())
    }

    fn name(&mut self) -> Result<(), SyntaxError> {
        if self.position == self.mark && !self.buffer[self.position].is_ascii_alphabetic() {
            return unexpected(self.buffer[self.position], "a letter that begins a parameter name");
        }
        if self.run() {
            expect(self.buffer[self.position], b':', "a colon after the parameter name")?;
            self.tokens.push(Token::Name { start: self.mark as u32, end: self.position as u32 });
            self.go(State::NameSpace);
        }
        Ok(())
    }

    fn value(&mut self, octet: u8) -> Result<(), SyntaxError> {
        match octet {
            b'(' => self.open(Container::List, State::FirstItem),
            b'{' => self.open(Container::Structure, State::FirstMember),
            b'"' => {
                self.go(State::QuotedSize);
                Ok(())
            }
            _ if is_safe(octet) => {
                self.mark = self.position;
                self.state = State::Bare;
                Ok(())
            }
            _ => unexpected(octet, "a value"),
        }
    }

    fn open(&mut self, container: Container, state: State) -> Result<(), SyntaxError> {
        if self.frames.len() >= self.limits.nesting_depth {
            return Err(SyntaxError::TooDeep { limit: self.limits.nesting_depth });
        }
        self.frames.push(Frame { container, token: self.tokens.len(), named: false });
        self.tokens.push(match container {
            Container::List => Token::List { end: 0 },
            Container::Structure => Token::Structure { end: 0 },
        });
        self.go(state);
        Ok(())
    }

    fn close(&mut self, container: Container) -> Result<(), SyntaxError> {
        let octet = self.buffer[self.position];
        let Some(frame) = self.frames.pop().filter(|frame| frame.container == container) else {
            return unexpected(octet, "the end of the innermost list or structure");
        };
        let end = self.tokens.len() as u32;
        self.tokens.set(
            frame.token,
            match container {
                Container::List => Token::List { end },
                Container::Structure => Token::Structure { end },
            },
        );
        self.go(State::AfterValue);
        Ok(())
    }

    fn first_member(&mut self, octet: u8) -> Result<(), SyntaxError> {
        match octet {
            b'}' => self.close(Container::Structure),
            b'\r' => {
                self.go(State::Lf(Line::Members));
                Ok(())
            }
            _ => self.value(octet),
        }
    }

    fn bare(&mut self) {
        if self.run() {
            self.tokens.push(Token::Atom { start: self.mark as u32, end: self.position as u32 });
            self.state = State::AfterValue;
        }
    }

    /// Reads the digits of a size up to its colon; `None` when more octets are needed.
    fn size(&mut self) -> Result<Option<u64>, SyntaxError> {
        let rest = &self.input()[self.position..];
        let digits = rest.iter().position(|octet| !octet.is_ascii_digit());
        let end = self.position + digits.unwrap_or(rest.len());
        self.position = end;
        let text = &self.buffer[self.mark..end];
        if !text.is_empty() && number::parse(text).is_none() {
            return Err(SyntaxError::Size);
        }
        if digits.is_none() {
            return Ok(None);
        }
        expect(self.buffer[end], b':', "a colon after the size")?;
        number::parse(text).map(Some).ok_or(SyntaxError::Size)
    }

    fn quoted_size(&mut self) -> Result<(), SyntaxError> {
        let Some(size) = self.size()? else { return Ok(()) };
        let end = usize::try_from(size).unwrap_or(usize::MAX).saturating_add(self.position + 1);
        if end > self.limits.message_octets {
            return Err(SyntaxError::TooLong { limit: self.limits.message_octets });
        }
        self.go(State::Quoted { end });
        Ok(())
    }

    fn quoted(&mut self, end: usize) -> Result<(), SyntaxError> {
        if self.input().len() <= end {
            self.position = self.input().len();
            return Ok(());
        }
        expect(self.buffer[end], b'"', "a quote after the quoted data")?;
        self.tokens.push(Token::Atom { start: self.mark as u32, end: end as u32 });
        self.position = end;
        self.go(State::AfterValue);
        Ok(())
    }

    fn after_value(&mut self, octet: u8) -> Result<(), SyntaxError> {
        let Some(frame) = self.frames.last().copied() else {
            return self.after_parameter(octet);
        };
        match (frame.container, octet) {
            (Container::List, b',') => self.go(State::Value),
            (Container::List, b')') => self.close(Container::List)?,
            (Container::List, _) => return unexpected(octet, "a comma or the end of the list"),
            (Container::Structure, b'\r') if frame.named => self.go(State::Lf(Line::MoreMembers)),
            (Container::Structure, _) if frame.named => {
                return unexpected(octet, "CRLF after the named member");
            }
            (Container::Structure, b'\r') => self.go(State::Lf(Line::Members)),
            (Container::Structure, b' ') => self.go(State::Value),
            (Container::Structure, b'}') => self.close(Container::Structure)?,
            (Container::Structure, _) => {
                return unexpected(octet, "a space, CRLF or the end of the structure");
            }
        }
        Ok(())
    }

    /// After the message name or a parameter value.
    fn after_parameter(&mut self, octet: u8) -> Result<(), SyntaxError> {
        match octet {
            b'\r' if self.names > 0 => self.go(State::Lf(Line::MoreParameters)),
            b' ' if self.names > 0 && self.may_have_second_value() => self.go(State::Value),
            _ if self.names > 0 => return unexpected(octet, "CRLF after the named parameter"),
            b'\r' => self.go(State::Lf(Line::Parameters)),
            b' ' => self.go(State::Value),
            b';' => self.go(State::End { matched: 0 }),
            _ => return unexpected(octet, "a space, CRLF or a semicolon"),
        }
        Ok(())
    }

    /// Whether the value before this space is the first one of a DUM's `Kept`, an atom (RFC 4037 section 11.9).
    fn may_have_second_value(&self) -> bool {
        if &self.buffer[..self.name_end] != b"DUM" {
            return false;
        }
        let Some((Token::Name { start, end }, Token::Atom { .. })) = self.tokens.last_two() else {
            return false;
        };
        // A member of a structure that ends here is not the parameter.
        let in_structure = matches!(self.buffer[self.position - 1], b'}' | b')');
        !in_structure && &self.buffer[start as usize..end as usize] == b"Kept"
    }

    fn line(&mut self, line: Line, octet: u8) -> Result<(), SyntaxError> {
        match (line, octet) {
            (Line::Parameters | Line::Payload, b'0'..=b'9') => {
                self.mark = self.position;
                self.state = State::PayloadSize;
            }
            (Line::MoreParameters, b';') => self.go(State::End { matched: 0 }),
            (Line::MoreParameters, b'\r') => self.go(State::Lf(Line::Payload)),
            (Line::MoreMembers, b'}') => self.close(Container::Structure)?,
            (Line::Payload, _) => return unexpected(octet, "the size of the payload"),
            _ if octet.is_ascii_alphabetic() => self.begin_name(),
            (Line::Parameters, _) => return unexpected(octet, "a parameter name or the payload"),
            (Line::MoreParameters, _) => {
                return unexpected(
                    octet,
                    "a parameter name, a semicolon or the blank line before the payload",
                );
            }
            (Line::Members, _) => return unexpected(octet, "a member name"),
            (Line::MoreMembers, _) => return unexpected(octet, "a member name or the end of the structure"),
        }
        Ok(())
    }

    fn begin_name(&mut self) {
        match self.frames.last_mut() {
            Some(frame) => frame.named = true,
            None => self.names += 1,
        }
        self.mark = self.position;
        self.state = State::Name;
    }

    fn payload_size(&mut self) -> Result<Step, SyntaxError> {
        let Some(size) = self.size()? else { return Ok(Step::Goes) };
        self.position += 1;
        self.state = payload_state(size);
        Ok(Step::Whole { payload: Some(size) })
    }

    fn end(&mut self, matched: usize, octet: u8) -> Result<Step, SyntaxError> {
        expect(octet, CRLF[matched], "CRLF after the semicolon")?;
        self.position += 1;
        if matched + 1 < CRLF.len() {
            self.state = State::End { matched: matched + 1 };
            return Ok(Step::Goes);
        }
        self.state = State::MessageName;
        Ok(Step::Whole { payload: None })
    }

    fn whole(&mut self, payload: Option<u64>) -> Found {
        self.found = self.position;
        self.announced = payload;
        self.position = 0;
        self.mark = 0;
        Found::Head
    }
}

/// Where a payload goes on that lacks so many octets.
fn payload_state(left: u64) -> State {
    if left == 0 { State::Tail { matched: 0 } } else { State::Payload { left } }
}

/// RFC 4037 section 3.1: `safe-OCTET`.
#[inline]
pub(super) fn is_safe(octet: u8) -> bool {
    SAFE[octet as usize]
}

static SAFE: [bool; 256] = {
    let mut table = [false; 256];
    let mut octet = 0;
    while octet < 256 {
        let o = octet as u8;
        table[octet] = o.is_ascii_alphanumeric() || o == b'-' || o == b'_';
        octet += 1;
    }
    table
};

fn expect(octet: u8, wanted: u8, expected: &'static str) -> Result<(), SyntaxError> {
    if octet == wanted { Ok(()) } else { unexpected(octet, expected) }
}

fn unexpected<T>(octet: u8, expected: &'static str) -> Result<T, SyntaxError> {
    Err(SyntaxError::Unexpected { octet, expected })
}
