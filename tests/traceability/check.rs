//! The rules for registers and for what tests them. Each gives what breaks it.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::Finding;
use crate::id::{Id, Section};
use crate::register::{Counts, Document, Level, Requirement};
use crate::workspace::Workspace;

/// What is wrong with the registers themselves.
pub(crate) fn registers(documents: &[Document]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    for document in documents {
        for requirement in &document.requirements {
            if !seen.insert(&requirement.id) {
                findings.push(Finding::Duplicate { id: requirement.id.clone() });
            }
            let whys =
                [entry(document, requirement), waiver(document, requirement), fate(document, requirement)];
            let entry = |why| Finding::Entry { id: requirement.id.clone(), why };
            findings.extend(whys.into_iter().flatten().map(entry));
        }
        findings.extend(order(document));
        findings.extend(counts(document));
    }
    findings.extend(lost(documents));
    findings
}

/// Fates that name what no register has.
fn lost(documents: &[Document]) -> Vec<Finding> {
    let all = || documents.iter().flat_map(|document| &document.requirements);
    let known: BTreeSet<_> = all().map(|requirement| requirement.id.as_str()).collect();
    let lost = |requirement: &Requirement| -> Vec<Finding> {
        let successors = requirement.successors().unwrap_or_default().into_iter();
        let unknown = successors.filter(|successor| !known.contains(successor));
        let finding = |successor: &str| Finding::Successor {
            id: requirement.id.clone(),
            successor: successor.to_owned(),
        };
        unknown.map(finding).collect()
    };
    all().flat_map(lost).collect()
}

/// What is wrong with an entry, but for its waiver.
fn entry(document: &Document, requirement: &Requirement) -> Option<&'static str> {
    let Some(id) = Id::parse(&requirement.id) else {
        return Some("an identifier is PREFIX-SECTION-NN");
    };
    let subject = &requirement.subject;
    if id.prefix != document.meta.prefix {
        return Some("its prefix is not that of the document");
    }
    if !document.meta.subjects.contains(subject) && !document.meta.others.contains(subject) {
        return Some("the document does not name this subject");
    }
    let line = |text: &str| !text.trim().is_empty() && text.lines().count() == 1;
    (!line(&requirement.text)).then_some("the text is one line")
}

/// What is wrong with a waiver.
fn waiver(document: &Document, requirement: &Requirement) -> Option<&'static str> {
    let (Some(reason), open) = (requirement.waived.as_ref(), &requirement.open) else {
        let bad = |open: &&String| open.trim().is_empty() || open.lines().count() > 1;
        return requirement.open.as_ref().filter(bad).map(|_| "what is open has one line of reason");
    };
    if open.is_some() {
        return Some("what is waived is not open");
    }
    let outside = document.meta.others.contains(&requirement.subject);
    match requirement.level {
        _ if reason.trim().is_empty() || reason.lines().count() > 1 => Some("a waiver is one line of reason"),
        Level::May => Some("MAY needs no waiver"),
        Level::Must | Level::Rule if !outside => Some("only duties outside this project may be waived"),
        Level::Must | Level::Rule | Level::Should => None,
    }
}

/// What is wrong with what became of an entry.
fn fate(document: &Document, requirement: &Requirement) -> Option<&'static str> {
    if !document.is_draft() {
        return None;
    }
    if requirement.waived.is_some() || requirement.open.is_some() {
        return Some("a draft binds nobody: nothing of it is waived or open");
    }
    let known = requirement.successors().is_some();
    (!known).then_some("every entry of a draft is kept as others, changed to others, or dropped")
}

/// Entries out of order and gaps: sections rise, and in each the numbers go from 1 by ones.
fn order(document: &Document) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut last: Option<Id> = None;
    for requirement in &document.requirements {
        let Some(id) = Id::parse(&requirement.id) else { continue };
        let expected = match &last {
            Some(last) if id.section == last.section => Some(Id { number: last.number + 1, ..id.clone() }),
            Some(last) if id.section < last.section => None,
            _ => Some(Id { number: 1, ..id.clone() }),
        };
        if expected.as_ref() != Some(&id) {
            let expected = expected.map_or_else(|| "a later section".to_owned(), |id| id.to_string());
            findings.push(Finding::Order { id: requirement.id.clone(), expected });
        }
        last = Some(id);
    }
    findings
}

/// Where the list disagrees with the census or has fewer entries than the document has key words.
fn counts(document: &Document) -> Vec<Finding> {
    let mut has: BTreeMap<String, Counts> = BTreeMap::new();
    for requirement in &document.requirements {
        if let Some(id) = Id::parse(&requirement.id) {
            has.entry(id.section.to_string()).or_default().add(requirement.level);
        }
    }
    let mut sections: Vec<_> =
        has.keys().chain(document.census.keys()).chain(document.keywords.keys()).collect();
    sections.sort_by_key(|section| Section::parse(section));
    sections.dedup();
    let mut findings = Vec::new();
    for section in sections {
        let has = has.get(section).copied().unwrap_or_default();
        let census = document.census.get(section).copied().unwrap_or_default();
        let keywords = document.keywords.get(section).copied().unwrap_or_default();
        for level in Level::ALL {
            let (file, section) = (document.file.clone(), section.clone());
            let (says, words, has) = (census.of(level), keywords.of(level), has.of(level));
            if says != has {
                let (file, section) = (file.clone(), section.clone());
                findings.push(Finding::Census { file, section, level, says, has });
            }
            if words > has {
                findings.push(Finding::Keywords { file, section, level, says: words, has });
            }
        }
    }
    findings
}

/// Tags that name what no register has, and waivers of what is tested.
pub(crate) fn proofs(workspace: &Workspace) -> Vec<Finding> {
    let known: BTreeMap<_, _> =
        requirements(workspace).map(|requirement| (requirement.id.as_str(), requirement)).collect();
    let finding = |proof: &crate::tags::Proof| {
        let (id, test) = (proof.id.clone(), proof.test.clone());
        match known.get(proof.id.as_str()) {
            None => Some(Finding::Unknown { place: proof.place.clone(), id }),
            Some(requirement) if requirement.waived.is_some() => Some(Finding::WaivedAndTested { id, test }),
            Some(requirement) if requirement.open.is_some() => Some(Finding::OpenAndTested { id, test }),
            Some(_) => None,
        }
    };
    workspace.proofs.iter().filter_map(finding).collect()
}

/// Requirements that are neither tested nor waived nor said to be open. A MAY needs none of that, nor does a draft: what
/// took the place of its requirements is tested.
pub(crate) fn gaps(workspace: &Workspace) -> Vec<Finding> {
    let tested: BTreeSet<_> = workspace.proofs.iter().map(|proof| proof.id.as_str()).collect();
    requirements(workspace)
        .filter(|requirement| requirement.level != Level::May && requirement.waived.is_none())
        .filter(|requirement| requirement.open.is_none() && requirement.fate.is_none())
        .filter(|requirement| !tested.contains(requirement.id.as_str()))
        .map(|requirement| Finding::Untested {
            id: requirement.id.clone(),
            level: requirement.level,
            text: format!("{}: {}", requirement.subject, requirement.text),
        })
        .collect()
}

fn requirements(workspace: &Workspace) -> impl Iterator<Item = &Requirement> {
    workspace.documents.iter().flat_map(|document| &document.requirements)
}

#[cfg(test)]
mod tests;
