//! What the entries of a trace say, for people: whose they are, what they are of, and what is wrong with them.

mod claimed;
mod line;
mod paste;

use http::HeaderMap;

use self::claimed::disowned;
use self::line::judge;
pub use self::line::{Field, Kind, Line, Problem, Whose};
use self::paste::Pasted;
use super::{AgentId, Entry, OPES_PROCESSOR, OPES_SERVICE, OPES_SYSTEM, OPES_VIA, same_agent};
use crate::list;

/// The most octets of fields that are looked at.
const MOST_OCTETS: usize = 1 << 20;

/// The most entries.
const MOST_ENTRIES: usize = 10_000;

/// The entries of a trace, field by field, each in the order in which it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explanation {
    /// A line for each entry.
    pub lines: Vec<Line>,
    /// There is more than what was looked at.
    pub cut: bool,
}

/// Explains pasted text: the header of a message, some lines of it, also as `curl -v` prints them, or nothing but the
/// value of a trace field. `own` are the identifiers of our systems. Takes any text, and time in proportion to it.
pub fn explain(text: &str, own: &[AgentId]) -> Explanation {
    let (text, cut) = beginning(text);
    let mut pasted = Pasted::read(text);
    if pasted.is_empty() {
        pasted = Pasted::bare(text);
    }
    let fields: Vec<_> = pasted.fields().map(|(field, value)| (field, value.as_bytes())).collect();
    let explanation = explain_fields(&fields, own);
    Explanation { cut: cut || explanation.cut, ..explanation }
}

/// Explains the trace fields of a message.
pub fn explain_headers(headers: &HeaderMap, own: &[AgentId]) -> Explanation {
    let names = [
        (OPES_SYSTEM, Field::System),
        (OPES_VIA, Field::Via),
        (OPES_PROCESSOR, Field::Processor),
        (OPES_SERVICE, Field::Service),
    ];
    let (mut fields, mut octets, mut cut) = (Vec::new(), 0, false);
    for (name, field) in &names {
        for value in headers.get_all(name) {
            octets += value.len();
            if octets > MOST_OCTETS {
                cut = true;
            } else {
                fields.push((*field, value.as_bytes()));
            }
        }
    }
    let explanation = explain_fields(&fields, own);
    Explanation { cut: cut || explanation.cut, ..explanation }
}

fn beginning(text: &str) -> (&str, bool) {
    if text.len() <= MOST_OCTETS {
        return (text, false);
    }
    let end = (0..=MOST_OCTETS).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    (&text[..end], true)
}

fn explain_fields(fields: &[(Field, &[u8])], own: &[AgentId]) -> Explanation {
    let mut explanation = Explanation::default();
    for (field, value) in fields {
        for element in list::elements(value) {
            if explanation.lines.len() == MOST_ENTRIES {
                explanation.cut = true;
                break;
            }
            let text = String::from_utf8_lossy(element).into_owned();
            let entry = judge(element);
            explanation.lines.push(Line {
                field: *field,
                whose: Whose::Unknown,
                kind: Kind::Unknown,
                entry,
                text,
            });
        }
    }
    attribute(&mut explanation.lines, own);
    explanation
}

/// The systems that a trace names, ours first among what is equal.
struct Systems<'a> {
    own: &'a [AgentId],
    named: Vec<AgentId>,
}

impl Systems<'_> {
    fn whose(&self, agent: &AgentId) -> Whose {
        match self.own.iter().any(|own| same_agent(own.as_str(), agent.as_str())) {
            true => Whose::Ours,
            false => Whose::Foreign(agent.clone()),
        }
    }

    /// Whether this agent is a system.
    fn has(&self, agent: &AgentId) -> bool {
        self.own.iter().chain(&self.named).any(|system| same_agent(system.as_str(), agent.as_str()))
    }
}

/// Says whose each entry is, and of what kind.
fn attribute(lines: &mut [Line], own: &[AgentId]) {
    let mut named: Vec<AgentId> = Vec::new();
    for line in lines.iter().filter(|line| line.field == Field::System) {
        if let Ok(Entry { agent, .. }) = &line.entry
            && named.len() < MOST_SYSTEMS
            && !named.contains(agent)
        {
            named.push(agent.clone());
        }
    }
    let systems = Systems { own, named };
    let disowned = disowned(lines, own);
    let mut system_lines = lines.iter().zip(&disowned).filter(|(line, _)| line.field == Field::System);
    let only = match &systems.named[..] {
        // Of whom the others are that claim this identity, nobody knows.
        [only] if system_lines.all(|(_, disowned)| !disowned) => systems.whose(only),
        _ => Whose::Unknown,
    };
    let mut group = Whose::Unknown;
    for (line, disowned) in lines.iter_mut().zip(disowned) {
        if disowned {
            (line.kind, line.whose) = (Kind::System, Whose::Claimed);
            if line.field != Field::System {
                group = Whose::Claimed;
            }
            continue;
        }
        let agent = line.entry.as_ref().ok().map(|entry| &entry.agent);
        (line.kind, line.whose) = match line.field {
            Field::System => (Kind::System, agent.map_or(Whose::Unknown, |agent| systems.whose(agent))),
            Field::Processor => (Kind::Processor, only.clone()),
            Field::Service => (Kind::Service, only.clone()),
            // RFC 4236 section 4: a system's entry opens the group of its processors and services.
            Field::Via | Field::Bare => match agent.filter(|agent| systems.has(agent)) {
                Some(system) => {
                    group = systems.whose(system);
                    (Kind::System, group.clone())
                }
                None => (Kind::Unknown, group.clone()),
            },
        };
    }
}

/// The most systems by which a trace is grouped. RFC 3897 section 2 knows two at a time.
const MOST_SYSTEMS: usize = 16;

#[cfg(test)]
mod tests;
