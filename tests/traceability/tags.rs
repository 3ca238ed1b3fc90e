//! The tags of one Rust source: which test function names which requirements.

use crate::finding::Finding;
use crate::lexer::{Line, lines};

/// What the tags of a source say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tags {
    pub(crate) proofs: Vec<Proof>,
    /// Tags that prove nothing.
    pub(crate) misplaced: Vec<Finding>,
}

/// A test that names a requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proof {
    pub(crate) id: String,
    /// The test, as `path::function`.
    pub(crate) test: String,
    /// The tag's file and line.
    pub(crate) place: String,
}

/// Attributes that make a function a test.
const TESTS: [&str; 4] = ["test", "tokio::test", "test_case", "test_case::test_case"];

/// Conditions that hold wherever the tests run.
const ALWAYS: [&str; 2] = ["test", "unix"];

/// Reads the tags of a source.
pub(crate) fn read(file: &str, source: &str) -> Tags {
    let mut reader = Reader { file, tags: Tags::default(), prelude: Prelude::default() };
    for (index, line) in lines(source).iter().enumerate() {
        reader.line(index + 1, line);
    }
    reader.drop_tags("the file ends");
    reader.tags
}

/// The identifiers of a tag comment; `None` for any other comment, an error for what only looks like a tag.
pub(crate) fn identifiers(comment: &str, slashes: &str) -> Option<Result<Vec<String>, ()>> {
    let text = comment.strip_prefix(slashes)?;
    let Some(list) = text.strip_prefix(" req: ") else {
        let words = text.trim_start_matches(['/', '!', '#']).trim_start().to_ascii_lowercase();
        let rest = words.strip_prefix("req")?;
        let rest = rest.trim_start_matches("uirement").trim_start_matches('s').trim_start();
        return (rest.starts_with(':') || rest.is_empty()).then_some(Err(()));
    };
    let ids: Vec<_> = list.split(',').map(|id| id.trim().to_owned()).collect();
    Some(if ids.iter().all(|id| crate::id::Id::parse(id).is_some()) { Ok(ids) } else { Err(()) })
}

struct Reader<'a> {
    file: &'a str,
    tags: Tags,
    prelude: Prelude,
}

/// What stands above an item.
#[derive(Default)]
struct Prelude {
    /// The identifiers and the lines of their tags.
    tagged: Vec<(String, usize)>,
    is_test: bool,
    /// Why the function does not run.
    idle: Option<&'static str>,
    /// An attribute that goes on in the next line.
    attribute: String,
}

impl Reader<'_> {
    fn line(&mut self, number: usize, line: &Line) {
        let code = line.code.trim();
        if let Some(comment) = &line.comment {
            self.comment(number, comment, code.is_empty());
        } else if code.is_empty() && self.prelude.attribute.is_empty() {
            self.drop_tags("a blank line stands below");
        }
        if !code.is_empty() {
            self.code(code);
        }
    }

    fn comment(&mut self, number: usize, comment: &str, alone: bool) {
        match identifiers(comment, "//") {
            Some(Ok(ids)) if alone => {
                self.prelude.tagged.extend(ids.into_iter().map(|id| (id, number)));
            }
            Some(_) => self.tags.misplaced.push(Finding::Malformed {
                place: format!("{}:{number}", self.file),
                comment: comment.to_owned(),
            }),
            None if alone && !comment.starts_with("///") => self.drop_tags("another comment stands between"),
            None => {}
        }
    }

    fn code(&mut self, code: &str) {
        let mut code = code;
        while code.starts_with("#[") || !self.prelude.attribute.is_empty() {
            let text = format!("{}{code}", self.prelude.attribute);
            let Some(end) = attribute_end(&text) else {
                self.prelude.attribute = text;
                return;
            };
            self.attribute(&text[2..end]);
            let rest = text.len() - end - 1;
            code = code[code.len() - rest..].trim_start();
            self.prelude.attribute.clear();
        }
        if !code.is_empty() {
            self.item(code);
        }
    }

    fn attribute(&mut self, text: &str) {
        let text: String = text.split_whitespace().collect();
        let name = text.split(['(', '=', '[']).next().unwrap_or_default();
        let prelude = &mut self.prelude;
        prelude.is_test |= TESTS.contains(&name);
        let condition = text.strip_prefix("cfg(").and_then(|rest| rest.strip_suffix(')'));
        if name == "ignore" || (name.starts_with("test_case") && text.contains("ignore")) {
            prelude.idle = Some("it is ignored");
        } else if name == "cfg_attr" && (text.contains("ignore") || text.contains("cfg(")) {
            prelude.idle = Some("it is ignored under a condition");
        } else if condition.is_some_and(|condition| !ALWAYS.contains(&condition)) {
            prelude.idle = Some("it is compiled under a condition");
        }
    }

    /// The code that the prelude stands above.
    fn item(&mut self, code: &str) {
        let prelude = std::mem::take(&mut self.prelude);
        let why = match (function(code), prelude.is_test, prelude.idle) {
            (None, ..) => "it is no function",
            (Some(_), _, Some(idle)) => idle,
            (Some(_), false, None) => "it has no test attribute",
            (Some(function), true, None) => {
                let test = format!("{}::{function}", self.file);
                self.tags.proofs.extend(prelude.tagged.into_iter().map(|(id, line)| Proof {
                    id,
                    test: test.clone(),
                    place: format!("{}:{line}", self.file),
                }));
                return;
            }
        };
        self.misplaced(prelude.tagged, why);
    }

    fn drop_tags(&mut self, why: &'static str) {
        let tagged = std::mem::take(&mut self.prelude.tagged);
        self.misplaced(tagged, why);
    }

    fn misplaced(&mut self, tagged: Vec<(String, usize)>, why: &'static str) {
        let mut lines: Vec<_> = tagged.into_iter().map(|(_, line)| line).collect();
        lines.dedup();
        let places = lines.into_iter().map(|line| format!("{}:{line}", self.file));
        self.tags.misplaced.extend(places.map(|place| Finding::NotRunning { place, why }));
    }
}

/// Where the bracket stands that ends the attribute at the start of `text`.
fn attribute_end(text: &str) -> Option<usize> {
    let mut depth = 0;
    text.char_indices().find_map(|(at, letter)| {
        depth += match letter {
            '[' => 1,
            ']' => -1,
            _ => 0,
        };
        (letter == ']' && depth == 0).then_some(at)
    })
}

/// The name of the function that `code` begins.
fn function(code: &str) -> Option<&str> {
    let mut words = code.split_whitespace();
    let qualifiers = ["pub", "async", "const", "unsafe"];
    let word = words.find(|word| !qualifiers.contains(word) && !word.starts_with("pub("))?;
    let name = words.next().filter(|_| word == "fn")?;
    name.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proofs(source: &str) -> Vec<(String, String)> {
        let tags = read("f.rs", source);
        assert_eq!(tags.misplaced, []);
        tags.proofs.into_iter().map(|proof| (proof.id, proof.test)).collect()
    }

    /// Why the one tag of `source` is misplaced.
    fn why(source: &str) -> &'static str {
        let tags = read("f.rs", source);
        assert_eq!(tags.proofs, [], "{source}");
        match &tags.misplaced[..] {
            [Finding::NotRunning { why, .. }] => why,
            other => panic!("{source}: {other:?}"),
        }
    }

    fn pair(id: &str, function: &str) -> (String, String) {
        (id.to_owned(), format!("f.rs::{function}"))
    }

    #[test]
    fn a_tag_belongs_to_the_test_below_it() {
        let source = "// req: X-1-01, X-1-02\n#[test]\nfn a() {\n}\n\n    // req: X-2-01\n    \
                      #[tokio::test(flavor = \"multi_thread\")]\n    pub(crate) async fn b() {}\n\
                      // req: X-3-01\n#[test_case(1)]\n#[test_case(2)]\nfn c(n: u8) {}\n#[test]\nfn untagged() {}\n";
        let expected = [pair("X-1-01", "a"), pair("X-1-02", "a"), pair("X-2-01", "b"), pair("X-3-01", "c")];
        assert_eq!(proofs(source), expected);
    }

    #[test]
    fn tests_inside_proptest_count() {
        let source = "proptest! {\n    #![proptest_config(few())]\n    // req: X-1-01\n    #[test]\n    \
                      fn holds(n in 0..9u8) {\n    }\n}\n";
        assert_eq!(proofs(source), [pair("X-1-01", "holds")]);
    }

    #[test]
    fn attributes_doc_comments_and_further_tags_may_stand_between() {
        let source = "// req: X-1-01\n/// Why.\n#[should_panic(\n    expected = \"]\",\n)]\n// req: X-1-02\n\
                      #[allow(unused)] #[test]\n#[cfg(unix)]\nfn a() {}\n";
        assert_eq!(proofs(source), [pair("X-1-01", "a"), pair("X-1-02", "a")]);
        assert_eq!(proofs("// req: X-1-01\n#[test] fn a() {}"), [pair("X-1-01", "a")]);
    }

    #[test]
    fn a_tag_above_what_is_no_test_is_reported() {
        assert_eq!(why("// req: X-1-01\nfn a() {}"), "it has no test attribute");
        assert_eq!(why("// req: X-1-01\n#[bench]\nfn a() {}"), "it has no test attribute");
        assert_eq!(why("// req: X-1-01\n#[test_helper]\nfn a() {}"), "it has no test attribute");
        assert_eq!(why("// req: X-1-01\nmod tests {\n#[test]\nfn a() {}}"), "it is no function");
        assert_eq!(why("// req: X-1-01\ntable!(a);\n#[test]\nfn b() {}"), "it is no function");
        assert_eq!(why("#[test]\nfn a() {}\n// req: X-1-01\n"), "a blank line stands below");
        assert_eq!(why("#[test]\nfn a() {}\n// req: X-1-01"), "the file ends");
    }

    #[test]
    fn a_tag_above_a_test_that_does_not_run_is_reported() {
        assert_eq!(why("// req: X-1-01\n#[test]\n#[ignore]\nfn a() {}"), "it is ignored");
        assert_eq!(why("// req: X-1-01\n#[test]\n#[ignore = \"slow\"]\nfn a() {}"), "it is ignored");
        assert_eq!(why("#[ignore]\n// req: X-1-01\n#[test]\nfn a() {}"), "it is ignored");
        assert_eq!(why("// req: X-1-01\n#[test_case(1 => ignore)]\nfn a() {}"), "it is ignored");
        let condition =
            why("// req: X-1-01\n#[cfg_attr(\n  debug_assertions,\n  ignore\n)]\n#[test]\nfn a() {}");
        assert_eq!(condition, "it is ignored under a condition");
        let feature = why("// req: X-1-01\n#[cfg(feature = \"slow\")]\n#[test]\nfn a() {}");
        assert_eq!(feature, "it is compiled under a condition");
    }

    #[test]
    fn a_tag_stands_directly_above() {
        assert_eq!(why("// req: X-1-01\n\n#[test]\nfn a() {}"), "a blank line stands below");
        assert_eq!(why("// req: X-1-01\n// Because.\n#[test]\nfn a() {}"), "another comment stands between");
        assert_eq!(why("// req: X-1-01\n//! Inner.\n#[test]\nfn a() {}"), "another comment stands between");
    }

    #[test]
    fn what_only_looks_like_a_tag_is_reported() {
        for comment in [
            "// req:",
            "// req: ",
            "// req: X-1-1",
            "// req: X-1-01,",
            "// req: X-1-01 X-1-02",
            "//req: X-1-01",
            "// Req: X-1-01",
            "// reqs: X-1-01",
            "// requirements: X-1-01",
            "/// req: X-1-01",
            "//! req: X-1-01",
        ] {
            let tags = read("f.rs", &format!("{comment}\n#[test]\nfn a() {{}}"));
            let expected =
                Finding::Malformed { place: "f.rs:1".to_owned(), comment: comment.trim().to_owned() };
            assert_eq!((tags.proofs, tags.misplaced), (vec![], vec![expected]), "{comment}");
        }
        let beside = read("f.rs", "#[test] // req: X-1-01\nfn a() {}");
        assert!(matches!(&beside.misplaced[..], [Finding::Malformed { .. }]), "{beside:?}");
        assert_eq!(read("f.rs", "// requests come first\nfn a() {} // required: n"), Tags::default());
    }

    #[test]
    fn tags_inside_strings_and_block_comments_are_none() {
        let source =
            "const TEXT: &str = \"\n// req: X-1-01\n\";\n/*\n// req: X-1-02\n*/\n#[test]\nfn a() {}\n";
        assert_eq!(read("f.rs", source), Tags::default());
    }
}
