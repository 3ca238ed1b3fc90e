//! The declarations of message types (RFC 4037 section 9).

#[path = "../../../tests/petdm/language/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the tests of the declarations use more of it")]
mod language;

use std::fmt::Write as _;

use language::{Base, Schema, parse};

/// Reads the input as declarations; what can be read is written and read again.
pub fn petdm(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let mut schema = Schema::default();
    let added = schema.add("Core", text);
    let Ok(declarations) = parse(text) else {
        assert!(added.is_err(), "what cannot be read declares nothing");
        return;
    };

    let mut written = String::new();
    for declaration in &declarations {
        write!(written, "{}: extends {}", declaration.name, base(&declaration.base)).unwrap();
        if declaration.with {
            let members = declaration.members.iter();
            let members = members.map(|member| {
                let types = member.types.iter().map(|name| named(name.namespace.as_deref(), &name.name));
                (member.name.as_deref(), types.collect::<Vec<_>>().join(" "), member.optional)
            });
            write!(written, " with {{ {}}}", body(members)).unwrap();
        }
        match declaration.payload {
            Some(true) => written.push_str(" and [payload]"),
            Some(false) => written.push_str(" and payload"),
            None => {}
        }
        written.push_str(";\n");
    }

    let reread = parse(&written).unwrap_or_else(|error| panic!("{error} in {written}"));
    assert_eq!(reread.len(), declarations.len());
    for (one, other) in reread.into_iter().zip(declarations) {
        assert_eq!((&one.name, &one.base, one.with), (&other.name, &other.base, other.with));
        assert_eq!(one.payload, other.payload);
        let same = one.members.iter().zip(&other.members).all(|(one, other)| {
            (&one.name, &one.types, one.optional) == (&other.name, &other.types, other.optional)
        });
        assert!(same && one.members.len() == other.members.len(), "{one:?} was {other:?}");
    }
    let mut again = Schema::default();
    let readded = again.add("Core", &written);
    assert_eq!(added.map_err(|error| error.problem), readded.map_err(|error| error.problem));
    assert!(schema.types().eq(again.types()), "and declares the same");
}

fn base(base: &Base) -> String {
    match base {
        Base::Atom => "atom".to_owned(),
        Base::List(item) => format!("list of {}", named(item.namespace.as_deref(), &item.name)),
        Base::Structure => "structure".to_owned(),
        Base::Message => "message".to_owned(),
        Base::Type(name) => named(name.namespace.as_deref(), &name.name),
    }
}

fn named(namespace: Option<&str>, name: &str) -> String {
    namespace.map_or_else(|| name.to_owned(), |namespace| format!("{namespace}::{name}"))
}

/// Anonymous members are one group with one semicolon, named ones have one each.
fn body<'a>(members: impl Iterator<Item = (Option<&'a str>, String, bool)>) -> String {
    let mut text = String::new();
    let mut group = false;
    for (name, types, optional) in members {
        if name.is_some() && std::mem::take(&mut group) {
            text.push_str("; ");
        }
        let name_text = name.map_or_else(String::new, |name| format!("{name}: "));
        let member = if optional { format!("[{name_text}{types}]") } else { format!("{name_text}{types}") };
        text.push_str(&member);
        text.push_str(if name.is_some() { "; " } else { " " });
        group = name.is_none();
    }
    if group {
        text.push_str("; ");
    }
    text
}
