//! What is negotiated about the body beforehand: pauses, early ends and what is worth keeping (RFC 4236 sections 3.2.4
//! to 3.2.7).

use std::sync::Arc;

use bytes::Bytes;
use opes_profile::http::{AuxParts, Extensions, Part, Profile};
use opes_sdk::{Attributes, Body, Context, Failure, Needs, Segment, Service, ServiceFactory, Step, factory};
use opes_services::{Block, Digest, Peek};

use super::alone::{Alone, create, data, feature, host, is_failure_of, offer, part, scoped};
use super::both::{Client, HEAD, give, take};
use crate::client::link::Link;
use crate::client::pool::Choice;
use crate::client::{GroupSpec, Transaction};
use crate::server::host::Host;

/// The request that comes along with the response where it is negotiated.
const REQUEST: &str = "GET / HTTP/1.1\r\n\r\n";

/// The profile with these members, which stand on a line each.
pub(super) fn with_members(profile: Profile, members: &str) -> String {
    let plain = feature(profile);
    format!("{}|{members}|}}", plain.trim_end_matches('}'))
}

/// A link whose server has selected the response profile with these members, and a transaction on it.
pub(super) fn agreed(aux: AuxParts, members: &str) -> (Client, Alone<Link>, Transaction) {
    agreed_by(Client::offering(aux), members)
}

/// A link whose server has selected these extensions, and a transaction on it.
pub(super) fn agreed_with(extensions: Extensions) -> (Client, Alone<Link>, Transaction) {
    let members = "Extensions: (\"28:urn:x-opes:ocp:trace-records\",\"24:urn:x-opes:ocp:variables\")";
    agreed_by(Client::extended(extensions), members)
}

fn agreed_by(client: Client, members: &str) -> (Client, Alone<Link>, Transaction) {
    let spec = GroupSpec::new(Profile::Response, ["urn:any"]);
    let (_, link) = client.link(std::slice::from_ref(&spec));
    link.hear(&["CS;", "NR;"]);
    link.said();
    let answer = scoped(&format!("NR {}", with_members(Profile::Response, members)), Some(1));
    link.hear(&["PA;".to_owned(), answer]);
    let Choice::Started(transaction) = client.choose(&spec) else { panic!("the group is not ready") };
    assert_eq!(link.said(), ["TS 0 1;", "AMS 0;"]);
    (client, link, transaction)
}

fn send(transaction: &Transaction, part: Part, octets: &'static str) {
    transaction.send(part, Bytes::from_static(octets.as_bytes())).expect("it fits");
}

/// What the link says of a response whose body comes in two pieces.
fn said_of(members: &str) -> (Alone<Link>, Transaction, Vec<String>) {
    let (_, link, transaction) = agreed(AuxParts::REQUEST_HEADER, members);
    if transaction.settings().aux.contains(Part::RequestHeader) {
        send(&transaction, Part::RequestHeader, REQUEST);
    }
    send(&transaction, Part::ResponseHeader, HEAD);
    send(&transaction, Part::ResponseBody, "0123");
    send(&transaction, Part::ResponseBody, "456789");
    let said = link.said();
    (link, transaction, said)
}

/// Members that select no request header, and one, so that the body begins elsewhere.
fn members(rest: &str) -> [(String, String); 2] {
    let aux = format!("Aux-Parts: (request-header)|{rest}");
    [(rest.to_owned(), HEAD.to_owned()), (aux, [REQUEST, HEAD].concat())]
}

// req: HTTP-3.2.2-04, HTTP-3.2.4-02, HTTP-3.2.4-03, HTTP-3.2.4-04
#[test]
fn a_pause_begins_at_its_offset_in_the_body() {
    for offset in [0, 1, 4, 7, 10] {
        for (members, before) in members(&format!("Pause-At-Body: {offset}")) {
            let (link, transaction, said) = said_of(&members);
            assert_eq!(data(&said, 0), [&before, &"0123456789"[..offset]].concat(), "{members}");
            assert_eq!(said.last().map(String::as_str), Some("DPM 0;"), "{members}");
            let more = link.reply(&["DWM 0;"]);
            assert_eq!(data(&more, 0), "0123456789"[offset..], "{members}");
            send(&transaction, Part::ResponseBody, "more");
            assert_eq!(data(&link.said(), 0), "more", "the pause was one, not a ceiling");
        }
    }
}

#[test]
fn a_pause_behind_the_end_of_the_body_is_none() {
    let (link, transaction, said) = said_of("Pause-At-Body: 11");
    assert!(!said.contains(&"DPM 0;".to_owned()), "{said:?}");
    transaction.complete();
    assert_eq!(link.said(), ["AME 0;"]);
}

// req: HTTP-3.2.2-04, HTTP-3.2.5-03, HTTP-3.2.5-04, HTTP-3.2.5-05
#[test]
fn the_original_ends_early_at_its_offset_in_the_body() {
    for offset in [0, 1, 4, 7, 10] {
        for (members, before) in members(&format!("Stop-Receiving-Body: {offset}")) {
            let (link, transaction, said) = said_of(&members);
            assert_eq!(data(&said, 0), [&before, &"0123456789"[..offset]].concat(), "{members}");
            assert_eq!(said.last().map(String::as_str), Some("AME 0 {206};"), "{members}");
            if offset == 0 {
                assert!(!said.iter().any(|message| message.contains("response-body")), "{said:?}");
            }
            assert!(!transaction.wants_original());
            send(&transaction, Part::ResponseBody, "more");
            transaction.complete();
            assert_eq!(link.said(), [""; 0], "{members}");
            // RFC 4037 section 8.3: what was cut cannot be what the adapted message ends with.
            assert_eq!(link.reply(&["AMS 0;", "DWSS 0;"]), [""; 0], "{members}");
        }
    }
}

#[test]
fn a_body_shorter_than_what_is_wanted_of_it_ends_whole() {
    let (link, transaction, _) = said_of("Stop-Receiving-Body: 11");
    transaction.complete();
    assert_eq!(link.said(), ["AME 0;"]);
}

// req: HTTP-3.2.2-04, HTTP-3.2.6-02
#[test]
fn no_more_of_the_body_is_kept_than_is_of_interest() {
    for size in [0, 3, 4, 9, 10, 2_147_483_647] {
        for (members, before) in members(&format!("Preservation-Interest-Body: {size}")) {
            let (link, _transaction, said) = said_of(&members);
            let kept = said.iter().filter_map(|message| message.split("Kept: {0 ").nth(1)?.split('}').next());
            let kept: Option<usize> = kept.filter_map(|size| size.parse().ok()).max();
            let expected = before.len() + size.min(10);
            assert_eq!(kept, Some(expected), "{members} {said:?}");
            let more = link.reply(&["AMS 0;".to_owned(), format!("DUY 0 0 {expected};")]);
            let listed = !members.contains("Aux");
            assert_eq!(
                more.is_empty(),
                listed,
                "what is kept can be used, but no request in a response: {more:?}"
            );
        }
    }
}

#[test]
fn what_is_not_kept_cannot_be_used() {
    let (link, _transaction, _) = said_of("Preservation-Interest-Body: 3");
    let said = link.reply(&["AMS 0;".to_owned(), format!("DUY 0 {} 1;", HEAD.len() + 3)]);
    assert!(is_failure_of(&said[0], 0), "{said:?}");
}

/// A service that wants nothing of the payload, or wants it decoded.
struct Idle(Needs);

impl Service for Idle {
    fn needs(&self) -> Needs {
        self.0
    }

    fn push(&mut self, cx: &mut Context<'_>, segment: Segment) -> Step {
        cx.emit(segment);
        Step::Continue
    }
}

fn idle(needs: Needs) -> Arc<dyn ServiceFactory> {
    Arc::new(factory("urn:idle", move |_: &Attributes| Idle(needs)))
}

fn peek() -> Arc<dyn ServiceFactory> {
    Arc::new(Peek::new("urn:peek", 4, "evil", "no"))
}

fn block() -> Arc<dyn ServiceFactory> {
    Arc::new(Block::new("urn:block", "not here"))
}

/// A host with group 1 of these services, and what it has answered to an offer for it.
fn answer(profile: Profile, services: Vec<Arc<dyn ServiceFactory>>) -> (Alone<Host>, String) {
    let uris: Vec<_> = services.iter().map(|service| service.uri().to_owned()).collect();
    let host = host(services);
    host.hear(&["CS;".to_owned(), "NO ();".to_owned(), create(1, &uris)]);
    host.said();
    let said = host.reply(&[offer(&[&feature(profile)], Some(1))]);
    assert_eq!(said.len(), 1, "{said:?}");
    (host, said[0].clone())
}

// req: HTTP-3.2.4-01, HTTP-3.2.5-01, HTTP-3.2.5-02, HTTP-3.2.6-01, HTTP-3.2.7-01
#[test]
fn a_host_asks_for_what_the_services_of_the_group_need() {
    let nothing = || idle(Needs { body: Body::Nothing, ..Needs::look() });
    let decoded = || idle(Needs { decoded: true, ..Needs::default() });
    let digest = || -> Arc<dyn ServiceFactory> { Arc::new(Digest::new("urn:digest")) };
    let stop = "Stop-Receiving-Body: 0|Preservation-Interest-Body: 0";
    for profile in [Profile::Request, Profile::Response] {
        for (services, members) in [
            (vec![nothing()], "Pause-At-Body: 0"),
            (vec![nothing(), peek()], "Pause-At-Body: 4|Content-Encodings: (identity)"),
            (vec![block()], stop),
            (vec![peek(), block()], stop),
            (vec![digest(), block()], stop),
            (vec![decoded()], "Content-Encodings: (identity)"),
        ] {
            let (_, answer) = answer(profile, services);
            assert_eq!(answer, scoped(&format!("NR {}", with_members(profile, members)), Some(1)));
        }
        let (_, plain) = answer(profile, vec![digest(), nothing()]);
        assert_eq!(plain, scoped(&format!("NR {}", feature(profile)), Some(1)), "one of them wants all");
    }
}

#[test]
fn a_host_takes_the_early_end_that_it_has_asked_for() {
    /// Refuses, but not at once.
    struct Slow;
    impl Service for Slow {
        fn needs(&self) -> Needs {
            Needs { body: Body::Nothing, refuses: true, ..Needs::default() }
        }

        fn start(&mut self, _: &mut Context<'_>) -> Step {
            Step::Wait
        }

        fn resume(&mut self, _: &mut Context<'_>) -> Step {
            Step::Wait
        }

        fn push(&mut self, _: &mut Context<'_>, _: Segment) -> Step {
            Step::Continue
        }
    }
    let slow: Arc<dyn ServiceFactory> = Arc::new(factory("urn:slow", |_: &Attributes| Slow));
    let (host, _) = answer(Profile::Response, vec![slow]);
    host.hear(&["TS 0 1;".to_owned(), "AMS 0;".to_owned(), part(0, 0, "response-header", HEAD)]);
    assert_eq!(host.reply(&["AME 0 {206};"]), [""; 0], "it waits for its service");
    assert_eq!(host.reply(&["PQ 0;"]), ["PA 0;"], "and the transaction goes on");
}

#[test]
fn an_early_end_that_was_not_asked_for_never_makes_a_message_that_looks_whole() {
    for services in [vec![peek()], vec![idle(Needs::default())]] {
        let (host, _) = answer(Profile::Response, services);
        host.hear(&["TS 0 1;".to_owned(), "AMS 0;".to_owned(), part(0, 0, "response-header", HEAD)]);
        host.hear(&[part(0, HEAD.len(), "response-body", "abcdef")]);
        let mut said = host.said();
        said.extend(host.reply(&["AME 0 {206};"]));
        assert!(is_failure_of(said.last().expect("an end"), 0), "{said:?}");
        assert!(!said.contains(&"AME 0;".to_owned()), "{said:?}");
    }
}

#[test]
fn a_service_that_does_not_refuse_as_it_has_declared_fails() {
    for step in [Step::Continue, Step::Leave] {
        struct Liar(Step);
        impl Service for Liar {
            fn needs(&self) -> Needs {
                Needs { refuses: true, ..Needs::default() }
            }

            fn start(&mut self, _: &mut Context<'_>) -> Step {
                self.0.clone()
            }

            fn push(&mut self, _: &mut Context<'_>, _: Segment) -> Step {
                Step::Continue
            }
        }
        let liar: Arc<dyn ServiceFactory> =
            Arc::new(factory("urn:liar", move |_: &Attributes| Liar(step.clone())));
        let (host, _) = answer(Profile::Response, vec![liar]);
        let said = host.reply(&[
            "TS 0 1;".to_owned(),
            "AMS 0;".to_owned(),
            part(0, 0, "response-header", HEAD),
            "AME 0 {206};".to_owned(),
        ]);
        assert!(is_failure_of(said.last().expect("an end"), 0), "{said:?}");
    }
}

#[test]
fn a_blocked_body_never_crosses() {
    let client = Client::new();
    let spec = GroupSpec::new(Profile::Response, ["urn:block"]);
    let mut pair = client.pair(std::slice::from_ref(&spec), vec![block()]);
    let transaction = client.start(&spec);
    give(&transaction, &"a body of some length ".repeat(10_000));
    pair.exchange();
    let said = pair.of_link();
    assert!(said.contains(&"AME 0 {206};".to_owned()));
    assert!(!said.iter().any(|message| message.contains("response-body")), "no octet of it");
    let (adapted, end) = take(&transaction);
    assert!(adapted.starts_with("HTTP/1.1 403 ") && adapted.ends_with("not here\n"), "{adapted:?}");
    assert_eq!(end, Some(Ok(())));
    assert_eq!(transaction.crossed(), HEAD.len() as u64);
}

#[test]
fn a_body_whose_prefix_decides_comes_back_whole_though_little_of_it_crosses() {
    let client = Client::new();
    let spec = GroupSpec::new(Profile::Response, ["urn:peek"]);
    let mut pair = client.pair(std::slice::from_ref(&spec), vec![peek()]);
    let transaction = client.start(&spec);
    let body = "good ".repeat(100_000);
    give(&transaction, &body);
    let (mut whole, mut end) = (String::new(), None);
    while end.is_none() {
        pair.exchange();
        let (more, ended) = take(&transaction);
        assert!(!more.is_empty() || ended.is_some(), "it goes on");
        whole += &more;
        end = ended;
    }
    assert!(whole == [HEAD, &body].concat() && end == Some(Ok(())));
    assert_eq!(transaction.crossed(), HEAD.len() as u64 + 4);
}

// req: HTTP-3.2.7-02, HTTP-3.2.7-03, HTTP-3.2.7-04
#[test]
fn codings_that_are_preferred_keep_no_message_from_its_services() {
    let (_, link, transaction) = agreed(AuxParts::NONE, "Content-Encodings: (br,GZIP)");
    assert_eq!(transaction.settings().content_encodings, ["br", "gzip"], "the best first");
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n\r\n";
    send(&transaction, Part::ResponseHeader, head);
    send(&transaction, Part::ResponseBody, "x");
    transaction.complete();
    assert_eq!(data(&link.said(), 0), [head, "x"].concat());
}

// req: HTTP-3.2.7-05
#[test]
fn a_coding_that_a_service_cannot_handle_ends_its_transaction() {
    /// Knows no coding.
    struct Plain(Vec<String>);
    impl Service for Plain {
        fn start(&mut self, _: &mut Context<'_>) -> Step {
            if self.0.is_empty() { Step::Continue } else { Step::Fail(Failure::new("an unknown coding")) }
        }

        fn push(&mut self, cx: &mut Context<'_>, segment: Segment) -> Step {
            cx.emit(segment);
            Step::Continue
        }
    }
    for (coding, fails) in [("", false), ("Content-Encoding: br\r\n", true)] {
        let plain = factory("urn:plain", |attributes: &Attributes| Plain(attributes.coding.clone()));
        let (host, _) = answer(Profile::Response, vec![Arc::new(plain)]);
        let head = format!("HTTP/1.1 200 OK\r\n{coding}\r\n");
        let said =
            host.reply(&["TS 0 1;".to_owned(), "AMS 0;".to_owned(), part(0, 0, "response-header", &head)]);
        assert_eq!(said.iter().any(|message| is_failure_of(message, 0)), fails, "{said:?}");
    }
}
