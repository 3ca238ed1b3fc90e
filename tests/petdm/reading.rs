//! Messages made from their declarations, and what `Message::parse` makes of them.

use std::rc::Rc;

use ocp_proto::codec::{Decoder, DecoderLimits, Item, RawMessage};
use ocp_proto::message::{InvalidMessage, Message};

use crate::declared;
use crate::language::{Named, Payload, Schema, Type};
use crate::prose::{self, Place};
use crate::sample::{good_rows, slot_type};
use crate::shape::{Parameters, Shape};
use crate::view::{View, expected, view};

/// Decodes one message; `None` where the octets are no message.
pub(crate) fn decode(octets: &[u8]) -> Option<RawMessage> {
    let mut decoder = Decoder::new(DecoderLimits::default());
    decoder.buffer().extend_from_slice(octets);
    match decoder.next().ok()?? {
        Item::Message(raw) => Some(raw),
        Item::Payload(_) | Item::End => panic!("the first item is a message"),
    }
}

/// What the code says of a message. The outer error is one of syntax.
pub(crate) fn parse(
    name: &str,
    parameters: &Parameters,
    quoted: bool,
) -> Result<Result<Message, InvalidMessage>, ()> {
    let raw = decode(&parameters.encode(name, quoted)).ok_or(())?;
    Ok(Message::parse(&raw))
}

pub(crate) fn read(name: &str, parameters: &Parameters) -> View {
    let readings = [false, true].map(|quoted| {
        let message = parse(name, parameters, quoted);
        let message = message.unwrap_or_else(|()| panic!("syntax of {}", show(name, parameters)));
        let message = message.unwrap_or_else(|error| panic!("{}: {error}", show(name, parameters)));
        view(&message).unwrap_or_else(|| panic!("{name} is declared, and the code does not know it"))
    });
    let [bare, quoted] = readings;
    assert_eq!(bare, quoted, "RFC 4037 section 3.1: both encodings of an atom mean the same");
    assert_eq!(bare.name, name);
    bare
}

pub(crate) fn show(name: &str, parameters: &Parameters) -> String {
    parameters.encode(name, false).escape_ascii().to_string()
}

pub(crate) fn refuse(name: &str, parameters: &Parameters, why: &str) {
    for quoted in [false, true] {
        let message = parse(name, parameters, quoted);
        assert!(!matches!(message, Ok(Ok(_))), "{why}, and yet accepted: {}", show(name, parameters));
    }
}

/// A message from its declaration, with the plainest values: required parameters, and optional ones if `all`.
pub(crate) fn plain(schema: &Schema, declared: &Type, all: bool) -> Parameters {
    let anonymous = declared.anonymous.iter().enumerate().filter(|(_, slot)| all || !slot.optional);
    let anonymous = anonymous.map(|(position, _)| values_at(schema, declared, position).swap_remove(0));
    let named = declared.named.iter().filter(|member| all || !member.optional);
    let named = named.map(|member| (member.name.clone(), good_rows(schema, &member.values).swap_remove(0)));
    let payload = declared.payload == Payload::Required || all && declared.payload == Payload::Optional;
    Parameters {
        anonymous: anonymous.collect(),
        named: named.collect(),
        payload: payload.then(|| b"payload".to_vec()),
    }
}

pub(crate) fn values_at(schema: &Schema, declared: &Type, position: usize) -> Vec<Shape> {
    crate::sample::good(schema, &slot_type(schema, declared, position))
}

/// The codes that a result at this place may have, if it is one (RFC 4037 section 10.10: 206 on AME only).
fn result_codes(declared: &Type, place: &Place) -> Option<&'static [&'static str]> {
    let Place::Anonymous(position) = place else { return None };
    let slot = declared.anonymous.get(*position)?;
    let is_result = slot.value.lineage().any(|name| name.to_string() == "Core::result");
    let codes: &[&str] = if declared.name.name == "AME" { &["200", "206", "400"] } else { &["200", "400"] };
    is_result.then_some(codes)
}

pub(crate) fn check(declared: &Type, seen: &View, place: &Place, value: Option<&Shape>) {
    let name = declared.name.name.as_str();
    let wanted = value.and_then(|value| expected(value, result_codes(declared, place)));
    let wanted = wanted.or_else(|| prose::default(name, place));
    assert_eq!(seen.at(place), wanted.as_ref(), "{name} at {place:?}");
}

/// Everything that a message carries is seen at its place, and nothing else is.
pub(crate) fn check_all(declared: &Type, parameters: &Parameters) {
    let seen = read(&declared.name.name, parameters);
    for position in 0..declared.anonymous.len() {
        check(declared, &seen, &Place::Anonymous(position), parameters.anonymous.get(position));
    }
    for Named { name, .. } in &declared.named {
        let row = parameters.named.iter().find(|(other, _)| other == name).map(|(_, row)| row);
        let value = row
            .map(|row| if row.len() == 1 { row[0].clone() } else { Shape::Structure(row.clone(), vec![]) });
        check(declared, &seen, &Place::Named(name.clone()), value.as_ref());
    }
}

/// OCP Core.
pub(crate) fn core() -> (Rc<Schema>, Vec<Rc<Type>>) {
    (declared::schema(), declared::messages("Core"))
}
