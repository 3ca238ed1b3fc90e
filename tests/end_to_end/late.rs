//! Trace entries that are known only at the end of a message: in a trailer, where the client takes one (RFC 9110 section
//! 6.5), and where the policy is to tell them.

use opes_tests::config::Config;
use opes_tests::ocp::Peer;
use opes_tests::raw::{Raw, field};

const DIGEST: &str = "http://services.example.com/digest";

/// SHA-256 of the body that the origin sends.
const SUM: &str = "sha256=77af778b51abd4a3c51c5ddd97204a9c3ae614ebccb75a606c3b6865aed6744e";

/// A proxy with a service in its process that knows at the end what it records.
fn raw(trace: &str) -> Raw {
    Raw::with(|config: Config| {
        let config = config.table(&format!("[[services]]\nuri = \"{DIGEST}\"\nkind = \"digest\"\n"));
        let config = config.table(&format!("[[rules]]\nservices = [\"{DIGEST}\"]\n"));
        config.table(&format!("[trace]\n{trace}"))
    })
}

/// What the client gets for `fields`, up to the end of the last chunk or of the body.
fn answer(raw: &Raw, fields: &str, last: &str) -> String {
    let mut client = Peer::connect(raw.proxy.address);
    client.send(format!("GET / HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n"));
    let mut origin = Peer::accept(&raw.listener);
    origin.expect("\r\n\r\n");
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ncat");
    client.expect(last);
    client.text().to_lowercase()
}

// req: EEPC-3.1-01
#[test]
fn late_entries_go_into_a_trailer_where_the_client_takes_one() {
    let raw = raw("records = true");
    let text = answer(&raw, "TE: trailers\r\nConnection: te\r\n", &format!("{SUM}\r\n\r\n"));
    assert_eq!(field(&text, "transfer-encoding"), ["chunked"], "{text}");
    assert_eq!(field(&text, "trailer"), ["opes-via"], "{text}");
    assert!(field(&text, "content-length").is_empty(), "{text}");
    let head = text.split("\r\n\r\n").next().unwrap();
    assert!(
        head.contains("opes-system: ") && head.contains(DIGEST),
        "what is required is in the head: {text}"
    );
    assert!(!head.contains("sha256="), "{text}");
    let trailer = text.rsplit("\r\n0\r\n").next().unwrap();
    let expected = format!("{DIGEST};{SUM}");
    assert!(trailer.starts_with("opes-via: http://opes.example.com/system, "), "{text}");
    assert!(trailer.contains(&expected), "{text}");
    assert!(!trailer.contains("opes-system"), "{text}");
}

#[test]
fn nobody_gets_a_trailer_who_takes_none() {
    for (trace, fields) in [
        ("records = true", ""),
        ("records = false", "TE: trailers\r\nConnection: te\r\n"),
        ("records = true\ngranularity = \"summary\"", "TE: trailers\r\nConnection: te\r\n"),
    ] {
        let text = answer(&raw(trace), fields, "\r\n\r\ncat");
        assert_eq!(field(&text, "content-length"), ["3"], "{trace}: {text}");
        assert!(field(&text, "trailer").is_empty(), "{trace}: {text}");
        assert!(field(&text, "transfer-encoding").is_empty(), "{trace}: {text}");
    }
}
