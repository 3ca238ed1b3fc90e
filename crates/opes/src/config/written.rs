//! A file as it is written, to tell what another version of it changes.

use toml::{Table, Value};

use super::error::{ConfigError, Source};

/// What a file says, whatever it means.
pub(crate) struct Written(Table);

impl Written {
    pub(super) fn new(source: &Source) -> Result<Self, ConfigError> {
        source.parse().map(Self)
    }

    /// The keys on which the two do not agree, but for those that are `live` or whose whole table is.
    pub(crate) fn changed(&self, other: &Self, live: &[&str]) -> Vec<String> {
        let mut changed = differences(&self.0, &other.0, "");
        changed.retain(|key| !live.contains(&key.as_str()));
        changed
    }
}

fn differences(one: &Table, other: &Table, prefix: &str) -> Vec<String> {
    let (empty, mut found) = (Table::new(), Vec::new());
    let mut keys: Vec<_> = one.keys().chain(other.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        let name = format!("{prefix}{key}");
        match (one.get(key), other.get(key)) {
            (one, other) if one == other => {}
            (Some(Value::Table(one)), Some(Value::Table(other))) => {
                found.extend(differences(one, other, &format!("{name}.")));
            }
            (Some(Value::Table(table)), None) | (None, Some(Value::Table(table))) => {
                found.extend(differences(table, &empty, &format!("{name}.")));
            }
            _ => found.push(name),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_named_with_their_tables() {
        let written = |text: &str| Written(text.parse().unwrap());
        let one = written(
            "listen = 'a'\n[limits]\nx = 1\ny = 2\n[[rules]]\nz = 1\n[tls]\nkey = 'k'\n[gone]\nv = 1",
        );
        let other = written("listen = 'b'\n[limits]\ny = 3\nx = 1\n[[rules]]\nz = 2\n[tls]\nkey = 'k'\n");
        assert_eq!(one.changed(&other, &[]), ["gone.v", "limits.y", "listen", "rules"]);
        assert_eq!(one.changed(&other, &["rules", "limits.y"]), ["gone.v", "listen"]);
        assert_eq!(other.changed(&one, &["rules"]), ["gone.v", "limits.y", "listen"]);
        assert!(one.changed(&one, &[]).is_empty());
    }
}
