//! Identifiers of OPES agents (RFC 4236 section 4).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// An `opes-agent-id`: an absolute URI that a trace entry can carry. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentId(Arc<str>);

/// Why a text is no [`AgentId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AgentIdError {
    /// There is no scheme with something after it.
    #[error("it is not an absolute URI, such as http://opes.example.com/system")]
    NotAbsolute,
    /// `,` and `;` are allowed in URIs but separate entries and parameters in a trace.
    #[error("it contains {0:?}, which separates the parts of a trace")]
    Separator(char),
    /// White space, control characters, a fragment, and whatever else an absolute URI cannot hold.
    #[error("it contains {0:?}, which an absolute URI cannot hold")]
    Character(char),
}

impl AgentId {
    /// Takes `uri` as it is, octet for octet.
    ///
    /// # Errors
    ///
    /// An [`AgentIdError`] that says what is wrong with it.
    pub fn new(uri: &str) -> Result<Self, AgentIdError> {
        let unusable = uri.bytes().position(|octet| !is_allowed(octet));
        match unusable.and_then(|at| uri[at..].chars().next()) {
            Some(separator @ (',' | ';')) => return Err(AgentIdError::Separator(separator)),
            Some(other) => return Err(AgentIdError::Character(other)),
            None => {}
        }
        let (scheme, rest) = uri.split_once(':').ok_or(AgentIdError::NotAbsolute)?;
        if !is_scheme(scheme) || rest.trim_start_matches('/').is_empty() {
            return Err(AgentIdError::NotAbsolute);
        }
        Ok(Self(uri.into()))
    }

    /// The URI.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AgentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for AgentId {
    type Err = AgentIdError;

    fn from_str(uri: &str) -> Result<Self, Self::Err> {
        Self::new(uri)
    }
}

/// Whether two URIs name the same agent: equal octets, except that the case of scheme and host does not
/// matter (RFC 3986 section 6.2.2.1).
pub fn same_agent(one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    let (Some((scheme, rest)), Some((other_scheme, other_rest))) =
        (one.split_once(':'), other.split_once(':'))
    else {
        return false;
    };
    let ((user, host, path), (other_user, other_host, other_path)) =
        (split_host(rest), split_host(other_rest));
    scheme.eq_ignore_ascii_case(other_scheme)
        && user == other_user
        && host.eq_ignore_ascii_case(other_host)
        && path == other_path
}

/// Splits what follows a URI's scheme: all up to the host, host and port, all after it.
fn split_host(rest: &str) -> (&str, &str, &str) {
    let Some(hierarchical) = rest.strip_prefix("//") else {
        return (rest, "", "");
    };
    let authority = hierarchical.find(['/', '?', '#']).unwrap_or(hierarchical.len());
    let host = hierarchical[..authority].rfind('@').map_or(0, |at| at + 1);
    (&rest[..2 + host], &hierarchical[host..authority], &hierarchical[authority..])
}

/// RFC 3986 section 3.1.
fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// RFC 3986 section 2, without the `#` of a fragment and the separators of a trace.
fn is_allowed(octet: u8) -> bool {
    octet.is_ascii_alphanumeric()
        || matches!(octet, b'-' | b'.' | b'_' | b'~' | b'%' | b':' | b'/' | b'?')
        || matches!(octet, b'[' | b']' | b'@' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b'=')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // RFC 4236 section 4: an opes-agent-id is an absoluteURI.
    #[test]
    fn an_agent_id_is_an_absolute_uri_and_stays_as_it_is() {
        for uri in [
            "http://opes.example.com/system",
            "http://www.cdn.example.com/opes?session=ac79a749f56",
            "HTTP://Opes.Example.com:80/%7Ea/(b)",
            "urn:x-opes:agent",
        ] {
            assert_eq!(AgentId::new(uri).unwrap().as_str(), uri);
            assert_eq!(uri.parse::<AgentId>().unwrap().to_string(), uri);
        }
    }

    #[test]
    fn the_error_says_what_is_wrong() {
        for (uri, error) in [
            ("http://a/b,c", AgentIdError::Separator(',')),
            ("http://a/;b", AgentIdError::Separator(';')),
            ("http://a/ b", AgentIdError::Character(' ')),
            ("http://a/\r\nX: y", AgentIdError::Character('\r')),
            ("http://a/\u{7f}", AgentIdError::Character('\u{7f}')),
            ("http://a/\u{e4}", AgentIdError::Character('\u{e4}')),
            ("http://a/\"b\"", AgentIdError::Character('"')),
            ("http://a/#b", AgentIdError::Character('#')),
            ("", AgentIdError::NotAbsolute),
            ("/opes", AgentIdError::NotAbsolute),
            ("http:", AgentIdError::NotAbsolute),
            ("http://", AgentIdError::NotAbsolute),
            (":a", AgentIdError::NotAbsolute),
            ("1a:b", AgentIdError::NotAbsolute),
            ("*", AgentIdError::NotAbsolute),
        ] {
            assert_eq!(AgentId::new(uri), Err(error), "{uri:?}");
        }
    }

    // RFC 3986 section 6.2.2.1.
    #[test]
    fn the_case_of_scheme_and_host_does_not_matter() {
        let uri = "http://u@opes.example.com:80/Path?q";
        for same in [uri, "HTTP://u@OPES.example.COM:80/Path?q"] {
            assert!(same_agent(uri, same) && same_agent(same, uri));
        }
        for other in [
            "https://u@opes.example.com:80/Path?q",
            "http://U@opes.example.com:80/Path?q",
            "http://u@opes.example.com:80/path?q",
            "http://u@opes.example.com:80/Path?Q",
            "http://u@opes.example.com/Path?q",
            "http://opes.example.com:80/Path?q",
            "",
            "*",
        ] {
            assert!(!same_agent(uri, other) && !same_agent(other, uri), "{other}");
        }
        assert!(same_agent("urn:a", "URN:a") && !same_agent("urn:a", "urn:A"));
        assert!(same_agent("http://A", "http://a") && !same_agent("http://a?X", "http://a?x"));
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(one: String, other: String) {
            let _ = (AgentId::new(&one), same_agent(&one, &other));
            prop_assert!(same_agent(&one, &one));
        }

        #[test]
        fn almost_uris_never_panic(one in "[a-zA-Z:/@?#]{0,12}", other in "[a-zA-Z:/@?#]{0,12}") {
            prop_assert_eq!(same_agent(&one, &other), same_agent(&other, &one));
        }
    }
}
