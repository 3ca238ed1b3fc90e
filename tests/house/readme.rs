//! What the README shows is true: its configurations are accepted by the binary.

use opes_tests::binary::repository;
use opes_tests::opes::{File, run_opes};

/// A fenced block of a Markdown text.
#[derive(Debug, PartialEq)]
struct Block {
    line: usize,
    text: String,
}

/// The fenced blocks of one language.
fn blocks(markdown: &str, language: &str) -> Vec<Block> {
    let (mut blocks, mut open) = (Vec::new(), None::<(bool, Block)>);
    for (number, line) in markdown.lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(info), None) => {
                open = Some((info.trim() == language, Block { line: number + 1, text: String::new() }));
            }
            (Some(_), Some(_)) => {
                blocks.extend(open.take().filter(|(wanted, _)| *wanted).map(|(_, block)| block))
            }
            (None, Some((_, block))) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fence that is never closed");
    blocks
}

#[test]
fn configurations_in_the_readme_are_accepted() {
    let path = repository().join("README.md");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let blocks = blocks(&text, "toml");
    for role in ["# opes server", "# opes proxy"] {
        let of_role: Vec<_> = blocks
            .iter()
            .filter(|block| block.text.lines().next().is_some_and(|first| first.starts_with(role)))
            .collect();
        assert!(!of_role.is_empty(), "README.md shows no configuration that begins with `{role}`");
        for block in of_role {
            let file = File::new(&block.text);
            let done = run_opes(&["check", file.argument()]);
            assert_eq!(
                done.status.code(),
                Some(0),
                "README.md, line {}: {}\n{}",
                block.line,
                done.stderr,
                block.text
            );
        }
    }
}

#[test]
fn fenced_blocks_are_found() {
    let text = "a\n```toml\n# opes server\nx = 1\n```\nb\n```sh\nls\n```\n```\n# opes server\n```\n";
    let found = blocks(text, "toml");
    assert_eq!(found, [Block { line: 2, text: "# opes server\nx = 1\n".to_owned() }]);
}
