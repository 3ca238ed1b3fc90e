//! The format of RFC 4037 section 3.1, checked against an encoder of the tests' own.

mod cuts;
mod limits;
mod malformed;
mod sample;
mod valid;
mod writing;

use bytes::{Bytes, BytesMut};

use super::{Decoder, DecoderLimits, Item, RawMessage, Structure, SyntaxError, Value};

/// What a decoder gave, with the pieces of each payload joined.
#[derive(Debug, Clone, PartialEq)]
struct Decoded {
    seen: Vec<Seen>,
    error: Option<SyntaxError>,
    /// Whether the input ended inside a message.
    unfinished: bool,
}

/// Named parameters as they were seen.
type Named = Vec<(Vec<u8>, Value)>;

#[derive(Debug, Clone, PartialEq)]
enum Seen {
    Message { octets: Bytes, name: Vec<u8>, anonymous: Vec<Value>, named: Named, payload: Option<u64> },
    Payload(BytesMut),
    End,
}

impl Seen {
    fn message(raw: &RawMessage) -> Self {
        Self::Message {
            octets: raw.octets().clone(),
            name: raw.name().to_vec(),
            anonymous: (0..)
                .map_while(|position| raw.anonymous(position))
                .map(|value| value.to_value())
                .collect(),
            named: raw.named_parameters().map(|(name, value)| (name.to_vec(), value.to_value())).collect(),
            payload: raw.payload(),
        }
    }
}

/// Gives `pieces` to a decoder one after the other, polling it in between.
fn decode_pieces<'a>(limits: DecoderLimits, pieces: impl IntoIterator<Item = &'a [u8]>) -> Decoded {
    let mut decoder = Decoder::new(limits);
    let mut decoded = Decoded { seen: Vec::new(), error: None, unfinished: false };
    for piece in pieces {
        decoder.buffer().extend_from_slice(piece);
        if !drain(&mut decoder, &mut decoded) {
            return decoded;
        }
    }
    decoded.unfinished = decoder.in_message();
    decoded
}

/// Takes every item there is; false after an error.
fn drain(decoder: &mut Decoder, decoded: &mut Decoded) -> bool {
    loop {
        match decoder.next() {
            Ok(None) => return true,
            Ok(Some(Item::Message(raw))) => decoded.seen.push(Seen::message(&raw)),
            Ok(Some(Item::End)) => decoded.seen.push(Seen::End),
            Ok(Some(Item::Payload(octets))) => {
                assert!(!octets.is_empty(), "a piece of payload is never empty");
                match decoded.seen.last_mut() {
                    Some(Seen::Payload(before)) => before.extend_from_slice(&octets),
                    _ => decoded.seen.push(Seen::Payload(BytesMut::from(&octets[..]))),
                }
            }
            Err(error) => {
                assert_eq!(decoder.next().unwrap_err(), error, "an error stays");
                decoded.error = Some(error);
                return false;
            }
        }
    }
}

fn decode(input: &[u8]) -> Decoded {
    decode_pieces(DecoderLimits::default(), [input])
}

/// One octet at a time.
fn decode_octets(input: &[u8]) -> Decoded {
    decode_pieces(DecoderLimits::default(), input.chunks(1))
}
