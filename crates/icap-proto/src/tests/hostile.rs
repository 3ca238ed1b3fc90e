//! What nobody should send.

use super::*;

fn refused(octets: &[u8]) -> Error {
    request(octets).expect_err("this is no request")
}

#[test]
fn heads_that_are_none_are_refused() {
    for (octets, error) in [
        ("GET / HTTP/1.1\r\n\r\n", Error::RequestLine),
        ("REQMOD icap://a/b ICAP/2.0\r\n\r\n", Error::Version),
        ("REQMOD  icap://a/b ICAP/1.0\r\n\r\n", Error::RequestLine),
        ("REQ{MOD icap://a/b ICAP/1.0\r\n\r\n", Error::RequestLine),
        ("REQMOD icap://a/\u{e9} ICAP/1.0\r\n\r\n", Error::RequestLine),
        ("REQMOD icap://a/b ICAP/1.0\r\nno field\r\n\r\n", Error::Field),
        ("REQMOD icap://a/b ICAP/1.0\r\nA : b\r\n\r\n", Error::Field),
        ("REQMOD icap://a/b ICAP/1.0\r\nA: b\nB: c\r\n\r\n", Error::Field),
        ("REQMOD icap://a/b ICAP/1.0\r\nA: b\r\n c\r\n\r\n", Error::Field),
        ("REQMOD icap://a/b ICAP/1.0\r\nA: \0\r\n\r\n", Error::Field),
        ("REQMOD icap://a/b ICAP/1.0\r\nHost: a\r\n\r\n", Error::NoEncapsulated),
        ("OPTIONS icap://a/b ICAP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", Error::TransferEncoding),
        (
            "REQMOD icap://a/b ICAP/1.0\r\nEncapsulated: null-body=0\r\nEncapsulated: null-body=0\r\n\r\n",
            Error::NoEncapsulated,
        ),
    ] {
        assert_eq!(refused(octets.as_bytes()), error, "{octets:?}");
    }
    assert_eq!(refused(&respmod("Preview: x\r\n", "")), Error::Preview);
    assert_eq!(refused(&respmod("Preview:\r\n", "")), Error::Preview);
    assert_eq!(Error::Version.status(), 505);
    assert_eq!(Error::Preview.status(), 400);
}

// RFC 3507 section 4.4.2: an offset inside of a head, or behind it.
#[test]
fn an_encapsulated_head_ends_where_its_offset_says() {
    let message = |end: usize| {
        format!(
            "REQMOD icap://a/b ICAP/1.0\r\nEncapsulated: req-hdr=0, null-body={end}\r\n\r\n\
             GET / HTTP/1.1\r\n\r\nGET /other HTTP/1.1\r\n\r\n"
        )
    };
    assert_eq!(refused(message(17).as_bytes()), Error::SectionEnd);
    assert_eq!(refused(message(19).as_bytes()), Error::SectionEnd);
    assert_eq!(refused(message(3).as_bytes()), Error::SectionEnd);
    assert_eq!(refused(message(41).as_bytes()), Error::SectionEnd, "two heads in the place of one");
    assert_eq!(refused(message(1 << 40).as_bytes()), Error::SectionsTooLong(256 * 1024));
}

#[test]
fn chunks_that_are_none_are_refused() {
    for (body, error) in [
        ("x\r\n", Error::ChunkSize),
        ("\r\n", Error::ChunkSize),
        ("-1\r\n", Error::ChunkSize),
        ("+1\r\n", Error::ChunkSize),
        ("0x1\r\n", Error::ChunkSize),
        ("fffffffffffffffff\r\n", Error::ChunkSize),
        ("1\r\nab\r\n", Error::ChunkEnd),
        ("1\r\na\n", Error::ChunkEnd),
        ("0\r\nno field\r\n\r\n", Error::Field),
        ("0; use-original-body=1\r\n\r\n", Error::OriginalBody),
        ("1; use-original-body=1\r\na\r\n", Error::OriginalBody),
        ("0; use-original-body=x\r\n\r\n", Error::OriginalBody),
    ] {
        assert_eq!(refused(&respmod("", body)), error, "{body:?}");
    }
}

// RFC 3507 section 4.5.
#[test]
fn a_preview_keeps_to_what_it_announced() {
    assert_eq!(refused(&respmod("Preview: 2\r\n", "3\r\nabc\r\n0\r\n\r\n")), Error::PreviewTooLong(2));
    // None of a chunk that is too long is handed out, however much of it has come.
    let long = respmod("Preview: 2\r\n", "4\r\nabcd\r\n");
    let cut = requests_in([&long[..long.len() - 4], &long[long.len() - 4..]]);
    assert_eq!(cut, requests_in([&long[..]]));
    assert!(!cut.0.iter().any(|part| matches!(part, Seen::Body(_))), "{cut:?}");
    assert_eq!(refused(&respmod("Preview: 2\r\n", "1\r\na\r\n0\r\nA: b\r\n\r\n")), Error::PreviewTrailer);
    // A client that leaves out `ieof` has to go on when it is told to; the next request is no chunk.
    let missing = respmod("Preview: 2\r\n", "1\r\na\r\n0\r\n\r\nOPTIONS icap://a/b ICAP/1.0\r\n\r\n");
    assert_eq!(refused(&missing), Error::ChunkSize);
}

#[test]
fn what_never_ends_is_kept_only_up_to_a_limit() {
    let limits = Limits { head: 100, sections: 100, line: 20, trailer: 30 };
    let endless = |start: &[u8], filler: &[u8]| {
        let mut pieces = vec![start];
        pieces.extend(std::iter::repeat_n(filler, 1000));
        requests_within(limits, pieces).1.expect_err("there is a limit")
    };
    assert_eq!(endless(b"OPTIONS icap://a/b ICAP/1.0\r\n", b"A: b\r\n"), Error::HeadTooLong(100));
    assert_eq!(endless(b"", b"x"), Error::HeadTooLong(100));
    let body = b"RESPMOD icap://a/b ICAP/1.0\r\nEncapsulated: res-body=0\r\n\r\n";
    assert_eq!(endless(body, b"1"), Error::LineTooLong(20));
    let trailer = [&body[..], b"0\r\n"].concat();
    assert_eq!(endless(&trailer, b"A: b\r\n"), Error::TrailerTooLong(30));
    let sections = b"REQMOD icap://a/b ICAP/1.0\r\nEncapsulated: req-hdr=0, null-body=101\r\n\r\n";
    assert_eq!(endless(sections, b"x"), Error::SectionsTooLong(100));
}

#[test]
fn a_line_at_its_limit_is_read_alike_however_it_is_cut() {
    let limits = Limits { line: 12, trailer: 12, ..Limits::default() };
    for (line, last) in [("1;345678\r\na\r\n", 8), ("1;34567890\r\na\r\n", 10), ("1;345678901\r\na\r\n", 11)]
    {
        for (trailer, size) in [("A: b\r\n\r\n", 8), ("A: 34567\r\n\r\n", 12), ("A: 345678\r\n\r\n", 13)] {
            let octets = respmod("", &format!("{line}0\r\n{trailer}"));
            let whole = requests_within(limits, [&octets[..]]);
            assert_eq!(whole.1.is_ok(), last + 2 <= 12 && size <= 12, "{line:?} {trailer:?} {whole:?}");
            for at in 0..octets.len() {
                let (first, second) = octets.split_at(at);
                assert_eq!(requests_within(limits, [first, second]), whole, "{line:?} {trailer:?} at {at}");
            }
        }
    }
}

#[test]
fn a_field_that_would_break_its_line_is_not_written() {
    let mut fields = crate::Fields::default();
    for (name, value) in [("A b", "c"), ("", "c"), ("A", "b\r\nC: d"), ("A", "b\0")] {
        assert_eq!(fields.push(name, value), Err(Error::Field), "{name:?} {value:?}");
    }
    assert!(fields.is_empty());
}
