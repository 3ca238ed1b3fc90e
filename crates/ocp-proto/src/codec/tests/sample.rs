//! Random messages and their wire form, written independently of the encoder under test.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use super::{Seen, Structure, Value};

/// A message to decode.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) name: String,
    pub(super) anonymous: Vec<Value>,
    pub(super) named: Vec<(String, Value)>,
    pub(super) payload: Option<Vec<u8>>,
    /// Quote atoms that could stand bare.
    pub(super) quoted: bool,
}

impl Sample {
    pub(super) fn wire(&self) -> Vec<u8> {
        let mut out = self.name.clone().into_bytes();
        for value in &self.anonymous {
            out.push(b' ');
            self.value(value, &mut out);
        }
        self.members(self.named.iter().map(|(name, value)| (name.as_bytes(), value)), &mut out);
        if let Some(payload) = &self.payload {
            out.extend(format!("\r\n{}:", payload.len()).bytes());
            out.extend(payload);
            out.extend(b"\r\n");
        }
        out.extend(b";\r\n");
        out
    }

    fn members<'a>(&self, named: impl Iterator<Item = (&'a [u8], &'a Value)>, out: &mut Vec<u8>) {
        let mut named = named.peekable();
        if named.peek().is_some() {
            out.extend(b"\r\n");
        }
        for (name, value) in named {
            out.extend(name);
            out.extend(b": ");
            self.value(value, out);
            out.extend(b"\r\n");
        }
    }

    fn value(&self, value: &Value, out: &mut Vec<u8>) {
        match value {
            Value::Atom(octets) => self.atom(octets, out),
            Value::List(items) => {
                out.push(b'(');
                for (index, item) in items.iter().enumerate() {
                    out.extend((index > 0).then_some(b','));
                    self.value(item, out);
                }
                out.push(b')');
            }
            Value::Structure(structure) => {
                out.push(b'{');
                for (index, item) in structure.anonymous.iter().enumerate() {
                    out.extend((index > 0).then_some(b' '));
                    self.value(item, out);
                }
                self.members(structure.named.iter().map(|(name, value)| (&name[..], value)), out);
                out.push(b'}');
            }
        }
    }

    fn atom(&self, octets: &[u8], out: &mut Vec<u8>) {
        let bare =
            !octets.is_empty() && octets.iter().all(|o| o.is_ascii_alphanumeric() || b"-_".contains(o));
        if bare && !self.quoted {
            return out.extend(octets);
        }
        out.extend(format!("\"{}:", octets.len()).bytes());
        out.extend(octets);
        out.push(b'"');
    }

    /// What a decoder has to give for it.
    pub(super) fn seen(&self) -> Vec<Seen> {
        let wire = self.wire();
        let size = self.payload.as_ref().map(Vec::len);
        let head = size.map_or(wire.len(), |size| wire.len() - size - b"\r\n;\r\n".len());
        let message = Seen::Message {
            octets: Bytes::copy_from_slice(&wire[..head]),
            name: self.name.clone().into_bytes(),
            anonymous: self.anonymous.clone(),
            named: self
                .named
                .iter()
                .map(|(name, value)| (name.clone().into_bytes(), value.clone()))
                .collect(),
            payload: size.map(|size| size as u64),
        };
        let payload = self.payload.iter().filter(|payload| !payload.is_empty());
        let payload = payload.map(|payload| Seen::Payload(payload[..].into()));
        std::iter::once(message).chain(payload).chain(size.map(|_| Seen::End)).collect()
    }
}

fn atom() -> impl Strategy<Value = Value> {
    let octets = prop_oneof![
        "[a-zA-Z0-9_-]{1,12}".prop_map(String::into_bytes),
        vec(any::<u8>(), 0..24),
        // Octets that mean something to the grammar.
        "[;:,(){}\"\r\n 0-9]{0,12}".prop_map(String::into_bytes),
    ];
    octets.prop_map(Value::atom)
}

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z][a-zA-Z0-9_-]{0,8}"
}

pub(super) fn value() -> impl Strategy<Value = Value> {
    atom().prop_recursive(4, 24, 4, |inner| {
        let named = vec((name().prop_map(|name| Bytes::from(name.into_bytes())), inner.clone()), 0..3);
        let structure = (vec(inner.clone(), 0..4), named);
        prop_oneof![
            vec(inner, 0..4).prop_map(Value::List),
            structure.prop_map(|(anonymous, named)| Value::Structure(Structure { anonymous, named })),
        ]
    })
}

pub(super) fn sample() -> impl Strategy<Value = Sample> {
    let payload = proptest::option::of(vec(any::<u8>(), 0..64));
    let parts = (name(), vec(value(), 0..4), vec((name(), value()), 0..4), payload, any::<bool>());
    parts.prop_map(|(name, anonymous, named, payload, quoted)| Sample {
        name,
        anonymous,
        named,
        payload,
        quoted,
    })
}

pub(super) fn samples() -> impl Strategy<Value = Vec<Sample>> {
    vec(sample(), 1..5)
}
