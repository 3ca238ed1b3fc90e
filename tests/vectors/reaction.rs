//! Whether what an agent says is what a vector expects.
//!
//! What is expected is there, position by position and name by name. More named parameters and more members of
//! structures may be there: extensions, and the reason of a failure.

use ocp_proto::codec::{Decoder, DecoderLimits, Item, Structure, Value};

use crate::agent::Said;
use crate::notation::{escaped, octets};

/// A message that an agent has to say, or one of several.
#[derive(Debug, Clone)]
pub(crate) struct Expected {
    /// The alternatives, in escaped form.
    pub(crate) any: Vec<String>,
    /// Parameters that must not be there.
    pub(crate) without: Vec<String>,
}

impl Expected {
    /// Whether the agent has said it.
    pub(crate) fn fits(&self, said: &Said) -> bool {
        let absent = self.without.iter().all(|name| said.raw.named(name).is_none());
        absent && self.any.iter().any(|text| fits(&message(text), said))
    }
}

/// Reads a message of a vector.
fn message(text: &str) -> Said {
    let octets = octets(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let mut decoder = Decoder::new(DecoderLimits::default());
    decoder.buffer().extend_from_slice(&octets);
    let (mut head, mut payload, mut ended) = (None, Vec::new(), false);
    while let Some(item) = decoder.next().unwrap_or_else(|error| panic!("{text}: {error}")) {
        match item {
            Item::Message(raw) => {
                assert!(head.is_none(), "{text} is more than one message");
                ended = raw.payload().is_none();
                head = Some(raw);
            }
            Item::Payload(octets) => payload.extend_from_slice(&octets),
            Item::End => ended = true,
        }
    }
    assert!(ended, "{text} is no whole message");
    let raw = head.expect("a message has a head");
    let payload = raw.payload().map(|_| payload);
    Said { raw, payload }
}

fn fits(expected: &Said, said: &Said) -> bool {
    let (wanted, found) = (parameters(expected), parameters(said));
    expected.raw.name() == said.raw.name()
        && expected.payload == said.payload
        && wanted.anonymous.len() == found.anonymous.len()
        && structure_fits(&wanted, &found)
}

/// RFC 4037 section 10.10: an absent result is 200.
fn parameters(said: &Said) -> Structure {
    let mut parameters = said.raw.parameters().to_structure();
    let place = match said.raw.name() {
        b"CE" => 0,
        b"TE" | b"AME" => 1,
        _ => return parameters,
    };
    if parameters.anonymous.len() == place {
        parameters.anonymous.push(Value::Structure(Structure::new([Value::number(200)])));
    }
    parameters
}

fn structure_fits(wanted: &Structure, found: &Structure) -> bool {
    wanted.anonymous.len() <= found.anonymous.len()
        && wanted.anonymous.iter().zip(&found.anonymous).all(|(wanted, found)| value_fits(wanted, found))
        && wanted.named.iter().all(|(name, wanted)| {
            let found = found.named.iter().find(|(other, _)| other == name);
            found.is_some_and(|(_, found)| value_fits(wanted, found))
        })
}

fn value_fits(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Atom(wanted), Value::Atom(found)) => wanted == found,
        (Value::List(wanted), Value::List(found)) => {
            wanted.len() == found.len()
                && wanted.iter().zip(found).all(|(wanted, found)| value_fits(wanted, found))
        }
        (Value::Structure(wanted), Value::Structure(found)) => structure_fits(wanted, found),
        _ => false,
    }
}

/// A message as a vector would have it.
pub(crate) fn shown(said: &Said) -> String {
    let payload = said.payload.as_deref().map(|octets| [octets, b"\r\n;\r\n"].concat());
    escaped(&[said.raw.octets(), payload.as_deref().unwrap_or_default()].concat())
}

#[test]
fn what_is_expected_has_to_be_there() {
    let expected = |text: &str| Expected { any: vec![text.to_owned()], without: vec!["Gone".to_owned()] };
    let said = message("TE 1 {400 \"2:no\"}\\r\\nX: (a,b)\\r\\n;\\r\\n");
    for text in ["TE 1 {400};\\r\\n", "TE 1 {400 no};\\r\\n", "TE 1 {400}\\r\\nX: (a,b)\\r\\n;\\r\\n"] {
        assert!(expected(text).fits(&said), "{text}");
    }
    for text in [
        "TE 1 {200};\\r\\n",
        "TE 1;\\r\\n",
        "TE 2 {400};\\r\\n",
        "AME 1 {400};\\r\\n",
        "TE 1 {400} x;\\r\\n",
        "TE 1 {400}\\r\\nX: (a)\\r\\n;\\r\\n",
        "TE 1 {400}\\r\\nY: 1\\r\\n;\\r\\n",
        "TE 1 {400}\\r\\n0:\\r\\n;\\r\\n",
    ] {
        assert!(!expected(text).fits(&said), "{text}");
    }
    assert!(!expected("X;\\r\\n").fits(&message("X\\r\\nGone: 1\\r\\n;\\r\\n")));
    assert!(expected("AME 1 {200};\\r\\n").fits(&message("AME 1;\\r\\n")));
    let either = Expected { any: vec!["A;\\r\\n".into(), "B;\\r\\n".into()], without: vec![] };
    assert!(either.fits(&message("B;\\r\\n")) && !either.fits(&message("C;\\r\\n")));
    assert_eq!(shown(&message("X\\r\\n2:a\\x00\\r\\n;\\r\\n")), "X\\r\\n2:a\\x00\\r\\n;\\r\\n");
}
