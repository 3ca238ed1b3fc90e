//! Variables and parameters: lists of names with values.

use std::collections::BTreeMap;

use ocp_proto::codec::{ValueRef, write_atom};

use super::allowance::cost;

/// The most variables in one parameter.
pub(super) const COUNT: usize = 64;

/// The most octets of a name.
pub(super) const NAME_OCTETS: usize = 64;

/// The most octets of a value.
pub(super) const VALUE_OCTETS: usize = 4096;

/// The most octets of all variables in one parameter, so that every AMS fits into the 65536 octets that an agent takes
/// at least.
pub(super) const TOTAL_OCTETS: usize = 12 * 1024;

/// What may still be added to one parameter.
struct Room {
    count: usize,
    octets: usize,
}

impl Room {
    fn new() -> Self {
        Self { count: COUNT, octets: TOTAL_OCTETS }
    }

    fn take(&mut self, name: &str, value: &str) -> bool {
        let octets = cost([name.len(), value.len()]);
        let fits = self.count > 0 && value.len() <= VALUE_OCTETS && octets <= self.octets;
        if fits {
            self.count -= 1;
            self.octets -= octets;
        }
        fits
    }
}

/// Whether this is a name: 1 to 64 of a-z, 0-9 and _.
fn is_name(name: &str) -> bool {
    let allowed = |octet: u8| matches!(octet, b'a'..=b'z' | b'0'..=b'9' | b'_');
    (1..=NAME_OCTETS).contains(&name.len()) && name.bytes().all(allowed)
}

/// Appends the parameter with these variables; nothing where none can go. Says how many are left out.
pub(super) fn write<'a>(
    parameter: &str,
    variables: impl Iterator<Item = (&'a str, &'a str)>,
    out: &mut Vec<u8>,
) -> usize {
    let (mut room, mut dropped, mut any) = (Room::new(), 0, false);
    for (name, value) in variables {
        if !is_name(name) || !room.take(name, value) {
            dropped += 1;
            continue;
        }
        if any {
            out.push(b',');
        } else {
            out.extend_from_slice(parameter.as_bytes());
            out.extend_from_slice(b": (");
            any = true;
        }
        write_pair(name, value, out);
    }
    if any {
        out.extend_from_slice(b")\r\n");
    }
    dropped
}

/// Appends `{name value}`.
pub(super) fn write_pair(name: &str, value: &str, out: &mut Vec<u8>) {
    out.push(b'{');
    write_atom(name.as_bytes(), out);
    out.push(b' ');
    write_atom(value.as_bytes(), out);
    out.push(b'}');
}

/// The octets of a name and its value; `None` when the value is no structure of two atoms of text.
pub(super) fn read_pair(item: ValueRef<'_>) -> Option<(&str, &str)> {
    let members = item.as_structure()?;
    let text = |position| {
        let octets = members.anonymous(position)?.as_atom()?;
        std::str::from_utf8(octets).ok()
    };
    Some((text(0)?, text(1)?))
}

/// Reads variables, and says how many were left out; `None` when the value is ill-typed.
pub(super) fn read(value: ValueRef<'_>) -> Option<(BTreeMap<String, String>, usize)> {
    let (mut variables, mut room, mut dropped) = (BTreeMap::new(), Room::new(), 0);
    for item in value.as_list()? {
        let (name, value) = read_pair(item).filter(|(name, _)| is_name(name))?;
        if variables.contains_key(name) {
            return None;
        }
        if room.take(name, value) {
            variables.insert(name.to_owned(), value.to_owned());
        } else {
            dropped += 1;
        }
    }
    Some((variables, dropped))
}
