//! Content-Type values (RFC 9110 section 8.3.1).

use crate::list;

/// The media type without parameters, in lower case; `None` when the value begins with none.
pub(crate) fn essence(value: &[u8]) -> Option<String> {
    let value = value.trim_ascii_start();
    let slash = value.iter().position(|octet| !list::is_tchar(*octet)).filter(|at| value[*at] == b'/')?;
    let subtype = &value[slash + 1..];
    let length = subtype.iter().position(|octet| !list::is_tchar(*octet)).unwrap_or(subtype.len());
    let ends = matches!(subtype[length..].trim_ascii_start(), [] | [b';', ..]);
    if slash == 0 || length == 0 || !ends {
        return None;
    }
    String::from_utf8(value[..slash + 1 + length].to_ascii_lowercase()).ok()
}

/// The value of the charset parameter, in lower case.
pub(crate) fn charset(value: &[u8]) -> Option<String> {
    let first = value.iter().position(|octet| *octet == b';')?;
    let mut parameters = list::split(&value[first + 1..], b';').map(list::name_and_value);
    let (_, charset) = parameters.find(|(name, _)| name.eq_ignore_ascii_case(b"charset"))?;
    Some(list::word(charset?)?.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_essence_comes_without_parameters_and_in_lower_case() {
        assert_eq!(essence(b"Text/HTML ; charset=UTF-8").as_deref(), Some("text/html"));
        assert_eq!(essence(b"application/vnd.x+json").as_deref(), Some("application/vnd.x+json"));
        for bad in [&b""[..], b"text", b"text/", b"/html", b"te xt/html", b"text/html, text/plain", b"a/b/c"]
        {
            assert_eq!(essence(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn the_charset_may_be_quoted() {
        assert_eq!(charset(b"text/html; a=b; Charset=\"UTF-8\"").as_deref(), Some("utf-8"));
        assert_eq!(charset(b"text/html;charset=iso-8859-1").as_deref(), Some("iso-8859-1"));
        assert_eq!(charset(b"text/html;x=\";charset=a\"").as_deref(), None);
        assert_eq!(charset(b"text/html; charset"), None);
        assert_eq!(charset(b"text/html"), None);
    }
}
