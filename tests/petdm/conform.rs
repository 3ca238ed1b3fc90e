//! Whether a message or value is what a declaration says.

use std::rc::Rc;

use crate::language::{Kind, Payload, Schema, Type};
use crate::prose::{self, Place};
use crate::sample::slot_type;
use crate::shape::{Parameters, Shape};

/// Whether `value` is of this type.
pub(crate) fn value_conforms(schema: &Schema, declared: &Type, value: &Shape) -> bool {
    match (&declared.kind, value) {
        (Kind::Atom, Shape::Atom(octets)) => prose::rule(declared).is_none_or(|rule| (rule.holds)(octets)),
        (Kind::List(item), Shape::List(items)) => {
            items.iter().all(|value| value_conforms(schema, item, value))
        }
        (Kind::Structure, Shape::Structure(anonymous, named)) => {
            positions_conform(schema, declared, anonymous)
                && declared.named.iter().all(|member| {
                    let value = named.iter().find(|(name, _)| *name == member.name);
                    value.map_or(member.optional, |(_, value)| {
                        value_conforms(schema, &member.values[0], value)
                    })
                })
        }
        _ => false,
    }
}

fn positions_conform(schema: &Schema, declared: &Type, values: &[Shape]) -> bool {
    declared.anonymous.iter().enumerate().all(|(position, slot)| match values.get(position) {
        Some(value) => value_conforms(schema, &slot_type(schema, declared, position), value),
        None => slot.optional,
    })
}

fn row_conforms(schema: &Schema, types: &[Rc<Type>], row: &[Shape]) -> bool {
    let in_a_row = |values: &[Shape]| {
        let mut pairs = types.iter().zip(values);
        values.len() >= types.len() && pairs.all(|(declared, value)| value_conforms(schema, declared, value))
    };
    match row {
        // RFC 4037 section 11.9: the two values of Kept in the one place that the grammar has for them.
        [Shape::Structure(members, _)] if types.len() > 1 => in_a_row(members),
        _ => row.len() == types.len() && in_a_row(row),
    }
}

/// Whether a message is valid (RFC 4037 sections 10 and 11), as its declaration and the prose around it say.
pub(crate) fn message_conforms(schema: &Schema, declared: &Type, parameters: &Parameters) -> bool {
    let name = declared.name.name.as_str();
    let ignored = |place: &Place| prose::is_ignored_when_invalid(name, place).is_some();
    let mut names: Vec<_> = parameters.named.iter().map(|(name, _)| name).collect();
    names.sort();
    // RFC 4037 section 11: no name stands twice.
    if names.windows(2).any(|pair| pair[0] == pair[1]) {
        return false;
    }
    let anonymous = declared.anonymous.iter().enumerate().all(|(position, slot)| {
        match parameters.anonymous.get(position) {
            Some(_) if ignored(&Place::Anonymous(position)) => true,
            Some(value) => value_conforms(schema, &slot_type(schema, declared, position), value),
            None => slot.optional,
        }
    });
    let named = declared.named.iter().all(|member| {
        match parameters.named.iter().find(|(name, _)| *name == member.name) {
            Some(_) if ignored(&Place::Named(member.name.clone())) => true,
            Some((_, row)) => row_conforms(schema, &member.values, row),
            None => member.optional,
        }
    });
    anonymous && named && (declared.payload != Payload::Required || parameters.payload.is_some())
}

/// Names and positions of a message that its declaration does not have.
pub(crate) fn undeclared(declared: &Type, parameters: &Parameters) -> Vec<String> {
    let known = |name: &&String| declared.named.iter().any(|member| member.name == **name);
    let names = parameters.named.iter().map(|(name, _)| name).filter(|name| !known(name)).cloned();
    let mut found: Vec<_> = names.collect();
    if parameters.anonymous.len() > declared.anonymous.len() {
        found.push(format!("position {}", declared.anonymous.len()));
    }
    if parameters.payload.is_some() && declared.payload == Payload::Undeclared {
        found.push("payload".to_owned());
    }
    found
}
