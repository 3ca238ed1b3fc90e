//! What the README shows is true: its configurations are accepted by the binary, and name every key that it knows.

use std::collections::BTreeSet;

use opes_tests::binary::repository;
use opes_tests::certificates::Certificates;
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

const SERVER: &str = "# opes server";
const PROXY: &str = "# opes proxy";
const GATEWAY: &str = "# opes gateway";

/// The configurations in the README.
fn configurations() -> Vec<Block> {
    let path = repository().join("README.md");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    blocks(&text, "toml")
}

fn is_for(role: &str, block: &Block) -> bool {
    block.text.lines().next().is_some_and(|first| first.starts_with(role))
}

/// The keys that the binary says it knows where it finds an unknown one.
fn known_keys(text: &str) -> BTreeSet<String> {
    let file = File::new(text);
    let done = run_opes(&["check", file.argument()]);
    let expected = done.stderr.split_once("expected").unwrap_or_else(|| panic!("{}", done.stderr)).1;
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The keys of a table in the configurations of a role; the empty name is the top.
fn shown_keys(role: &str, table: &str) -> BTreeSet<String> {
    let shown = configurations();
    let files = shown.iter().filter(|block| is_for(role, block)).map(|block| {
        let file: toml::Table = block.text.parse().unwrap_or_else(|error| panic!("{}: {error}", block.text));
        let names = table.split('.').filter(|name| !name.is_empty());
        names.fold(toml::Value::Table(file), |value, name| {
            value.get(name).cloned().unwrap_or(toml::Value::Boolean(true))
        })
    });
    let keys = files.flat_map(|value| match value {
        toml::Value::Table(table) => table.keys().cloned().collect(),
        toml::Value::Array(tables) => {
            tables.iter().filter_map(toml::Value::as_table).flat_map(|table| table.keys().cloned()).collect()
        }
        _ => Vec::new(),
    });
    keys.collect()
}

#[test]
fn every_configuration_key_is_in_the_readme() {
    const ICAP: &str = "[system]\nuri = \"http://opes.example.com/\"\n[icap]\n";
    const SYSTEM: &str = "[system]\nuri = \"http://opes.example.com/\"\n";
    let tables = [
        (SERVER, "", "surely-unknown = 1\n".to_owned()),
        (SERVER, "limits", "[limits]\nsurely-unknown = 1\n".to_owned()),
        (SERVER, "services", "[[services]]\nsurely-unknown = 1\n".to_owned()),
        (PROXY, "", format!("surely-unknown = 1\n{SYSTEM}")),
        (PROXY, "system", format!("{SYSTEM}surely-unknown = 1\n")),
        (PROXY, "callout_servers", format!("{SYSTEM}[[callout_servers]]\nsurely-unknown = 1\n")),
        (PROXY, "tls", format!("{SYSTEM}[tls]\nsurely-unknown = 1\n")),
        (PROXY, "origin_tls", format!("{SYSTEM}[origin_tls]\nsurely-unknown = 1\n")),
        (PROXY, "limits", format!("{SYSTEM}[limits]\nsurely-unknown = 1\n")),
        (PROXY, "timeouts", format!("{SYSTEM}[timeouts]\nsurely-unknown = 1\n")),
        (PROXY, "rules", format!("{SYSTEM}[[rules]]\nsurely-unknown = 1\n")),
        (PROXY, "services", format!("{SYSTEM}[[services]]\nsurely-unknown = 1\n")),
        (PROXY, "trace", format!("{SYSTEM}[trace]\nsurely-unknown = 1\n")),
        (PROXY, "store", format!("{SYSTEM}[store]\nsurely-unknown = 1\n")),
        (PROXY, "admin", format!("{SYSTEM}[admin]\nsurely-unknown = 1\n")),
        (GATEWAY, "", format!("surely-unknown = 1\n{ICAP}")),
        (GATEWAY, "icap", format!("{ICAP}surely-unknown = 1\n")),
        (GATEWAY, "icap.tls", format!("{ICAP}[icap.tls]\nsurely-unknown = 1\n")),
        (GATEWAY, "icap.paths", format!("{ICAP}[[icap.paths]]\nsurely-unknown = 1\n")),
    ];
    let mut known_tables = BTreeSet::new();
    for (role, table, text) in &tables {
        let known = known_keys(text);
        assert!(!known.is_empty(), "{role} [{table}]");
        let mut shown = shown_keys(role, table);
        if (*role, *table) == (PROXY, "services") {
            // The options of the kinds are shown once, with those of a server.
            shown.extend(shown_keys(SERVER, table));
        }
        if (*role, *table) == (GATEWAY, "") {
            // Tables that are those of a proxy are shown once, with it.
            shown.extend(shown_keys(PROXY, table).intersection(&known).cloned());
        }
        assert_eq!(known, shown, "{role} [{table}]: the binary's keys and the README's");
        known_tables.insert(*table);
    }
    // A table that the list above leaves out would go unchecked.
    for block in configurations() {
        let file: toml::Table = block.text.parse().unwrap_or_else(|error| panic!("{}: {error}", block.text));
        for (key, value) in &file {
            let is_table = value.is_table()
                || value.as_array().is_some_and(|list| list.iter().any(toml::Value::is_table));
            assert!(!is_table || known_tables.contains(key.as_str()), "{key} is not checked");
        }
    }
}

/// What `deploy/` holds to begin from is accepted, too.
#[test]
fn configurations_to_deploy_are_accepted() {
    for name in ["server.toml", "proxy.toml", "gateway.toml"] {
        let file = repository().join("deploy/opes").join(name);
        let done = run_opes(&["check", file.to_str().unwrap()]);
        assert_eq!(done.status.code(), Some(0), "{name}: {}", done.stderr);
    }
}

#[test]
fn configurations_in_the_readme_are_accepted() {
    let blocks = configurations();
    let certificates = Certificates::new();
    for role in [SERVER, PROXY, GATEWAY] {
        let of_role: Vec<_> = blocks.iter().filter(|block| is_for(role, block)).collect();
        assert!(!of_role.is_empty(), "README.md shows no configuration that begins with `{role}`");
        for block in of_role {
            let file = File::new(&block.text);
            for (name, made) in [
                ("proxy.pem", &certificates.certificate),
                ("proxy.key", &certificates.key),
                ("ca.pem", &certificates.authority),
            ] {
                std::fs::copy(made, file.path.with_file_name(name)).expect("a copy");
            }
            let token = file.path.with_file_name("admin.token");
            std::fs::write(token, "a-token-of-thirty-characters\n").expect("a file");
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
