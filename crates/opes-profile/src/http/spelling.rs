//! How field names are spelt on the wire: their case has no meaning (RFC 9110 section 5.1), but people and
//! old software expect the usual one.

use http::HeaderName;

/// Appends the usual spelling of `name`: a capital at the start and after each hyphen, acronyms as they are.
pub(crate) fn write(name: &HeaderName, out: &mut Vec<u8>) {
    let name = name.as_str();
    if let Some(spelling) = irregular(name) {
        out.extend_from_slice(spelling.as_bytes());
        return;
    }
    let mut capital = true;
    for octet in name.bytes() {
        out.push(if capital { octet.to_ascii_uppercase() } else { octet });
        capital = octet == b'-';
    }
}

fn irregular(lower_case: &str) -> Option<&'static str> {
    Some(match lower_case {
        "a-im" => "A-IM",
        "content-md5" => "Content-MD5",
        "dnt" => "DNT",
        "etag" => "ETag",
        "expect-ct" => "Expect-CT",
        "http2-settings" => "HTTP2-Settings",
        "im" => "IM",
        "mime-version" => "MIME-Version",
        "nel" => "NEL",
        "opes-bypass" => "OPES-Bypass",
        "opes-system" => "OPES-System",
        "opes-via" => "OPES-Via",
        "p3p" => "P3P",
        "sec-websocket-accept" => "Sec-WebSocket-Accept",
        "sec-websocket-extensions" => "Sec-WebSocket-Extensions",
        "sec-websocket-key" => "Sec-WebSocket-Key",
        "sec-websocket-protocol" => "Sec-WebSocket-Protocol",
        "sec-websocket-version" => "Sec-WebSocket-Version",
        "soapaction" => "SOAPAction",
        "te" => "TE",
        "www-authenticate" => "WWW-Authenticate",
        "x-ua-compatible" => "X-UA-Compatible",
        "x-xss-protection" => "X-XSS-Protection",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelt(name: &'static str) -> String {
        let mut out = Vec::new();
        write(&HeaderName::from_static(name), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn names_are_written_in_title_case() {
        assert_eq!(spelt("x-one"), "X-One");
        assert_eq!(spelt("content-type"), "Content-Type");
        assert_eq!(spelt("x--y"), "X--Y");
        assert_eq!(spelt("!a"), "!a");
    }

    #[test]
    fn acronyms_keep_their_usual_spelling() {
        for usual in
            ["ETag", "WWW-Authenticate", "TE", "Content-MD5", "DNT", "OPES-System", "OPES-Via", "OPES-Bypass"]
        {
            assert_eq!(spelt(usual.to_ascii_lowercase().leak()), usual);
        }
    }

    #[test]
    fn irregular_spellings_differ_in_case_only() {
        for name in
            ["a-im", "expect-ct", "http2-settings", "sec-websocket-key", "soapaction", "x-xss-protection"]
        {
            assert!(irregular(name).unwrap().eq_ignore_ascii_case(name));
        }
    }
}
