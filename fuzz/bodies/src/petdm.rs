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
            written.push_str(" with {");
            let mut named = false;
            let mut open = false;
            for member in &declaration.members {
                let optional = member.optional;
                let types = member.types.iter().map(type_name).collect::<Vec<_>>().join(" ");
                // Anonymous members are one group with one semicolon.
                named |= member.name.is_some();
                if named && std::mem::take(&mut open) {
                    written.push(';');
                }
                let name = member.name.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
                let text = if optional { format!(" [{name}{types}]") } else { format!(" {name}{types}") };
                written.push_str(&text);
                open = !named;
                if named {
                    written.push(';');
                }
            }
            if open {
                written.push(';');
            }
            written.push_str(" }");
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
    for (one, other) in reread.iter().zip(&declarations) {
        assert_eq!((&one.name, &one.base, one.payload), (&other.name, &other.base, other.payload));
        let members = |declaration: &'_ _| members(declaration);
        assert_eq!(members(one), members(other), "in {written}");
    }
    let mut again = Schema::default();
    let readded = again.add("Core", &written);
    assert_eq!(added.map_err(|error| error.problem), readded.map_err(|error| error.problem));
    assert!(schema.types().eq(again.types()), "and declares the same");
    assert!(schema.types().count() <= declarations.len());
}
