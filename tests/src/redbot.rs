//! REDbot, which asks a server in several ways and says what it thinks of the answers.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::binary::target;
use crate::process::run;

/// Where `scripts/test` installs it.
#[must_use]
pub fn program() -> Option<PathBuf> {
    Some(target().join("redbot").join("bin").join("redbot")).filter(|path| path.is_file())
}

/// A remark about a response.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// `GOOD`, `INFO`, `WARN` or `BAD`.
    pub level: String,
    /// What it is about, such as `field-etag`.
    pub subject: String,
    /// Which remark it is, such as `CL_CORRECT`.
    pub name: String,
}

impl Note {
    /// Whether something is wrong, or may be.
    #[must_use]
    pub fn is_complaint(&self) -> bool {
        !matches!(self.level.as_str(), "GOOD" | "INFO")
    }
}

/// What it thinks of a resource.
#[must_use]
pub fn check(program: PathBuf, url: &str) -> BTreeSet<Note> {
    let mut command = Command::new(program);
    command.args(["-o", "har", url]);
    let done = run(command);
    assert!(done.status.success(), "redbot {url}: {}\n{}{}", done.status, done.stdout, done.stderr);
    let report: Value = serde_json::from_str(&done.stdout)
        .unwrap_or_else(|error| panic!("redbot {url}: {error}\n{}{}", done.stdout, done.stderr));
    let entries = report["log"]["entries"].as_array().expect("entries");
    let notes = entries.iter().flat_map(|entry| entry["_red_messages"].as_array().expect("notes"));
    let text = |note: &Value, key: &str| note[key].as_str().expect("text").to_owned();
    notes
        .map(|note| Note {
            level: text(note, "level"),
            subject: text(note, "subject"),
            name: text(note, "note_id"),
        })
        .collect()
}
