//! Queries of URIs and the forms that browsers send.

use std::borrow::Cow;

use http::StatusCode;

use crate::answer::Refusal;

/// Names and values, decoded.
pub(crate) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    /// Reads `application/x-www-form-urlencoded`. Its caller has bounded it.
    pub(crate) fn read(octets: &'a [u8]) -> Self {
        Self(form_urlencoded::parse(octets).collect())
    }

    /// The value of this name; `None` where it is missing or empty, as a field of a form that nobody filled is.
    ///
    /// # Errors
    /// There are several.
    pub(crate) fn sole(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let mut values = self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| &**value);
        let value = values.next().filter(|value| !value.is_empty());
        match values.next() {
            None => Ok(value),
            Some(_) => {
                Err(Refusal::new(StatusCode::BAD_REQUEST, format!("There is more than one \"{name}\".")))
            }
        }
    }

    /// Whether the name is there, with or without a value.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded_and_never_ambiguous() {
        let query = Query::read(b"a=1+2%3C&b=&c=1&c=1&d");
        assert_eq!(query.sole("a"), Ok(Some("1 2<")));
        assert_eq!((query.sole("b"), query.sole("d"), query.sole("e")), (Ok(None), Ok(None), Ok(None)));
        assert_eq!(query.sole("c").unwrap_err().status, 400);
        assert!(query.has("b") && query.has("d") && !query.has("e"));
    }

    #[test]
    fn octets_that_are_no_text_do_no_harm() {
        assert_eq!(Query::read(b"a=%ff%00%").sole("a"), Ok(Some("\u{fffd}\0%")));
    }
}
