//! The 24 messages of OCP Core: `Message::parse` refuses what the declarations do not allow.

use ocp_proto::message::{Scope, Xid};

use crate::language::{Payload, Type};
use crate::prose::{self, Place};
use crate::reading::{check, core, parse, plain, read, refuse};
use crate::sample::{bad_rows, slot_type};
use crate::shape::{Parameters, Shape};

// req: OCP-11.2-01, OCP-11.3-01, OCP-11.4-01, OCP-11.5-01, OCP-11.6-01, OCP-11.7-01, OCP-11.8-01
// req: OCP-11.9-01, OCP-11.9-02, OCP-11.9-03, OCP-11.9-04, OCP-11.10-01, OCP-11.11-01, OCP-11.12-01
// req: OCP-11.13-01, OCP-11.14-01, OCP-11.15-01, OCP-11.16-01, OCP-11.17-01, OCP-11.18-01, OCP-11.19-01
// req: OCP-11.20-01, OCP-11.21-01, OCP-11.22-01, OCP-11.23-01, OCP-11.24-01, OCP-11.9-09
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

// req: OCP-10-01, OCP-10-02, OCP-10.1-01, OCP-10.2-01, OCP-10.3-01, OCP-10.4-01, OCP-10.5-01
// req: OCP-10.6-01, OCP-10.9-01, OCP-10.10-01, OCP-10.11-01, OCP-10.12-01, OCP-10.13-01, OCP-10.14-01
// req: OCP-11.9-20
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

// req: OCP-11-05
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

/// RFC 4037 section 5: an invalid message ends its transaction, and the connection where that is not known. The
/// declarations tell: a message belongs to a transaction if it has to begin with an xid.
// req: OCP-5-07
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
