//! Values without their encoding, and an encoder of the tests' own (RFC 4037 section 3.1).

use ocp_proto::codec::{RawMessage, Structure, Value};

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// An atom's octets.
    Atom(Vec<u8>),
    /// A list's items.
    List(Vec<Self>),
    /// A structure's members.
    Structure(Vec<Self>, Vec<(String, Self)>),
}

/// The parameters of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Parameters {
    /// Anonymous ones.
    pub(crate) anonymous: Vec<Shape>,
    /// Named ones. More than one value stands for a row, which only `Kept` may have.
    pub(crate) named: Vec<(String, Vec<Shape>)>,
    /// Payload.
    pub(crate) payload: Option<Vec<u8>>,
}

impl Shape {
    /// An atom.
    pub(crate) fn atom(octets: impl AsRef<[u8]>) -> Self {
        Self::Atom(octets.as_ref().to_vec())
    }

    /// A structure with one anonymous member.
    pub(crate) fn structure(member: Self) -> Self {
        Self::Structure(vec![member], Vec::new())
    }

    /// The value as it is decoded.
    pub(crate) fn of(value: &Value) -> Self {
        match value {
            Value::Atom(octets) => Self::atom(octets),
            Value::List(items) => Self::List(items.iter().map(Self::of).collect()),
            Value::Structure(structure) => Self::of_structure(structure),
        }
    }

    /// The same for a structure.
    pub(crate) fn of_structure(structure: &Structure) -> Self {
        let named = structure.named.iter();
        Self::Structure(
            structure.anonymous.iter().map(Self::of).collect(),
            named.map(|(name, value)| (String::from_utf8(name.to_vec()).unwrap(), Self::of(value))).collect(),
        )
    }

    fn write(&self, quoted: bool, out: &mut Vec<u8>) {
        match self {
            Self::Atom(octets) => write_atom(octets, quoted, out),
            Self::List(items) => {
                out.push(b'(');
                write_all(items, b',', quoted, out);
                out.push(b')');
            }
            Self::Structure(anonymous, named) => {
                out.push(b'{');
                write_all(anonymous, b' ', quoted, out);
                for (name, value) in named {
                    out.extend_from_slice(format!("\r\n{name}: ").as_bytes());
                    value.write(quoted, out);
                }
                if !named.is_empty() {
                    out.extend_from_slice(b"\r\n");
                }
                out.push(b'}');
            }
        }
    }
}

fn write_all(items: &[Shape], separator: u8, quoted: bool, out: &mut Vec<u8>) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(separator);
        }
        item.write(quoted, out);
    }
}

/// Bare where the octets allow it and `quoted` does not forbid it.
fn write_atom(octets: &[u8], quoted: bool, out: &mut Vec<u8>) {
    let safe = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
    if !quoted && !octets.is_empty() && octets.iter().all(safe) {
        out.extend_from_slice(octets);
        return;
    }
    out.extend_from_slice(format!("\"{}:", octets.len()).as_bytes());
    out.extend_from_slice(octets);
    out.push(b'"');
}

impl Parameters {
    /// The octets of a message with these parameters; with `quoted`, every atom is quoted.
    pub(crate) fn encode(&self, name: &str, quoted: bool) -> Vec<u8> {
        let mut out = name.as_bytes().to_vec();
        for value in &self.anonymous {
            out.push(b' ');
            value.write(quoted, &mut out);
        }
        for (name, values) in &self.named {
            out.extend_from_slice(format!("\r\n{name}:").as_bytes());
            for value in values {
                out.push(b' ');
                value.write(quoted, &mut out);
            }
        }
        if !self.named.is_empty() {
            out.extend_from_slice(b"\r\n");
        }
        if let Some(payload) = &self.payload {
            out.extend_from_slice(format!("\r\n{}:", payload.len()).as_bytes());
            out.extend_from_slice(payload);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b";\r\n");
        out
    }

    /// The parameters of a decoded message. What its payload held is not known here.
    pub(crate) fn of(raw: &RawMessage) -> Self {
        let anonymous = (0..).map_while(|position| raw.anonymous(position));
        let named = raw.named_parameters().map(|(name, _)| {
            let name = std::str::from_utf8(name).unwrap();
            (name.to_owned(), raw.named_values(name).map(|value| Shape::of(&value.to_value())).collect())
        });
        Self {
            anonymous: anonymous.map(|value| Shape::of(&value.to_value())).collect(),
            named: named.collect(),
            payload: raw.payload().map(|_| Vec::new()),
        }
    }
}
