//! Requirement identifiers: `OCP-11.1-02` is the second requirement of section 11.1 of the document `OCP`.

use std::fmt;

/// A requirement's identifier. Identifiers of one document sort as they stand in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id {
    pub(crate) prefix: String,
    pub(crate) section: Section,
    pub(crate) number: u32,
}

/// A section number, such as 11.1 or A.2; appendices come after numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Section(Vec<Part>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(u32),
    Letter(char),
}

impl Id {
    /// Reads an identifier; `None` where it has any other form, such as a number with one digit.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (prefix, section, number) = (parts.next()?, parts.next()?, parts.next()?);
        let plain = !prefix.is_empty() && prefix.bytes().all(|octet| octet.is_ascii_uppercase());
        let id = Self {
            prefix: prefix.to_owned(),
            section: Section::parse(section)?,
            number: number.parse().ok()?,
        };
        (plain && parts.next().is_none() && id.number > 0 && id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{:02}", self.prefix, self.section, self.number)
    }
}

impl Section {
    /// Reads a section number.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        text.split('.').map(Part::parse).collect::<Option<_>>().map(Self)
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.iter().enumerate() {
            let dot = if index > 0 { "." } else { "" };
            match part {
                Part::Number(number) => write!(f, "{dot}{number}")?,
                Part::Letter(letter) => write!(f, "{dot}{letter}")?,
            }
        }
        Ok(())
    }
}

impl Part {
    fn parse(text: &str) -> Option<Self> {
        let mut letters = text.chars();
        match (letters.next(), letters.next()) {
            (Some(letter @ 'A'..='Z'), None) => Some(Self::Letter(letter)),
            _ => text.parse().ok().map(Self::Number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_one_spelling() {
        for good in ["OCP-11.1-02", "HTTP-3-10", "COMM-A.2-01", "OCP-11.18-100"] {
            assert_eq!(Id::parse(good).map(|id| id.to_string()).as_deref(), Some(good));
        }
        for bad in [
            "",
            "OCP",
            "OCP-11.1",
            "OCP-11.1-2",
            "OCP-11.1-002",
            "OCP-11.1-00",
            "OCP-11.1-+2",
            "OCP-11..1-02",
            "OCP-011-02",
            "OCP-x-02",
            "ocp-11.1-02",
            "-11.1-02",
            "OCP-11.1-02-1",
            "OCP-11.1-02 ",
        ] {
            assert_eq!(Id::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn sections_sort_by_number_and_appendices_come_last() {
        let ids: Vec<_> = ["OCP-2-01", "OCP-2-02", "OCP-2.10-01", "OCP-10-01", "OCP-10.2-01", "OCP-A-01"]
            .into_iter()
            .map(|id| Id::parse(id).unwrap())
            .collect();
        assert!(ids.is_sorted(), "{ids:?}");
    }
}
