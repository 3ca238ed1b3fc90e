//! `proto-spec/coverage.md`: which test proves which requirement.

use std::fmt::Write as _;

use crate::id::Id;
use crate::register::{Document, Level, Requirement};
use crate::workspace::Workspace;

/// The whole file.
pub(crate) fn render(workspace: &Workspace) -> String {
    let mut out = String::from(
        "# Coverage\n\nWhich test proves which requirement. Written by `tests/traceability` from the registers beside \
         this file and\nthe tags of the tests; not to be edited.\n",
    );
    for document in &workspace.documents {
        section(&mut out, workspace, document);
    }
    out
}

/// Every SHOULD of ours that is waived: the list that RFC 4037 section 15 wants with a claim of compliance.
pub(crate) fn unfollowed(workspace: &Workspace) -> impl Iterator<Item = &Requirement> {
    workspace.documents.iter().flat_map(unfollowed_of)
}

fn unfollowed_of(document: &Document) -> impl Iterator<Item = &Requirement> {
    document.requirements.iter().filter(|requirement| {
        let ours = !document.meta.others.contains(&requirement.subject);
        ours && requirement.level == Level::Should && requirement.waived.is_some()
    })
}

/// Where two texts part; `None` when they do not.
pub(crate) fn first_difference(committed: &str, present: &str) -> Option<String> {
    if committed == present {
        return None;
    }
    let (mut old, mut new) = (committed.lines(), present.lines());
    let mut number = 0;
    loop {
        number += 1;
        let (old, new) = (old.next(), new.next());
        if old != new || old.is_none() {
            let say = |line: Option<&str>| line.unwrap_or("the end").to_owned();
            return Some(format!("line {number}:\n  committed: {}\n  present:   {}", say(old), say(new)));
        }
    }
}

fn section(out: &mut String, workspace: &Workspace, document: &Document) {
    let _ = writeln!(out, "\n## {}\n", document.title());
    totals(out, workspace, document);
    if document.is_draft() {
        fates(out, document);
    } else {
        unfulfilled(out, document);
    }
    let mut last = None;
    for requirement in &document.requirements {
        let current = Id::parse(&requirement.id).map(|id| id.section);
        if current != last {
            let title = current.as_ref().map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(out, "\n### {title}\n\n| id | level | subject | requirement | proof |");
            let _ = writeln!(out, "|---|---|---|---|---|");
            last = current;
        }
        row(out, workspace, requirement);
    }
}

/// How many requirements of a draft were kept, changed and dropped.
fn fates(out: &mut String, document: &Document) {
    let count = |word: &str| {
        let fates = document.requirements.iter().filter_map(|requirement| requirement.fate.as_deref());
        fates.filter(|fate| fate.starts_with(word)).count()
    };
    let (kept, changed, dropped) = (count("kept"), count("changed"), count("dropped"));
    let _ = writeln!(
        out,
        "\nA draft: {kept} of its requirements were kept in RFCs, {changed} were changed, {dropped} were dropped."
    );
}

/// What of a document is not followed or not fulfilled, and why.
fn unfulfilled(out: &mut String, document: &Document) {
    let mut open =
        document.requirements.iter().filter_map(|entry| Some((entry, entry.open.as_ref()?))).peekable();
    if open.peek().is_some() {
        let _ = writeln!(out, "\nOpen, and why:\n");
    }
    for (Requirement { id, level, subject, text, .. }, why) in open {
        let _ = writeln!(out, "* {id}, {level}, {subject}: {text} Why: {why}.");
    }
    let _ = writeln!(out, "\nNot followed at SHOULD, and why:\n");
    let mut none = true;
    for should in unfollowed_of(document) {
        let (id, subject, text) = (&should.id, &should.subject, &should.text);
        let _ = writeln!(out, "* {id}, {subject}: {text} Why: {}.", should.waived.as_deref().unwrap_or("-"));
        none = false;
    }
    if none {
        let _ = writeln!(out, "* nothing");
    }
}

fn totals(out: &mut String, workspace: &Workspace, document: &Document) {
    let _ = writeln!(out, "| level | requirements | tested | waived | neither |");
    let _ = writeln!(out, "|---|---:|---:|---:|---:|");
    for level in Level::ALL {
        let of_level = || document.requirements.iter().filter(|requirement| requirement.level == level);
        let all = of_level().count();
        let tested = of_level().filter(|requirement| !workspace.tests_of(&requirement.id).is_empty()).count();
        let waived = of_level().filter(|requirement| requirement.waived.is_some()).count();
        let neither = of_level()
            .filter(|requirement| {
                let settled = requirement.waived.is_some() || requirement.fate.is_some();
                !settled && workspace.tests_of(&requirement.id).is_empty()
            })
            .count();
        let _ = writeln!(out, "| {level} | {all} | {tested} | {waived} | {neither} |");
    }
}

fn row(out: &mut String, workspace: &Workspace, requirement: &Requirement) {
    let tests = workspace.tests_of(&requirement.id);
    let mut proofs: Vec<_> = tests.iter().map(|test| format!("`{test}`")).collect();
    proofs.extend(requirement.waived.as_ref().map(|reason| format!("waived: {}", cell(reason))));
    proofs.extend(requirement.open.as_ref().map(|reason| format!("**open**: {}", cell(reason))));
    proofs.extend(requirement.fate.as_ref().map(|fate| cell(fate)));
    if proofs.is_empty() {
        proofs.push(if requirement.level == Level::May { "free" } else { "**none**" }.to_owned());
    }
    let (id, level, subject) = (&requirement.id, requirement.level, &requirement.subject);
    let text = cell(&requirement.text);
    let _ = writeln!(out, "| {id} | {level} | {subject} | {text} | {} |", proofs.join("<br>"));
}

/// Text that does not end its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toy(source: &str) -> Workspace {
        let entry = |number: u32, level: &str, more: &str| {
            format!(
                "[[requirement]]\nid = \"X-2-0{number}\"\nlevel = \"{level}\"\nsubject = \"agent\"\n\
                 text = \"Do {number} | more.\"\n{more}\n"
            )
        };
        let entries = [
            entry(1, "MUST", ""),
            entry(2, "RULE", ""),
            entry(3, "SHOULD", "waived = \"the design\""),
            entry(4, "MAY", ""),
        ];
        let register =
            format!("[document]\nrfc = 7\nprefix = \"X\"\nsubjects = []\n[census]\n{}", entries.join(""));
        Workspace::toy(&[("proto-spec/x.toml", &register), ("crates/x/src/lib.rs", source)])
    }

    #[test]
    fn every_requirement_has_a_row_and_totals_come_first() {
        let text = render(&toy("// req: X-2-01\n#[test]\nfn a() {}\n// req: X-2-01\n#[test]\nfn b() {}\n"));
        let (before, after) = text.split_once("### 2").unwrap();
        assert!(before.contains("## RFC 7") && before.contains("| MUST | 1 | 1 | 0 | 0 |"), "{before}");
        assert!(before.contains("| RULE | 1 | 0 | 0 | 1 |") && before.contains("| SHOULD | 1 | 0 | 1 | 0 |"));
        assert!(before.contains("* X-2-03, agent: Do 3 | more. Why: the design."), "{before}");
        let rows: Vec<_> = after.lines().filter(|line| line.starts_with("| X-")).collect();
        let expected = [
            "| X-2-01 | MUST | agent | Do 1 \\| more. | `crates/x/src/lib.rs::a`<br>`crates/x/src/lib.rs::b` |",
            "| X-2-02 | RULE | agent | Do 2 \\| more. | **none** |",
            "| X-2-03 | SHOULD | agent | Do 3 \\| more. | waived: the design |",
            "| X-2-04 | MAY | agent | Do 4 \\| more. | free |",
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn a_new_test_changes_the_file() {
        let (without, with) = (render(&toy("")), render(&toy("// req: X-2-02\n#[test]\nfn a() {}\n")));
        assert_eq!(first_difference(&with, &with), None);
        let difference = first_difference(&without, &with).unwrap();
        assert!(difference.contains("committed: | RULE | 1 | 0 | 0 | 1 |"), "{difference}");
        assert!(first_difference("", &with).unwrap().starts_with("line 1:"), "no file at all");
        assert!(first_difference("a\nb\n", "a\n").unwrap().contains("present:   the end"));
        assert!(first_difference("a", "a\n").is_some(), "a line end counts");
    }

    #[test]
    fn the_list_of_unfollowed_shoulds_has_ours_and_no_others() {
        let ours = toy("");
        assert_eq!(unfollowed(&ours).map(|should| should.id.as_str()).collect::<Vec<_>>(), ["X-2-03"]);
        let mut theirs = toy("");
        theirs.documents[0].meta.others.push("agent".to_owned());
        assert_eq!(unfollowed(&theirs).count(), 0);
        assert!(render(&theirs).contains("\n* nothing\n"));
    }
}
