//! Traces in the fields of messages.

mod end_comm;
mod manner;
mod merging;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::http::ResponseHead;

const SYSTEM: &str = "http://opes.example.com/system";

fn entry(uri: &str) -> Entry {
    Entry::new(AgentId::new(uri).unwrap())
}

fn map(field: HeaderName, values: &[&[u8]]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(field.clone(), HeaderValue::from_bytes(value).unwrap());
    }
    headers
}

/// The value of a field that must occur once.
fn sole(headers: &HeaderMap, field: HeaderName) -> &[u8] {
    let values = headers.get_all(field).iter().collect::<Vec<_>>();
    assert_eq!(values.len(), 1);
    values[0].as_bytes()
}

// RFC 4236 section 4, figure 17.
// req: HTTP-4-02
#[test]
fn figure_17() {
    let system = "http://www.cdn.example.com/opes?session=ac79a749f56";
    let service = |sid: &str| entry(&format!("http://www.srvcs-4u.example.com/cat/?sid={sid}"));
    let trace = Trace {
        system: entry(system),
        processor: None,
        services: vec![service("123"), service("124"), service("125").with("mode", "A")],
    };
    let mut head =
        ResponseHead::parse(b"HTTP/1.1 200 OK\r\nContent-type: application/octet-stream\r\n\r\n").unwrap();
    trace.merge_into(&mut head.headers);
    let text = String::from_utf8(head.encode().to_vec()).unwrap();
    assert!(text.contains(&format!("\r\nOPES-System: {system}\r\n")));
    let via = [
        system,
        "http://www.srvcs-4u.example.com/cat/?sid=123",
        "http://www.srvcs-4u.example.com/cat/?sid=124",
        "http://www.srvcs-4u.example.com/cat/?sid=125;mode=A",
    ];
    assert!(text.contains(&format!("\r\nOPES-Via: {}\r\n", via.join(", "))));
}

// RFC 4236 section 4: OPES-System is required, OPES-Via is not.
// req: HTTP-4-03
#[test]
fn the_system_entry_alone_needs_no_opes_via() {
    let mut headers = HeaderMap::new();
    Trace::new(entry(SYSTEM).with("id", "7")).merge_into(&mut headers);
    assert_eq!(sole(&headers, OPES_SYSTEM), b"http://opes.example.com/system;id=7");
    assert!(!headers.contains_key(OPES_VIA));
}

// RFC 4236 section 4: when the original message has OPES-Via, the System MUST append its entry there.
// req: HTTP-4-06, HTTP-4-08
#[test]
fn an_existing_opes_via_gets_the_system_entry() {
    let mut headers = map(OPES_VIA, &[b"http://svc.example.net/a ; mode=A"]);
    Trace::new(entry(SYSTEM).with("id", "7")).merge_into(&mut headers);
    let system = sole(&headers, OPES_SYSTEM).to_vec();
    let expected = [b"http://svc.example.net/a ; mode=A, ", &system[..]].concat();
    assert_eq!(sole(&headers, OPES_VIA), expected);
}

// RFC 4236 section 4: entries are appended in order, the System's first, identical in both fields.
// req: HTTP-4-04, HTTP-4-05, HTTP-4-07, HTTP-4-08, EEPC-3-01
#[test]
fn details_follow_the_system_entry_in_opes_via() {
    let mut headers = HeaderMap::new();
    let trace = Trace {
        system: entry(SYSTEM),
        processor: Some(entry("http://opes.example.com/p1")),
        services: vec![entry("http://s.example/1"), entry("http://s.example/2")],
    };
    trace.merge_into(&mut headers);
    assert_eq!(sole(&headers, OPES_SYSTEM), SYSTEM.as_bytes());
    let expected = format!("{SYSTEM}, http://opes.example.com/p1, http://s.example/1, http://s.example/2");
    assert_eq!(sole(&headers, OPES_VIA), expected.as_bytes());
    let mut only_processor = HeaderMap::new();
    Trace { services: vec![], ..trace }.merge_into(&mut only_processor);
    let expected = format!("{SYSTEM}, http://opes.example.com/p1");
    assert_eq!(sole(&only_processor, OPES_VIA), expected.as_bytes());
}

// RFC 4236 section 4: all agents append.
// req: HTTP-4-05
#[test]
fn earlier_entries_stay_in_front() {
    let mut headers = map(OPES_SYSTEM, &[b"http://other.example.net/opes;a=b"]);
    Trace::new(entry(SYSTEM)).merge_into(&mut headers);
    let expected = b"http://other.example.net/opes;a=b, http://opes.example.com/system";
    assert_eq!(sole(&headers, OPES_SYSTEM), expected);
}

// RFC 4236 section 4: a single header field rather than several.
// req: HTTP-4-10
#[test]
fn several_fields_become_one_in_order() {
    let mut headers = map(OPES_SYSTEM, &[b"http://a/;x=\"1, 2\"", b"", b" ,not an entry ,", b"\xff"]);
    append(&mut headers, OPES_SYSTEM, &[entry(SYSTEM)]);
    let expected = b"http://a/;x=\"1, 2\",  ,not an entry ,, \xff, http://opes.example.com/system";
    assert_eq!(sole(&headers, OPES_SYSTEM), expected);
}

#[test]
fn an_open_quoted_string_cannot_hide_the_entry() {
    for (open, expected) in [
        (&b"http://a/;x=\"1"[..], &b"http://a/;x=\"1\", http://opes.example.com/system"[..]),
        (b"http://a/;x=\"1\\", b"http://a/;x=\"1\\\"\", http://opes.example.com/system"),
    ] {
        let mut headers = map(OPES_SYSTEM, &[open]);
        append(&mut headers, OPES_SYSTEM, &[entry(SYSTEM)]);
        assert_eq!(sole(&headers, OPES_SYSTEM), expected);
    }
}

#[test]
fn no_entries_change_nothing() {
    let before = map(OPES_VIA, &[b"http://a/", b"http://b/"]);
    let mut after = before.clone();
    append(&mut after, OPES_VIA, &[]);
    assert_eq!(after, before);
}

proptest! {
    #[test]
    fn foreign_octets_stay_and_the_entry_is_the_last_element(
        values in vec(
            vec(prop_oneof![Just(b'"'), Just(b'\\'), Just(b','), b' '..=0x7e_u8, 0x80..=0xff_u8], 0..12),
            0..4,
        ),
    ) {
        let values = values.iter().map(Vec::as_slice).collect::<Vec<_>>();
        let mut headers = map(OPES_SYSTEM, &values);
        append(&mut headers, OPES_SYSTEM, &[entry("http://x/"), entry(SYSTEM)]);
        let line = sole(&headers, OPES_SYSTEM);
        let mut rest = line;
        for value in values.iter().filter(|value| !value.trim_ascii().is_empty()) {
            let at = rest.windows(value.len()).position(|window| window == *value);
            prop_assert!(at.is_some());
            rest = &rest[at.unwrap() + value.len()..];
        }
        let own = entries(line).filter_map(|listed| listed.entry).collect::<Vec<_>>();
        prop_assert_eq!(&own[own.len() - 2..], &[entry("http://x/"), entry(SYSTEM)]);
    }
}
