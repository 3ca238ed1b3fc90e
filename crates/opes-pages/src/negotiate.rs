//! HTML or JSON (RFC 9110 section 12.5.1).

use http::HeaderMap;
use http::header::ACCEPT;

/// In which form an answer is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Html,
    Json,
}

impl Format {
    /// The form that is wanted more; HTML where that does not tell.
    pub(crate) fn wanted(headers: &HeaderMap) -> Self {
        let ranges = || {
            let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
            values.flat_map(|value| value.split(','))
        };
        match quality(ranges(), "application", "json") > quality(ranges(), "text", "html") {
            true => Self::Json,
            false => Self::Html,
        }
    }
}

/// The quality of a media type in thousandths, by the most specific range that has it.
fn quality<'a>(ranges: impl Iterator<Item = &'a str>, main: &str, sub: &str) -> u16 {
    let matching = ranges.filter_map(|range| {
        let mut pieces = range.split(';');
        let (left, right) = pieces.next()?.trim().split_once('/')?;
        let specific = match (left, right) {
            ("*", "*") => 0,
            (left, "*") if left.eq_ignore_ascii_case(main) => 1,
            (left, right) if left.eq_ignore_ascii_case(main) && right.eq_ignore_ascii_case(sub) => 2,
            _ => return None,
        };
        let weight = pieces.find_map(|piece| piece.trim().strip_prefix("q="));
        Some((specific, weight.map_or(1000, thousandths)))
    });
    matching.max_by_key(|(specific, _)| *specific).map_or(0, |(_, weight)| weight)
}

/// A weight; one that is none is nothing.
fn thousandths(weight: &str) -> u16 {
    match weight.parse::<f32>() {
        Ok(weight) if (0.0..=1.0).contains(&weight) => (weight * 1000.0) as u16,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_form_that_is_wanted_more_is_given_and_html_in_doubt() {
        for (accept, format) in [
            ("", Format::Html),
            ("*/*", Format::Html),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Format::Html),
            ("application/json", Format::Json),
            ("Application/JSON; q=0.5", Format::Json),
            ("application/*, text/html;q=0.9", Format::Json),
            ("text/html, application/json", Format::Html),
            ("*/*;q=0.9, text/html;q=0.1", Format::Json),
            ("application/json;q=x, text/html;q=0.1", Format::Html),
            ("application/json;q=9", Format::Html),
            ("json, ;;, /", Format::Html),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(Format::wanted(&headers), format, "{accept}");
        }
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_bytes(b"\xff").unwrap())]);
        assert_eq!(Format::wanted(&headers), Format::Html);
    }
}
