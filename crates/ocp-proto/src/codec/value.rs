//! Owned parameter values (RFC 4037 section 3.1): what control messages carry.
//!
//! Messages that carry data are read through borrowed [`ValueRef`](super::ValueRef)s instead.

use bytes::Bytes;

use super::number;

/// A parameter value: an atom, a list or a structure (RFC 4037 section 3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// An atom with its encoding removed: bare and quoted atoms of equal octets mean the same.
    Atom(Bytes),
    /// A list of values.
    List(Vec<Self>),
    /// A structure with anonymous and named members.
    Structure(Structure),
}

impl Value {
    /// An atom that holds these octets.
    pub fn atom(octets: impl Into<Bytes>) -> Self {
        Self::Atom(octets.into())
    }

    /// An atom that holds this number in decimal.
    pub fn number(number: u64) -> Self {
        Self::Atom(Bytes::from(number.to_string()))
    }

    /// The atom's octets, or `None` for a list or structure.
    pub fn as_atom(&self) -> Option<&[u8]> {
        match self {
            Self::Atom(octets) => Some(octets),
            Self::List(_) | Self::Structure(_) => None,
        }
    }

    /// The list's items, or `None` for an atom or structure.
    pub fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            Self::Atom(_) | Self::Structure(_) => None,
        }
    }

    /// The structure, or `None` for an atom or list.
    pub fn as_structure(&self) -> Option<&Structure> {
        match self {
            Self::Structure(structure) => Some(structure),
            Self::Atom(_) | Self::List(_) => None,
        }
    }

    /// The atom read as a `dec-number` up to [`number::MAX`] (RFC 4037 sections 10.2 to 10.4).
    pub fn as_number(&self) -> Option<u64> {
        self.as_atom().and_then(number::parse)
    }
}

/// A structure value: anonymous members by position, named members by name (RFC 4037 section 3.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Structure {
    /// Members identified by their position.
    pub anonymous: Vec<Value>,
    /// Members identified by their name, in the order in which they came.
    pub named: Vec<(Bytes, Value)>,
}

impl Structure {
    /// A structure with these anonymous members.
    pub fn new(anonymous: impl IntoIterator<Item = Value>) -> Self {
        Self { anonymous: anonymous.into_iter().collect(), named: Vec::new() }
    }

    /// The same structure with one more named member.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: Value) -> Self {
        self.named.push((Bytes::from_static(name.as_bytes()), value));
        self
    }

    /// The first member of this name.
    pub fn named(&self, name: &str) -> Option<&Value> {
        self.named.iter().find(|(n, _)| n == name.as_bytes()).map(|(_, value)| value)
    }
}
