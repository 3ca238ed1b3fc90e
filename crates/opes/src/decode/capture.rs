//! One captured direction as a stream of messages with their offsets. Payload is counted and not kept.

use std::io::{self, Read};

use ocp_proto::codec::{Decoder, DecoderLimits, Item, RawMessage, SyntaxError};

/// What is read at a time.
const CHUNK: usize = 64 * 1024;

/// How much of a payload is shown.
pub(super) const PREVIEW: usize = 48;

/// Far more than agents need: this decoder looks at what they may have refused.
const LIMITS: DecoderLimits = DecoderLimits { message_octets: 1 << 18, nesting_depth: 64 };

/// A message without its payload, and where in the capture it begins.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) offset: u64,
    pub(super) raw: RawMessage,
}

/// What came of a payload.
#[derive(Debug, Default)]
pub(super) struct Payload {
    /// Its first octets.
    pub(super) preview: Vec<u8>,
    /// How many octets came.
    pub(super) size: u64,
}

/// How a capture ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// After a message.
    Whole,
    /// Inside a message, after this many octets of it.
    Cut(u64),
    /// At an octet that no message can have there. What follows cannot be decoded.
    Broken(SyntaxError),
}

/// A stream of messages.
pub(super) struct Capture {
    source: Box<dyn Read>,
    decoder: Decoder,
    /// Octets given to the decoder.
    fed: u64,
    /// Where the message under way begins.
    start: u64,
    /// The payload under way was announced and has not ended.
    in_payload: bool,
    end: Option<End>,
}

impl Capture {
    pub(super) fn new(source: Box<dyn Read>) -> Self {
        Self { source, decoder: Decoder::new(LIMITS), fed: 0, start: 0, in_payload: false, end: None }
    }

    /// The next message; `None` at the end of the capture. The payload of the one before has to be read first.
    pub(super) fn head(&mut self) -> io::Result<Option<Head>> {
        self.start = self.position();
        Ok(match self.item()? {
            Some(Item::Message(raw)) => {
                self.in_payload = raw.payload().is_some();
                Some(Head { offset: self.start, raw })
            }
            _ => None,
        })
    }

    /// Reads the payload of the last message to its end, or to the end of the capture.
    pub(super) fn payload(&mut self) -> io::Result<Payload> {
        let mut payload = Payload::default();
        while self.in_payload {
            match self.item()? {
                Some(Item::Payload(octets)) => {
                    let room = PREVIEW - payload.preview.len();
                    payload.preview.extend_from_slice(&octets[..octets.len().min(room)]);
                    payload.size += octets.len() as u64;
                }
                Some(_) => self.in_payload = false,
                None => break,
            }
        }
        Ok(payload)
    }

    /// How the capture has ended, once it has.
    pub(super) fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// Where the octets stand that were not taken yet.
    fn position(&mut self) -> u64 {
        self.fed - self.decoder.buffer().len() as u64
    }

    /// Where the octet stands that no message can have there, after [`End::Broken`].
    pub(super) fn broken_at(&mut self) -> u64 {
        let position = self.position();
        if self.in_payload {
            return position;
        }
        let mut again = Decoder::new(LIMITS);
        let octets = self.decoder.buffer();
        let fits = |octet: &&u8| {
            again.buffer().extend_from_slice(&[**octet]);
            again.next().is_ok()
        };
        position + octets.iter().take_while(fits).count() as u64
    }

    fn item(&mut self) -> io::Result<Option<Item>> {
        while self.end.is_none() {
            match self.decoder.next() {
                Ok(Some(item)) => return Ok(Some(item)),
                Ok(None) => self.read()?,
                Err(error) => self.end = Some(End::Broken(error)),
            }
        }
        Ok(None)
    }

    fn read(&mut self) -> io::Result<()> {
        let mut chunk = [0; CHUNK];
        let read = loop {
            match self.source.read(&mut chunk) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.decoder.buffer().extend_from_slice(&chunk[..read]);
        self.fed += read as u64;
        if read == 0 {
            let begun = self.fed - self.start;
            self.end = Some(if begun == 0 { End::Whole } else { End::Cut(begun) });
        }
        Ok(())
    }
}
