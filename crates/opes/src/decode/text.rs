//! Octets from the wire as text for a terminal: nothing of it can be taken for anything else.

use ocp_proto::codec::{Structure, Value};

/// The most octets of an atom that are shown.
const SHOWN: usize = 200;

/// The most columns of a list that stands on one line.
const ONE_LINE: usize = 80;

/// The octets between quotes, with every octet escaped that is no printable ASCII.
pub(crate) fn quoted(octets: &[u8]) -> String {
    format!("\"{}\"", octets.escape_ascii())
}

/// The first octets, and how many there are where not all are shown.
pub(crate) fn excerpt(octets: &[u8], most: usize) -> String {
    if octets.len() <= most {
        return quoted(octets);
    }
    format!("{}... ({} octets)", quoted(&octets[..most]), octets.len())
}

/// A name or other octets that are safe almost always.
pub(crate) fn name(octets: &[u8]) -> String {
    let shown = &octets[..octets.len().min(SHOWN)];
    let dots = if shown.len() < octets.len() { "..." } else { "" };
    format!("{}{dots}", shown.escape_ascii())
}

/// An atom: bare where RFC 4037 section 3.1 has it so, else quoted.
pub(crate) fn atom(octets: &[u8]) -> String {
    let safe = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
    if !octets.is_empty() && octets.len() <= SHOWN && octets.iter().all(safe) {
        return name(octets);
    }
    excerpt(octets, SHOWN)
}

/// A value in lines that are to be indented further; the first one goes where the value begins.
pub(crate) fn value(value: &Value) -> Vec<String> {
    match value {
        Value::Atom(octets) => vec![atom(octets)],
        Value::List(items) => list(items),
        Value::Structure(members) => structure(members),
    }
}

fn list(items: &[Value]) -> Vec<String> {
    let items: Vec<_> = items.iter().map(value).collect();
    let columns: usize = items.iter().flatten().map(|line| line.len() + 2).sum();
    if columns <= ONE_LINE && items.iter().all(|lines| lines.len() == 1) {
        return vec![format!("({})", items.concat().join(", "))];
    }
    let mut lines = vec!["(".to_owned()];
    let last = items.len().saturating_sub(1);
    for (index, item) in items.into_iter().enumerate() {
        indent(&mut lines, item);
        if let Some(line) = lines.last_mut().filter(|_| index < last) {
            line.push(',');
        }
    }
    lines.push(")".to_owned());
    lines
}

fn structure(members: &Structure) -> Vec<String> {
    let mut lines = vec!["{".to_owned()];
    let anonymous: Vec<_> = members.anonymous.iter().map(value).collect();
    if anonymous.iter().all(|lines| lines.len() == 1) {
        let text = anonymous.concat().join(" ");
        lines[0].push_str(&text);
    } else {
        anonymous.into_iter().for_each(|member| indent(&mut lines, member));
    }
    for (name, member) in &members.named {
        let mut member = value(member);
        member[0].insert_str(0, &format!("{}: ", self::name(name)));
        indent(&mut lines, member);
    }
    if lines.len() == 1 {
        lines[0].push('}');
    } else {
        lines.push("}".to_owned());
    }
    lines
}

fn indent(lines: &mut Vec<String>, more: Vec<String>) {
    lines.extend(more.into_iter().map(|line| format!("  {line}")));
}
