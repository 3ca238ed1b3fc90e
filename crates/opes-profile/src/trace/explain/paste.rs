//! Trace fields in pasted text.

use super::Field;

/// The trace fields that a text holds, unfolded.
pub(super) struct Pasted(Vec<(Field, String)>);

impl Pasted {
    /// Looks for lines that begin with the name of a trace field, and takes the lines that continue them.
    pub(super) fn read(text: &str) -> Self {
        let mut fields: Vec<(Field, String)> = Vec::new();
        let mut open = false;
        for line in text.lines().map(without_mark) {
            // RFC 9112 section 5.2: a line that begins with white space continues the one before.
            if line.starts_with([' ', '\t']) {
                if let Some((_, value)) = fields.last_mut().filter(|_| open) {
                    value.push(' ');
                    value.push_str(line.trim());
                }
                continue;
            }
            let field = line.split_once(':').and_then(|(name, value)| Some((Field::of(name.trim())?, value)));
            open = field.is_some();
            fields.extend(field.map(|(field, value)| (field, value.trim().to_owned())));
        }
        Self(fields)
    }

    /// Takes the text for the value of a field.
    pub(super) fn bare(text: &str) -> Self {
        let value = text.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        Self(vec![(Field::Bare, value)])
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = (Field, &str)> {
        // A trace in OPES-System tells what the systems are, so it comes first.
        let system = self.0.iter().filter(|(field, _)| *field == Field::System);
        let others = self.0.iter().filter(|(field, _)| *field != Field::System);
        system.chain(others).map(|(field, value)| (*field, value.as_str()))
    }
}

/// The line without the mark with which `curl -v` says who sent it.
fn without_mark(line: &str) -> &str {
    line.strip_prefix("< ").or_else(|| line.strip_prefix("> ")).unwrap_or(line)
}
