//! What services say about a message, put into HTTP: a changed description, and a refusal.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use opes_sdk::Description;

use super::head::{HeadError, RequestHead, ResponseHead};
use super::{Profile, correct, media_type};
use crate::list;

/// The header part `head` as it describes the adapted content: with the media type and content codings that
/// `description` states, and without the Content-Length and checksums of the original content.
///
/// A media type that stays the same keeps its parameters. A new one takes over the charset when it is
/// textual, since a description says nothing of charsets, and no other parameter.
///
/// # Errors
///
/// A [`HeadError`] when the head cannot be read, and [`HeadError::InvalidValue`] when the description holds
/// what is no media type or content coding.
pub fn describe(head: &[u8], description: &Description) -> Result<Bytes, HeadError> {
    // A method cannot hold a slash (RFC 9110 section 9.1), so no request line begins like a status line.
    if head.starts_with(b"HTTP/") {
        let mut response = ResponseHead::parse(head)?;
        apply(&mut response.headers, description)?;
        Ok(response.encode())
    } else {
        let mut request = RequestHead::parse(head)?;
        apply(&mut request.headers, description)?;
        Ok(request.encode())
    }
}

/// The adapted response that refuses a message: its header part and its body part, a text that gives `reason`
/// to people.
///
/// Both profiles list adapted response parts, so the same response serves both: in the request profile it
/// short-circuits the exchange (RFC 4236 section 3.2.1), in the response profile it replaces the response.
pub fn refusal(_profile: Profile, reason: &str) -> (Bytes, Bytes) {
    let body = format!("{reason}\n");
    let head = format!(
        "HTTP/1.1 403 Forbidden\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\
         Content-Length: {}\r\n\
         Cache-Control: no-store\r\n\
         \r\n",
        body.len()
    );
    (Bytes::from(head), Bytes::from(body))
}

fn apply(headers: &mut HeaderMap, description: &Description) -> Result<(), HeadError> {
    if let Some(media_type) = &description.media_type {
        set_media_type(headers, media_type)?;
    }
    if let Some(codings) = &description.coding {
        set_codings(headers, codings)?;
    }
    correct::set_length(headers, None);
    correct::remove_checksums(headers);
    Ok(())
}

fn set_media_type(headers: &mut HeaderMap, media_type: &str) -> Result<(), HeadError> {
    let invalid = HeadError::InvalidValue("Content-Type");
    let essence = media_type::essence(media_type.as_bytes()).ok_or(invalid)?;
    let before = headers.get_all(header::CONTENT_TYPE).iter().next_back();
    let before = before.map(HeaderValue::as_bytes).unwrap_or_default();
    if media_type == essence && media_type::essence(before).is_some_and(|before| before == essence) {
        return Ok(());
    }
    let charset = media_type::charset(before).filter(|charset| list::is_token(charset.as_bytes()));
    let text = match charset {
        Some(charset) if media_type == essence && essence.starts_with("text/") => {
            format!("{essence}; charset={charset}")
        }
        _ => media_type.to_owned(),
    };
    set(headers, header::CONTENT_TYPE, text, invalid)
}

fn set_codings(headers: &mut HeaderMap, codings: &[String]) -> Result<(), HeadError> {
    let invalid = HeadError::InvalidValue("Content-Encoding");
    if !codings.iter().all(|coding| list::is_token(coding.as_bytes())) {
        return Err(invalid);
    }
    if codings.is_empty() {
        headers.remove(header::CONTENT_ENCODING);
        return Ok(());
    }
    set(headers, header::CONTENT_ENCODING, codings.join(", "), invalid)
}

fn set(headers: &mut HeaderMap, name: HeaderName, text: String, invalid: HeadError) -> Result<(), HeadError> {
    headers.insert(name, HeaderValue::try_from(text).map_err(|_| invalid)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn described(
        fields: &str,
        media_type: Option<&str>,
        coding: Option<&[&str]>,
    ) -> Result<String, HeadError> {
        let description = Description {
            media_type: media_type.map(Into::into),
            coding: coding.map(|codings| codings.iter().map(|coding| (*coding).to_owned()).collect()),
        };
        let head = describe(format!("HTTP/1.1 200 OK\r\n{fields}\r\n").as_bytes(), &description)?;
        let text = String::from_utf8(head.to_vec()).unwrap();
        Ok(text.strip_prefix("HTTP/1.1 200 OK\r\n").unwrap().strip_suffix("\r\n").unwrap().to_owned())
    }

    // RFC 4236 sections 3.8.1 and 3.8.2: what is computed from the old body goes.
    #[test]
    fn length_and_checksums_of_the_original_go() {
        let fields = "Content-Length: 5\r\nContent-MD5: x\r\nDigest: y\r\nX-One: 1\r\n";
        assert_eq!(described(fields, None, None), Ok("X-One: 1\r\n".into()));
    }

    #[test]
    fn the_media_type_is_replaced() {
        let fields = "Content-Type: application/json; profile=a\r\nContent-Type: image/png\r\n";
        assert_eq!(described(fields, Some("text/html"), None), Ok("Content-Type: text/html\r\n".into()));
        assert_eq!(described("", Some("text/html"), None), Ok("Content-Type: text/html\r\n".into()));
        let explicit = described("Content-Type: text/plain\r\n", Some("text/plain; charset=utf-8"), None);
        assert_eq!(explicit, Ok("Content-Type: text/plain; charset=utf-8\r\n".into()));
    }

    #[test]
    fn a_charset_survives_between_textual_types() {
        let fields = "Content-Type: text/markdown; charset=\"UTF-8\"; variant=a\r\n";
        let html = described(fields, Some("text/html"), None);
        assert_eq!(html, Ok("Content-Type: text/html; charset=utf-8\r\n".into()));
        let pdf = described(fields, Some("application/pdf"), None);
        assert_eq!(pdf, Ok("Content-Type: application/pdf\r\n".into()));
        assert_eq!(described(fields, Some("text/markdown"), None), Ok(fields.into()));
    }

    #[test]
    fn content_codings_are_replaced_or_removed() {
        let fields = "Content-Encoding: gzip\r\nContent-Encoding: br\r\n";
        assert_eq!(described(fields, None, Some(&[])), Ok(String::new()));
        let both = described(fields, None, Some(&["deflate", "gzip"]));
        assert_eq!(both, Ok("Content-Encoding: deflate, gzip\r\n".into()));
        assert_eq!(described(fields, None, None), Ok(fields.into()));
    }

    #[test]
    fn request_heads_are_described_too() {
        let head = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";
        let description = Description { media_type: Some("text/plain".into()), coding: None };
        let expected = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n\r\n";
        assert_eq!(describe(head, &description).unwrap(), expected);
    }

    #[test]
    fn a_description_cannot_smuggle_fields() {
        for bad in ["", "text", "text/html\r\nX: y", "text/html; a=b\r\nX: y", "text/html\0"] {
            assert_eq!(described("", Some(bad), None), Err(HeadError::InvalidValue("Content-Type")));
        }
        for bad in ["", "gzip\r\nX: y", "gzip, br"] {
            assert_eq!(described("", None, Some(&[bad])), Err(HeadError::InvalidValue("Content-Encoding")));
        }
    }

    // RFC 4236 section 3.2.1: a response short-circuits the exchange.
    #[test]
    fn a_refusal_is_a_403_with_the_reason_as_its_body() {
        for profile in [Profile::Request, Profile::Response] {
            let (head, body) = refusal(profile, "not here");
            assert_eq!(body, "not here\n");
            let expected = "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\n\
                            Content-Length: 9\r\nCache-Control: no-store\r\n\r\n";
            assert_eq!(head, expected);
        }
    }

    proptest! {
        #[test]
        fn a_reason_stays_in_the_body(reason in ".{0,40}|(a|\r|\n|: ){0,20}") {
            let (head, body) = refusal(Profile::Request, &reason);
            let head = ResponseHead::parse(&head).unwrap();
            prop_assert_eq!(head.headers.len(), 3);
            prop_assert_eq!(&head.headers[header::CONTENT_LENGTH], &body.len().to_string());
            prop_assert_eq!(&body[..body.len() - 1], reason.as_bytes());
        }

        #[test]
        fn descriptions_never_panic(media_type: String, coding: Vec<String>, head: Vec<u8>) {
            let description = Description { media_type: Some(media_type), coding: Some(coding) };
            let _ = describe(&head, &description);
            let _ = describe(b"HTTP/1.1 200 OK\r\nContent-Type: text/a;charset=b\r\n\r\n", &description);
        }
    }
}
