//! Text of bounded length.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

/// The most octets of a [`Text`].
pub const TEXT_OCTETS: usize = 1024;
/// Stands at the end of what was cut.
const MARK: &str = "…";

/// Text of at most [`TEXT_OCTETS`] octets; longer text is cut and ends with `…`. Text that somebody else has is shared.
#[derive(Clone)]
pub struct Text(Kept);

#[derive(Clone)]
enum Kept {
    Constant(&'static str),
    Shared(Arc<str>),
    /// A text of a list.
    Listed(Arc<[String]>, usize),
    Own(String),
}

impl Text {
    /// This text, copied.
    pub fn new(text: &str) -> Self {
        if text.is_empty() {
            return Self::default();
        }
        let Some(end) = cut(text) else { return Self(Kept::Own(text.to_owned())) };
        Self(Kept::Own([&text[..end], MARK].concat()))
    }

    /// This text of the program.
    pub fn constant(text: &'static str) -> Self {
        if cut(text).is_some() { Self::new(text) } else { Self(Kept::Constant(text)) }
    }

    /// This text, not copied.
    pub fn shared(text: &Arc<str>) -> Self {
        if cut(text).is_some() { Self::new(text) } else { Self(Kept::Shared(Arc::clone(text))) }
    }

    /// This text of a list, not copied; nothing where the list is shorter.
    pub fn listed(list: &Arc<[String]>, index: usize) -> Self {
        match list.get(index) {
            Some(text) if cut(text).is_some() => Self::new(text),
            _ => Self(Kept::Listed(Arc::clone(list), index)),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Kept::Constant(text) => text,
            Kept::Shared(text) => text,
            Kept::Listed(list, index) => list.get(*index).map_or("", |text| text),
            Kept::Own(text) => text,
        }
    }
}

/// Where text that is too long is cut.
fn cut(text: &str) -> Option<usize> {
    (text.len() > TEXT_OCTETS).then(|| text.floor_char_boundary(TEXT_OCTETS - MARK.len()))
}

impl Default for Text {
    fn default() -> Self {
        Self(Kept::Constant(""))
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<&String> for Text {
    fn from(text: &String) -> Self {
        Self::new(text)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        if text.len() > TEXT_OCTETS { Self::new(&text) } else { Self(Kept::Own(text)) }
    }
}

impl From<&Arc<str>> for Text {
    fn from(text: &Arc<str>) -> Self {
        Self::shared(text)
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text {}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Copied;
        impl Visitor<'_> for Copied {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_str<E>(self, text: &str) -> Result<Text, E> {
                Ok(Text::new(text))
            }
        }
        deserializer.deserialize_str(Copied)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_too_long_is_cut_between_characters_and_says_so() {
        let long = "é".repeat(TEXT_OCTETS);
        for text in [Text::new(&long), Text::from(long.clone()), Text::shared(&Arc::from(long.as_str()))] {
            assert!(text.len() <= TEXT_OCTETS && text.len() > TEXT_OCTETS - 4, "{}", text.len());
            assert!(text.ends_with("é…"));
        }
    }

    #[test]
    fn text_that_fits_is_whole_and_shared_where_it_can_be() {
        let exact: Arc<str> = "x".repeat(TEXT_OCTETS).into();
        let text = Text::shared(&exact);
        assert_eq!(text.as_str(), &*exact);
        assert_eq!(Arc::strong_count(&exact), 2);
        assert_eq!(Text::constant("GET"), Text::new("GET"));
        let list: Arc<[String]> = vec!["a".to_owned(), "b".repeat(TEXT_OCTETS + 1)].into();
        let [first, cut, none] = [0, 1, 2].map(|index| Text::listed(&list, index));
        assert_eq!((&*first, cut.len() <= TEXT_OCTETS, &*none), ("a", true, ""));
    }
}
