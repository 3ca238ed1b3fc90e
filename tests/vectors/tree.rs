//! A decoded message as the tree of lines that the vectors expect.

use ocp_proto::codec::{RawMessage, Structure, Value};

use crate::notation::escaped;

/// The lines of a message.
pub(crate) fn tree(raw: &RawMessage, payload: Option<&[u8]>) -> Vec<String> {
    let mut lines = vec![format!("message {}", escaped(raw.name()))];
    let Structure { anonymous, named } = raw.parameters().to_structure();
    anonymous.iter().for_each(|member| value(member, 1, "", &mut lines));
    for (name, member) in &named {
        let name = std::str::from_utf8(name).expect("names are ASCII");
        let row: Vec<_> = raw.named_values(name).map(|member| member.to_value()).collect();
        match &row[..] {
            [_, _, ..] => {
                lines.push(format!("  {name}: row"));
                row.iter().for_each(|member| value(member, 2, "", &mut lines));
            }
            _ => value(member, 1, &format!("{name}: "), &mut lines),
        }
    }
    lines.extend(payload.map(|octets| format!("  payload \"{}\"", escaped(octets))));
    lines
}

fn value(value: &Value, depth: usize, name: &str, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Atom(octets) => lines.push(format!("{indent}{name}atom \"{}\"", escaped(octets))),
        Value::List(items) => {
            lines.push(format!("{indent}{name}list"));
            items.iter().for_each(|item| self::value(item, depth + 1, "", lines));
        }
        Value::Structure(Structure { anonymous, named }) => {
            lines.push(format!("{indent}{name}structure"));
            anonymous.iter().for_each(|member| self::value(member, depth + 1, "", lines));
            for (name, member) in named {
                let name = std::str::from_utf8(name).expect("names are ASCII");
                self::value(member, depth + 1, &format!("{name}: "), lines);
            }
        }
    }
}
