//! Lists in field values (RFC 9110 section 5.6.1).

use http::header::TE;
use http::{HeaderMap, HeaderName, Version};
use opes_profile::list;

/// The members of a comma-separated list, over all lines of the field, without their parameters.
fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    let members = headers.get_all(name).into_iter().flat_map(|value| list::elements(value.as_bytes()));
    members.map(|member| list::split(member, b';').next().unwrap_or_default())
}

/// Whether a list has this token, in whatever case.
pub(super) fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    tokens(headers, name).any(|member| member.eq_ignore_ascii_case(token.as_bytes()))
}

/// Whether the sender of a request takes trailers with the response. RFC 9112 section 7.1.2: they need the chunked coding,
/// which HTTP/1.0 has not. RFC 9113 section 8.1: HTTP/2 has them in any case.
pub(super) fn takes_trailers(version: Version, headers: &HeaderMap) -> bool {
    match version {
        Version::HTTP_2 => true,
        // RFC 9110 section 10.1.4.
        Version::HTTP_11 => has_token(headers, &TE, "trailers"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::CONNECTION;

    use super::*;

    #[test]
    fn tokens_are_found_in_every_line_and_case() {
        let mut headers = HeaderMap::new();
        headers.append(CONNECTION, HeaderValue::from_static("close, TE ;q=1,,"));
        headers.append(CONNECTION, HeaderValue::from_static("Upgrade"));
        for (token, there) in
            [("close", true), ("te", true), ("upgrade", true), ("up", false), ("q=1", false)]
        {
            assert_eq!(has_token(&headers, &CONNECTION, token), there, "{token}");
        }
    }

    #[test]
    fn trailers_need_a_version_that_has_them() {
        let (none, mut says) = (HeaderMap::new(), HeaderMap::new());
        says.append(TE, HeaderValue::from_static("gzip, trailers"));
        for (version, unasked, asked) in
            [(Version::HTTP_10, false, false), (Version::HTTP_11, false, true), (Version::HTTP_2, true, true)]
        {
            assert_eq!(takes_trailers(version, &none), unasked, "{version:?}");
            assert_eq!(takes_trailers(version, &says), asked, "{version:?}");
        }
    }

    // RFC 9110 section 5.6.4: what is quoted is one value.
    #[test]
    fn a_comma_in_a_quoted_string_separates_nothing() {
        let mut headers = HeaderMap::new();
        headers.append(CONNECTION, HeaderValue::from_static("private=\"x, upgrade\""));
        assert!(!has_token(&headers, &CONNECTION, "upgrade"));
    }
}
