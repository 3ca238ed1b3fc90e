//! Rust source as lines of code and comments: what stands in a string is neither.

/// One line of a source.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// The code, with what stands inside strings and characters left out and comments as nothing.
    pub(crate) code: String,
    /// The line comment, its slashes included.
    pub(crate) comment: Option<String>,
}

/// Splits a source into its lines.
pub(crate) fn lines(source: &str) -> Vec<Line> {
    let mut lexer = Lexer { rest: source, lines: vec![Line::default()] };
    while let Some(next) = lexer.rest.chars().next() {
        lexer.step(next);
    }
    lexer.lines
}

struct Lexer<'a> {
    rest: &'a str,
    lines: Vec<Line>,
}

impl Lexer<'_> {
    fn step(&mut self, next: char) {
        if self.rest.starts_with("//") {
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            let comment = self.rest[..end].trim_end().to_owned();
            self.line().comment = Some(comment);
            self.rest = &self.rest[end..];
        } else if self.rest.starts_with("/*") {
            self.block_comment();
        } else if let Some(hashes) = self.raw_string() {
            let open = self.rest.find('"').map_or(0, |quote| quote + 1);
            self.string(open, &format!("\"{}", "#".repeat(hashes)));
        } else if next == '"' {
            self.escaped('"');
        } else if next == '\'' && self.is_character() {
            self.escaped('\'');
        } else {
            self.take(next.len_utf8(), true);
        }
    }

    /// The line under way.
    fn line(&mut self) -> &mut Line {
        if self.lines.is_empty() {
            self.lines.push(Line::default());
        }
        let last = self.lines.len() - 1;
        &mut self.lines[last]
    }

    /// Passes over the next `size` octets; `shown` says whether they are code to be seen.
    fn take(&mut self, size: usize, shown: bool) {
        let (taken, rest) = self.rest.split_at(size);
        self.rest = rest;
        for letter in taken.chars() {
            if letter == '\n' {
                self.lines.push(Line::default());
            } else if shown && letter != '\r' {
                self.line().code.push(letter);
            }
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        while !self.rest.is_empty() {
            if self.rest.starts_with("/*") {
                depth += 1;
                self.take(2, false);
            } else if self.rest.starts_with("*/") {
                depth -= 1;
                self.take(2, false);
                if depth == 0 {
                    return;
                }
            } else {
                self.take(self.rest.chars().next().map_or(1, char::len_utf8), false);
            }
        }
    }

    /// How many `#` a raw string that begins here has.
    fn raw_string(&mut self) -> Option<usize> {
        let inside_a_word =
            self.line().code.chars().next_back().is_some_and(|last| last.is_alphanumeric() || last == '_');
        let body = ["r", "br", "cr"]
            .iter()
            .find_map(|prefix| self.rest.strip_prefix(prefix).filter(|body| body.starts_with(['"', '#'])))?;
        let hashes = body.len() - body.trim_start_matches('#').len();
        (!inside_a_word && body[hashes..].starts_with('"')).then_some(hashes)
    }

    /// Passes over a string that has its first `open` octets before its contents and ends with `close`.
    fn string(&mut self, open: usize, close: &str) {
        self.take(open, true);
        let size = self.rest.find(close).unwrap_or(self.rest.len());
        self.take(size, false);
        self.take(close.len().min(self.rest.len()), true);
    }

    /// Passes over a string or character with escapes.
    fn escaped(&mut self, quote: char) {
        self.take(1, true);
        while let Some(next) = self.rest.chars().next() {
            if next == quote {
                self.take(1, true);
                return;
            }
            self.take(next.len_utf8(), false);
            if next == '\\'
                && let Some(after) = self.rest.chars().next()
            {
                self.take(after.len_utf8(), false);
            }
        }
    }

    /// Whether the apostrophe here begins a character and not a lifetime.
    fn is_character(&self) -> bool {
        let mut after = self.rest.chars().skip(1);
        matches!((after.next(), after.next()), (Some('\\'), _) | (Some(_), Some('\'')))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(source: &str) -> Vec<String> {
        lines(source).into_iter().map(|line| line.code).collect()
    }

    #[test]
    fn comments_are_told_from_code() {
        let found = lines("a // b\n/// c\nd /* e\nf /* g */ h */ i\n");
        assert_eq!(found[0], Line { code: "a ".to_owned(), comment: Some("// b".to_owned()) });
        assert_eq!(found[1], Line { code: String::new(), comment: Some("/// c".to_owned()) });
        assert_eq!((found[2].code.as_str(), found[3].code.as_str()), ("d ", " i"));
    }

    #[test]
    fn what_stands_in_strings_is_left_out() {
        assert_eq!(code(r#"x("// no \" // no", 'y', '"', '\'', b"//") z"#), [r#"x("", '', '', '', b"") z"#]);
        assert_eq!(code("a(r\"\\\", b)"), ["a(r\"\", b)"]);
        assert_eq!(code("a(r#\"// \" no\n// no\"#)\nb"), ["a(r#\"", "\"#)", "b"]);
        assert!(lines("let text = \"\n// req: X\n\";").iter().all(|line| line.comment.is_none()));
    }

    #[test]
    fn lifetimes_and_raw_names_open_nothing() {
        assert_eq!(code("fn a<'a>(r#type: &'a str) // c"), ["fn a<'a>(r#type: &'a str) "]);
        assert_eq!(lines("impl<'a> T<'a> {} // c")[0].comment.as_deref(), Some("// c"));
        assert_eq!(code("let for_r = \"x\";"), ["let for_r = \"\";"]);
    }

    #[test]
    fn unfinished_sources_end() {
        for source in ["\"", "r#\"", "/*", "'\\", "\"\\", "r\"é"] {
            assert_eq!(lines(source).len(), 1, "{source}");
        }
    }
}
