//! The 24 messages of OCP Core: `Message::parse` accepts and refuses exactly what the declarations say.

use std::collections::BTreeSet;
use std::rc::Rc;

use ocp_proto::codec::{Decoder, DecoderLimits, Item, RawMessage};
use ocp_proto::message::{InvalidMessage, Message, Scope, Xid, names};

use crate::declared;
use crate::language::{Named, Payload, Schema, Type};
use crate::prose::{self, Place};
use crate::sample::{bad_rows, good_rows, slot_type};
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

fn read(name: &str, parameters: &Parameters) -> View {
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

fn show(name: &str, parameters: &Parameters) -> String {
    parameters.encode(name, false).escape_ascii().to_string()
}

fn refuse(name: &str, parameters: &Parameters, why: &str) {
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

fn values_at(schema: &Schema, declared: &Type, position: usize) -> Vec<Shape> {
    crate::sample::good(schema, &slot_type(schema, declared, position))
}

fn is_result(declared: &Type, place: &Place) -> bool {
    let Place::Anonymous(position) = place else { return false };
    let slot = declared.anonymous.get(*position);
    slot.is_some_and(|slot| slot.value.lineage().any(|name| name.to_string() == "Core::result"))
}

fn check(declared: &Type, seen: &View, place: &Place, value: Option<&Shape>) {
    let name = declared.name.name.as_str();
    let wanted = value.and_then(|value| expected(value, is_result(declared, place)));
    let wanted = wanted.or_else(|| prose::default(name, place));
    assert_eq!(seen.at(place), wanted.as_ref(), "{name} at {place:?}");
}

/// Everything that a message carries is seen at its place, and nothing else is.
fn check_all(declared: &Type, parameters: &Parameters) {
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

fn core() -> (Schema, Vec<Rc<Type>>) {
    (declared::schema(), declared::messages("Core"))
}

// req: OCP-11-03
#[test]
fn the_code_knows_the_declared_messages_and_no_other() {
    let declared: BTreeSet<_> = core().1.iter().map(|message| message.name.name.clone()).collect();
    let known: BTreeSet<_> = names::NAMES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(known, declared);
    assert_eq!(declared.len(), 24, "RFC 4037 section 11 has 24 messages");
    assert_eq!(names::NAMES.len(), 24);
    assert_eq!(names::known(b"X-DUM"), None);
    let unknown = parse("X-DUM", &Parameters::default(), false);
    assert_eq!(unknown, Ok(Ok(Message::Unknown)));
}

#[test]
fn titles_are_those_of_the_sections() {
    let text = declared::text("core.petdm");
    let headings = text.lines().filter_map(|line| line.strip_prefix("# 11."));
    let titles: BTreeSet<_> = headings
        .filter_map(|heading| heading.split_once(' '))
        .map(|(_, title)| title.split('.').next().unwrap_or_default())
        .collect();
    let known: BTreeSet<_> = names::NAMES.iter().map(|(_, title)| *title).collect();
    assert_eq!(known, titles);
}

#[test]
fn the_code_reads_the_declared_parameters_and_no_other() {
    let (schema, messages) = core();
    for message in messages {
        let seen = read(&message.name.name, &plain(&schema, &message, true));
        let mut places: Vec<_> = (0..message.anonymous.len()).map(Place::Anonymous).collect();
        places.extend(message.named.iter().map(|member| Place::Named(member.name.clone())));
        let read: Vec<_> = seen.fields.into_iter().map(|(place, _)| place).collect();
        assert_eq!(read, places, "{}", message.name);
    }
}

#[test]
fn minimal_and_maximal_messages_are_read() {
    let (schema, messages) = core();
    for message in messages {
        check_all(&message, &plain(&schema, &message, false));
        check_all(&message, &plain(&schema, &message, true));
        let full = plain(&schema, &message, true);
        for absent in 0..full.named.len() {
            let mut some = full.clone();
            some.named.remove(absent);
            check_all(&message, &some);
        }
        let required = message.anonymous.iter().filter(|slot| !slot.optional).count();
        for count in required..message.anonymous.len() {
            let mut some = full.clone();
            some.anonymous.truncate(count);
            check_all(&message, &some);
        }
    }
}

// req: OCP-10-01
#[test]
fn every_value_of_a_declared_type_is_read() {
    let (schema, messages) = core();
    for message in messages {
        let full = plain(&schema, &message, true);
        for position in 0..message.anonymous.len() {
            for value in values_at(&schema, &message, position) {
                let mut some = full.clone();
                some.anonymous[position] = value;
                check_all(&message, &some);
            }
        }
        for (index, member) in message.named.iter().enumerate() {
            for row in good_rows(&schema, &member.values) {
                let mut some = full.clone();
                some.named[index].1 = row;
                check_all(&message, &some);
            }
        }
    }
}

// req: OCP-10-01
#[test]
fn a_missing_parameter_is_refused() {
    let (schema, messages) = core();
    for message in messages {
        let full = plain(&schema, &message, false);
        let required = message.anonymous.iter().filter(|slot| !slot.optional).count();
        for count in 0..required {
            let mut some = full.clone();
            some.anonymous.truncate(count);
            refuse(&message.name.name, &some, "a required parameter is missing");
        }
        for member in message.named.iter().filter(|member| !member.optional) {
            let mut some = full.clone();
            some.named.retain(|(name, _)| *name != member.name);
            refuse(&message.name.name, &some, "a required parameter is missing");
        }
        if message.payload == Payload::Required {
            refuse(&message.name.name, &Parameters { payload: None, ..full }, "payload is missing");
        }
    }
}

/// An ill-typed value is refused, or where prose says so ignored.
fn refuse_or_ignore(declared: &Type, place: &Place, parameters: &Parameters, why: &str) {
    let name = declared.name.name.as_str();
    if prose::is_ignored_when_invalid(name, place).is_none() {
        return refuse(name, parameters, why);
    }
    if parse(name, parameters, false).is_ok() {
        check(declared, &read(name, parameters), place, None);
    }
}

// req: OCP-10-01
#[test]
fn an_ill_typed_parameter_is_refused() {
    let (schema, messages) = core();
    let mut cases = 0;
    for message in messages {
        let full = plain(&schema, &message, true);
        for position in 0..message.anonymous.len() {
            for (why, mut row) in bad_rows(&schema, &[slot_type(&schema, &message, position)]) {
                let mut some = full.clone();
                some.anonymous[position] = row.swap_remove(0);
                let why = format!("{} {position}: {why}", message.name);
                refuse_or_ignore(&message, &Place::Anonymous(position), &some, &why);
                cases += 1;
            }
        }
        for (index, member) in message.named.iter().enumerate() {
            for (why, row) in bad_rows(&schema, &member.values) {
                let mut some = full.clone();
                some.named[index].1 = row;
                let why = format!("{} {}: {why}", message.name, member.name);
                refuse_or_ignore(&message, &Place::Named(member.name.clone()), &some, &why);
                cases += 1;
            }
        }
    }
    assert!(cases > 700, "only {cases} ill-typed values");
}

// req: OCP-11-02
#[test]
fn a_name_that_stands_twice_is_refused() {
    let (schema, messages) = core();
    for message in messages {
        let full = plain(&schema, &message, true);
        for parameter in &full.named {
            let mut some = full.clone();
            some.named.push(parameter.clone());
            refuse(&message.name.name, &some, "a name stands twice");
        }
        let mut some = full;
        let unknown = ("X-Parameter".to_owned(), vec![Shape::atom("1")]);
        some.named.extend([unknown.clone(), unknown]);
        refuse(&message.name.name, &some, "an unknown name stands twice");
    }
}

// req: OCP-11-03
#[test]
fn what_is_not_declared_is_ignored() {
    let (schema, messages) = core();
    for message in messages {
        let full = plain(&schema, &message, true);
        let mut more = full.clone();
        more.anonymous.push(Shape::List(vec![Shape::atom("anything")]));
        more.named.push(("X-Parameter".to_owned(), vec![Shape::Structure(vec![], vec![])]));
        more.payload.get_or_insert(b"unexpected".to_vec());
        assert_eq!(read(&message.name.name, &full), read(&message.name.name, &more), "{}", message.name);
        check_all(&message, &more);
    }
}

// req: OCP-3.1-02
#[test]
fn names_are_case_sensitive() {
    let (schema, messages) = core();
    for message in messages {
        let full = plain(&schema, &message, true);
        let lower = message.name.name.to_lowercase();
        assert_eq!(parse(&lower, &full, false), Ok(Ok(Message::Unknown)), "{lower}");
        for (index, member) in message.named.iter().enumerate() {
            let mut other = full.clone();
            other.named[index].0 = swapped(&member.name);
            let seen = read(&message.name.name, &other);
            check(&message, &seen, &Place::Named(member.name.clone()), None);
        }
    }
}

fn swapped(name: &str) -> String {
    let flip = |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
    name.chars().map(flip).collect()
}

/// RFC 4037 section 5: an invalid message ends its transaction, and the connection where that is not known. The
/// declarations tell: a message belongs to a transaction if it has to begin with an xid.
// req: OCP-5-02, OCP-5-03, OCP-5-06
#[test]
fn the_scope_of_an_invalid_message_follows_from_its_declaration() {
    let (schema, messages) = core();
    for message in messages {
        let name = message.name.name.as_str();
        let of_transaction = message.anonymous.first().is_some_and(|slot| {
            !slot.optional && slot.value.lineage().any(|name| name.to_string() == "Core::xid")
        });
        let mut invalid = plain(&schema, &message, true);
        let twice = ("X-Twice".to_owned(), vec![Shape::atom("1")]);
        invalid.named.extend([twice.clone(), twice]);
        if of_transaction {
            invalid.anonymous[0] = Shape::atom("7");
        }
        let scope = parse(name, &invalid, false).unwrap().unwrap_err().scope;
        let wanted = if of_transaction { Scope::Transaction(Xid(7)) } else { Scope::Connection };
        assert_eq!(scope, wanted, "{name}");
        if of_transaction {
            invalid.anonymous[0] = Shape::atom("x");
            let scope = parse(name, &invalid, false).unwrap().unwrap_err().scope;
            assert_eq!(scope, Scope::Connection, "{name} without a valid xid");
        }
    }
}
