//! What a peer can make a decoder hold.

use super::{Decoded, Decoder, DecoderLimits, Item, Seen, SyntaxError, decode_pieces};

const LIMITS: DecoderLimits = DecoderLimits { message_octets: 64, nesting_depth: 3 };
const TOO_LONG: SyntaxError = SyntaxError::TooLong { limit: 64 };

/// The same result in one piece and octet by octet.
fn decode(input: &[u8]) -> Decoded {
    let whole = decode_pieces(LIMITS, [input]);
    assert_eq!(decode_pieces(LIMITS, input.chunks(1)), whole, "{}", input.escape_ascii());
    whole
}

/// Messages without payload of `length` octets, made of one long element.
fn long_messages(length: usize) -> Vec<Vec<u8>> {
    let fill = |head: &str, fill: &str, tail: &str| {
        let room = length - head.len() - tail.len();
        [head, &fill.repeat(room / fill.len()), &"-".repeat(room % fill.len()), tail].concat().into_bytes()
    };
    let quoted = length - "X \"00:\";\r\n".len();
    vec![
        fill("X", "n", ";\r\n"),
        fill("X ", "v", ";\r\n"),
        fill("X", " v", ";\r\n"),
        fill("X (v", ",v", ");\r\n"),
        fill("X\r\n", "N", ": 1\r\n;\r\n"),
        format!("X \"{quoted}:{}\";\r\n", " ".repeat(quoted)).into_bytes(),
    ]
}

// req: OCP-5-02, OCP-11-06
#[test]
fn a_message_may_have_just_as_many_octets_as_the_limit_says() {
    for message in long_messages(64) {
        assert_eq!(message.len(), 64);
        assert_eq!(decode(&message).error, None, "{}", message.escape_ascii());
        assert_eq!(decode(&message.repeat(3)).seen.len(), 3, "the limit is for each message");
    }
    for message in long_messages(65) {
        assert_eq!(message.len(), 65);
        assert_eq!(decode(&message).error, Some(TOO_LONG), "{}", message.escape_ascii());
    }
}

#[test]
fn payload_does_not_count() {
    let head = format!("X {}\r\n80:", "v".repeat(57));
    assert_eq!(head.len(), 64);
    let decoded = decode(format!("{head}{}\r\n;\r\n", "p".repeat(80)).as_bytes());
    assert_eq!((decoded.error, decoded.seen.len()), (None, 3));
}

#[test]
fn a_quoted_value_past_the_limit_fails_before_it_comes() {
    assert_eq!(decode(b"X \"64:").error, Some(TOO_LONG));
    assert_eq!(decode(b"X \"2147483647:").error, Some(TOO_LONG));
}

// req: OCP-5-02
#[test]
fn values_may_nest_just_as_deep_as_the_limit_says() {
    for good in ["X (((1)));\r\n", "X ({(1)}) ((()));\r\n", "X\r\nA: {\r\nB: ({})\r\n}\r\n;\r\n"] {
        assert_eq!(decode(good.as_bytes()).error, None, "{good}");
    }
    for bad in ["X ((((", "X {({{", "X {\r\nA: {\r\nB: {\r\nC: ("] {
        assert_eq!(decode(bad.as_bytes()).error, Some(SyntaxError::TooDeep { limit: 3 }), "{bad}");
    }
}

// req: OCP-5-02
#[test]
fn an_endless_head_is_never_held_past_the_limit() {
    let limits = DecoderLimits { message_octets: 10_000, ..DecoderLimits::default() };
    for piece in ["n", "v ", "(", "(1,", "{1 ", "1", "\"1:a\" ", "N: 1\r\n"] {
        let endless = piece.repeat(1024 / piece.len());
        let mut decoder = Decoder::new(limits);
        decoder.buffer().extend_from_slice(if piece.starts_with('N') { b"X\r\n" } else { b"X " });
        let mut most = 0;
        let error = loop {
            decoder.buffer().extend_from_slice(endless.as_bytes());
            match decoder.next() {
                Ok(item) => assert!(item.is_none()),
                Err(error) => break error,
            }
            most = most.max(decoder.buffer().len());
        };
        assert!(most <= 10_000, "{piece}: {most} octets held");
        assert!(!matches!(error, SyntaxError::Size), "{piece}: {error}");
    }
}

#[test]
fn one_large_read_costs_no_more_tokens_than_the_limit_allows() {
    let mut decoder = Decoder::new(LIMITS);
    decoder.buffer().extend_from_slice(b"X (1");
    decoder.buffer().extend_from_slice(",1".repeat(1 << 20).as_bytes());
    assert_eq!(decoder.next().unwrap_err(), TOO_LONG);
    assert!(decoder.tokens() <= 32, "{} tokens", decoder.tokens());
}

#[test]
fn a_gigabyte_of_payload_passes_without_being_held() {
    const SIZE: usize = 1 << 30;
    let block = vec![b'p'; 64 * 1024];
    let mut decoder = Decoder::new(LIMITS);
    decoder.buffer().extend_from_slice(format!("DUM 1 0\r\n{SIZE}:").as_bytes());
    assert!(matches!(decoder.next(), Ok(Some(Item::Message(raw))) if raw.payload() == Some(SIZE as u64)));
    let mut octets = 0;
    for _ in 0..SIZE / block.len() {
        decoder.buffer().extend_from_slice(&block);
        while let Some(Item::Payload(piece)) = decoder.next().unwrap() {
            octets += piece.len();
        }
        assert!(decoder.buffer().is_empty());
    }
    decoder.buffer().extend_from_slice(b"\r\n;\r\nPQ;\r\n");
    assert_eq!(octets, SIZE);
    assert!(matches!(decoder.next(), Ok(Some(Item::End))));
    assert!(matches!(decoder.next(), Ok(Some(Item::Message(_)))));
    assert!(!decoder.in_message());
}

#[test]
fn names_that_repeat_are_found_among_very_many() {
    let names: String = (0..6000).map(|number| format!("N{number}: 1\r\n")).collect();
    for (extra, duplicate) in [("", None), ("N17: 2\r\n", Some(&b"N17"[..])), ("n17: 2\r\n", None)] {
        let mut decoder = Decoder::new(DecoderLimits { message_octets: 1 << 20, nesting_depth: 3 });
        decoder.buffer().extend_from_slice(format!("X\r\n{names}{extra};\r\n").as_bytes());
        let Ok(Some(Item::Message(raw))) = decoder.next() else { panic!("a message") };
        assert_eq!(raw.duplicate_name(), duplicate);
    }
}

#[test]
fn the_default_limits_are_those_of_the_contract() {
    let DecoderLimits { message_octets, nesting_depth } = DecoderLimits::default();
    assert_eq!((message_octets, nesting_depth), (65_536, 16));
    let seen = decode_pieces(DecoderLimits::default(), [&b"X;\r\n"[..]]).seen;
    assert!(matches!(seen[..], [Seen::Message { .. }]));
}
