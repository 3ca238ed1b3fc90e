//! One entry, explained.

use std::fmt;

use thiserror::Error;

use crate::list::{self, Quoting};
use crate::trace::entry::parameter;
use crate::trace::{AgentId, AgentIdError, Entry};

/// The field in which an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// OPES-System.
    System,
    /// OPES-Via.
    Via,
    /// OPES-Processor.
    Processor,
    /// OPES-Service.
    Service,
    /// The name of the field was not pasted.
    Bare,
}

impl Field {
    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "OPES-System",
            Self::Via => "OPES-Via",
            Self::Processor => "OPES-Processor",
            Self::Service => "OPES-Service",
            Self::Bare => "trace",
        }
    }

    /// The trace field of this name.
    pub(super) fn of(name: &str) -> Option<Self> {
        let all = [Self::System, Self::Via, Self::Processor, Self::Service];
        all.into_iter().find(|field| field.name().eq_ignore_ascii_case(name))
    }
}

/// To which system an entry belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// To one of ours.
    Ours,
    /// It says so of one of ours, but our own entry, which came later, disowns it: it is of somebody else, or of an
    /// earlier way through our system.
    Claimed,
    /// To this one.
    Foreign(AgentId),
    /// The trace does not tell.
    Unknown,
}

/// What an entry is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An OPES System.
    System,
    /// A processor.
    Processor,
    /// A service.
    Service,
    /// A processor or a service: OPES-Via does not tell them apart.
    Unknown,
}

/// What is wrong with an entry.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Problem {
    /// It does not begin with the identifier of an agent.
    #[error("the identifier is none: {0}")]
    Agent(AgentIdError),
    /// A parameter is not `name`, `name=token` or `name="quoted"`.
    #[error("no parameter: {0:?}")]
    Parameter(String),
    /// A quoted string does not end.
    #[error("a quoted string does not end")]
    OpenQuote,
    /// It has octets that are no text.
    #[error("it is not UTF-8")]
    NotText,
    /// It has control characters.
    #[error("it has control characters")]
    Control,
}

/// One entry. It displays as one line that is safe to print, whatever the entry holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where it stands.
    pub field: Field,
    /// Whose it is.
    pub whose: Whose,
    /// What it is of.
    pub kind: Kind,
    /// The entry, or what is wrong with it.
    pub entry: Result<Entry, Problem>,
    /// The entry as it stands in the field.
    pub text: String,
}

/// The most characters of a text that are shown.
const SHOWN: usize = 200;

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::System => "system",
            Kind::Processor => "processor",
            Kind::Service => "service",
            Kind::Unknown => "processor or service",
        };
        write!(f, "{}: {kind}, ", self.field.name())?;
        match &self.whose {
            Whose::Ours => f.write_str("ours")?,
            Whose::Claimed => f.write_str("claims to be ours")?,
            Whose::Foreign(system) => write!(f, "of {system}")?,
            Whose::Unknown => f.write_str("of an unknown system")?,
        }
        match &self.entry {
            Ok(entry) => {
                write!(f, ": {}", entry.agent)?;
                entry.parameters.iter().try_for_each(|(name, value)| match value {
                    Some(value) => write!(f, " {name}={}", shown(value)),
                    None => write!(f, " {name}"),
                })
            }
            Err(problem) => write!(f, ": malformed, {problem}: {}", shown(&self.text)),
        }
    }
}

/// The beginning of a text, without anything that a terminal would obey.
fn shown(text: &str) -> String {
    let plain = text.chars().take(SHOWN).flat_map(char::escape_debug);
    let more = if text.chars().nth(SHOWN).is_some() { "..." } else { "" };
    plain.chain(more.chars()).collect()
}

/// Reads an entry, or says what is wrong with it.
pub(super) fn judge(element: &[u8]) -> Result<Entry, Problem> {
    let text = std::str::from_utf8(element).map_err(|_| Problem::NotText)?;
    if text.chars().any(|c| c.is_control() && c != '\t') {
        return Err(Problem::Control);
    }
    if Quoting::at_end_of(element) != Quoting::Outside {
        return Err(Problem::OpenQuote);
    }
    let mut pieces = list::split(element, b';');
    let agent = pieces.next().and_then(|agent| std::str::from_utf8(agent).ok()).unwrap_or_default();
    let agent = AgentId::new(agent).map_err(Problem::Agent)?;
    let parameters = pieces.map(|piece| {
        let excerpt = || String::from_utf8_lossy(piece).chars().take(SHOWN).collect();
        parameter(piece).ok_or_else(|| Problem::Parameter(excerpt()))
    });
    Ok(Entry { agent, parameters: parameters.collect::<Result<_, _>>()? })
}
