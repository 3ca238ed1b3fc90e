//! What is wrong with declarations, and where.

use thiserror::Error;

/// A problem at a line of a text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {problem}")]
pub(crate) struct Error {
    /// The line, the first being 1.
    pub(crate) line: usize,
    /// What is wrong there.
    pub(crate) problem: Problem,
}

/// What can be wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Problem {
    /// A character that no declaration has.
    #[error("unexpected character {0:?}")]
    Character(char),
    /// Another token than the notation demands.
    #[error("{found} where {expected} has to stand")]
    Unexpected {
        /// What the notation demands.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// The text ends inside a declaration.
    #[error("the text ends where {0} has to stand")]
    Ends(&'static str),
    /// Anonymous members are one group before all named ones.
    #[error("anonymous members stand in one group before all named ones")]
    AnonymousLater,
    /// Section 9.1.
    #[error("a required anonymous member stands after an optional one")]
    RequiredAfterOptional,
    /// A type that was not declared before.
    #[error("the type {0} is not declared before")]
    UnknownType(String),
    /// Two declarations of one name.
    #[error("the type {0} is declared twice")]
    DeclaredTwice(String),
    /// Two named members of one name, inherited ones included.
    #[error("the member {0} is declared twice")]
    MemberTwice(String),
    /// `with` on a type that has no members.
    #[error("{0} is no structure and no message, so it cannot have members")]
    NoMembers(String),
    /// `and payload` on a type that is no message.
    #[error("{0} is no message, so it cannot have payload")]
    NoPayload(String),
    /// A message type as the type of a value.
    #[error("{0} is a message, and no value can be one")]
    MessageAsValue(String),
    /// More types upon types than anybody needs.
    #[error("more than {0} types build on one another")]
    TooDeep(usize),
    /// More members than anybody needs.
    #[error("a type has more than {0} members")]
    TooMany(usize),
}

impl Problem {
    pub(super) fn at(self, line: usize) -> Error {
        Error { line, problem: self }
    }
}
