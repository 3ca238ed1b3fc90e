//! Words and signs, with the lines they stand on.

use super::error::{Error, Problem};

/// A token of the notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A name or keyword: the octets of an OCP name (RFC 4037 section 3.1).
    Word(&'a str),
    /// One of `:` `::` `;` `[` `]` `{` `}`.
    Sign(&'static str),
}

/// A token and its line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed<'a> {
    pub(super) token: Token<'a>,
    pub(super) line: usize,
}

/// Longer ones first.
const SIGNS: [&str; 7] = ["::", ":", ";", "[", "]", "{", "}"];

/// Splits a text into tokens. A comment runs from `#` to the end of the line.
pub(super) fn tokens(text: &str) -> Result<Vec<Placed<'_>>, Error> {
    let mut tokens = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let code = line.split('#').next().unwrap_or_default();
        scan(code, index + 1, &mut tokens)?;
    }
    Ok(tokens)
}

fn scan<'a>(mut rest: &'a str, line: usize, tokens: &mut Vec<Placed<'a>>) -> Result<(), Error> {
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        let Some(first) = rest.chars().next() else {
            return Ok(());
        };
        let (token, after) = if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            (Token::Sign(sign), &rest[sign.len()..])
        } else if first.is_ascii_alphabetic() {
            let end = rest.find(|c: char| !is_safe(c)).unwrap_or(rest.len());
            (Token::Word(&rest[..end]), &rest[end..])
        } else {
            return Err(Problem::Character(first).at(line));
        };
        tokens.push(Placed { token, line });
        rest = after;
    }
}

fn is_safe(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

impl std::fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Word(word) => write!(f, "`{word}`"),
            Self::Sign(sign) => write!(f, "`{sign}`"),
        }
    }
}
