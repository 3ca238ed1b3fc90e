//! Lists in field values (RFC 9110 section 5.6.1).

use http::{HeaderMap, HeaderName};

/// The members of a comma-separated list, over all lines of the field, without their parameters.
pub(super) fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(|member| member.split(';').next().unwrap_or_default().trim())
}

/// Whether a list has this token, in whatever case.
pub(super) fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    tokens(headers, name).any(|member| member.eq_ignore_ascii_case(token))
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
}
