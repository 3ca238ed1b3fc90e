//! The Encapsulated field.

use crate::{BodyKind, Encapsulated, Error, Form};

fn parse(value: &str) -> Result<Encapsulated, Error> {
    Encapsulated::parse(value.as_bytes())
}

// RFC 3507 section 4.4.1: its examples.
#[test]
fn the_examples_are_read_and_written() {
    for (value, request, response, body) in [
        ("req-hdr=0, req-body=412", Some(412), None, BodyKind::Request),
        ("req-hdr=0, null-body=412", Some(412), None, BodyKind::Null),
        ("req-hdr=0, res-hdr=822, res-body=1655", Some(822), Some(833), BodyKind::Response),
        ("res-hdr=0, res-body=749", None, Some(749), BodyKind::Response),
        ("opt-body=0", None, None, BodyKind::Options),
        ("null-body=0", None, None, BodyKind::Null),
        ("res-body=0", None, None, BodyKind::Response),
    ] {
        let expected = Encapsulated { request, response, body };
        assert_eq!(parse(value), Ok(expected), "{value}");
        assert_eq!(expected.to_string(), value);
        assert_eq!(parse(&value.replace(", ", ",")), Ok(expected), "white space does not matter");
    }
}

// RFC 3507 section 4.4.1: monotonically increasing, and in order.
#[test]
fn offsets_that_do_not_grow_from_zero_are_refused() {
    for value in [
        "req-hdr=1, req-body=5",
        "req-hdr=0, req-body=0",
        "req-hdr=0, res-hdr=10, res-body=10",
        "req-hdr=0, res-hdr=10, res-body=9",
        "res-body=4",
    ] {
        assert_eq!(parse(value), Err(Error::Offsets), "{value}");
    }
}

#[test]
fn lists_that_are_none_are_refused() {
    for value in [
        "",
        "req-hdr=0",
        "req-hdr",
        "req-hdr=x, null-body=4",
        "req-hdr=0, null-body=-4",
        "req-hdr=0, null-body=+4",
        "req-hdr=0, null-body=",
        "req-hdr=0, req-hdr=4, null-body=8",
        "res-hdr=0, req-hdr=4, null-body=8",
        "req-hdr=0, null-body=4, res-body=8",
        "req-hdr=0, any-body=4",
        "req-hdr=0, null-body=99999999999999999999999",
        "req-hdr=0,, null-body=4",
    ] {
        assert_eq!(parse(value), Err(Error::Encapsulated), "{value}");
    }
}

// RFC 3507 section 4.4.1: the legal forms.
#[test]
fn each_message_has_its_own_sections() {
    use Form::{Options, ReqmodRequest, ReqmodResponse, RespmodRequest, RespmodResponse};
    let legal = [
        ("req-hdr=0, req-body=4", vec![ReqmodRequest, ReqmodResponse]),
        ("req-hdr=0, res-hdr=4, res-body=8", vec![RespmodRequest]),
        ("res-hdr=0, res-body=4", vec![ReqmodResponse, RespmodRequest, RespmodResponse]),
        ("req-hdr=0, null-body=4", vec![ReqmodRequest, ReqmodResponse, RespmodRequest]),
        ("req-hdr=0, res-body=4", vec![RespmodRequest]),
        ("opt-body=0", vec![Options]),
        ("null-body=0", vec![Options, ReqmodRequest, ReqmodResponse, RespmodRequest, RespmodResponse]),
    ];
    for (value, forms) in legal {
        for form in [Options, ReqmodRequest, ReqmodResponse, RespmodRequest, RespmodResponse] {
            let result = parse(value).and_then(|found| found.check(form));
            assert_eq!(result.is_ok(), forms.contains(&form), "{value} in {form}");
        }
    }
}
