//! A decoded message head: the octets as they came and a flat list of tokens that point into them.
//!
//! Nothing is copied and nothing nests, so that a hostile message costs neither a deep stack nor many allocations.

use bytes::Bytes;

use super::number;
use super::tokens::{Token, Tokens};
use super::value::{Structure, Value};

/// So many names are compared each with each, which needs no memory.
const FEW: u32 = 4;

/// A message without its payload (RFC 4037 section 3.1).
#[derive(Debug, Clone)]
pub struct RawMessage {
    pub(super) octets: Bytes,
    pub(super) name_end: u32,
    pub(super) tokens: Tokens,
    pub(super) payload: Option<u64>,
    /// How many named parameters there are.
    pub(super) names: u32,
}

impl RawMessage {
    /// The message name; case sensitive.
    pub fn name(&self) -> &[u8] {
        self.head().name()
    }

    /// The octets of the head, as they came.
    pub fn octets(&self) -> &Bytes {
        &self.octets
    }

    /// The size of the payload in octets, or `None` for a message without payload.
    pub fn payload(&self) -> Option<u64> {
        self.payload
    }

    /// The anonymous parameter at this position, the first being 0.
    pub fn anonymous(&self, position: usize) -> Option<ValueRef<'_>> {
        self.parameters().anonymous(position)
    }

    /// The named parameter `name`.
    pub fn named(&self, name: &str) -> Option<ValueRef<'_>> {
        self.parameters().named(name)
    }

    /// Every value of the named parameter `name`: more than one only for a DUM's `Kept` (see [`super::Decoder`]).
    pub fn named_values(&self, name: &str) -> impl Iterator<Item = ValueRef<'_>> {
        self.head().named_values(name)
    }

    /// The named parameters, in the order in which they came.
    pub fn named_parameters(&self) -> impl Iterator<Item = (&[u8], ValueRef<'_>)> + Clone {
        self.parameters().named_members()
    }

    /// A name that stands more than once among the named parameters (RFC 4037 section 11: invalid).
    pub fn duplicate_name(&self) -> Option<&[u8]> {
        self.head().duplicate_name()
    }

    /// All parameters, read like the members of a structure.
    pub fn parameters(&self) -> Members<'_> {
        self.head().parameters()
    }

    pub(crate) fn head(&self) -> Head<'_> {
        let Self { octets, name_end, tokens, payload, names } = self;
        Head { octets, name_end: *name_end, tokens, payload: *payload, names: *names }
    }
}

/// A message without its payload, where it came in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head<'a> {
    pub(super) octets: &'a [u8],
    pub(super) name_end: u32,
    pub(super) tokens: &'a Tokens,
    pub(super) payload: Option<u64>,
    pub(super) names: u32,
}

impl<'a> Head<'a> {
    pub(crate) fn name(self) -> &'a [u8] {
        &self.octets[..self.name_end as usize]
    }

    pub(crate) fn payload(self) -> Option<u64> {
        self.payload
    }

    pub(crate) fn anonymous(self, position: usize) -> Option<ValueRef<'a>> {
        self.parameters().anonymous(position)
    }

    /// The numbers that the head begins with, up to three.
    pub(crate) fn leading_numbers(self) -> [Option<u64>; 3] {
        let mut numbers = [None; 3];
        for (index, number) in numbers.iter_mut().enumerate() {
            if index >= self.tokens.len() {
                break;
            }
            let Token::Atom { start, end } = self.tokens.get(index) else { break };
            let octets = &self.octets[start as usize..end as usize];
            *number = number::parse_up_to(octets, number::LARGE_MAX);
        }
        numbers
    }

    pub(crate) fn named(self, name: &str) -> Option<ValueRef<'a>> {
        self.parameters().named(name)
    }

    pub(crate) fn named_values(self, name: &str) -> impl Iterator<Item = ValueRef<'a>> {
        let members = self.parameters();
        let at = members.name_index(name).map_or(members.end, |index| index + 1);
        Members { at, ..members }.anonymous_values()
    }

    pub(crate) fn named_parameters(self) -> impl Iterator<Item = (&'a [u8], ValueRef<'a>)> + Clone {
        self.parameters().named_members()
    }

    pub(crate) fn duplicate_name(self) -> Option<&'a [u8]> {
        if self.names < 2 {
            return None;
        }
        if self.names <= FEW {
            return self.duplicate_of_few();
        }
        let mut names: Vec<&[u8]> = self.named_parameters().map(|(name, _)| name).collect();
        names.sort_unstable();
        names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
    }

    fn duplicate_of_few(self) -> Option<&'a [u8]> {
        let mut names = self.named_parameters().map(|(name, _)| name);
        while let Some(name) = names.next() {
            if names.clone().any(|other| other == name) {
                return Some(name);
            }
        }
        None
    }

    fn parameters(self) -> Members<'a> {
        let values = Values { octets: self.octets, tokens: self.tokens };
        Members { values, at: 0, end: self.tokens.len() }
    }
}

/// The values of a head, with what they point into.
#[derive(Debug, Clone, Copy)]
struct Values<'a> {
    octets: &'a [u8],
    tokens: &'a Tokens,
}

impl<'a> Values<'a> {
    fn span(self, start: u32, end: u32) -> &'a [u8] {
        &self.octets[start as usize..end as usize]
    }

    /// The index of the token after the value at `index`.
    fn after(self, index: usize) -> usize {
        match self.tokens.get(index) {
            Token::List { end } | Token::Structure { end } => end as usize,
            Token::Atom { .. } | Token::Name { .. } => index + 1,
        }
    }
}

/// A value inside a [`RawMessage`].
#[derive(Debug, Clone, Copy)]
pub struct ValueRef<'a> {
    values: Values<'a>,
    index: usize,
}

impl<'a> ValueRef<'a> {
    /// The atom's octets with their encoding removed, or `None` for a list or structure.
    pub fn as_atom(self) -> Option<&'a [u8]> {
        match self.token() {
            Token::Atom { start, end } => Some(self.values.span(start, end)),
            _ => None,
        }
    }

    /// The atom read as a `dec-number` up to [`number::MAX`].
    pub fn as_number(self) -> Option<u64> {
        self.as_atom().and_then(number::parse)
    }

    /// The atom read as a `dec-number` of at most `max`.
    pub fn as_number_up_to(self, max: u64) -> Option<u64> {
        self.as_atom().and_then(|octets| number::parse_up_to(octets, max))
    }

    /// The list's items, or `None` for an atom or structure.
    pub fn as_list(self) -> Option<impl Iterator<Item = ValueRef<'a>>> {
        match self.token() {
            Token::List { .. } => Some(self.contents().anonymous_values()),
            _ => None,
        }
    }

    /// The structure's members, or `None` for an atom or list.
    pub fn as_structure(self) -> Option<Members<'a>> {
        match self.token() {
            Token::Structure { .. } => Some(self.contents()),
            _ => None,
        }
    }

    /// An owned copy. The nesting is at most the decoder's limit.
    pub fn to_value(self) -> Value {
        match self.token() {
            Token::List { .. } => {
                Value::List(self.contents().anonymous_values().map(Self::to_value).collect())
            }
            Token::Structure { .. } => Value::Structure(self.contents().to_structure()),
            Token::Atom { start, end } | Token::Name { start, end } => {
                Value::Atom(Bytes::copy_from_slice(self.values.span(start, end)))
            }
        }
    }

    fn token(self) -> Token {
        self.values.tokens.get(self.index)
    }

    fn contents(self) -> Members<'a> {
        Members { values: self.values, at: self.index + 1, end: self.values.after(self.index) }
    }
}

/// The members of a structure, or the parameters of a message.
#[derive(Debug, Clone, Copy)]
pub struct Members<'a> {
    values: Values<'a>,
    at: usize,
    end: usize,
}

impl<'a> Members<'a> {
    /// The anonymous member at this position, the first being 0.
    pub fn anonymous(self, position: usize) -> Option<ValueRef<'a>> {
        self.anonymous_values().nth(position)
    }

    /// The named member `name`.
    pub fn named(self, name: &str) -> Option<ValueRef<'a>> {
        self.name_index(name).map(|index| ValueRef { values: self.values, index: index + 1 })
    }

    /// An owned copy. The nesting is at most the decoder's limit.
    pub fn to_structure(self) -> Structure {
        Structure {
            anonymous: self.anonymous_values().map(ValueRef::to_value).collect(),
            named: self
                .named_members()
                .map(|(name, value)| (Bytes::copy_from_slice(name), value.to_value()))
                .collect(),
        }
    }

    /// The values up to the first name.
    fn anonymous_values(self) -> impl Iterator<Item = ValueRef<'a>> {
        let Self { values, mut at, end } = self;
        std::iter::from_fn(move || {
            if at >= end || matches!(values.tokens.get(at), Token::Name { .. }) {
                return None;
            }
            let value = ValueRef { values, index: at };
            at = values.after(at);
            Some(value)
        })
    }

    fn named_members(self) -> impl Iterator<Item = (&'a [u8], ValueRef<'a>)> + Clone {
        let Self { values, mut at, end } = self;
        std::iter::from_fn(move || {
            while at < end {
                if let Token::Name { start, end } = values.tokens.get(at) {
                    let value = ValueRef { values, index: at + 1 };
                    at = values.after(at + 1);
                    return Some((values.span(start, end), value));
                }
                at = values.after(at);
            }
            None
        })
    }

    fn name_index(self, name: &str) -> Option<usize> {
        let mut at = self.at;
        while at < self.end {
            if let Token::Name { start, end } = self.values.tokens.get(at)
                && self.values.span(start, end) == name.as_bytes()
            {
                return Some(at);
            }
            at = self.values.after(at);
        }
        None
    }
}
