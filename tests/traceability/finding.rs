//! What can be wrong with a register, a tag or the coverage.

use std::fmt;

use crate::register::Level;

/// Something that has to be put right; its text says where and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finding {
    /// A register is no register.
    Unreadable { file: String, why: String },
    /// An entry is not what an entry has to be.
    Entry { id: String, why: &'static str },
    /// Two entries have one identifier.
    Duplicate { id: String },
    /// An entry is out of order, or there is a gap before it.
    Order { id: String, expected: String },
    /// The census says another number than the list has.
    Census { file: String, section: String, level: Level, says: usize, has: usize },
    /// The list has fewer entries than the document has key words.
    Keywords { file: String, section: String, level: Level, says: usize, has: usize },
    /// A requirement is waived although a test names it.
    WaivedAndTested { id: String, test: String },
    /// A requirement is said to be open although a test names it.
    OpenAndTested { id: String, test: String },
    /// A requirement of a draft has become one that no register has.
    Successor { id: String, successor: String },
    /// A requirement is neither tested nor waived.
    Untested { id: String, level: Level, text: String },
    /// A tag names a requirement that no register has.
    Unknown { place: String, id: String },
    /// A tag stands above something that is not a running test.
    NotRunning { place: String, why: &'static str },
    /// A comment looks like a tag and is none.
    Malformed { place: String, comment: String },
    /// A file with tags is not part of any program.
    Orphan { file: String },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, why } => write!(f, "{file}: {why}"),
            Self::Entry { id, why } => write!(f, "{id}: {why}"),
            Self::Duplicate { id } => write!(f, "{id}: two entries have this identifier"),
            Self::Order { id, expected } => {
                write!(f, "{id}: out of order or after a gap, expected {expected}")
            }
            Self::Census { file, section, level, says, has } => {
                write!(f, "{file}, section {section}: the census says {says} {level}, the list has {has}")
            }
            Self::Keywords { file, section, level, says, has } => {
                write!(f, "{file}, section {section}: the document has {says} {level}, the list only {has}")
            }
            Self::WaivedAndTested { id, test } => write!(f, "{id}: waived, but {test} tests it"),
            Self::OpenAndTested { id, test } => write!(f, "{id}: open, but {test} tests it"),
            Self::Successor { id, successor } => {
                write!(f, "{id}: no requirement has the identifier {successor} of its fate")
            }
            Self::Untested { id, level, text } => write!(f, "{id}: {level} without a test: {text}"),
            Self::Unknown { place, id } => write!(f, "{place}: no requirement has the identifier {id}"),
            Self::NotRunning { place, why } => {
                write!(f, "{place}: a tag above what is no running test: {why}")
            }
            Self::Malformed { place, comment } => {
                write!(f, "{place}: a tag is a line `// req: ID, ID`, not `{comment}`")
            }
            Self::Orphan { file } => {
                write!(f, "{file}: has tags, but no `mod` makes it a part of a program that is tested")
            }
        }
    }
}
