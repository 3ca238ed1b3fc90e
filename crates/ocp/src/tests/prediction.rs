//! What a host predicts about changes (RFC 4037 sections 10.5, 10.9 and 11.9).

use std::sync::Arc;

use opes_profile::http::{Profile, refusal};
use opes_sdk::{Attributes, Context, Description, Needs, Segment, Service, ServiceFactory, Step, factory};
use opes_services::{Block, Digest, Identity, Substitute};

use super::alone::{Alone, data, dum, feature, host_with_group, is_failure_of, offer, part};
use crate::server::host::Host;

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n";

/// Describes the payload as something else, and leaves it as it is.
struct Describe;

impl Service for Describe {
    fn needs(&self) -> Needs {
        Needs { modifies: false, ..Needs::default() }
    }

    fn start(&mut self, cx: &mut Context<'_>) -> Step {
        cx.describe(Description { media_type: Some("text/html".to_owned()), coding: None });
        Step::Continue
    }

    fn push(&mut self, cx: &mut Context<'_>, segment: Segment) -> Step {
        cx.emit(segment);
        Step::Continue
    }
}

/// Promises to change nothing, and does not keep it.
struct Liar;

impl Service for Liar {
    fn needs(&self) -> Needs {
        Needs { modifies: false, ..Needs::default() }
    }

    fn push(&mut self, cx: &mut Context<'_>, _: Segment) -> Step {
        cx.emit(Segment::new("something else"));
        Step::Continue
    }
}

fn describe() -> Arc<dyn ServiceFactory> {
    Arc::new(factory("urn:describe", |_: &Attributes| Describe))
}

fn substitute() -> Arc<dyn ServiceFactory> {
    Arc::new(Substitute::new("urn:substitute", "cat", "dog").expect("a pattern"))
}

/// What a host of these services says to a whole HTTP response.
fn adapted(services: Vec<Arc<dyn ServiceFactory>>, head: &str, body: &str) -> Vec<String> {
    let host = with_profile(services);
    host.reply(&[
        "TS 0 1;".to_owned(),
        "AMS 0;".to_owned(),
        part(0, 0, "response-header", head),
        part(0, head.len(), "response-body", body),
        "AME 0;".to_owned(),
    ])
}

fn with_profile(services: Vec<Arc<dyn ServiceFactory>>) -> Alone<Host> {
    let host = host_with_group(services);
    let answer = host.reply(&[offer(&[&feature(Profile::Response)], None)]);
    assert_eq!(answer, [format!("NR {};", feature(Profile::Response))]);
    host
}

/// The predictions in the order in which they came.
fn predictions(said: &[String]) -> Vec<u64> {
    let values = said.iter().filter_map(|message| message.split_once("Modp: "));
    values.map(|(_, rest)| rest.split('|').next().expect("a value").parse().expect("a number")).collect()
}

// req: OCP-10.5-02, OCP-10.9-02
#[test]
fn nothing_will_change_where_no_service_can_change_anything() {
    let digest: Arc<dyn ServiceFactory> = Arc::new(Digest::new("urn:digest"));
    for services in [vec![], vec![Arc::new(Identity::new("urn:identity")) as _], vec![digest]] {
        let said = adapted(services, HEAD, "the cat");
        assert_eq!(predictions(&said), [0], "{said:?}");
        let first = said.iter().find(|message| message.starts_with("DUM")).expect("data");
        assert!(first.contains("|Modp: 0|"), "with the first data: {said:?}");
        assert_eq!(data(&said, 0), [HEAD, "the cat"].concat());
    }
}

// req: OCP-10.5-02, OCP-10.9-02, OCP-11.9-17
#[test]
fn what_may_change_is_not_called_certain() {
    for body in ["the cat", "the mouse"] {
        let said = adapted(vec![substitute()], HEAD, body);
        assert!(!predictions(&said).iter().any(|modp| [0, 100].contains(modp)), "{said:?}");
    }
}

// req: OCP-11.9-17
#[test]
fn a_head_that_was_changed_counts_as_well() {
    for (services, changed) in [(vec![describe()], "the cat"), (vec![describe(), substitute()], "the dog")] {
        let said = adapted(services, HEAD, "the cat");
        assert_ne!(data(&said, 0), [HEAD, changed].concat());
        assert!(data(&said, 0).ends_with(changed));
        assert!(!predictions(&said).contains(&0), "{said:?}");
    }
}

// req: OCP-10.5-02, OCP-10.9-02
#[test]
fn a_refusal_differs_for_certain_unless_the_original_is_one() {
    let block = || -> Vec<Arc<dyn ServiceFactory>> { vec![Arc::new(Block::new("urn:block", "not here"))] };
    let said = adapted(block(), HEAD, "the cat");
    assert_eq!(predictions(&said), [100], "{said:?}");
    assert_ne!(data(&said, 0), [HEAD, "the cat"].concat());

    let (head, body) = refusal(Profile::Response, "not here");
    let [head, body] = [head, body].map(|octets| String::from_utf8(octets.to_vec()).expect("text"));
    let said = adapted(block(), &head, &body);
    assert_eq!(data(&said, 0), [head, body].concat(), "it is no change at all");
    assert_eq!(predictions(&said), [99], "{said:?}");
}

// req: OCP-11.9-17
#[test]
fn a_promise_to_change_nothing_is_kept_or_the_message_fails() {
    let liar: Arc<dyn ServiceFactory> = Arc::new(factory("urn:liar", |_: &Attributes| Liar));
    let host = host_with_group(vec![liar]);
    let said =
        host.reply(&["TS 0 1;".to_owned(), "AMS 0;".to_owned(), dum(0, 0, "data"), "AME 0;".to_owned()]);
    assert_eq!(data(&said, 0), "", "nothing changed goes out");
    assert!(is_failure_of(said.last().expect("an end"), 0), "{said:?}");
}
