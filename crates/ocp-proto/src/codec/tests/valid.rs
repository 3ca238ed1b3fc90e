//! What has to be taken, and what it means.

use super::{Decoded, Seen, Value, decode, decode_octets};

/// A value in a notation of the tests: atoms in quotes, lists and structures in their brackets.
fn show(value: &Value) -> String {
    let join = |values: &[Value]| values.iter().map(show).collect::<Vec<_>>().join(" ");
    match value {
        Value::Atom(octets) => format!("'{}'", octets.escape_ascii()),
        Value::List(items) => format!("({})", join(items)),
        Value::Structure(structure) => {
            let named = structure
                .named
                .iter()
                .map(|(name, value)| format!(" {}={}", name.escape_ascii(), show(value)));
            format!("{{{}{}}}", join(&structure.anonymous), named.collect::<String>())
        }
    }
}

fn show_all(decoded: &Decoded) -> String {
    let seen = decoded.seen.iter().map(|seen| match seen {
        Seen::Message { name, anonymous, named, .. } => {
            let anonymous = anonymous.iter().map(|value| format!(" {}", show(value))).collect::<String>();
            let named = named.iter().map(|(name, value)| format!(" {}={}", name.escape_ascii(), show(value)));
            format!("{}{anonymous}{}", name.escape_ascii(), named.collect::<String>())
        }
        Seen::Payload(octets) => format!("[{}]", octets.escape_ascii()),
        Seen::End => "end".to_owned(),
    });
    seen.collect::<Vec<_>>().join(" | ")
}

fn assert_means(input: &[u8], meaning: &str) {
    for decoded in [decode(input), decode_octets(input)] {
        assert_eq!(decoded.error, None, "{}", input.escape_ascii());
        assert_eq!(show_all(&decoded), meaning, "{}", input.escape_ascii());
        assert!(!decoded.unfinished, "{}", input.escape_ascii());
    }
}

// req: OCP-3.1-01, OCP-3.1-02, OCP-3.1-03, OCP-3.1-04, OCP-3.1-05, OCP-3.1-06, OCP-3.1-07, OCP-3.1-08
// req: OCP-3.1-09, OCP-3.1-10, OCP-3.1-11, OCP-3.1-12, OCP-3.1-15, OCP-3.4-02, OCP-11-06
#[test]
fn every_construct_of_the_grammar_is_taken() {
    let long_name = format!("X{}", "-long_Name9".repeat(40));
    let long_parameter = "N".repeat(300);
    let table: &[(&str, &str)] = &[
        ("PQ;", "PQ"),
        ("x;", "x"),
        ("aZ09-_- 1;", "aZ09-_- '1'"),
        (&format!("{long_name} 1;"), &format!("{long_name} '1'")),
        ("X - _ -- 0 007 -5 __-;", "X '-' '_' '--' '0' '007' '-5' '__-'"),
        ("X () {} (()) ({},{}) {()};", "X () {} (()) ({} {}) {()}"),
        ("X {1 (a,{b (c)})};", "X {'1' ('a' {'b' ('c')})}"),
        ("X|A: 1|b-_9: (x,y)|;", "X A='1' b-_9=('x' 'y')"),
        ("X 1|A: {}|B: ()|;", "X '1' A={} B=()"),
        ("X {|A: 1|B: (2)|};", "X { A='1' B=('2')}"),
        ("X {1 2|A: {|B: c|}|} 3;", "X {'1' '2' A={ B='c'}} '3'"),
        ("X|A: {1|B: ({|C: d|})|}|D: e|;", "X A={'1' B=({ C='d'})} D='e'"),
        (&format!("X|{long_parameter}: 1|;"), &format!("X {long_parameter}='1'")),
        ("X|3:abc|;", "X | [abc] | end"),
        ("X 1|A: 1||3:abc|;", "X '1' A='1' | [abc] | end"),
        ("X 1|0:|;", "X '1' | end"),
        ("X|A: 1||0:|;", "X A='1' | end"),
        ("A;|B 1;|C|1:x|;|D;", "A | B '1' | C | [x] | end | D"),
    ];
    for (input, meaning) in table {
        assert_means(&[&input.replace('|', "\r\n"), "\r\n"].concat().into_bytes(), meaning);
    }
}

// req: OCP-3.1-13, OCP-3.1-14, OCP-3.1-23, OCP-3.1-25, OCP-3.1-29
#[test]
fn quoted_values_hold_any_octets() {
    let table: &[(&[u8], &str)] = &[
        (b"X \"0:\" \"0:\"\r\nA: \"0:\"\r\n;\r\n", "X '' '' A=''"),
        (b"X \"11:\r\n;\r\n\"{(\\\x00\xff\";\r\n", r#"X '\r\n;\r\n\"{(\\\x00\xff'"#),
        (b"X \"5:caf\xc3\xa9\";\r\n", r"X 'caf\xc3\xa9'"),
        (b"X {\"2:\"}\" (\"1:,\",\"2:)(\")};\r\n", r#"X {'\"}' (',' ')(')}"#),
        (b"X \"6:\r\n;CE;\"\r\nA: \"4:};\r\n\"\r\n;\r\n", r"X '\r\n;CE;' A='};\r\n'"),
    ];
    for (input, meaning) in table {
        assert_means(input, meaning);
    }
}

// req: OCP-3.1-26, OCP-3.1-27
#[test]
fn a_quoted_atom_means_the_same_as_a_bare_one() {
    assert_means(b"TS \"4:1234\" \"1:a\";\r\n", "TS '1234' 'a'");
    assert_means(b"TS 1234 a;\r\n", "TS '1234' 'a'");
}

#[test]
fn numbers_are_atoms_until_they_are_used() {
    assert_means(b"X 2147483647 99999999999999999999;\r\n", "X '2147483647' '99999999999999999999'");
}

// req: OCP-3.1-05, OCP-3.1-14
#[test]
fn payload_is_not_looked_into() {
    assert_means(
        b"X 1\r\n20:\r\n;\r\nCE;\r\nPQ ;\n;\r\n\r\n\r\n;\r\n",
        r"X '1' | [\r\n;\r\nCE;\r\nPQ ;\n;\r\n\r\n] | end",
    );
}

// req: OCP-11.9-03
#[test]
fn kept_may_have_two_values_as_its_definition_has() {
    assert_means(b"DUM 1 0\r\nKept: 5 6\r\nB: 1\r\n\r\n0:\r\n;\r\n", "DUM '1' '0' Kept='5' B='1' | end");
    assert_means(b"DUM 1 0\r\nKept: \"1:5\" 6\r\n;\r\n", "DUM '1' '0' Kept='5'");
}

// req: OCP-11.9-03
#[test]
fn all_values_of_kept_are_found() {
    let mut decoder = super::Decoder::new(super::DecoderLimits::default());
    decoder.buffer().extend_from_slice(b"DUM\r\nA: 1\r\nKept: 5 6\r\nB: 2\r\n;\r\n");
    let Ok(Some(super::Item::Message(raw))) = decoder.next() else { panic!("a message") };
    let values = |name| raw.named_values(name).filter_map(|value| value.as_number()).collect::<Vec<_>>();
    assert_eq!(
        (values("A"), values("Kept"), values("B"), values("C")),
        (vec![1], vec![5, 6], vec![2], vec![])
    );
    assert_eq!(raw.named("B").and_then(|value| value.as_number()), Some(2));
}

// req: OCP-3.1-18, OCP-3.1-20
#[test]
fn names_are_case_sensitive() {
    let mut decoder = super::Decoder::new(super::DecoderLimits::default());
    decoder.buffer().extend_from_slice(b"X\r\nName: 1\r\nname: 2\r\n;\r\n");
    let Ok(Some(super::Item::Message(raw))) = decoder.next() else { panic!("a message") };
    assert_eq!(raw.named("Name").and_then(|value| value.as_number()), Some(1));
    assert_eq!(raw.named("name").and_then(|value| value.as_number()), Some(2));
    assert!(raw.named("NAME").is_none());
    assert_eq!(raw.duplicate_name(), None);
}
