//! Trace records and variables, which our extensions add to AMS, AME and TE, against `extensions.petdm`.

use std::collections::{BTreeMap, BTreeSet};

use ocp_proto::message::Message;
use opes_profile::http::{Extensions, LARGE_SIZES, TRACE_RECORDS, VARIABLES};
use opes_profile::notes::{self, Allowance, Briefing, Notes, TraceRecord};

use crate::conform::{message_conforms, undeclared};
use crate::declared;
use crate::language::{Named, Type};
use crate::reading::{decode, plain};
use crate::sample::{bad, good};
use crate::shape::{Parameters, Shape};

/// The parameters that the extensions add to each message.
fn added(message: &Type) -> Vec<Named> {
    let schema = declared::schema();
    let base = schema.get("HTTP", &message.name.name).or_else(|| schema.get("Core", &message.name.name));
    let base = base.expect("only known messages are extended");
    assert_eq!((&message.anonymous, message.payload), (&base.anonymous, base.payload));
    message.named.iter().filter(|member| !base.named.contains(member)).cloned().collect()
}

/// The message with one of them.
fn with(message: &Type, name: &str, value: Shape) -> Vec<u8> {
    let schema = declared::schema();
    let mut parameters = plain(&schema, schema.get("Core", &message.name.name).unwrap(), false);
    parameters.named.push((name.to_owned(), vec![value]));
    parameters.encode(&message.name.name, false)
}

/// Whether the code takes a value of this parameter.
fn takes(message: &Type, name: &str, value: Shape) -> bool {
    let raw = decode(&with(message, name, value)).expect("syntax");
    assert!(Message::parse(&raw).is_ok(), "an extension leaves the message of OCP Core valid");
    match name {
        notes::PARAMETERS | notes::CLIENT => Briefing::read(&raw).is_ok(),
        notes::TRACE_RECORDS => Notes::read(&raw, Extensions::ALL, &mut Allowance::default()).is_ok(),
        notes::VARIABLES => {
            let noted = Notes::read(&raw, Extensions::ALL, &mut Allowance::default()).is_ok();
            assert_eq!(noted, Briefing::read(&raw).is_ok());
            noted
        }
        _ => panic!("{name} is declared, and the code does not know it"),
    }
}

/// A list that names a variable twice is of its declared type, and malformed by prose.
fn names_one_twice(name: &str, value: &Shape) -> bool {
    let Shape::List(items) = value else { return false };
    let names = items.iter().filter_map(|item| match item {
        Shape::Structure(members, _) => members.first(),
        _ => None,
    });
    let mut seen = Vec::new();
    let mut twice = false;
    for name in names {
        twice |= seen.contains(&name);
        seen.push(name);
    }
    twice && name != notes::TRACE_RECORDS
}

#[test]
fn the_extensions_have_a_page_each() {
    let pages = declared::text("extensions/README.md");
    for name in [LARGE_SIZES, TRACE_RECORDS, VARIABLES] {
        let short = name.rsplit(':').next().unwrap();
        assert!(pages.contains(&format!("| `{name}` | [{short}.md]({short}.md) |")), "{name}");
        assert!(declared::text(&format!("extensions/{short}.md")).contains(&format!("`{name}`")));
    }
}

#[test]
fn the_code_takes_the_declared_values_and_no_other() {
    let schema = declared::schema();
    let (mut fine, mut refused) = (0, 0);
    for message in declared::messages("Opes") {
        for Named { name, values, optional } in added(&message) {
            assert!(optional, "{name}: nobody has to say anything");
            for value in good(&schema, &values[0]) {
                let twice = names_one_twice(&name, &value);
                assert_eq!(takes(&message, &name, value.clone()), !twice, "{name}: {value:?}");
                fine += 1;
            }
            for bad in bad(&schema, &values[0]) {
                assert!(!takes(&message, &name, bad.shape.clone()), "{name}, {}: {:?}", bad.why, bad.shape);
                refused += 1;
            }
        }
    }
    assert!(fine > 50 && refused > 50, "only {fine} and {refused} values");
}

#[test]
fn what_the_code_writes_is_declared() {
    let schema = declared::schema();
    let variables =
        BTreeMap::from([("a".to_owned(), "b\r\n\"".to_owned()), ("c_1".to_owned(), String::new())]);
    let record = TraceRecord::new("http://s.example/").with("sha256", "00").with("why", "\r\n;");
    let said = Notes { variables: variables.clone(), records: vec![record], dropped: 0 };
    let mut of_server = Vec::new();
    assert_eq!(said.encode(&mut Allowance::default(), &mut of_server), 0);
    let briefing =
        Briefing { parameters: variables.clone(), variables, client: Some("192.0.2.1".to_owned()) };
    let mut of_processor = Vec::new();
    briefing.encode(&mut of_processor).unwrap();

    let mut written = BTreeSet::new();
    for (name, lines) in
        [("AMS", &of_processor), ("AMS", &of_server), ("AME", &of_server), ("TE", &of_server)]
    {
        let raw = decode(&[name.as_bytes(), b" 7\r\n", lines, b";\r\n"].concat()).expect("syntax");
        let declared = schema.get("Opes", name).unwrap();
        let parameters = Parameters::of(&raw);
        assert!(message_conforms(&schema, declared, &parameters), "{parameters:?}");
        assert_eq!(undeclared(declared, &parameters), [""; 0]);
        written.extend(parameters.named.into_iter().map(|(member, _)| (name.to_owned(), member)));
    }
    let all: BTreeSet<_> = declared::messages("Opes")
        .iter()
        .flat_map(|message| added(message).into_iter().map(|member| (message.name.name.clone(), member.name)))
        .collect();
    assert_eq!(written, all);
}
