//! Errors of configuration files: one line that says which file and key, and what was expected.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use thiserror::Error;

/// A configuration that cannot be used.
#[derive(Debug, Error)]
#[error("{}{}{}{}: {problem}", file.display(), number_text(line), number_text(column), key_text(key))]
pub(crate) struct ConfigError {
    file: PathBuf,
    line: Option<usize>,
    column: Option<usize>,
    key: String,
    problem: String,
}

fn number_text(number: &Option<usize>) -> String {
    number.map_or_else(String::new, |number| format!(":{number}"))
}

fn key_text(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!(": {key}") }
}

/// What is wrong in one line that says what was expected.
fn expectation(message: &str) -> String {
    let line = message.replace('\n', ", ");
    if let Some(key) = line.strip_prefix("missing field ") {
        return format!("expected the required key {key}, which is missing");
    }
    match line.contains("expected") {
        true => line.replace("unknown field", "unknown key"),
        false => format!("expected valid TOML: {line}"),
    }
}

/// A configuration file's text.
pub(crate) struct Source {
    file: PathBuf,
    text: String,
}

impl Source {
    /// Reads the file.
    pub(crate) fn read(file: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(file).map_err(|error| ConfigError {
            file: file.to_owned(),
            line: None,
            column: None,
            key: String::new(),
            problem: format!("cannot read the file: {error}"),
        })?;
        Ok(Self { file: file.to_owned(), text })
    }

    /// A path in the file: relative ones start where the file is.
    pub(crate) fn beside(&self, path: &Path) -> PathBuf {
        self.file.parent().unwrap_or_else(|| Path::new("")).join(path)
    }

    /// The text as it is written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Reads the text as TOML of this shape.
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        toml::from_str(&self.text).map_err(|error| {
            let problem = expectation(error.message());
            let key = error.span().map_or(String::new(), |span| self.key_at(span.start, &problem));
            self.error(error.span(), &key, problem)
        })
    }

    /// An error about `key`, which stands at `span`.
    pub(crate) fn error(
        &self,
        span: Option<Range<usize>>,
        key: &str,
        problem: impl Into<String>,
    ) -> ConfigError {
        let line = span.map(|span| self.text[..span.start.min(self.text.len())].matches('\n').count() + 1);
        ConfigError {
            file: self.file.clone(),
            line,
            column: None,
            key: key.to_owned(),
            problem: problem.into(),
        }
    }

    /// An error about the octet at `offset` of the text that stands at `span`.
    pub(super) fn error_within(
        &self,
        span: Range<usize>,
        text: &str,
        offset: usize,
        key: &str,
        problem: impl Into<String>,
    ) -> ConfigError {
        let written = self.text.get(span.clone()).unwrap_or_default();
        // What is written with escapes is longer than what it means; then the text itself has to tell the place.
        let Some(start) = written.find(text).filter(|_| !text.is_empty()) else {
            let character = text.get(..offset).unwrap_or(text).chars().count() + 1;
            return self.error(
                Some(span),
                key,
                format!("{} (at character {character} of it)", problem.into()),
            );
        };
        let at = (span.start + start + offset).min(self.text.len());
        let line_start = self.text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let column = self.text[line_start..at].chars().count() + 1;
        ConfigError { column: Some(column), ..self.error(Some(at..at), key, problem) }
    }

    /// The key on the line at `offset` with its table, or only the table where the problem names the key itself.
    fn key_at(&self, offset: usize, problem: &str) -> String {
        let offset = offset.min(self.text.len());
        let start = self.text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
        let line = self.text[start..].lines().next().unwrap_or_default();
        let table = self.table_at(start);
        if problem.contains("unknown key") || problem.contains("required key") {
            return table.unwrap_or_default().to_owned();
        }
        let key = line.split_once('=').map_or("", |(key, _)| key.trim());
        match table {
            Some(table) if !key.is_empty() => format!("{table}.{key}"),
            _ => key.to_owned(),
        }
    }

    /// The table that the line at `offset` begins or belongs to.
    fn table_at(&self, offset: usize) -> Option<&str> {
        let end = self.text[offset..].find('\n').map_or(self.text.len(), |length| offset + length);
        let header = self.text[..end].lines().rev().find(|line| line.trim_start().starts_with('['))?;
        header.trim().trim_start_matches('[').split(']').next().map(str::trim)
    }
}
