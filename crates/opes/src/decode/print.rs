//! The report.

use std::io::{self, Write};

use ocp_proto::codec::{RawMessage, Structure, Value, ValueRef};
use ocp_proto::message::names;

use super::capture::{PREVIEW, Payload};
use super::rule::Violation;
use super::text;

/// How far what belongs to a message is indented.
const INDENT: usize = 16;

/// The column of the title.
const TITLE: usize = 24;

/// Writes the report.
pub(super) struct Printer<W> {
    out: W,
    /// Two directions: every line says which.
    both: bool,
    messages: u64,
    violations: u64,
}

impl<W: Write> Printer<W> {
    pub(super) fn new(out: W, both: bool) -> Self {
        Self { out, both, messages: 0, violations: 0 }
    }

    /// A message without its payload: simple anonymous parameters beside the name, everything else on lines below.
    pub(super) fn message(&mut self, label: char, offset: u64, raw: &RawMessage) -> io::Result<()> {
        self.messages += 1;
        let Structure { anonymous, named } = raw.parameters().to_structure();
        let mut values = anonymous.iter().map(text::value).peekable();
        let mut first = text::name(raw.name());
        while let Some(lines) = values.next_if(|lines| lines.len() == 1 && lines[0].len() <= TITLE) {
            first.push(' ');
            first.push_str(&lines[0]);
            if first.len() > TITLE {
                break;
            }
        }
        let title = names::known(raw.name()).map_or("not of OCP Core", |(_, title)| title);
        writeln!(self.out, "{label} {offset:>11}   {first:<TITLE$}  {title}")?;
        values.try_for_each(|lines| self.lines(&lines))?;
        for (name, value) in &named {
            let mut lines = text::value(value);
            lines[0].insert_str(0, &format!("{}: ", text::name(name)));
            if let Some(second) = second_value(raw, name) {
                lines = vec![format!("{} {}", lines.concat(), text::value(&second).concat())];
            }
            self.lines(&lines)?;
        }
        Ok(())
    }

    fn lines(&mut self, lines: &[String]) -> io::Result<()> {
        lines.iter().try_for_each(|line| writeln!(self.out, "{:INDENT$}{line}", ""))
    }

    /// The payload of the last message.
    pub(super) fn payload(&mut self, size: u64, payload: &Payload) -> io::Result<()> {
        write!(self.out, "{:INDENT$}payload of {size} octets", "")?;
        if payload.size < size {
            write!(self.out, ", of which {} are there", payload.size)?;
        }
        if !payload.preview.is_empty() {
            write!(self.out, ": {}", text::quoted(&payload.preview))?;
        }
        let more = payload.size > PREVIEW as u64;
        writeln!(self.out, "{}", if more { "..." } else { "" })
    }

    /// A violation of the last message.
    pub(super) fn violation(&mut self, label: char, offset: u64, violation: &Violation) -> io::Result<()> {
        self.violations += 1;
        let Violation { rule, text } = violation;
        let whose = if self.both { format!("{label} ") } else { String::new() };
        writeln!(self.out, "! {} at {whose}{offset}: {text}", rule.id())
    }

    /// Something that is no violation.
    pub(super) fn note(&mut self, label: char, offset: u64, text: &str) -> io::Result<()> {
        writeln!(self.out, "{label} {offset:>11}   ({text})")
    }

    /// Ends the report; gives the number of violations.
    pub(super) fn finish(mut self) -> io::Result<u64> {
        writeln!(self.out, "{}, {}", count(self.messages, "message"), count(self.violations, "violation"))?;
        self.out.flush()?;
        Ok(self.violations)
    }
}

/// `Kept` may have two values in a row (RFC 4037 section 11.9).
fn second_value(raw: &RawMessage, name: &[u8]) -> Option<Value> {
    if name != b"Kept" {
        return None;
    }
    raw.named_values("Kept").nth(1).map(ValueRef::to_value)
}

fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
