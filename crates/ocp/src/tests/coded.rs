//! Bodies that come coded to services that want to see what they mean.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use opes_coding::{Bounds, Codings, Decoder, Encoder};
use opes_profile::http::Profile;
use opes_sdk::{Attributes, Context, Description, Needs, Segment, Service, ServiceFactory, Step, factory};
use opes_services::{Digest, Inject, Peek, Substitute};

use super::alone::{Alone, create, data_octets, feature, host_with, is_failure_of, offer, raw_part};
use crate::server::Recoding;
use crate::server::host::Host;

/// The hold of these hosts.
const HOLD: usize = 8000;

const STACKS: [&[&str]; 6] =
    [&["gzip"], &["deflate"], &["br"], &["zstd"], &["gzip", "br"], &["zstd", "x-gzip"]];

fn text(len: usize) -> String {
    let mut text = String::new();
    let mut state = 1u32;
    while text.len() < len {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.push_str(["the cat sat ", "on a mat ", "and "][(state >> 24) as usize % 3]);
        text.push(char::from(b'a' + (state >> 16) as u8 % 26));
    }
    text.truncate(len);
    text
}

fn codings(names: &[&str]) -> Codings {
    Codings::parse(names.iter().copied()).expect("known names")
}

fn coded(names: &[&str], plain: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new(&codings(names)).expect("an encoder");
    encoder.push(plain.to_vec().into()).expect("it is encoded");
    encoder.finish().expect("it is encoded");
    let mut coded = Vec::new();
    while let Some(octets) = encoder.pull() {
        coded.extend_from_slice(&octets);
    }
    coded
}

fn decoded(names: &[&str], coded: &[u8]) -> Vec<u8> {
    let mut decoder = Decoder::new(&codings(names), Bounds::default());
    decoder.push(coded.to_vec().into());
    let mut plain = Vec::new();
    while let Some(octets) = decoder.pull().expect("valid octets") {
        plain.extend_from_slice(&octets);
    }
    decoder.finish().expect("a whole body");
    plain
}

fn head(names: &[&str], rest: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Encoding: {}\r\n{rest}\r\n", names.join(", "))
}

fn group(services: Vec<Arc<dyn ServiceFactory>>) -> Alone<Host> {
    let uris: Vec<_> = services.iter().map(|service| service.uri().to_owned()).collect();
    let host = host_with(services, Recoding { hold: HOLD as u64, bounds: Bounds::default() });
    host.hear(&["CS;".to_owned(), "NO ();".to_owned(), create(1, &uris)]);
    host.hear(&[offer(&[&feature(Profile::Response)], Some(1))]);
    host.said();
    host
}

/// What the host says to a response, which comes in pieces of this length, and how much of it was said before its end.
fn answer(host: &Alone<Host>, head: &str, body: &[u8], cut: usize) -> (Vec<u8>, usize) {
    host.hear(&["TS 0 1;", &format!("AMS 0|AM-EL: {}|;", body.len())]);
    host.hear_octets(&raw_part(0, 0, "response-header", head.as_bytes()));
    let mut said = host.octets();
    let mut offset = head.len();
    for piece in body.chunks(cut) {
        host.hear_octets(&raw_part(0, offset, "response-body", piece));
        offset += piece.len();
        said.extend(host.octets());
    }
    let before = said.len();
    host.hear(&["AME 0;"]);
    said.extend(host.octets());
    (said, before)
}

/// The messages with their data cut out, and the data of head and body.
fn adapted(said: &[u8], head: &str) -> (String, Vec<u8>) {
    let (messages, data) = data_octets(said);
    let (adapted_head, body) = data.split_at(head.len().min(data.len()));
    if !data.is_empty() {
        assert_eq!(String::from_utf8_lossy(adapted_head), head);
    }
    (messages.join("\n"), body.to_vec())
}

fn substitute() -> Arc<dyn ServiceFactory> {
    Arc::new(Substitute::new("urn:substitute", "cat", "tiger").expect("a pattern"))
}

/// Sees everything and changes nothing; leaves after so many octets, if it does.
struct Look {
    seen: Arc<Mutex<Vec<u8>>>,
    told: Arc<Mutex<Option<Attributes>>>,
    leave_after: usize,
}

impl Service for Look {
    fn needs(&self) -> Needs {
        Needs { decoded: true, ..Needs::look() }
    }

    fn start(&mut self, cx: &mut Context<'_>) -> Step {
        *self.told.lock().unwrap() = Some(cx.attributes().clone());
        Step::Continue
    }

    fn push(&mut self, _: &mut Context<'_>, segment: Segment) -> Step {
        let mut seen = self.seen.lock().unwrap();
        seen.extend_from_slice(&segment.octets);
        if seen.len() >= self.leave_after { Step::Leave } else { Step::Continue }
    }
}

/// A service that looks, and what it has been told.
#[derive(Clone, Default)]
struct Looks {
    seen: Arc<Mutex<Vec<u8>>>,
    told: Arc<Mutex<Option<Attributes>>>,
}

impl Looks {
    fn service(&self, leave_after: usize) -> Arc<dyn ServiceFactory> {
        let own = self.clone();
        Arc::new(factory("urn:look", move |_: &Attributes| Look {
            seen: Arc::clone(&own.seen),
            told: Arc::clone(&own.told),
            leave_after,
        }))
    }
}

#[test]
fn a_coded_body_is_changed_as_what_it_means() {
    for names in STACKS {
        for (len, cut) in [(10, 3), (7000, 500), (50_000, 1000), (50_000, 60_000)] {
            let plain = text(len);
            let head = head(names, "");
            let (said, _) = answer(&group(vec![substitute()]), &head, &coded(names, plain.as_bytes()), cut);
            let (messages, body) = adapted(&said, &head);
            let expected = plain.replace("cat", "tiger");
            if expected == plain {
                continue;
            }
            assert_eq!(String::from_utf8(decoded(names, &body)).unwrap(), expected);
            assert!(!messages.contains("AM-EL") && !messages.contains("Modp: 0"), "{messages}");
            assert!(messages.ends_with("AME 0;\nTE 0;"), "{messages}");
        }
    }
}

#[test]
fn a_body_that_nothing_was_changed_of_keeps_its_octets_up_to_the_hold() {
    for names in STACKS {
        for len in [0, 1, HOLD - 1, HOLD, HOLD + 1, 3 * HOLD] {
            let plain = text(len).replace("cat", "dog");
            let coded = if len == 0 { Vec::new() } else { coded(names, plain.as_bytes()) };
            let head = head(names, "ETag: \"x\"\r\n");
            let (said, before) = answer(&group(vec![substitute()]), &head, &coded, 700);
            let (messages, body) = adapted(&said, &head);
            assert!(messages.ends_with("AME 0;\nTE 0;"), "{messages}");
            if len <= HOLD {
                assert_eq!(body, coded);
                assert_eq!(before, 0, "it was held");
                assert!(messages.contains(&format!("AM-EL: {}|", coded.len())), "{messages}");
                assert!(messages.contains("|Modp: 0|"), "{messages}");
            } else {
                assert!(before > 0, "it was not held any longer");
                assert_eq!(decoded(names, &body), plain.as_bytes());
                assert!(!messages.contains("AM-EL") && !messages.contains("Modp: 0"), "{messages}");
            }
        }
    }
}

#[test]
fn a_body_past_the_hold_keeps_its_octets_if_the_services_decide_to_leave_it() {
    for names in STACKS {
        let peek = Peek::new("urn:peek", 2 * HOLD as u64, "evil", "not here");
        let inject = Inject::new("urn:inject", "nowhere", "<b>", 1000).expect("a marker");
        let plain = text(4 * HOLD);
        let coded = coded(names, plain.as_bytes());
        let head = head(names, "ETag: \"x\"\r\n");
        let (said, _) = answer(&group(vec![Arc::new(peek), Arc::new(inject)]), &head, &coded, 700);
        let (messages, body) = adapted(&said, &head);
        assert!(body == coded, "{names:?}: {} octets of {}", body.len(), coded.len());
        assert!(messages.contains(&format!("AM-EL: {}|", coded.len())), "{messages}");
    }
}

#[test]
fn services_that_only_look_see_what_it_means_and_the_octets_go_on() {
    for names in STACKS {
        let looks = Looks::default();
        let plain = text(40_000);
        let coded = coded(names, plain.as_bytes());
        let head = head(names, "Content-Type: text/html\r\n");
        let (said, before) = answer(&group(vec![looks.service(usize::MAX)]), &head, &coded, 900);
        let (messages, body) = adapted(&said, &head);
        assert_eq!(*looks.seen.lock().unwrap(), plain.as_bytes());
        assert_eq!(body, coded);
        assert!(before > coded.len(), "nothing was held");
        assert!(messages.contains(&format!("AM-EL: {}|", coded.len())), "{messages}");
        assert!(messages.contains("|Modp: 0|") && messages.contains("DWSS 0;"), "{messages}");
        let told = looks.told.lock().unwrap().take().expect("it was started");
        assert_eq!((told.coding, told.length), (vec![], None), "what it is given has none");
        assert_eq!(told.media_type.as_deref(), Some("text/html"));
    }
}

#[test]
fn services_that_look_read_on_after_the_processor_went_on_without_them() {
    let looks = Looks::default();
    let plain = text(20_000);
    let coded = coded(&["br"], plain.as_bytes());
    let head = head(&["br"], "");
    let host = group(vec![looks.service(usize::MAX)]);
    host.hear(&["TS 0 1;", "AMS 0;"]);
    host.hear_octets(&raw_part(0, 0, "response-header", head.as_bytes()));
    host.hear_octets(&raw_part(0, head.len(), "response-body", &coded[..999]));
    let first = host.octets();
    host.hear(&["DSS 0;"]);
    let stopped = host.octets();
    let (messages, body) = adapted(&[first, stopped].concat(), &head);
    assert_eq!(body, coded[..999], "all that came before DSS");
    assert!(messages.ends_with("AME 0 {206};"), "{messages}");
    host.hear_octets(&raw_part(0, head.len() + 999, "response-body", &coded[999..]));
    host.hear(&["AME 0;"]);
    assert_eq!(host.said().last().map(String::as_str), Some("TE 0;"));
    assert_eq!(*looks.seen.lock().unwrap(), plain.as_bytes());
}

#[test]
fn services_that_leave_take_the_host_out_of_the_loop() {
    let looks = Looks::default();
    let coded = coded(&["gzip"], text(40_000).as_bytes());
    let head = head(&["gzip"], "");
    let (said, _) = answer(&group(vec![looks.service(1000)]), &head, &coded, 1000);
    let (messages, body) = adapted(&said, &head);
    assert_eq!(body, coded);
    assert!(messages.contains("DWSS 0;") && messages.contains("DWSR 0 "), "{messages}");
    assert!(looks.seen.lock().unwrap().len() < 20_000, "the rest is not decoded");
}

#[test]
fn a_service_that_blocks_finds_what_is_hidden_in_a_coding() {
    for names in STACKS {
        let peek = |octets| vec![Arc::new(Peek::new("urn:peek", octets, "evil", "not here")) as _];
        let plain = format!("{} evil {}", text(300), text(300));
        let coded = coded(names, plain.as_bytes());
        let head = head(names, "");
        let (said, _) = answer(&group(peek(1000)), &head, &coded, 50);
        let (_, data) = data_octets(&said);
        assert!(data.starts_with(b"HTTP/1.1 403 "), "{names:?}");
        // RFC 9110 section 8.4: the refusal is not coded.
        assert!(
            data.ends_with(b"not here\n") && !String::from_utf8_lossy(&data).contains("Content-Encoding")
        );

        let (said, _) = answer(&group(peek(100)), &head, &coded, 50);
        let (messages, body) = adapted(&said, &head);
        assert_eq!(body, coded, "it did not look that far");
        assert!(messages.contains("DWSR 0 "), "{messages}");
    }
}

#[test]
fn a_service_that_leaves_after_its_change_does_not_end_the_coding() {
    let inject: Arc<dyn ServiceFactory> =
        Arc::new(Inject::new("urn:inject", "mat", "<b>", 5000).expect("a marker"));
    for len in [2000, 30_000] {
        let plain = text(len);
        let at = plain.find("mat").expect("it is there") + 3;
        let head = head(&["zstd"], "");
        let body = coded(&["zstd"], plain.as_bytes());
        let (said, _) = answer(&group(vec![Arc::clone(&inject)]), &head, &body, 300);
        let (messages, body) = adapted(&said, &head);
        assert!(!messages.contains("DWSS"), "{messages}");
        let expected = format!("{}<b>{}", &plain[..at], &plain[at..]);
        assert_eq!(String::from_utf8(decoded(&["zstd"], &body)).unwrap(), expected);
    }
}

#[test]
fn what_cannot_be_decoded_fails_where_a_service_wants_it_decoded() {
    let gzip = coded(&["gzip"], text(2000).as_bytes());
    let cut = &gzip[..gzip.len() - 1];
    let range = "HTTP/1.1 206 Partial Content\r\nContent-Encoding: gzip\r\n\r\n".to_owned();
    for (head, body, reason) in [
        (head(&["compress"], ""), &gzip[..], "unknown content coding: compress"),
        (head(&["gzip"; 5], ""), &gzip, "more than 4 content codings"),
        (range, &gzip, "only a range"),
        (head(&["br"], ""), b"no brotli at all", "no valid br"),
        (head(&["gzip"], ""), cut, "ends in the middle of its gzip"),
    ] {
        let (said, _) = answer(&group(vec![substitute()]), &head, body, 9999);
        let messages = data_octets(&said).0;
        let last = messages.last().expect("an end");
        assert!(is_failure_of(last, 0) && last.contains(reason), "{last}");
        assert!(!messages.iter().any(|message| message.starts_with("AME")), "{messages:?}");

        let digest: Vec<Arc<dyn ServiceFactory>> = vec![Arc::new(Digest::new("urn:digest"))];
        let (said, _) = answer(&group(digest), &head, body, 9999);
        let (messages, passed) = adapted(&said, &head);
        assert!(messages.ends_with("TE 0;"), "as it is for who takes it so: {messages}");
        assert_eq!(passed, body);

        let (said, _) = answer(&group(vec![substitute()]), &head, b"", 1);
        assert!(data_octets(&said).0.ends_with(&["TE 0;".to_owned()]), "a head without a body is no failure");
    }
}

#[test]
fn a_bomb_fails_the_message() {
    let zeros = vec![0; 20_000_000];
    for names in STACKS {
        let bomb = coded(names, &zeros);
        let looks = Looks::default();
        for services in [vec![substitute()], vec![looks.service(usize::MAX)]] {
            let head = head(names, "");
            let (said, _) = answer(&group(services), &head, &bomb, 1000);
            let messages = data_octets(&said).0;
            let last = messages.last().expect("an end");
            assert!(is_failure_of(last, 0) && last.contains("more than 250 times"), "{last}");
        }
        assert!(looks.seen.lock().unwrap().len() < 4_000_000);
    }
}

#[test]
fn an_event_stream_is_not_held() {
    let head = head(&["gzip"], "Content-Type: text/event-stream\r\n");
    let host = group(vec![substitute()]);
    host.hear(&["TS 0 1;", "AMS 0;"]);
    host.hear_octets(&raw_part(0, 0, "response-header", head.as_bytes()));
    let mut encoder = Encoder::new(&codings(&["gzip"])).unwrap();
    let mut decoder = Decoder::new(&codings(&["gzip"]), Bounds::default());
    let (mut offset, mut rest) = (head.len(), head.len());
    for event in ["data: the cat\n\n", "data: a dog\n\n"] {
        encoder.push(event.into()).unwrap();
        encoder.flush().unwrap();
        while let Some(octets) = encoder.pull() {
            host.hear_octets(&raw_part(0, offset, "response-body", &octets));
            offset += octets.len();
        }
        let (_, data) = data_octets(&host.octets());
        decoder.push(data[std::mem::take(&mut rest)..].to_vec().into());
        let mut plain = Vec::new();
        while let Some(octets) = decoder.pull().unwrap() {
            plain.extend_from_slice(&octets);
        }
        assert_eq!(String::from_utf8(plain).unwrap(), event.replace("cat", "tiger"));
    }
}

/// Encodes the payload itself, and says so.
struct Encodes;

impl Service for Encodes {
    fn needs(&self) -> Needs {
        Needs { decoded: true, ..Needs::default() }
    }

    fn start(&mut self, cx: &mut Context<'_>) -> Step {
        cx.describe(Description { media_type: None, coding: Some(vec!["rot13".to_owned()]) });
        Step::Continue
    }

    fn push(&mut self, cx: &mut Context<'_>, segment: Segment) -> Step {
        cx.emit(Segment::new(segment.octets.iter().map(u8::to_ascii_uppercase).collect::<Vec<_>>()));
        Step::Continue
    }
}

#[test]
fn a_coding_that_a_service_applies_stands_before_those_of_the_body() {
    let service: Arc<dyn ServiceFactory> = Arc::new(factory("urn:rot13", |_: &Attributes| Encodes));
    let head = head(&["gzip"], "");
    let (said, _) = answer(&group(vec![service]), &head, &coded(&["gzip"], b"abc"), 99);
    let (_, data) = data_octets(&said);
    let expected = b"HTTP/1.1 200 OK\r\nContent-Encoding: rot13, gzip\r\n\r\n";
    assert_eq!(data[..expected.len()], expected[..]);
    assert_eq!(decoded(&["gzip"], &data[expected.len()..]), b"ABC");
}

#[test]
fn what_a_program_of_others_wrote_is_read_and_what_is_written_it_reads() {
    let python = |what: &str, input: &[u8]| {
        let script =
            format!("import sys, gzip; sys.stdout.buffer.write(gzip.{what}(sys.stdin.buffer.read()))");
        let mut command = std::process::Command::new("python3");
        command
            .args(["-c", &script])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped());
        let mut child = command.spawn().ok()?;
        child.stdin.take().unwrap().write_all(input).unwrap();
        let mut output = Vec::new();
        child.stdout.take().unwrap().read_to_end(&mut output).unwrap();
        assert!(child.wait().unwrap().success());
        Some(output)
    };
    let plain = text(6000);
    let Some(theirs) = python("compress", plain.as_bytes()) else {
        eprintln!("python3 is not installed: nothing was compared");
        return;
    };
    let head = head(&["gzip"], "");
    let (said, _) = answer(&group(vec![substitute()]), &head, &theirs, 333);
    let (_, body) = adapted(&said, &head);
    let ours = python("decompress", &body).expect("it was there before");
    assert_eq!(String::from_utf8(ours).unwrap(), plain.replace("cat", "tiger"));
}
