//! Every rule on a toy workspace that breaks it, and on one that does not.

use super::*;

const HEAD: &str = "[document]\nprefix = \"X\"\nsubjects = [\"agent\"]\nothers = [\"author\"]\n";

const CENSUS: &str = "[census]\n\"1\" = { must = 1, rule = 1 }\n\"1.10\" = { should = 1, may = 1 }\n";

const KEYWORDS: &str = "[keywords]\n\"1\" = { must = 1 }\n";

const TEST: &str = "// req: X-1-01, X-1-02\n// req: X-1.10-01\n#[test]\nfn proves() {}\n";

fn entry(id: &str, level: &str, more: &str) -> String {
    format!(
        "[[requirement]]\nid = \"{id}\"\nlevel = \"{level}\"\nsubject = \"agent\"\ntext = \"Do.\"\n{more}\n"
    )
}

/// A register without a fault, of four entries.
fn whole() -> String {
    let entries = [("X-1-01", "MUST"), ("X-1-02", "RULE"), ("X-1.10-01", "SHOULD"), ("X-1.10-02", "MAY")];
    let entries = entries.map(|(id, level)| entry(id, level, "")).join("");
    format!("{HEAD}{CENSUS}{KEYWORDS}{entries}")
}

fn toy(register: &str, source: &str) -> Workspace {
    let workspace = Workspace::toy(&[("proto-spec/x.toml", register), ("crates/x/src/lib.rs", source)]);
    assert_eq!((&workspace.unreadable[..], &workspace.misplaced[..]), (&[][..], &[][..]));
    workspace
}

/// What is said about a register that differs from the whole one by one replacement.
fn changed(from: &str, to: &str) -> Vec<String> {
    let whole = whole();
    assert!(whole.contains(from), "{from}");
    let workspace = toy(&whole.replacen(from, to, 1), "");
    registers(&workspace.documents).iter().map(ToString::to_string).collect()
}

#[test]
fn a_whole_workspace_has_no_findings() {
    let workspace = toy(&whole(), TEST);
    assert_eq!(workspace.documents[0].requirements.len(), 4);
    assert_eq!(registers(&workspace.documents), []);
    assert_eq!(proofs(&workspace), []);
    assert_eq!(gaps(&workspace), []);
}

#[test]
fn an_untested_requirement_is_reported_unless_it_is_a_may() {
    let said: Vec<_> = gaps(&toy(&whole(), "")).iter().map(ToString::to_string).collect();
    let expected = [
        "X-1-01: MUST without a test: agent: Do.",
        "X-1-02: RULE without a test: agent: Do.",
        "X-1.10-01: SHOULD without a test: agent: Do.",
    ];
    assert_eq!(said, expected);
}

#[test]
fn a_waiver_takes_the_place_of_a_test() {
    let waived = whole()
        .replacen("\"SHOULD\"\nsubject", "\"SHOULD\"\nwaived = \"by design\"\nsubject", 1)
        .replacen("\"MUST\"\nsubject = \"agent\"", "\"MUST\"\nwaived = \"theirs\"\nsubject = \"author\"", 1);
    let workspace = toy(&waived, "// req: X-1-02\n#[test]\nfn proves() {}\n");
    assert_eq!((registers(&workspace.documents), proofs(&workspace), gaps(&workspace)), Default::default());
}

#[test]
fn a_waiver_of_what_is_tested_is_reported() {
    let waived = whole().replacen("\"SHOULD\"\nsubject", "\"SHOULD\"\nwaived = \"by design\"\nsubject", 1);
    let said: Vec<_> = proofs(&toy(&waived, TEST)).iter().map(ToString::to_string).collect();
    assert_eq!(said, ["X-1.10-01: waived, but crates/x/src/lib.rs::proves tests it"]);
}

#[test]
fn a_tag_with_an_unknown_identifier_is_reported() {
    let source = "// req: X-1-01, X-1-03\n#[test]\nfn proves() {}\n";
    let said: Vec<_> = proofs(&toy(&whole(), source)).iter().map(ToString::to_string).collect();
    assert_eq!(said, ["crates/x/src/lib.rs:1: no requirement has the identifier X-1-03"]);
}

#[test]
fn duplicates_are_reported() {
    let said = changed("X-1-02", "X-1-01");
    assert!(said.contains(&"X-1-01: two entries have this identifier".to_owned()), "{said:?}");
    let documents = [whole(), whole()].map(|text| Document::parse("x.toml", &text).unwrap().unwrap());
    let twice = registers(&documents);
    assert_eq!(twice.len(), 4, "also across registers: {twice:?}");
}

#[test]
fn gaps_and_disorder_are_reported() {
    let gap = changed("X-1-02", "X-1-03");
    assert_eq!(gap, ["X-1-03: out of order or after a gap, expected X-1-02"]);
    let late = changed("X-1.10-01", "X-1.10-02");
    assert!(late[0].starts_with("X-1.10-02: two entries"), "{late:?}");
    assert!(late[1].starts_with("X-1.10-02: out of order or after a gap, expected X-1.10-01"), "{late:?}");
    let entries = format!("{}{}", entry("X-1.10-01", "SHOULD", ""), entry("X-1-01", "MUST", ""));
    let census = "[census]\n\"1\" = { must = 1 }\n\"1.10\" = { should = 1 }\n";
    let back = registers(&toy(&format!("{HEAD}{census}{entries}"), "").documents);
    let expected = Finding::Order { id: "X-1-01".to_owned(), expected: "a later section".to_owned() };
    assert_eq!(back, [expected]);
}

#[test]
fn a_census_that_differs_is_reported() {
    let census = |from, to| changed(from, to).join("\n");
    assert_eq!(
        census("rule = 1", "rule = 2"),
        "proto-spec/x.toml, section 1: the census says 2 RULE, the list has 1"
    );
    assert_eq!(
        census(", rule = 1", ""),
        "proto-spec/x.toml, section 1: the census says 0 RULE, the list has 1"
    );
    let extra = census("[census]\n", "[census]\n\"2\" = { must = 1 }\n");
    assert_eq!(extra, "proto-spec/x.toml, section 2: the census says 1 MUST, the list has 0");
    let level = census("level = \"MAY\"", "level = \"RULE\"");
    assert_eq!(level.lines().count(), 2, "{level}");
}

#[test]
fn fewer_entries_than_key_words_are_reported() {
    let said = changed("[keywords]\n\"1\" = { must = 1 }", "[keywords]\n\"1\" = { must = 2 }");
    assert_eq!(said, ["proto-spec/x.toml, section 1: the document has 2 MUST, the list only 1"]);
}

#[test]
fn broken_entries_are_reported() {
    assert_eq!(changed("X-1-01", "X-1-1")[0], "X-1-1: an identifier is PREFIX-SECTION-NN");
    assert_eq!(changed("X-1-01", "Y-1-01")[0], "Y-1-01: its prefix is not that of the document");
    assert_eq!(
        changed("subject = \"agent\"", "subject = \"agents\""),
        ["X-1-01: the document does not name this subject"]
    );
    assert_eq!(changed("text = \"Do.\"", "text = \" \""), ["X-1-01: the text is one line"]);
}

#[test]
fn waivers_that_may_not_be_are_reported() {
    let waive = |level: &str, reason: &str| {
        let from = format!("level = \"{level}\"\n");
        changed(&from, &format!("{from}waived = \"{reason}\"\n")).join("\n")
    };
    assert_eq!(waive("MUST", "too hard"), "X-1-01: only duties outside this project may be waived");
    assert_eq!(waive("RULE", "too hard"), "X-1-02: only duties outside this project may be waived");
    assert_eq!(waive("MAY", "why not"), "X-1.10-02: MAY needs no waiver");
    assert_eq!(waive("SHOULD", " "), "X-1.10-01: a waiver is one line of reason");
    assert_eq!(waive("SHOULD", "by design"), "");
}

#[test]
fn what_is_open_needs_no_test_and_has_none() {
    let open = whole().replacen("\"MUST\"\nsubject", "\"MUST\"\nopen = \"not yet\"\nsubject", 1);
    let rest = "// req: X-1-02, X-1.10-01\n#[test]\nfn proves() {}\n";
    let workspace = toy(&open, rest);
    assert_eq!((registers(&workspace.documents), proofs(&workspace), gaps(&workspace)), Default::default());
    let said: Vec<_> = proofs(&toy(&open, TEST)).iter().map(ToString::to_string).collect();
    assert_eq!(said, ["X-1-01: open, but crates/x/src/lib.rs::proves tests it"]);
    let bad = changed("\"MUST\"\nsubject", "\"MUST\"\nopen = \" \"\nsubject");
    assert_eq!(bad, ["X-1-01: what is open has one line of reason"]);
    let both = "\"SHOULD\"\nopen = \"x\"\nwaived = \"y\"\nsubject";
    assert_eq!(changed("\"SHOULD\"\nsubject", both), ["X-1.10-01: what is waived is not open"]);
}

/// A draft of two entries with these fates.
fn draft(fates: [&str; 2]) -> String {
    let [first, second] =
        fates.map(|fate| if fate.is_empty() { String::new() } else { format!("fate = \"{fate}\"") });
    let entries = entry("D-1-01", "MUST", &first) + &entry("D-1-02", "MUST", &second);
    format!("{}[census]\n\"1\" = {{ must = 2 }}\n{entries}", HEAD.replace('X', "D"))
}

#[test]
fn every_requirement_of_a_draft_has_a_fate_that_leads_somewhere() {
    let said = |fates| {
        let files = [("proto-spec/d.toml", draft(fates)), ("proto-spec/x.toml", whole())];
        let files: Vec<_> = files.iter().map(|(file, text)| (*file, text.as_str())).collect();
        let workspace = Workspace::toy(&files);
        let untested =
            gaps(&workspace).iter().filter(|finding| finding.to_string().starts_with("D-")).count();
        assert_eq!(untested, usize::from(fates.contains(&"")), "what a draft says is not tested");
        registers(&workspace.documents).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(said(["kept as X-1-01", "dropped"]), [""; 0]);
    assert_eq!(said(["changed to X-1-01, X-1-02", "dropped"]), [""; 0]);
    let lost = "D-1-01: no requirement has the identifier X-9-01 of its fate";
    assert_eq!(said(["kept as X-9-01", "dropped"]), [lost]);
    let none = "D-1-02: every entry of a draft is kept as others, changed to others, or dropped";
    assert_eq!(said(["dropped", ""]), [none]);
    assert_eq!(said(["dropped", "gone"]), [none]);
}
