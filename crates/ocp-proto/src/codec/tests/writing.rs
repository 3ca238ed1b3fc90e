//! What the encoder writes is what the decoder reads.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use super::super::{MessageWriter, PAYLOAD_END, write_atom, write_value};
use super::sample::value;
use super::{Decoded, Named, Seen, Structure, Value, decode};

fn the_message(decoded: &Decoded) -> (&[u8], &[Value], &Named) {
    match &decoded.seen[..] {
        [Seen::Message { name, anonymous, named, .. }, ..] => (name, anonymous, named),
        other => panic!("one message, not {other:?}"),
    }
}

proptest! {
    #[test]
    fn values_survive(value in value()) {
        let mut out = b"X ".to_vec();
        write_value(&value, &mut out);
        out.extend_from_slice(b"\r\nA: ");
        write_value(&value, &mut out);
        out.extend_from_slice(b"\r\n;\r\n");
        let decoded = decode(&out);
        prop_assert_eq!(&decoded.error, &None);
        let (_, anonymous, named) = the_message(&decoded);
        prop_assert_eq!(anonymous, std::slice::from_ref(&value));
        prop_assert_eq!(named, &vec![(b"A".to_vec(), value)]);
    }

    #[test]
    fn atoms_are_bare_where_they_can_be(octets in vec(any::<u8>(), 0..8)) {
        let mut out = Vec::new();
        write_atom(&octets, &mut out);
        let bare = !octets.is_empty() && octets.iter().all(|o| o.is_ascii_alphanumeric() || b"-_".contains(o));
        prop_assert_eq!(out[0] != b'"', bare);
    }

    // req: OCP-3.1-01, OCP-3.1-02, OCP-3.1-03, OCP-3.1-04, OCP-3.1-06
    #[test]
    fn messages_survive(
        number in 0..=u64::MAX, items in vec(value(), 0..3), named in any::<u32>(), payload in proptest::option::of(vec(any::<u8>(), 0..32)),
    ) {
        let structures: Vec<_> = items.iter().map(|value| Structure::new([value.clone()])).collect();
        let mut out = Vec::new();
        let writer = MessageWriter::new(&mut out, "Name").number(number).list(structures.iter());
        let writer = writer.structure(&Structure::new(items.clone())).value(&Value::List(items.clone()));
        let writer = writer.named_number("Number", u64::from(named)).named_pair("Kept", 1, 2);
        let writer = writer.named_bare("Bare", "true").named_list("List", structures.iter());
        let writer = writer.encoded(b"Raw: (1)\r\n");
        match &payload {
            None => writer.end(),
            Some(payload) => {
                writer.payload(payload.len() as u64);
                out.extend_from_slice(payload);
                out.extend_from_slice(PAYLOAD_END);
            }
        }
        let decoded = decode(&out);
        prop_assert_eq!((&decoded.error, decoded.unfinished), (&None, false));
        let (name, anonymous, parameters) = the_message(&decoded);
        prop_assert_eq!(name, b"Name");
        let list = Value::List(structures.into_iter().map(Value::Structure).collect());
        let structure = Value::Structure(Structure::new(items.clone()));
        prop_assert_eq!(anonymous, &[Value::number(number), list.clone(), structure, Value::List(items)]);
        let kept = Value::Structure(Structure::new([Value::number(1), Value::number(2)]));
        let expected = [
            ("Number", Value::number(u64::from(named))),
            ("Kept", kept),
            ("Bare", Value::atom("true")),
            ("List", list),
            ("Raw", Value::List(vec![Value::number(1)])),
        ];
        prop_assert_eq!(&parameters[..], expected.map(|(name, value)| (name.as_bytes().to_vec(), value)));
        prop_assert_eq!(payload.is_some(), decoded.seen.last() == Some(&Seen::End));
    }
}

// req: OCP-3.1-12, OCP-3.1-13, OCP-3.1-15, OCP-3.1-25
#[test]
fn atoms_that_cannot_be_bare_are_quoted() {
    for (octets, wire) in [
        (&b"a-Z_9"[..], "a-Z_9"),
        (b"", "\"0:\""),
        (b"a b", "\"3:a b\""),
        (b"caf\xc3\xa9", "\"5:caf\u{e9}\""),
    ] {
        let mut out = Vec::new();
        write_atom(octets, &mut out);
        assert_eq!(out, wire.as_bytes());
    }
}

#[test]
fn no_named_parameters_leave_no_trace() {
    let mut out = Vec::new();
    MessageWriter::new(&mut out, "AMS").number(1).encoded(b"").end();
    assert_eq!(out, b"AMS 1;\r\n");
}

#[test]
fn values_are_read_by_type() {
    let list = Value::List(vec![Value::atom("a")]);
    let structure = Structure::new([Value::number(7)]).with("N", Value::atom("v"));
    assert_eq!(structure.named("N"), Some(&Value::atom("v")));
    assert_eq!(structure.named("n"), None);
    let structure = Value::Structure(structure);
    assert_eq!((list.as_atom(), list.as_structure(), list.as_number()), (None, None, None));
    assert_eq!(list.as_list().map(<[Value]>::len), Some(1));
    assert_eq!((structure.as_atom(), structure.as_list()), (None, None));
    assert!(structure.as_structure().is_some());
    assert_eq!(Value::Atom(Bytes::from_static(b"42")).as_number(), Some(42));
    assert!(Value::atom("x").as_list().is_none() && Value::atom("x").as_structure().is_none());
}
