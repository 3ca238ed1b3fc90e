//! A register: the requirements of one document, in our own words.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

/// The register of one document.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    /// The file, from the root of the repository.
    #[serde(skip)]
    pub(crate) file: String,
    #[serde(rename = "document")]
    pub(crate) meta: Meta,
    /// How many entries each section has.
    pub(crate) census: BTreeMap<String, Counts>,
    /// How many key words each section of the document has: the least that the list has to have.
    #[serde(default)]
    pub(crate) keywords: BTreeMap<String, Counts>,
    #[serde(rename = "requirement")]
    pub(crate) requirements: Vec<Requirement>,
}

/// What the register is about.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Meta {
    pub(crate) rfc: Option<u32>,
    /// The document's name where it is no RFC.
    pub(crate) name: Option<String>,
    /// How its identifiers begin.
    pub(crate) prefix: String,
    /// Who is bound and within this project.
    pub(crate) subjects: Vec<String>,
    /// Who is bound and outside of it.
    #[serde(default)]
    pub(crate) others: Vec<String>,
}

/// One thing that can be violated on its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Requirement {
    pub(crate) id: String,
    pub(crate) level: Level,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) waived: Option<String>,
    /// Why it is not fulfilled, or not tested, yet.
    pub(crate) open: Option<String>,
    /// What became of a requirement of a draft: `kept as` or `changed to` others, which bind in its place, or `dropped`.
    pub(crate) fate: Option<String>,
}

impl Requirement {
    /// The requirements that took its place; `None` where its fate is none of those that there are.
    pub(crate) fn successors(&self) -> Option<Vec<&str>> {
        let fate = self.fate.as_deref()?;
        if fate == "dropped" {
            return Some(Vec::new());
        }
        let ids = fate.strip_prefix("kept as ").or_else(|| fate.strip_prefix("changed to "))?;
        Some(ids.split(", ").collect())
    }
}

/// How binding it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Level {
    Must,
    Should,
    May,
    /// Binding without a key word.
    Rule,
}

/// A number for each level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Counts {
    must: usize,
    should: usize,
    may: usize,
    rule: usize,
}

impl Document {
    /// Reads a register; `None` for a file that is none.
    ///
    /// # Errors
    /// It has a `[document]` table, but is not a register otherwise.
    pub(crate) fn parse(file: &str, text: &str) -> Result<Option<Self>, String> {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
        if !table.contains_key("document") {
            return Ok(None);
        }
        let document: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        Ok(Some(Self { file: file.to_owned(), ..document }))
    }

    /// Whether it is a draft, of which each requirement has a fate.
    pub(crate) fn is_draft(&self) -> bool {
        self.requirements.iter().any(|requirement| requirement.fate.is_some())
    }

    /// What people call the document.
    pub(crate) fn title(&self) -> String {
        match (&self.meta.rfc, &self.meta.name) {
            (Some(rfc), _) => format!("RFC {rfc}"),
            (None, Some(name)) => name.clone(),
            (None, None) => self.meta.prefix.clone(),
        }
    }
}

impl Level {
    pub(crate) const ALL: [Self; 4] = [Self::Must, Self::Should, Self::May, Self::Rule];
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
            Self::May => "MAY",
            Self::Rule => "RULE",
        })
    }
}

impl Counts {
    pub(crate) fn of(self, level: Level) -> usize {
        match level {
            Level::Must => self.must,
            Level::Should => self.should,
            Level::May => self.may,
            Level::Rule => self.rule,
        }
    }

    pub(crate) fn add(&mut self, level: Level) {
        *match level {
            Level::Must => &mut self.must,
            Level::Should => &mut self.should,
            Level::May => &mut self.may,
            Level::Rule => &mut self.rule,
        } += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_without_a_document_table_are_no_registers() {
        assert!(Document::parse("x.toml", "[package]\nname = \"x\"").unwrap().is_none());
        assert!(Document::parse("x.toml", "[document").is_err());
        assert!(Document::parse("x.toml", "[document]\nrfc = 1").is_err());
    }

    #[test]
    fn misspelt_keys_and_levels_are_errors() {
        let register = |entry: &str| {
            format!(
                "[document]\nprefix = \"X\"\nsubjects = []\n[census]\n\
                 [[requirement]]\nid = \"X-1-01\"\nsubject = \"agent\"\ntext = \"t\"\n{entry}"
            )
        };
        let read = |entry: &str| Document::parse("x.toml", &register(entry));
        assert_eq!(read("level = \"RULE\"").unwrap().unwrap().requirements[0].level, Level::Rule);
        assert!(read("level = \"Must\"").is_err());
        assert!(read("level = \"MUST\"\nwaiver = \"why\"").is_err());
    }
}
