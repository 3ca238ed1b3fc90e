//! The heads that almost all messages have, read in one go: atoms without quotes, and named parameters of one such atom
//! or of a structure of them.
//!
//! What is cut off, of any other form or wrong is left to the decoder's states, which start again at its first octet.

use super::decode::is_safe;
use super::number;
use super::tokens::{Token, Tokens};

/// A whole head.
pub(super) struct Head {
    pub(super) name_end: usize,
    /// How many named parameters there are.
    pub(super) names: u32,
    pub(super) payload: Option<u64>,
    /// How many octets it has.
    pub(super) length: usize,
}

/// Reads the head at the start of `octets`, its tokens into `tokens`. Where it gives `None`, the tokens are good for
/// nothing.
pub(super) fn head(octets: &[u8], tokens: &mut Tokens) -> Option<Head> {
    let mut at = Cursor { octets, position: 0 };
    at.name()?;
    let name_end = at.position;
    while at.takes(b' ') {
        at.atom(tokens)?;
    }
    let mut names = 0;
    if !at.takes(b';') {
        at.takes_all(b"\r\n")?;
        names = at.named_parameters(tokens)?;
        if names == 0 || !at.takes(b';') {
            if names > 0 {
                at.takes_all(b"\r\n")?;
            }
            let payload = Some(at.payload_size()?);
            return Some(Head { name_end, names, payload, length: at.position });
        }
    }
    at.takes_all(b"\r\n")?;
    Some(Head { name_end, names, payload: None, length: at.position })
}

struct Cursor<'a> {
    octets: &'a [u8],
    position: usize,
}

impl Cursor<'_> {
    #[inline(always)]
    fn next(&self) -> Option<u8> {
        self.octets.get(self.position).copied()
    }

    /// Goes past this octet where it is the next one.
    #[inline(always)]
    fn takes(&mut self, octet: u8) -> bool {
        let is_next = self.next() == Some(octet);
        self.position += usize::from(is_next);
        is_next
    }

    #[inline(always)]
    fn takes_all<const N: usize>(&mut self, octets: &[u8; N]) -> Option<()> {
        let is_next = self.octets.get(self.position..)?.first_chunk::<N>()? == octets;
        self.position += N;
        is_next.then_some(())
    }

    /// Goes past all safe octets, behind which there has to be another one; says where they began.
    #[inline(always)]
    fn safe_octets(&mut self) -> Option<u32> {
        let start = self.position;
        let rest = self.octets.get(start..)?;
        let mut length = 0;
        while length < rest.len() && is_safe(rest[length]) {
            length += 1;
        }
        self.position += length;
        (length > 0 && length < rest.len()).then_some(start as u32)
    }

    #[inline(always)]
    fn name(&mut self) -> Option<u32> {
        self.next().filter(u8::is_ascii_alphabetic)?;
        self.safe_octets()
    }

    #[inline(always)]
    fn atom(&mut self, tokens: &mut Tokens) -> Option<()> {
        let start = self.safe_octets()?;
        tokens.push(Token::Atom { start, end: self.position as u32 });
        Some(())
    }

    fn named_parameters(&mut self, tokens: &mut Tokens) -> Option<u32> {
        let mut names = 0;
        while self.next()?.is_ascii_alphabetic() {
            let start = self.safe_octets()?;
            tokens.push(Token::Name { start, end: self.position as u32 });
            self.takes_all(b": ")?;
            self.value(tokens)?;
            self.takes_all(b"\r\n")?;
            names += 1;
        }
        Some(names)
    }

    /// An atom, or a structure of anonymous ones.
    fn value(&mut self, tokens: &mut Tokens) -> Option<()> {
        if !self.takes(b'{') {
            return self.atom(tokens);
        }
        let structure = tokens.len();
        tokens.push(Token::Structure { end: 0 });
        self.atom(tokens)?;
        while self.takes(b' ') {
            self.atom(tokens)?;
        }
        tokens.set(structure, Token::Structure { end: tokens.len() as u32 });
        self.takes(b'}').then_some(())
    }

    fn payload_size(&mut self) -> Option<u64> {
        let start = self.safe_octets()? as usize;
        let size = number::parse(&self.octets[start..self.position])?;
        self.takes(b':').then_some(size)
    }
}
