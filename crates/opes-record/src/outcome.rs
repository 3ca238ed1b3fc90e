//! Which message it was, and what became of it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which message of an application transaction a record is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From the data consumer to the data provider.
    Request,
    /// From the data provider to the data consumer.
    Response,
}

/// Where a rule met the message (RFC 3838 section 3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Point {
    /// A request as the data consumer sent it.
    RequestIn,
    /// A request as it goes to the data provider.
    RequestOut,
    /// A response as the data provider sent it.
    ResponseIn,
    /// A response as it goes to the data consumer.
    ResponseOut,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// No service was to be applied.
    NotMatched,
    /// Services changed it.
    Adapted,
    /// Services saw it and changed nothing.
    Unchanged,
    /// A service answered in the place of the data provider: a block page, say.
    Answered,
    /// The services that were to be applied were left out because an end asked for that (RFC 3897 section 5).
    Bypassed,
    /// The adaptation failed and the original went on, as the rule says.
    OriginalPassed,
    /// The adaptation failed and with it the message.
    Failed,
    /// An end went away before the message was complete.
    Abandoned,
}

impl Direction {
    /// The name in records and filters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
        }
    }
}

impl Point {
    /// The name in records, the same as in configurations.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RequestIn => "request-in",
            Self::RequestOut => "request-out",
            Self::ResponseIn => "response-in",
            Self::ResponseOut => "response-out",
        }
    }
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::NotMatched,
        Self::Adapted,
        Self::Unchanged,
        Self::Answered,
        Self::Bypassed,
        Self::OriginalPassed,
        Self::Failed,
        Self::Abandoned,
    ];

    /// The name in records and filters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotMatched => "not-matched",
            Self::Adapted => "adapted",
            Self::Unchanged => "unchanged",
            Self::Answered => "answered",
            Self::Bypassed => "bypassed",
            Self::OriginalPassed => "original-passed",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }

    /// The outcome of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_found_by_their_names() {
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::from_name(outcome.name()), Some(outcome));
        }
        assert_eq!(Outcome::from_name("Adapted"), None);
    }
}
