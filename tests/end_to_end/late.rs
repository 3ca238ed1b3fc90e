//! Trace entries that are known only at the end of a message: in a trailer, where the client takes one (RFC 9110 section
//! 6.5), and where the policy is to tell them.

use http::Request;
use http_body_util::BodyExt;
use hyper_util::rt::{TokioExecutor, TokioIo};
use opes_tests::body;
use opes_tests::config::{Config, DIGEST, Rule, SYSTEM};
use opes_tests::ocp::Peer;
use opes_tests::opes::Opes;
use opes_tests::origin::{Origin, Page};
use opes_tests::patience::within;
use opes_tests::raw::{Raw, field};
use opes_tests::records::Keeper;
use opes_tests::trace::id;
use tokio::net::TcpStream;

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
    answer_in("HTTP/1.1", raw, fields, last)
}

/// The same for a client that speaks this version.
fn answer_in(version: &str, raw: &Raw, fields: &str, last: &str) -> String {
    let mut client = Peer::connect(raw.proxy.address);
    client.send(format!("GET / {version}\r\nHost: a.example\r\n{fields}\r\n"));
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

// RFC 9112 section 7.1.2: a trailer needs the chunked coding, which HTTP/1.0 has not.
#[test]
fn a_client_of_http_1_0_keeps_its_length_whatever_it_says() {
    let text =
        answer_in("HTTP/1.0", &raw("records = true"), "TE: trailers\r\nConnection: te\r\n", "\r\n\r\ncat");
    assert_eq!(field(&text, "content-length"), ["3"], "{text}");
    assert!(field(&text, "trailer").is_empty(), "{text}");
}

#[test]
fn a_trailer_keeps_to_what_the_head_has_left_of_the_size() {
    for (octets, there) in [(150, false), (2_000, true)] {
        let raw = raw(&format!("records = true\nmax_bytes = {octets}"));
        let last = if there { &format!("{SUM}\r\n\r\n") } else { "\r\n0\r\n\r\n" };
        let text = answer(&raw, "TE: trailers\r\nConnection: te\r\n", last);
        assert_eq!(field(&text, "trailer"), ["opes-via"], "{text}");
        assert_eq!(text.contains(SUM), there, "{octets}: {text}");
    }
}

/// A proxy that keeps records, a callout server, and what the client gets over HTTP/2, which takes trailers unasked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_2_a_callout_server_records_late_and_the_record_has_it_too() {
    let (origin, server) = (Origin::start().await, Opes::server(&Config::server()));
    origin.page("/zoo", Page::text("a cat"));
    let config = Config::reverse(origin.address(), server.address).table("[trace]\nrecords = true");
    let keeper = Keeper::start(config.rule(&Rule::response(&[DIGEST]).reading_only(&[DIGEST])));
    let stream = TokioIo::new(TcpStream::connect(keeper.proxy.address).await.expect("a proxy"));
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.expect("HTTP/2");
    tokio::spawn(async move { drop(connection.await) });
    let request = Request::get("http://localhost/zoo").body(body::empty()).expect("a request");
    let sent = within("a response", sender.send_request(request)).await;
    let (head, body) = sent.expect("a response").into_parts();
    assert_eq!(head.headers["trailer"], "OPES-Via");
    let body = within("its body", body.collect()).await.expect("a whole body");
    let late = body.trailers().expect("a trailer")["opes-via"].to_str().expect("text").to_owned();
    assert_eq!(body.to_bytes(), "a cat");
    assert!(late.starts_with(&format!("{SYSTEM};id=")), "{late}");
    assert!(late.contains(DIGEST) && late.contains("sha256="), "{late}");

    let record = keeper.record(&id(&head.headers).expect("an id")).await;
    let trace = record["trace"].as_array().expect("the trace");
    let told = trace.iter().filter_map(|entry| entry.as_str());
    assert_eq!(told.filter(|entry| entry.contains("sha256=")).count(), 1, "{record}");
}
