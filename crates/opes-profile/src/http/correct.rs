//! Fields that an OPES processor must not leave as they are when it sends a message on (RFC 4236 sections 3.6
//! to 3.8).

use http::header::{self, GetAll};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Fields that are about one connection, whether or not Connection names them (RFC 9110 section 7.6.1).
const HOP_BY_HOP: [HeaderName; 5] = [
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Fields whose value is a checksum of the content.
const CHECKSUMS: [HeaderName; 4] = [
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
];

/// Removes Connection, the fields that it names, and the fields that are hop-by-hop in any case: Keep-Alive,
/// Proxy-Connection, TE, Transfer-Encoding and Upgrade (RFC 9110 section 7.6.1).
///
/// A peer may name any field in Connection, also Host or Content-Length, and has it removed.
pub fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let connection = values(headers.get_all(header::CONNECTION));
    headers.remove(header::CONNECTION);
    let named = connection.iter().flat_map(|value| value.as_bytes().split(|octet| *octet == b','));
    for option in named.filter_map(|option| std::str::from_utf8(option.trim_ascii()).ok()) {
        headers.remove(option);
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Removes Transfer-Encoding, as the body inside OCP has no transfer coding (RFC 4236 section 3.7).
pub fn remove_transfer_encoding(headers: &mut HeaderMap) {
    headers.remove(header::TRANSFER_ENCODING);
}

/// Whether the message has no transfer coding but chunked, which is the one that its reader removes. With any other the
/// body cannot be given to a service (RFC 4236 section 3.7).
pub fn is_decodable(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    codings.flat_map(|value| value.as_bytes().split(|octet| *octet == b',')).all(|coding| {
        let coding = coding.trim_ascii();
        coding.is_empty() || coding.eq_ignore_ascii_case(b"chunked")
    })
}

/// Removes what a service may have made wrong by changing the content: Content-MD5, Digest, Content-Digest
/// and Repr-Digest; Accept-Ranges and a strong ETag, which becomes a weak one. `unmodified` says that the caller
/// has detected that the content is as it was; they then stay.
pub fn after_adaptation(headers: &mut HeaderMap, unmodified: bool) {
    // RFC 4236 section 3.8.2: assume a modification unless it is detected that there was none, and remove, as
    // a processor that is not authoritative for the content must not compute a new value.
    if unmodified {
        return;
    }
    remove_checksums(headers);
    // The origin's ranges are not those of what we send.
    headers.remove(header::ACCEPT_RANGES);
    weaken_etag(headers);
}

/// RFC 9110 section 8.8.1: a strong validator is unique to one sequence of octets, and the origin's means another.
fn weaken_etag(headers: &mut HeaderMap) {
    let Some(strong) = headers.get(header::ETAG).filter(|tag| !tag.as_bytes().starts_with(b"W/")) else {
        return;
    };
    match HeaderValue::from_bytes(&[b"W/", strong.as_bytes()].concat()) {
        Ok(weak) => drop(headers.insert(header::ETAG, weak)),
        Err(_) => drop(headers.remove(header::ETAG)),
    }
}

/// Removes Content-Length, and sets it to `length` octets when that is known and a Content-Length is allowed
/// for the message (RFC 4236 section 3.8.1).
pub fn set_length(headers: &mut HeaderMap, length: Option<u64>) {
    match length.map(HeaderValue::from) {
        Some(length) => drop(headers.insert(header::CONTENT_LENGTH, length)),
        None => drop(headers.remove(header::CONTENT_LENGTH)),
    }
}

pub(crate) fn remove_checksums(headers: &mut HeaderMap) {
    for name in &CHECKSUMS {
        headers.remove(name);
    }
}

/// The values, by reference to the same octets.
fn values(found: GetAll<'_, HeaderValue>) -> Vec<HeaderValue> {
    found.iter().cloned().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn map(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    // RFC 9110 section 7.6.1, RFC 4236 section 3.6.
    #[test]
    fn hop_by_hop_fields_are_removed() {
        let mut headers = map(&[
            ("connection", "close, \", ,X-One"),
            ("connection", "x-two"),
            ("x-one", "1"),
            ("x-two", "2"),
            ("x-two", "3"),
            ("x-three", "4"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("proxy-authenticate", "Basic"),
            ("trailer", "x-sum"),
        ]);
        remove_hop_by_hop(&mut headers);
        assert_eq!(headers, map(&[("x-three", "4"), ("proxy-authenticate", "Basic"), ("trailer", "x-sum")]));
    }

    // RFC 4236 section 3.7.
    // req: HTTP-3.7-04
    #[test]
    fn transfer_encoding_is_removed() {
        let mut headers = map(&[("transfer-encoding", "gzip"), ("transfer-encoding", "chunked"), ("a", "b")]);
        remove_transfer_encoding(&mut headers);
        assert_eq!(headers, map(&[("a", "b")]));
    }

    // RFC 4236 section 3.7.
    // req: HTTP-3.7-02
    #[test]
    fn only_chunked_can_be_removed() {
        for codings in [&[][..], &["chunked"], &["Chunked"], &["", "chunked, "]] {
            let fields: Vec<_> = codings.iter().map(|coding| ("transfer-encoding", *coding)).collect();
            assert!(is_decodable(&map(&fields)), "{codings:?}");
        }
        for codings in [&["gzip, chunked"][..], &["gzip", "chunked"], &["identity"], &["chunked;q=1"]] {
            let fields: Vec<_> = codings.iter().map(|coding| ("transfer-encoding", *coding)).collect();
            assert!(!is_decodable(&map(&fields)), "{codings:?}");
        }
    }

    // RFC 4236 section 3.8.2.
    // req: HTTP-3.8-01, HTTP-3.8.2-01, HTTP-3.8.2-03, HTTP-3.8.2-04
    #[test]
    fn checksums_go_unless_the_content_is_unmodified() {
        let checksums = map(&[
            ("content-md5", "Q2hlY2sgSW50ZWdyaXR5IQ=="),
            ("digest", "sha-256=x"),
            ("content-digest", "sha-256=:x:"),
            ("repr-digest", "sha-256=:x:"),
            ("content-type", "text/plain"),
        ]);
        let mut unmodified = checksums.clone();
        after_adaptation(&mut unmodified, true);
        assert_eq!(unmodified, checksums);
        let mut modified = checksums;
        after_adaptation(&mut modified, false);
        assert_eq!(modified, map(&[("content-type", "text/plain")]));
    }

    // RFC 9110 sections 8.8.1 and 14.3.
    #[test]
    fn changed_content_has_a_weak_validator_and_no_ranges() {
        for (before, after) in [("\"a\"", "W/\"a\""), ("W/\"a\"", "W/\"a\"")] {
            let fields = [("etag", before), ("accept-ranges", "bytes")];
            let mut modified = map(&fields);
            after_adaptation(&mut modified, false);
            assert_eq!(modified, map(&[("etag", after)]));
            let mut unmodified = map(&fields);
            after_adaptation(&mut unmodified, true);
            assert_eq!(unmodified, map(&fields));
        }
    }

    // RFC 4236 section 3.8.1: the Content-Length of the header part is not trusted.
    // req: HTTP-3.8.1-01
    #[test]
    fn the_length_is_replaced_or_removed() {
        let mut headers = map(&[("content-length", "1"), ("content-length", "2"), ("a", "b")]);
        set_length(&mut headers, Some(u64::MAX));
        assert_eq!(headers, map(&[("a", "b"), ("content-length", "18446744073709551615")]));
        set_length(&mut headers, None);
        assert_eq!(headers, map(&[("a", "b")]));
    }

    proptest! {
        #[test]
        fn no_connection_value_causes_a_panic(options in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(value) = HeaderValue::from_bytes(&options) {
                let mut headers = map(&[("a", "b")]);
                headers.insert(header::CONNECTION, value);
                remove_hop_by_hop(&mut headers);
                prop_assert!(!headers.contains_key(header::CONNECTION));
            }
        }
    }
}
