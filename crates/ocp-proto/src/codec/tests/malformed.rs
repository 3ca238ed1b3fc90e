//! What has to be refused, and where.

use super::{DecoderLimits, Seen, decode, decode_octets, decode_pieces};

/// Input that no message can be, with `|` for CRLF; nothing of it may count as a message unless it says so.
const MALFORMED: &[&str] = &[
    // sizes
    "X \"05:hello\";|",
    "X \"00:\";|",
    "X 1|05:hello|;|",
    "X|00:|;|",
    "X \"2147483648:",
    "X \"99999999999999999999999999:x\";|",
    "X|2147483648:",
    "X \"+5:hello\";|",
    "X \"-1:\";|",
    "X \"hello\";|",
    "X \":\";|",
    "X \"5 :hello\";|",
    "X|5 :hello|;|",
    "X|5x:hello|;|",
    // quoted values
    "X \"4:hello\";|",
    "X \"6:hello\";|;|",
    "X 5:hello;|",
    "X \"1:a\"b;|",
    // line ends
    "PQ;\nPQ;|",
    "PQ;\rPQ;|",
    "X\nA: 1\n;|",
    "X|A: 1\n;|",
    "X|A: 1\r;|",
    "PQ;PQ;|",
    "||PQ;|",
    "|PQ;|",
    // white space
    "PQ ;|",
    "PQ; |",
    "X  1;|",
    "X\t1;|",
    " PQ;|",
    "X 1 ;|",
    "X 1\\|2;|",
    // named parameters
    "X|A:1|;|",
    "X|A:  1|;|",
    "X|A : 1|;|",
    "X|A: 1| 2|;|",
    "X|A: |;|",
    "X|A: 1;|",
    "X|A: 1|1A: 1|;|",
    "X|-A: 1|;|",
    "X|A: 1 2|;|",
    "X|A|;|",
    "X 1|;|",
    "X|;|",
    "X|A: 1|B|;|",
    // Kept of DUM is the only parameter with a second value, and only an atom has one
    "X|Kept: 1 2|;|",
    "DUMX|Kept: 1 2|;|",
    "DUY 1 1 1|Kept: 1 2|;|",
    "AMS 1|Kept: 1 2|;|",
    "DUM|Kept: 1 2 3|;|",
    "DUM|kept: 1 2|;|",
    "DUM|XKept: 1 2|;|",
    "DUM|Kept: 1  2|;|",
    "DUM|Kept: 1 |;|",
    "DUM|Kept: {1 2} 3|;|",
    "DUM|Kept: (1) 3|;|",
    "DUM|X: {|Kept: 1|} 2|;|",
    "DUM|X: ({|Kept: 1|}) 2|;|",
    "DUM {|Kept: 1 2|};|",
    // lists and structures
    "X (1, 2);|",
    "X (1,);|",
    "X (,1);|",
    "X (1;|",
    "X (1 2);|",
    "X (1|A: 2|);|",
    "X {1,2};|",
    "X {1;|",
    "X { 1 };|",
    "X {1 };|",
    "X {1|A: 2};|",
    "X {A: 2};|",
    "X {|A: 1|B};|",
    "X {1|};|",
    "X {|};|",
    "X {|A: 1||};|",
    "X {|A: 1|B: 2| };|",
    "X ({1)};|",
    "X {(1});|",
    "X 1);|",
    "X };|",
    // names
    "1abc;|",
    "-abc;|",
    "_a;|",
    ";|",
    "X.Y;|",
    "X 1.5;|",
    "X a/b;|",
    // payload
    "X|A: 1|5:hello|;|",
    "X 1||5:hello|;|",
    "X 1|5:hello;|",
    "X 1|3:hello|;|",
    "X 1|5:hello|A: 1|;|",
    "X 1|1:a|1:b|;|",
    "X|0:;|",
    "X|0:|;\n",
    "X|0:| ;|",
    // other protocols
    "GET / HTTP/1.1|Host: x||",
    "220 smtp.example.com ESMTP|",
    "{\"json\": true}",
];

const BINARY: &[&[u8]] = &[
    b"caf\xc3\xa9;\r\n",
    b"X caf\xc3\xa9;\r\n",
    b"X\r\ncaf\xc3\xa9: 1\r\n;\r\n",
    b"X \x00;\r\n",
    b"X\x00;\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"\xef\xbb\xbfPQ;\r\n",
];

fn all() -> impl Iterator<Item = Vec<u8>> {
    let text = MALFORMED.iter().map(|text| text.replace('|', "\r\n").into_bytes());
    text.chain(BINARY.iter().map(|octets| octets.to_vec()))
}

// req: OCP-3.1-10, OCP-3.1-16, OCP-3.1-17, OCP-3.1-21, OCP-3.1-22, OCP-3.1-24, OCP-3.1-29, OCP-3.1-30
// req: OCP-3.2-01, OCP-5-01
#[test]
fn what_the_grammar_does_not_allow_is_an_error() {
    for input in all() {
        let decoded = decode(&input);
        assert!(decoded.error.is_some(), "{}", input.escape_ascii());
    }
}

#[test]
fn a_violation_is_found_at_the_octet_that_makes_it() {
    for input in all() {
        let whole = decode(&input);
        let error = whole.error.clone();
        assert_eq!(decode_octets(&input), whole, "{}", input.escape_ascii());
        let first = (1..=input.len()).find(|end| decode(&input[..*end]).error.is_some());
        let first = first.expect("the whole input fails");
        assert_eq!(decode(&input[..first]).error, error, "{}", input.escape_ascii());
    }
}

#[test]
fn messages_before_a_violation_count() {
    for input in all() {
        let input = [b"AQ {a};\r\nX\r\n2:hi\r\n;\r\n", &input[..]].concat();
        let decoded = decode(&input);
        assert!(decoded.error.is_some());
        assert!(matches!(&decoded.seen[0], Seen::Message { name, .. } if name == b"AQ"));
        assert_eq!(decoded.seen[3], Seen::End);
    }
}

#[test]
fn an_unfinished_message_is_no_error_yet() {
    let messages = b"PQ;\r\nX {1 (a)\r\nB: \"2:cd\"\r\n}\r\nC: d\r\n\r\n3:abc\r\n;\r\n";
    for end in 0..messages.len() {
        let decoded = decode(&messages[..end]);
        assert_eq!(decoded.error, None, "{end}");
        assert_eq!(decoded.unfinished, !matches!(end, 0 | 5), "{end}");
    }
}

#[test]
fn nothing_is_taken_after_an_error() {
    let pieces: [&[u8]; 3] = [b"PQ ;\r\n", b"PQ;\r\n", b"PQ;\r\n"];
    let decoded = decode_pieces(DecoderLimits::default(), pieces);
    assert!(decoded.seen.is_empty() && decoded.error.is_some());

    let mut decoder = super::Decoder::new(DecoderLimits::default());
    decoder.buffer().extend_from_slice(b"PQ ;");
    let error = decoder.next().unwrap_err();
    decoder.buffer().clear();
    decoder.buffer().extend_from_slice(b"PQ;\r\n");
    assert_eq!(decoder.next().unwrap_err(), error);
}
