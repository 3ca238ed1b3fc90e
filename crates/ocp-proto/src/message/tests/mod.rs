//! The 24 messages of RFC 4037 section 11, from and to their wire form.

mod invalid;
mod reading;
mod results;
mod writing;

use super::{InvalidMessage, Message, Problem, Scope, Xid};
use crate::codec::{Decoder, DecoderLimits, Item, RawMessage};

/// Decodes one message from text with `|` for CRLF.
fn raw(text: &str) -> RawMessage {
    let mut decoder = Decoder::new(DecoderLimits::default());
    decoder.buffer().extend_from_slice(text.replace('|', "\r\n").as_bytes());
    decoder.buffer().extend_from_slice(b"\r\n");
    match decoder.next() {
        Ok(Some(Item::Message(raw))) => raw,
        other => panic!("{text:?} is a message, not {other:?}"),
    }
}

fn parse(text: &str) -> Result<Message, InvalidMessage> {
    Message::parse(&raw(text))
}

fn of(xid: u64) -> Scope {
    Scope::Transaction(Xid(xid))
}

/// Asserts that the message is invalid in this scope for this reason.
fn assert_invalid(text: &str, scope: Scope, problem: Problem) {
    let invalid = parse(text).expect_err(text);
    assert_eq!((invalid.scope, invalid.problem), (scope, problem), "{text}");
}
