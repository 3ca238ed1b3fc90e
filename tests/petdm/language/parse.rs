//! Declarations as they are written.

use super::error::{Error, Problem};
use super::token::{Placed, Token, tokens};

/// A type name, with the namespace tag in front of it where there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TypeName {
    /// The tag before `::`.
    pub(crate) namespace: Option<String>,
    /// The name.
    pub(crate) name: String,
}

/// What a declaration extends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Base {
    /// `atom`
    Atom,
    /// `list of <type>`
    List(TypeName),
    /// `structure`
    Structure,
    /// `message`
    Message,
    /// Another type.
    Type(TypeName),
}

/// A member of a structure or a parameter of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    /// Its name; `None` when it is anonymous.
    pub(crate) name: Option<String>,
    /// The types of its value, or of its values in a row.
    pub(crate) types: Vec<TypeName>,
    /// Whether it stands in brackets.
    pub(crate) optional: bool,
    /// Its line.
    pub(crate) line: usize,
}

/// One declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Declaration {
    /// The new type.
    pub(crate) name: String,
    /// What it extends.
    pub(crate) base: Base,
    /// Whether it has a `with`.
    pub(crate) with: bool,
    /// Its members, anonymous ones first.
    pub(crate) members: Vec<Member>,
    /// `and payload`: whether it is optional.
    pub(crate) payload: Option<bool>,
    /// The line on which it begins.
    pub(crate) line: usize,
}

/// Reads declarations.
///
/// # Errors
/// The text is not in the notation of RFC 4037 section 9.
pub(crate) fn parse(text: &str) -> Result<Vec<Declaration>, Error> {
    let tokens = tokens(text)?;
    let last_line = tokens.last().map_or(1, |last| last.line);
    let mut reader = Reader { rest: &tokens, line: last_line };
    let mut declarations = Vec::new();
    while !reader.rest.is_empty() {
        declarations.push(reader.declaration()?);
    }
    Ok(declarations)
}

struct Reader<'a> {
    rest: &'a [Placed<'a>],
    line: usize,
}

type Read<T> = Result<T, Error>;

impl<'a> Reader<'a> {
    fn peek(&self, ahead: usize) -> Option<Token<'a>> {
        self.rest.get(ahead).map(|placed| placed.token)
    }

    fn next(&mut self, expected: &'static str) -> Read<Token<'a>> {
        let (first, rest) = self.rest.split_first().ok_or_else(|| Problem::Ends(expected).at(self.line))?;
        self.rest = rest;
        self.line = first.line;
        Ok(first.token)
    }

    /// Takes this sign or keyword.
    fn take(&mut self, wanted: &'static str) -> Read<()> {
        match self.next(wanted)? {
            Token::Word(text) if text == wanted => Ok(()),
            Token::Sign(text) if text == wanted => Ok(()),
            other => Err(self.unexpected(other, wanted)),
        }
    }

    /// Takes this sign or keyword if it is next.
    fn took(&mut self, wanted: &'static str) -> bool {
        let found = match self.peek(0) {
            Some(Token::Word(text)) => text == wanted,
            Some(Token::Sign(text)) => text == wanted,
            None => false,
        };
        if found && let Some((first, rest)) = self.rest.split_first() {
            (self.rest, self.line) = (rest, first.line);
        }
        found
    }

    fn word(&mut self, expected: &'static str) -> Read<&'a str> {
        match self.next(expected)? {
            Token::Word(word) => Ok(word),
            sign @ Token::Sign(_) => Err(self.unexpected(sign, expected)),
        }
    }

    fn unexpected(&self, found: Token<'_>, expected: &'static str) -> Error {
        Problem::Unexpected { expected, found: found.to_string() }.at(self.line)
    }

    fn declaration(&mut self) -> Read<Declaration> {
        let name = self.word("the name of a new type")?.to_owned();
        let line = self.line;
        self.take(":")?;
        self.take("extends")?;
        let base = self.base()?;
        let with = self.took("with");
        let members = if with { self.members()? } else { Vec::new() };
        let payload = if self.took("and") { Some(self.payload()?) } else { None };
        self.take(";")?;
        Ok(Declaration { name, base, with, members, payload, line })
    }

    fn base(&mut self) -> Read<Base> {
        let name = self.type_name()?;
        Ok(match (name.namespace.is_some(), name.name.as_str()) {
            (false, "atom") => Base::Atom,
            (false, "structure") => Base::Structure,
            (false, "message") => Base::Message,
            (false, "list") => {
                self.take("of")?;
                Base::List(self.type_name()?)
            }
            _ => Base::Type(name),
        })
    }

    fn type_name(&mut self) -> Read<TypeName> {
        let first = self.word("a type name")?.to_owned();
        if self.took("::") {
            let name = self.word("a type name")?.to_owned();
            return Ok(TypeName { namespace: Some(first), name });
        }
        Ok(TypeName { namespace: None, name: first })
    }

    /// `and payload`, `and [payload]`: whether it is optional.
    fn payload(&mut self) -> Read<bool> {
        let optional = self.took("[");
        self.take("payload")?;
        if optional {
            self.take("]")?;
        }
        Ok(optional)
    }

    fn members(&mut self) -> Read<Vec<Member>> {
        self.take("{")?;
        let mut members = Vec::new();
        while !self.took("}") {
            if self.begins_named() {
                members.push(self.named()?);
            } else if members.is_empty() {
                self.anonymous(&mut members)?;
            } else {
                return Err(Problem::AnonymousLater.at(self.rest.first().map_or(self.line, |next| next.line)));
            }
        }
        Ok(members)
    }

    /// Whether `name :` or `[ name :` comes next.
    fn begins_named(&self) -> bool {
        let at = usize::from(self.peek(0) == Some(Token::Sign("[")));
        matches!(self.peek(at), Some(Token::Word(_))) && self.peek(at + 1) == Some(Token::Sign(":"))
    }

    fn named(&mut self) -> Read<Member> {
        let optional = self.took("[");
        let name = Some(self.word("the name of a member")?.to_owned());
        let line = self.line;
        self.take(":")?;
        let mut types = vec![self.type_name()?];
        let end = if optional { "]" } else { ";" };
        while !self.took(end) {
            types.push(self.type_name()?);
        }
        if optional {
            self.take(";")?;
        }
        Ok(Member { name, types, optional, line })
    }

    fn anonymous(&mut self, members: &mut Vec<Member>) -> Read<()> {
        loop {
            let optional = self.took("[");
            let types = vec![self.type_name()?];
            let line = self.line;
            if optional {
                self.take("]")?;
            } else if members.last().is_some_and(|last| last.optional) {
                return Err(Problem::RequiredAfterOptional.at(line));
            }
            members.push(Member { name: None, types, optional, line });
            if self.took(";") {
                return Ok(());
            }
        }
    }
}
