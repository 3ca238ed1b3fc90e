//! Header and trailer parts.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, header};
use ocp_proto::codec::number;
use opes_profile::http::correct::{
    after_adaptation, remove_hop_by_hop, remove_transfer_encoding, set_length,
};
use opes_profile::http::{
    HeadError, Profile, RequestHead, ResponseHead, attributes, describe, encode_trailer, parse_trailer,
};
use opes_sdk::Description;

pub(super) fn request(octets: &[u8]) {
    let parsed = RequestHead::parse(octets);
    assert_eq!(parsed, RequestHead::parse_shared(&Bytes::copy_from_slice(octets)));
    let seen = attributes(Profile::Request, None, octets, Some(1));
    same_verdict(&parsed, &seen);
    let Ok(head) = parsed else { return };
    let written = head.encode();
    assert_eq!(RequestHead::parse(&written).as_ref(), Ok(&head), "what was written is what was read");
    assert_eq!(seen, attributes(Profile::Request, None, &written, Some(1)), "and services see the same");
    if let Ok(seen) = seen {
        assert_eq!(seen.method.as_deref(), Some(head.method.as_str()));
        assert!(seen.accepted_codings.is_empty());
        if let Some(uri) = seen.uri {
            assert!(uri.contains("://"), "an absolute URI: {uri}");
        }
    }
    corrected(head.headers);
}

pub(super) fn response(octets: &[u8]) {
    let parsed = ResponseHead::parse(octets);
    assert_eq!(parsed, ResponseHead::parse_shared(&Bytes::copy_from_slice(octets)));
    let seen = attributes(Profile::Response, None, octets, None);
    same_verdict(&parsed, &seen);
    let Ok(head) = parsed else { return };
    let written = head.encode();
    assert_eq!(ResponseHead::parse(&written).as_ref(), Ok(&head), "what was written is what was read");
    assert_eq!(seen, attributes(Profile::Response, None, &written, None), "and services see the same");
    if let Ok(seen) = seen {
        assert_eq!(seen.status, Some(head.status.as_u16()));
        assert_eq!((seen.method, seen.uri), (None, None));
    }
    corrected(head.headers);
}

/// A head is a head for all who read it.
fn same_verdict<T>(parsed: &Result<T, HeadError>, seen: &Result<opes_sdk::Attributes, HeadError>) {
    match seen {
        Err(HeadError::TooManyMembers(_)) => {}
        _ => assert_eq!(parsed.is_ok(), seen.is_ok(), "{:?}, but {seen:?}", parsed.as_ref().err()),
    }
}

pub(super) fn trailer(octets: &[u8]) {
    let Ok(trailer) = parse_trailer(octets) else { return };
    let written = encode_trailer(&trailer);
    assert_eq!(parse_trailer(&written).as_ref(), Ok(&trailer), "what was written is what was read");
    assert_eq!(encode_trailer(&trailer), written);
    let with_line = [&written[..], b"\r\n"].concat();
    assert_eq!(parse_trailer(&with_line).as_ref(), Ok(&trailer), "with or without the empty line");
    corrected(trailer);
}

/// The input is a description, an empty line, the head of a request that comes along, an empty line and a head.
pub(super) fn described(octets: &[u8]) {
    let mut pieces = octets.splitn(3, |octet| *octet == 0);
    let (words, aux, head) = (
        pieces.next().unwrap_or_default(),
        pieces.next().unwrap_or_default(),
        pieces.next().unwrap_or_default(),
    );
    let words = String::from_utf8_lossy(words);
    let mut words = words.split(' ');
    let description = Description {
        media_type: words.next().filter(|word| !word.is_empty()).map(str::to_owned),
        coding: words.next().map(|codings| codings.split(',').map(str::to_owned).collect()),
    };
    let aux = (!aux.is_empty()).then_some(aux);
    let _ = attributes(Profile::Response, aux, head, Some(number::MAX));
    let parsed = (RequestHead::parse(head), ResponseHead::parse(head));
    match describe(head, &description) {
        Ok(written) => {
            let headers = match parsed {
                (Ok(before), _) => {
                    let after = RequestHead::parse(&written).expect("a request head stays one");
                    assert_eq!(
                        (before.method, before.target, before.version),
                        (after.method, after.target, after.version)
                    );
                    after.headers
                }
                (_, Ok(before)) => {
                    let after = ResponseHead::parse(&written).expect("a response head stays one");
                    assert_eq!(
                        (before.version, before.status, before.reason),
                        (after.version, after.status, after.reason)
                    );
                    after.headers
                }
                _ => panic!("what is no head cannot be described"),
            };
            assert!(!headers.contains_key(header::CONTENT_LENGTH), "the length is not what it was");
            assert_eq!(describe(&written, &description), Ok(written), "described once is described");
        }
        Err(error) => {
            let is_head = parsed.0.is_ok() || parsed.1.is_ok();
            assert_eq!(is_head, matches!(error, HeadError::InvalidValue(_)), "{error}");
        }
    }
}

/// What goes to the next hop.
fn corrected(headers: HeaderMap) {
    let mut hop = headers.clone();
    remove_hop_by_hop(&mut hop);
    let gone = [header::CONNECTION, header::TE, header::TRANSFER_ENCODING, header::UPGRADE];
    assert!(gone.iter().all(|name| !hop.contains_key(name)));
    assert!(hop.keys().all(|name| headers.contains_key(name)), "nothing is added");
    let mut other = headers.clone();
    remove_transfer_encoding(&mut other);
    after_adaptation(&mut other, true);
    set_length(&mut other, Some(u64::MAX));
    assert_eq!(other.get_all(header::CONTENT_LENGTH).iter().count(), 1);
    let mut other = headers;
    after_adaptation(&mut other, false);
    set_length(&mut other, None);
    let checksum = HeaderName::from_static("content-md5");
    assert!(!other.contains_key(checksum) && !other.contains_key(header::CONTENT_LENGTH));
}
