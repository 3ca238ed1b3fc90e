//! What there is to check: the registers, the tests that name requirements, and what kept something from being either.

use std::collections::BTreeMap;
use std::path::Path;

use crate::finding::Finding;
use crate::modules::{Modules, is_program};
use crate::register::Document;
use crate::tags::{self, Proof, Tags};
use crate::vectors;

/// Text files by their path from the root of the repository.
#[derive(Debug, Default)]
pub(crate) struct Files(BTreeMap<String, String>);

/// The registers and the tests.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    pub(crate) documents: Vec<Document>,
    pub(crate) proofs: Vec<Proof>,
    pub(crate) unreadable: Vec<Finding>,
    pub(crate) misplaced: Vec<Finding>,
}

impl Files {
    /// The files that matter below `root`.
    pub(crate) fn of(root: &Path) -> Self {
        let mut files = Self::default();
        for directory in ["crates", "tests", "proto-spec"] {
            files.scan(root, &root.join(directory));
        }
        files
    }

    fn scan(&mut self, root: &Path, directory: &Path) {
        for entry in std::fs::read_dir(directory).expect("a directory of the repository") {
            let path = entry.expect("a directory entry").path();
            let name = path.strip_prefix(root).expect("below the root").to_string_lossy().replace('\\', "/");
            let hidden =
                path.file_name().is_some_and(|last| last == "target" || last.as_encoded_bytes()[0] == b'.');
            if hidden {
                continue;
            }
            if path.is_dir() {
                self.scan(root, &path);
            } else if name.starts_with(vectors::DIRECTORY) || name.ends_with(".rs") || name.ends_with(".toml")
            {
                let octets = std::fs::read(&path).expect("a file of the repository");
                self.0.insert(name, String::from_utf8_lossy(&octets).into_owned());
            }
        }
    }

    fn text(&self, file: &str) -> &str {
        self.0.get(file).map_or("", String::as_str)
    }
}

impl Workspace {
    /// Reads the registers and the tags.
    pub(crate) fn read(files: &Files) -> Self {
        let mut workspace = Self::default();
        let manifest = files.text("tests/Cargo.toml");
        let runner = format!("tests/{}/main.rs", vectors::RUNNER);
        let runs = is_program(manifest, vectors::RUNNER) && files.0.contains_key(&runner);
        let sources = || files.0.iter().filter(|(file, _)| file.ends_with(".rs"));
        let mut modules = Modules::new(manifest);
        for (file, text) in sources() {
            modules.add(file, text);
        }
        for (file, text) in sources() {
            let tags = tags::read(file, text);
            if !tags.proofs.is_empty() && !modules.reach(file) {
                workspace.misplaced.push(Finding::Orphan { file: file.clone() });
                continue;
            }
            workspace.take(tags);
        }
        for (file, text) in &files.0 {
            if file.starts_with(vectors::DIRECTORY) {
                workspace.take(vectors::read(file, text, runs));
            } else if is_register(file) {
                workspace.register(file, text);
            }
        }
        workspace
    }

    fn take(&mut self, tags: Tags) {
        self.proofs.extend(tags.proofs);
        self.misplaced.extend(tags.misplaced);
    }

    fn register(&mut self, file: &str, text: &str) {
        match Document::parse(file, text) {
            Ok(document) => self.documents.extend(document),
            Err(why) => self.unreadable.push(Finding::Unreadable { file: file.to_owned(), why }),
        }
    }

    /// The tests that name a requirement, each once, in the order of the files.
    pub(crate) fn tests_of(&self, id: &str) -> Vec<&str> {
        let mut tests: Vec<_> =
            self.proofs.iter().filter(|proof| proof.id == id).map(|proof| proof.test.as_str()).collect();
        tests.dedup();
        tests
    }
}

/// Whether the file may be a register: it lies in `proto-spec/` itself.
fn is_register(file: &str) -> bool {
    file.strip_prefix("proto-spec/").is_some_and(|name| name.ends_with(".toml") && !name.contains('/'))
}

/// Toy workspaces for the tests of the checker.
#[cfg(test)]
impl Workspace {
    pub(crate) fn toy(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned()));
        Self::read(&Files(files.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEST: &str = "// req: X-1-01\n#[test]\nfn a() {}\n";

    #[test]
    fn tags_are_read_from_crates_and_tests() {
        let workspace = Workspace::toy(&[
            ("crates/x/src/lib.rs", TEST),
            ("tests/Cargo.toml", "path = \"suite/main.rs\""),
            ("tests/suite/main.rs", TEST),
        ]);
        assert_eq!(workspace.tests_of("X-1-01"), ["crates/x/src/lib.rs::a", "tests/suite/main.rs::a"]);
        assert_eq!(workspace.misplaced, []);
    }

    #[test]
    fn a_file_that_is_never_compiled_proves_nothing() {
        let workspace = Workspace::toy(&[("crates/x/src/lib.rs", ""), ("crates/x/src/a.rs", TEST)]);
        assert_eq!(workspace.misplaced, [Finding::Orphan { file: "crates/x/src/a.rs".to_owned() }]);
        assert_eq!(workspace.proofs, []);
    }

    #[test]
    fn vectors_need_their_runner() {
        let vector = ("proto-spec/vectors/a/b.txt", "# req: X-1-01\n");
        let manifest = ("tests/Cargo.toml", "path = \"vectors/main.rs\"");
        let idle = Workspace::toy(&[vector, manifest]);
        assert_eq!((idle.proofs.len(), idle.misplaced.len()), (0, 1));
        let unnamed = Workspace::toy(&[vector, ("tests/vectors/main.rs", "")]);
        assert_eq!((unnamed.proofs.len(), unnamed.misplaced.len()), (0, 1));
        let run = Workspace::toy(&[vector, manifest, ("tests/vectors/main.rs", "")]);
        assert_eq!(run.tests_of("X-1-01"), ["proto-spec/vectors/a/b.txt"]);
    }

    #[test]
    fn every_register_joins() {
        let register = |prefix: &str| {
            format!(
                "[document]\nprefix = \"{prefix}\"\nsubjects = []\n[census]\n\
                 [[requirement]]\nid = \"X-1-01\"\nlevel = \"MAY\"\nsubject = \"a\"\ntext = \"t\""
            )
        };
        let workspace = Workspace::toy(&[
            ("proto-spec/a.toml", &register("A")),
            ("proto-spec/b.toml", &register("B")),
            ("proto-spec/c.toml", "[settings]"),
            ("proto-spec/d.toml", "[document]"),
            ("proto-spec/deeper/e.toml", &register("E")),
        ]);
        let prefixes: Vec<_> =
            workspace.documents.iter().map(|document| document.meta.prefix.as_str()).collect();
        assert_eq!(prefixes, ["A", "B"]);
        assert!(
            matches!(&workspace.unreadable[..], [Finding::Unreadable { file, .. }] if file == "proto-spec/d.toml")
        );
    }
}
