//! OCP messages as a test looks at them.

use ocp_proto::codec::{Decoder, DecoderLimits, Item};

/// A message with its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// All but the payload, with `|` for CRLF.
    pub(crate) head: String,
    pub(crate) payload: Vec<u8>,
}

impl Message {
    pub(crate) fn name(&self) -> &str {
        self.head.split([' ', ';', '|']).next().unwrap_or_default()
    }

    /// The first anonymous parameter, as a number.
    pub(crate) fn xid(&self) -> Option<u64> {
        self.head.split([' ', ';', '|']).nth(1)?.parse().ok()
    }

    /// The value of a named parameter.
    pub(crate) fn named(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.head.split_once(&format!("|{name}: "))?;
        rest.split('|').next()
    }

    /// The application message part of a DUM.
    pub(crate) fn part(&self) -> Option<&str> {
        self.named("AM-Part").filter(|_| self.name() == "DUM")
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.payload).into_owned()
    }
}

/// Takes messages out of octets as they come.
pub(crate) struct Reader {
    decoder: Decoder,
    under_way: Option<Message>,
}

impl Reader {
    pub(crate) fn new() -> Self {
        Self { decoder: Decoder::new(DecoderLimits::default()), under_way: None }
    }

    /// The messages that are whole with these octets.
    pub(crate) fn read(&mut self, octets: &[u8]) -> Vec<Message> {
        self.decoder.buffer().extend_from_slice(octets);
        let mut whole = Vec::new();
        while let Some(item) = self.decoder.next().expect("valid OCP") {
            match item {
                Item::Message(raw) => {
                    let head = String::from_utf8_lossy(raw.octets()).trim_end().replace("\r\n", "|");
                    let message = Message { head, payload: Vec::new() };
                    match raw.payload() {
                        None => whole.push(message),
                        Some(_) => self.under_way = Some(message),
                    }
                }
                Item::Payload(octets) => {
                    self.under_way.as_mut().expect("a head before its payload").payload.extend(octets);
                }
                Item::End => whole.extend(self.under_way.take()),
            }
        }
        whole
    }
}

/// The parts of one flow: runs of equal names, with their octets.
pub(crate) fn parts(messages: &[Message], xid: u64) -> Vec<(String, Vec<u8>)> {
    let mut parts: Vec<(String, Vec<u8>)> = Vec::new();
    for message in messages.iter().filter(|message| message.name() == "DUM" && message.xid() == Some(xid)) {
        let part = message.part().expect("every DUM names its part");
        match parts.last_mut() {
            Some((last, octets)) if last == part => octets.extend_from_slice(&message.payload),
            _ => parts.push((part.to_owned(), message.payload.clone())),
        }
    }
    parts
}
