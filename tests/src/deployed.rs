//! Files of `deploy/`, exactly as they are there, except for the ports and paths that a test has to have for itself.

use std::fmt::Display;
use std::path::Path;

use crate::binary::repository;
use crate::config::Config;

/// The text of a file of `deploy/`.
#[derive(Clone, Debug)]
pub struct Deployed {
    name: String,
    text: String,
}

impl Deployed {
    /// Reads the file of this name in `deploy/`.
    #[must_use]
    pub fn read(name: &str) -> Self {
        let path = repository().join("deploy").join(name);
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { name: name.to_owned(), text }
    }

    /// Puts something of the test's own, an address or a path, wherever the file has `written`, which it has.
    #[must_use]
    pub fn put(mut self, written: &str, own: impl Display) -> Self {
        assert!(self.text.contains(written), "deploy/{} does not name {written}", self.name);
        self.text = self.text.replace(written, &own.to_string());
        self
    }

    /// The same with a path.
    #[must_use]
    pub fn put_path(self, written: &str, own: &Path) -> Self {
        self.put(written, own.display())
    }

    /// Does what a comment of the file offers: what is commented out from this line to that one is in force.
    #[must_use]
    pub fn uncomment(mut self, first: &str, last: &str) -> Self {
        let (mut inside, mut found, mut text) = (false, false, String::new());
        for line in self.text.lines() {
            let bare = line.trim_start().strip_prefix("# ");
            inside |= !found && bare == Some(first);
            found |= inside;
            text += bare.filter(|_| inside).unwrap_or(line);
            text.push('\n');
            inside &= bare.map(str::trim_start) != Some(last);
        }
        assert!(found && !inside, "deploy/{} has no comment from {first:?} to {last:?}", self.name);
        self.text = text;
        self
    }

    /// The text as it now is.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// As a configuration of ours.
    #[must_use]
    pub fn config(&self) -> Config {
        Config::default().table(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::Deployed;

    fn file(text: &str) -> Deployed {
        Deployed { name: "some.conf".to_owned(), text: text.to_owned() }
    }

    #[test]
    fn comments_come_into_force_from_line_to_line() {
        let text = "a\n  # b {\n  #     c\n  # }\n  # d\n}\n# b {\n";
        assert_eq!(file(text).uncomment("b {", "}").text(), "a\nb {\n    c\n}\n  # d\n}\n# b {\n");
        assert_eq!(file("# a\n# b\n").uncomment("b", "b").text(), "# a\nb\n");
    }

    #[test]
    #[should_panic(expected = "deploy/some.conf does not name 8080")]
    fn what_is_not_in_the_file_cannot_be_replaced() {
        let _ = file("listen 80;").put("8080", 1);
    }
}
