//! Trace entries (RFC 4236 section 4, figure 16).

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use opes_sdk::TraceRecord;

use super::{AgentId, AgentIdError};
use crate::list;

/// A `trace-entry`: an agent and what it says about what it did.
///
/// It displays as it stands in a field: `http://a.example/x;mode=A;note="b c"`. Whatever its parameters hold,
/// that is a valid piece of a field value: a character that cannot stand in a parameter's name is left out, a
/// parameter whose name is then empty too, and a control character in a value becomes a space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The agent.
    pub agent: AgentId,
    /// Names and values, in order.
    pub parameters: Vec<(String, Option<String>)>,
}

impl Entry {
    /// An entry without parameters.
    pub fn new(agent: AgentId) -> Self {
        Self { agent, parameters: Vec::new() }
    }

    /// The entry with one more parameter at its end.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.push((name.into(), Some(value.into())));
        self
    }

    /// The entry as it stands in a field: what it displays as.
    pub(super) fn text(&self) -> Cow<'_, str> {
        match self.parameters.is_empty() {
            true => Cow::Borrowed(self.agent.as_str()),
            false => Cow::Owned(self.to_string()),
        }
    }

    /// Reads one list element; `None` when it is not a trace entry, or not UTF-8. White space around the
    /// separators is fine, as in RFC 2616.
    pub fn parse(element: &[u8]) -> Option<Self> {
        let mut pieces = list::split(element, b';');
        let agent = AgentId::new(std::str::from_utf8(pieces.next()?).ok()?).ok()?;
        let parameters = pieces.map(parameter).collect::<Option<Vec<_>>>()?;
        Some(Self { agent, parameters })
    }
}

impl TryFrom<&TraceRecord> for Entry {
    type Error = AgentIdError;

    /// The entry that a service's record asks for; fails when the record's agent is no [`AgentId`].
    fn try_from(record: &TraceRecord) -> Result<Self, Self::Error> {
        let parameters = record.parameters.iter().cloned();
        Ok(Self {
            agent: AgentId::new(&record.agent)?,
            parameters: parameters.map(|(name, value)| (name, Some(value))).collect(),
        })
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.agent.fmt(f)?;
        for (name, value) in &self.parameters {
            let name = match list::is_token(name.as_bytes()) {
                true => Cow::Borrowed(name.as_str()),
                false => name.chars().filter(|c| is_tchar(*c)).collect::<String>().into(),
            };
            if name.is_empty() {
                continue;
            }
            f.write_char(';')?;
            f.write_str(&name)?;
            if let Some(value) = value {
                f.write_char('=')?;
                write_value(value, f)?;
            }
        }
        Ok(())
    }
}

/// One element of a trace field's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<'a> {
    /// The element's octets, without the white space around them.
    pub text: &'a [u8],
    /// The element as an entry, where it is one.
    pub entry: Option<Entry>,
}

/// The elements of a trace field's value, in order, whether they are entries or not.
pub fn entries(value: &[u8]) -> impl Iterator<Item = Listed<'_>> {
    list::elements(value).map(|text| Listed { text, entry: Entry::parse(text) })
}

pub(super) fn parameter(piece: &[u8]) -> Option<(String, Option<String>)> {
    let (name, value) = list::name_and_value(piece);
    let name = std::str::from_utf8(name).ok().filter(|name| list::is_token(name.as_bytes()))?;
    let value = match value {
        Some(value) => Some(list::word(value)?),
        None => None,
    };
    Some((name.to_owned(), value))
}

/// Writes a token as it is and everything else as a quoted string (RFC 9110 section 5.6.4).
fn write_value(value: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if list::is_token(value.as_bytes()) {
        return f.write_str(value);
    }
    f.write_char('"')?;
    for c in value.chars() {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            control if control.is_ascii_control() => f.write_char(' ')?,
            other => f.write_char(other)?,
        }
    }
    f.write_char('"')
}

fn is_tchar(c: char) -> bool {
    u8::try_from(c).is_ok_and(list::is_tchar)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn entry(uri: &str) -> Entry {
        Entry::new(AgentId::new(uri).unwrap())
    }

    #[test]
    fn parameters_are_tokens_or_quoted_strings() {
        let mut traced =
            entry("http://a.example/x").with("mode", "A").with("note", "b \"c\" \\ , ; d").with("e", "");
        traced.parameters.push(("flag".into(), None));
        let text = r#"http://a.example/x;mode=A;note="b \"c\" \\ , ; d";e="";flag"#;
        assert_eq!(traced.to_string(), text);
        assert_eq!(Entry::parse(text.as_bytes()), Some(traced));
    }

    #[test]
    fn white_space_around_separators_is_fine() {
        let spaced = Entry::parse(b"http://www.srvcs-4u.example.com/cat/?sid=125 ; mode = A");
        assert_eq!(spaced, Some(entry("http://www.srvcs-4u.example.com/cat/?sid=125").with("mode", "A")));
    }

    #[test]
    fn what_is_no_entry_stays_text() {
        let value = b"http://a/;x=\"1,2\", not-a-uri ,, http://b/;=c, http://c/;d=e f,\xff";
        let listed = entries(value).collect::<Vec<_>>();
        assert_eq!(listed[0].entry, Some(entry("http://a/").with("x", "1,2")));
        let texts = listed.iter().skip(1).map(|listed| (listed.text, listed.entry.is_some()));
        let expected: [(&[u8], bool); 4] =
            [(b"not-a-uri", false), (b"http://b/;=c", false), (b"http://c/;d=e f", false), (b"\xff", false)];
        assert_eq!(texts.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn parameters_cannot_smuggle_anything() {
        let traced =
            entry("http://a/").with("a\r\nb;", "c\r\nX: y").with("\r\n", "gone").with("\u{e4}", "gone");
        assert_eq!(traced.to_string(), "http://a/;ab=\"c  X: y\"");
    }

    #[test]
    fn a_record_of_a_service_becomes_an_entry() {
        let record = TraceRecord::new("http://services.example.com/digest").with("sha256", "00ff");
        let traced = Entry::try_from(&record).unwrap();
        assert_eq!(traced.to_string(), "http://services.example.com/digest;sha256=00ff");
        assert!(Entry::try_from(&TraceRecord::new("digest")).is_err());
    }

    proptest! {
        #[test]
        fn entries_round_trip(
            parameters in proptest::collection::vec(
                ("[a-zA-Z0-9!-]{1,8}", proptest::option::of("[^\\pC]{0,12}")),
                0..4,
            ),
        ) {
            let traced = Entry { parameters, ..entry("http://a.example/x?y=z") };
            prop_assert_eq!(Entry::parse(traced.to_string().as_bytes()), Some(traced));
        }

        #[test]
        fn an_entry_is_always_one_valid_list_element(names: Vec<String>, value: String) {
            let parameters = names.into_iter().map(|name| (name, Some(value.clone()))).collect();
            let text = Entry { parameters, ..entry("http://a/") }.to_string();
            prop_assert!(HeaderValue::from_bytes(text.as_bytes()).is_ok());
            prop_assert!(Entry::parse(text.as_bytes()).is_some());
            prop_assert_eq!(list::elements(text.as_bytes()).count(), 1);
        }

        #[test]
        fn arbitrary_values_never_panic(value in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = entries(&value).count();
        }
    }
}
