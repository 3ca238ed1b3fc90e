//! The flat list of what a message head is made of.

use smallvec::SmallVec;

/// One element of a message head. Spans are octet positions; `end` of a container is a token index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Atom {
        start: u32,
        end: u32,
    },
    List {
        end: u32,
    },
    Structure {
        end: u32,
    },
    /// The name of the parameter or member whose value follows.
    Name {
        start: u32,
        end: u32,
    },
}

/// The largest position or index that a token can hold.
pub(super) const FARTHEST: usize = (1 << 31) - 1;

/// A token in eight octets: messages are moved around with theirs. From the lowest bit: 2 for the kind, 31 for the
/// start, 31 for the end.
#[derive(Debug, Clone, Copy)]
struct Packed(u64);

const ATOM: u64 = 0;
const NAME: u64 = 1;
const LIST: u64 = 2;
const STRUCTURE: u64 = 3;

impl Packed {
    const fn new(kind: u64, start: u32, end: u32) -> Self {
        Self(kind | (start as u64) << 2 | (end as u64) << 33)
    }
}

impl From<Token> for Packed {
    fn from(token: Token) -> Self {
        match token {
            Token::Atom { start, end } => Self::new(ATOM, start, end),
            Token::Name { start, end } => Self::new(NAME, start, end),
            Token::List { end } => Self::new(LIST, 0, end),
            Token::Structure { end } => Self::new(STRUCTURE, 0, end),
        }
    }
}

impl From<Packed> for Token {
    fn from(Packed(packed): Packed) -> Self {
        let (start, end) = ((packed >> 2) as u32 & FARTHEST as u32, (packed >> 33) as u32);
        match packed & 3 {
            ATOM => Self::Atom { start, end },
            NAME => Self::Name { start, end },
            LIST => Self::List { end },
            _ => Self::Structure { end },
        }
    }
}

/// Tokens in the order of their octets. A DUM with all parameters of RFC 4037 and AM-Part has twelve.
#[derive(Debug, Clone, Default)]
pub(super) struct Tokens(SmallVec<[Packed; 12]>);

impl Tokens {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    #[inline]
    pub(super) fn get(&self, index: usize) -> Token {
        self.0[index].into()
    }

    #[inline]
    pub(super) fn push(&mut self, token: Token) {
        self.0.push(token.into());
    }

    pub(super) fn set(&mut self, index: usize, token: Token) {
        self.0[index] = token.into();
    }

    /// Removes all, and gives back what a long head has taken.
    pub(super) fn clear(&mut self) {
        if self.0.spilled() {
            self.0 = SmallVec::new();
        }
        self.0.clear();
    }

    /// The last two.
    pub(super) fn last_two(&self) -> Option<(Token, Token)> {
        let at = self.len().checked_sub(2)?;
        Some((self.get(at), self.get(at + 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_out_as_it_went_in() {
        let far = FARTHEST as u32;
        for token in [
            Token::Atom { start: 0, end: far },
            Token::Name { start: far, end: far },
            Token::List { end: far },
            Token::Structure { end: 1 },
        ] {
            assert_eq!(Token::from(Packed::from(token)), token);
        }
    }
}
