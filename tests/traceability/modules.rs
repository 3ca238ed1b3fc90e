//! Whether a source file is a part of a program whose tests run: a file that no `mod` names is never compiled.

use std::collections::{BTreeMap, BTreeSet};

use crate::lexer::lines;

/// Which files declare which modules.
#[derive(Debug, Default)]
pub(crate) struct Modules {
    declared: BTreeMap<String, BTreeSet<String>>,
    /// The manifest of `tests/`, which names its programs one by one.
    manifest: String,
}

impl Modules {
    pub(crate) fn new(manifest: &str) -> Self {
        Self { declared: BTreeMap::new(), manifest: manifest.to_owned() }
    }

    /// Takes note of the modules that a source declares.
    pub(crate) fn add(&mut self, file: &str, source: &str) {
        let modules = lines(source).iter().filter_map(|line| module(&line.code)).collect();
        self.declared.insert(file.to_owned(), modules);
    }

    /// Whether the file is the root of a program that is tested, or a module of one.
    pub(crate) fn reach(&self, file: &str) -> bool {
        self.is_root(file) || self.parents(file).iter().any(|parent| self.reach(parent))
    }

    /// The files that declare this one as their module.
    fn parents(&self, file: &str) -> Vec<String> {
        let Some((directory, name)) = file.strip_suffix(".rs").and_then(|path| path.rsplit_once('/')) else {
            return Vec::new();
        };
        let (directory, module) = match name {
            "mod" => directory.rsplit_once('/').unwrap_or_default(),
            _ => (directory, name),
        };
        let candidates = [
            format!("{directory}.rs"),
            format!("{directory}/mod.rs"),
            format!("{directory}/lib.rs"),
            format!("{directory}/main.rs"),
        ];
        let declares = |candidate: &String| {
            candidate != file && self.declared.get(candidate).is_some_and(|modules| modules.contains(module))
        };
        candidates.into_iter().filter(declares).collect()
    }

    fn is_root(&self, file: &str) -> bool {
        let parts: Vec<_> = file.split('/').collect();
        match parts[..] {
            ["crates", _, "src", "lib.rs" | "main.rs"] | ["tests", "src", "lib.rs"] => true,
            ["crates", _, "src", "bin", _] | ["crates", _, "tests", _] => true,
            ["crates", _, "tests", _, "main.rs"] => true,
            ["tests", program, "main.rs"] => is_program(&self.manifest, program),
            _ => false,
        }
    }
}

/// Whether the manifest of `tests/` names this program.
pub(crate) fn is_program(manifest: &str, program: &str) -> bool {
    let path = format!("path = \"{program}/main.rs\"");
    manifest.lines().any(|line| line.trim() == path)
}

/// The module that a line of code declares as a file of its own.
fn module(code: &str) -> Option<String> {
    let code = code.trim().strip_suffix(';')?;
    let (before, name) = code.rsplit_once(' ')?;
    (before.split_whitespace().last() == Some("mod")).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modules(files: &[(&str, &str)]) -> Modules {
        let mut modules = Modules::new("[[test]]\nname = \"suite\"\npath = \"suite/main.rs\"\n");
        for (file, source) in files {
            modules.add(file, source);
        }
        modules
    }

    #[test]
    fn a_module_is_reached_from_its_root() {
        let modules = modules(&[
            ("crates/x/src/lib.rs", "pub mod a;\n#[cfg(test)] mod t; // mod no;\nmod inline {}\n"),
            ("crates/x/src/a/mod.rs", "mod b;"),
            ("crates/x/src/a/b.rs", "pub(crate) mod c;"),
            ("crates/x/src/a/b/c.rs", ""),
            ("tests/suite/main.rs", "mod case;"),
            ("tests/unnamed/main.rs", "mod case;"),
        ]);
        for reached in [
            "crates/x/src/lib.rs",
            "crates/x/src/t.rs",
            "crates/x/src/a/mod.rs",
            "crates/x/src/a/b/c.rs",
            "crates/x/tests/whole.rs",
            "tests/suite/main.rs",
            "tests/suite/case.rs",
        ] {
            assert!(modules.reach(reached), "{reached}");
        }
        for orphan in [
            "crates/x/src/no.rs",
            "crates/x/src/inline.rs",
            "crates/x/src/a/no.rs",
            "crates/x/src/a/b/no.rs",
            "crates/x/examples/e.rs",
            "crates/x/tests/support/mod.rs",
            "tests/unnamed/main.rs",
            "tests/unnamed/case.rs",
        ] {
            assert!(!modules.reach(orphan), "{orphan}");
        }
    }
}
