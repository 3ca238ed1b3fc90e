//! The decoder of messages: any octets in any pieces.

use bytes::Bytes;
use ocp_proto::codec::{
    Decoder, DecoderLimits, Item, Members, MessageWriter, PAYLOAD_END, RawMessage, Structure, SyntaxError,
    Value, ValueRef, number, write_value,
};
use ocp_proto::message::Message;

use crate::cuts::Cuts;

/// The limits that the first octet of the input chooses from.
const LIMITS: [DecoderLimits; 4] = [
    DecoderLimits { message_octets: 65_536, nesting_depth: 16 },
    DecoderLimits { message_octets: 64, nesting_depth: 2 },
    DecoderLimits { message_octets: 300, nesting_depth: 4 },
    DecoderLimits { message_octets: 4096, nesting_depth: 64 },
];

/// What came out, with payload in one piece.
#[derive(Debug, PartialEq)]
enum Seen {
    Message(Head, Bytes),
    Payload(Vec<u8>),
    End,
}

/// All that a message head says.
#[derive(Debug, Clone, PartialEq)]
struct Head {
    name: Vec<u8>,
    anonymous: Vec<Value>,
    named: Vec<(Vec<u8>, Vec<Value>)>,
    payload: Option<u64>,
}

/// Decodes the input whole and in pieces: both give the same, within the limits, and what was decoded is written and
/// read again.
pub fn decoder(input: &[u8]) {
    let mut rest = input;
    let limits = LIMITS[rest.split_off_first().map_or(0, |first| usize::from(first & 3))];
    let mut cuts = Cuts::take(&mut rest);

    let mut whole = Reading::new(limits);
    let octets = rest;
    whole.feed(octets);
    let mut cut = Reading::new(limits);
    while let Some(piece) = cuts.next(&mut rest) {
        cut.feed(piece);
    }
    assert_eq!(whole.seen, cut.seen, "the same items however the input is cut");
    assert_eq!(whole.error, cut.error, "the same violation however the input is cut");
    if whole.error.is_none() {
        assert_eq!(whole.decoder.in_message(), cut.decoder.in_message());
    }
    write_again(&whole.seen, limits);
}

struct Reading {
    decoder: Decoder,
    limits: DecoderLimits,
    seen: Vec<Seen>,
    error: Option<SyntaxError>,
}

impl Reading {
    fn new(limits: DecoderLimits) -> Self {
        Self { decoder: Decoder::new(limits), limits, seen: Vec::new(), error: None }
    }

    fn feed(&mut self, octets: &[u8]) {
        self.decoder.buffer().extend_from_slice(octets);
        loop {
            match self.decoder.next() {
                Ok(Some(item)) => self.take(item),
                Ok(None) => break,
                Err(error) => {
                    assert!(self.error.as_ref().is_none_or(|first| *first == error), "one error for good");
                    self.error = Some(error);
                    return;
                }
            }
        }
        assert!(self.error.is_none(), "nothing is read after an error");
        assert!(self.decoder.buffer().len() <= self.limits.message_octets, "what is held is bounded");
    }

    fn take(&mut self, item: Item) {
        assert!(self.error.is_none(), "nothing is read after an error");
        match (item, self.seen.last_mut()) {
            (Item::Message(raw), _) => {
                assert!(raw.octets().len() <= self.limits.message_octets);
                self.seen.push(Seen::Message(head(&raw), raw.octets().clone()));
            }
            (Item::Payload(octets), Some(Seen::Payload(before))) => {
                assert!(!octets.is_empty(), "pieces of payload are never empty");
                before.extend_from_slice(&octets);
            }
            (Item::Payload(octets), _) => {
                assert!(!octets.is_empty(), "pieces of payload are never empty");
                self.seen.push(Seen::Payload(octets.to_vec()));
            }
            (Item::End, _) => self.seen.push(Seen::End),
        }
    }
}

fn head(raw: &RawMessage) -> Head {
    let anonymous: Vec<_> = (0..).map_while(|position| raw.anonymous(position)).collect();
    anonymous.iter().for_each(|value| look(*value));
    let mut kept = Some(raw.named_values("Kept").map(ValueRef::to_value).collect::<Vec<_>>());
    let named = raw.named_parameters().map(|(name, value)| {
        look(value);
        let values = if name == b"Kept" { kept.take() } else { None };
        (name.to_vec(), values.unwrap_or_else(|| vec![value.to_value()]))
    });
    Head {
        name: raw.name().to_vec(),
        named: named.collect(),
        anonymous: anonymous.into_iter().map(ValueRef::to_value).collect(),
        payload: raw.payload(),
    }
}

/// The borrowed view and the owned copy say the same.
fn look(value: ValueRef<'_>) {
    let owned = value.to_value();
    assert_eq!(value.as_atom(), owned.as_atom());
    assert_eq!(value.as_number(), owned.as_number());
    assert_eq!(value.as_list().is_some(), owned.as_list().is_some());
    if let Some((items, owned)) = value.as_list().zip(owned.as_list()) {
        assert!(items.map(ValueRef::to_value).eq(owned.iter().cloned()));
    }
    assert_eq!(value.as_structure().map(Members::to_structure).as_ref(), owned.as_structure());
    if let Some((members, owned)) = value.as_structure().zip(owned.as_structure()) {
        for (name, _) in &owned.named {
            if let Ok(name) = std::str::from_utf8(name) {
                assert_eq!(members.named(name).map(ValueRef::to_value).as_ref(), owned.named(name));
            }
        }
        assert!(members.anonymous(owned.anonymous.len()).is_none());
    }
}

/// Writes what was read and reads that: the same comes out, and the second writing is the first.
fn write_again(seen: &[Seen], limits: DecoderLimits) {
    for (at, item) in seen.iter().enumerate() {
        let Seen::Message(head, octets) = item else { continue };
        let payload = match seen.get(at + 1) {
            Some(Seen::Payload(payload)) => &payload[..],
            _ => b"",
        };
        if head.payload.is_some_and(|size| size != payload.len() as u64) {
            continue; // the input ends inside the payload
        }
        let written = write(head, payload);
        let mut again = Reading::new(limits);
        again.feed(&written);
        assert_eq!(again.error, None, "what was written can be read: {written:?}");
        assert!(!again.decoder.in_message(), "what was written is whole");
        let Some(Seen::Message(reread, reread_octets)) = again.seen.first() else {
            panic!("a message");
        };
        assert_eq!(reread, head, "what was written is what was read");
        assert_eq!(write(reread, payload), written);
        assert_eq!(parsed(octets, head), parsed(reread_octets, head), "and means the same");
    }
}

/// What a head means, or why it is invalid.
type Meaning = Result<Message, String>;

/// What the head means where sizes are small, and where they may be large.
fn parsed(octets: &Bytes, head: &Head) -> Option<[Meaning; 2]> {
    let mut decoder = Decoder::new(DecoderLimits { message_octets: 1 << 20, nesting_depth: 64 });
    decoder.buffer().extend_from_slice(octets);
    let Ok(Some(Item::Message(raw))) = decoder.next() else { return None };
    let known = ocp_proto::message::names::known(&head.name).is_some();
    let meanings = [number::MAX, number::LARGE_MAX].map(|largest| {
        let message = Message::parse_up_to(&raw, largest).map_err(|invalid| format!("{invalid:?}"));
        if let Ok(message) = &message {
            assert_eq!(*message != Message::Unknown, known);
        }
        message
    });
    assert!(meanings[0].is_err() || meanings[1].is_ok(), "what is valid stays so where sizes may be large");
    Some(meanings)
}

fn write(head: &Head, payload: &[u8]) -> Vec<u8> {
    let mut named = Vec::new();
    for (name, values) in &head.named {
        named.extend_from_slice(name);
        named.extend_from_slice(b":");
        for value in values {
            named.extend_from_slice(b" ");
            write_value(value, &mut named);
        }
        named.extend_from_slice(b"\r\n");
    }
    let mut out = head.name.to_vec();
    let anonymous = head.anonymous.iter();
    let writer = anonymous.fold(MessageWriter::new(&mut out, ""), |writer, value| match value {
        Value::Structure(structure) => writer.structure(structure),
        Value::List(items) => {
            match items.iter().map(Value::as_structure).collect::<Option<Vec<&Structure>>>() {
                Some(structures) => writer.list(structures.into_iter()),
                None => writer.value(value),
            }
        }
        Value::Atom(_) => match value.as_number() {
            Some(number) => writer.number(number),
            None => writer.value(value),
        },
    });
    let writer = writer.encoded(&named);
    match head.payload {
        None => writer.end(),
        Some(size) => {
            writer.payload(size);
            out.extend_from_slice(payload);
            out.extend_from_slice(PAYLOAD_END);
        }
    }
    out
}
