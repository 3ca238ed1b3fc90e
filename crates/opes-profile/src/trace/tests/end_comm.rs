//! The examples of draft-ietf-opes-end-comm-02 section 8. They give a field for each entry, break URIs by spaces and
//! have parameters without `=`; here the same entries, in the same order, are one field of valid ones.

use super::*;

const EXAMPLE_SYSTEM: &str = "http://www.example-opes-systemA.com/opes?session=ac79a7901549f56";

/// A response with the trace of these services in the fields of the draft, as it is sent.
fn rendered(services: &[(&str, Option<(&str, &str)>)], rendering: Rendering) -> HeaderMap {
    let services = services.iter().map(|(uri, parameter)| match parameter {
        Some((name, value)) => entry(uri).with(*name, *value),
        None => entry(uri),
    });
    let trace = Trace { services: services.collect(), ..Trace::new(entry(EXAMPLE_SYSTEM)) };
    let head = b"HTTP/1.1 200 OK\r\nContent-type: application/octet-stream\r\n\r\n";
    let mut head = ResponseHead::parse(head).unwrap();
    trace.write_into(&mut head.headers, &Manner { rendering, ..Manner::default() });
    // What is sent is what is read.
    ResponseHead::parse(&head.encode()).unwrap().headers
}

/// The example: its entries, and OPES-Service as one field.
fn check(services: &[(&str, Option<(&str, &str)>)], expected: &str) {
    let headers = rendered(services, Rendering::EndComm);
    assert_eq!(sole(&headers, OPES_SYSTEM), EXAMPLE_SYSTEM.as_bytes());
    assert_eq!(std::str::from_utf8(sole(&headers, OPES_SERVICE)), Ok(expected));
    assert!(!headers.contains_key(OPES_VIA) && !headers.contains_key(OPES_PROCESSOR));
    let read: Vec<_> = entries(expected.as_bytes()).map(|listed| listed.entry.unwrap()).collect();
    let uris: Vec<_> = read.iter().map(|entry| entry.agent.as_str()).collect();
    assert_eq!(uris, services.iter().map(|(uri, _)| *uri).collect::<Vec<_>>());

    let headers = rendered(services, Rendering::Both);
    assert_eq!(std::str::from_utf8(sole(&headers, OPES_SERVICE)), Ok(expected));
    let via = format!("{EXAMPLE_SYSTEM}, {expected}");
    assert_eq!(std::str::from_utf8(sole(&headers, OPES_VIA)), Ok(via.as_str()), "and as RFC 4236 has it");
}

// req: COMM-8-01, COMM-8-02
#[test]
fn section_8_1_a_single_processor_in_detail() {
    check(
        &[
            ("http://www.example-opes-systemA.com/?sid=123", None),
            ("http://www.example-opes-systemA.com/cat/?sid=124", None),
            ("http://www.example-opes-systemA.com/cat/?sid=125", None),
        ],
        "http://www.example-opes-systemA.com/?sid=123, http://www.example-opes-systemA.com/cat/?sid=124, \
         http://www.example-opes-systemA.com/cat/?sid=125",
    );
}

// req: COMM-8-01, COMM-8-02
#[test]
fn section_8_2_a_single_processor_in_part() {
    check(
        &[
            ("http://www.example-opes-systemA.com/?sid=123", None),
            ("http://www.example-opes-systemA.com/cat/?sid=124", Some(("Mode", "Aggregate"))),
        ],
        "http://www.example-opes-systemA.com/?sid=123, \
         http://www.example-opes-systemA.com/cat/?sid=124;Mode=Aggregate",
    );
}

// req: COMM-8-01, COMM-8-02
#[test]
fn section_8_3_several_processors_in_full() {
    check(
        &[
            ("http://www.example-opes-Service-Provider1.com/cat/?sid=123", None),
            ("http://www.example-opes-Service-Provider1.com/cat/?sid=124", None),
            ("http://www.example-opes-Service-Provider2.com/xxx/?sid=111", None),
            ("http://www.example-opes-Service-Provider2.com/xxx/?sid=112", None),
        ],
        "http://www.example-opes-Service-Provider1.com/cat/?sid=123, \
         http://www.example-opes-Service-Provider1.com/cat/?sid=124, \
         http://www.example-opes-Service-Provider2.com/xxx/?sid=111, \
         http://www.example-opes-Service-Provider2.com/xxx/?sid=112",
    );
}

// req: COMM-8-01, COMM-8-02
#[test]
fn section_8_4_several_processors_in_part() {
    check(
        &[
            ("http://www.example-opes-Service-Provider1.com/cat/?sid=123", None),
            ("http://www.example-opes-Service-Provider1.com/cat/?sid=124", Some(("Mode", "A"))),
            ("http://www.example-opes-Service-Provider2.com/xxx/?sid=111", None),
            ("http://www.example-opes-Service-Provider2.com/xxx/?sid=112", Some(("Mode", "B"))),
        ],
        "http://www.example-opes-Service-Provider1.com/cat/?sid=123, \
         http://www.example-opes-Service-Provider1.com/cat/?sid=124;Mode=A, \
         http://www.example-opes-Service-Provider2.com/xxx/?sid=111, \
         http://www.example-opes-Service-Provider2.com/xxx/?sid=112;Mode=B",
    );
}

#[test]
fn processors_have_a_field_of_their_own() {
    let trace = Trace {
        system: entry(SYSTEM),
        processor: Some(entry("http://opes.example.com/p1")),
        services: vec![entry("http://s.example/1")],
    };
    let mut headers = HeaderMap::new();
    trace.write_into(&mut headers, &Manner { rendering: Rendering::EndComm, ..Manner::default() });
    assert_eq!(sole(&headers, OPES_PROCESSOR), b"http://opes.example.com/p1");
    assert_eq!(sole(&headers, OPES_SERVICE), b"http://s.example/1");
    let mut headers = map(OPES_SERVICE, &[b"http://foreign.example/1", b"http://foreign.example/2"]);
    trace.write_into(&mut headers, &Manner { rendering: Rendering::EndComm, ..Manner::default() });
    let expected = b"http://foreign.example/1, http://foreign.example/2, http://s.example/1";
    assert_eq!(sole(&headers, OPES_SERVICE), expected);
}
