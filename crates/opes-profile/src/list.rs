//! The list and parameter syntax that header field values share (RFC 9110 sections 5.6.1 to 5.6.6).

/// The non-empty elements of a comma-separated list, without the white space around them. A comma inside a
/// quoted string separates nothing; a quoted string that never ends takes the rest of the value.
pub fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    split(value, b',').filter(|element| !element.is_empty())
}

/// The pieces of `value` between `separator`s outside quoted strings, without the white space around them.
pub fn split(value: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut quoting = Quoting::Outside;
    value
        .split(move |octet| {
            quoting = quoting.after(*octet);
            quoting == Quoting::Outside && *octet == separator
        })
        .map(<[u8]>::trim_ascii)
}

/// Splits `name = value` at the first `=`; both sides come without the white space around them.
pub(crate) fn name_and_value(parameter: &[u8]) -> (&[u8], Option<&[u8]>) {
    match parameter.iter().position(|octet| *octet == b'=') {
        Some(at) => (parameter[..at].trim_ascii(), Some(parameter[at + 1..].trim_ascii())),
        None => (parameter, None),
    }
}

/// The text of a token or of a quoted string with its quoting removed; `None` when it is neither, or not
/// UTF-8.
pub(crate) fn word(value: &[u8]) -> Option<String> {
    let octets = match value.strip_prefix(b"\"") {
        Some(quoted) => unquoted(quoted)?,
        None if is_token(value) => value.to_vec(),
        None => return None,
    };
    String::from_utf8(octets).ok()
}

/// Removes the quoting from what follows the opening quote; `None` unless the closing quote ends the value.
fn unquoted(quoted: &[u8]) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(quoted.len());
    let mut rest = quoted.iter();
    loop {
        match rest.next()? {
            b'"' => return rest.as_slice().is_empty().then_some(octets),
            b'\\' => octets.push(*rest.next()?),
            octet => octets.push(*octet),
        }
    }
}

/// Whether this is a `token` (RFC 9110 section 5.6.2).
pub(crate) fn is_token(octets: &[u8]) -> bool {
    !octets.is_empty() && octets.iter().copied().all(is_tchar)
}

/// Whether this octet may stand in a `token` (RFC 9110 section 5.6.2).
pub(crate) fn is_tchar(octet: u8) -> bool {
    TCHAR[usize::from(octet)]
}

static TCHAR: [bool; 256] = {
    let mut table = [false; 256];
    let mut octet = 0;
    while octet < 256 {
        table[octet] = matches!(
            octet as u8,
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+'
                | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        );
        octet += 1;
    }
    table
};

/// Where in the quoting of a field value a reader stands (RFC 9110 section 5.6.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quoting {
    /// Outside quoted strings.
    Outside,
    /// Inside a quoted string.
    Inside,
    /// Inside a quoted string, after a backslash.
    Escaped,
}

impl Quoting {
    /// Where the reader stands after the whole of `value`.
    pub(crate) fn at_end_of(value: &[u8]) -> Self {
        value.iter().fold(Self::Outside, |quoting, octet| quoting.after(*octet))
    }

    fn after(self, octet: u8) -> Self {
        match (self, octet) {
            (Self::Outside, b'"') | (Self::Escaped, _) => Self::Inside,
            (Self::Inside, b'"') => Self::Outside,
            (Self::Inside, b'\\') => Self::Escaped,
            (state, _) => state,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<&'a str> {
        pieces.map(|piece| std::str::from_utf8(piece).unwrap()).collect()
    }

    #[test]
    fn empty_elements_are_skipped_and_quoted_commas_separate_nothing() {
        assert_eq!(texts(elements(b" a ,, b;x=\"1,2\\\",3\" ,\t")), ["a", "b;x=\"1,2\\\",3\""]);
        assert_eq!(texts(elements(b"")), Vec::<&str>::new());
    }

    #[test]
    fn a_quoted_string_that_never_ends_takes_the_rest() {
        assert_eq!(texts(elements(b"a, \"b, c")), ["a", "\"b, c"]);
        assert_eq!(Quoting::at_end_of(b"\"b, c"), Quoting::Inside);
        assert_eq!(Quoting::at_end_of(b"\"b\\"), Quoting::Escaped);
        assert_eq!(Quoting::at_end_of(b"\"b\""), Quoting::Outside);
    }

    // RFC 9110 section 5.6.2.
    #[test]
    fn tokens_hold_no_delimiters() {
        let tchars = (0..=u8::MAX).filter(|octet| is_tchar(*octet)).collect::<Vec<_>>();
        let delimiters = b"\"(),/:;<=>?@[\\]{}";
        let visible = (b'!'..=b'~').filter(|octet| !delimiters.contains(octet));
        assert_eq!(tchars, visible.collect::<Vec<_>>());
        assert!(!is_token(b"") && is_token(b"a1") && !is_token(b"a b"));
    }

    #[test]
    fn words_are_tokens_or_quoted_strings() {
        assert_eq!(word(b"utf-8").as_deref(), Some("utf-8"));
        assert_eq!(word(b"\"a \\\"b\"").as_deref(), Some("a \"b"));
        for bad in [&b""[..], b"a b", b"\"open", b"\"a\"b", b"\"\xff\"", b"\"a\\"] {
            assert_eq!(word(bad), None);
        }
    }

    proptest! {
        #[test]
        fn arbitrary_values_never_panic(value in proptest::collection::vec(any::<u8>(), 0..64)) {
            for element in elements(&value) {
                for parameter in split(element, b';') {
                    let (name, value) = name_and_value(parameter);
                    let _ = (is_token(name), value.map(word));
                }
            }
        }
    }
}
