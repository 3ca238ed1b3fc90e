//! Parts of the request that come along with its response (RFC 4236 section 3.2.3).

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use opes_profile::http::{AuxParts, Part, Profile};
use opes_sdk::{Attributes, Context, Needs, Segment, Service, ServiceFactory, Step};
use opes_services::Identity;

use super::alone::{create, feature, host, is_failure_of, offer, part};
use super::body::{agreed, with_members};
use super::both::{Client, HEAD, take};
use crate::client::{GroupSpec, Transaction};

const REQUEST: &str = "POST / HTTP/1.1\r\nHost: a\r\n\r\n";

/// A service that takes up to so many octets of requests, and what it was told.
struct Taking {
    most: u64,
    told: Mutex<Vec<Option<Bytes>>>,
}

impl Taking {
    fn new(most: u64) -> Arc<Self> {
        Arc::new(Self { most, told: Mutex::default() })
    }
}

impl ServiceFactory for Taking {
    fn uri(&self) -> &str {
        "urn:taking"
    }

    fn build(&self, attributes: &Attributes) -> Box<dyn Service> {
        self.told.lock().unwrap().push(attributes.request.clone());
        Box::new(Look)
    }

    fn takes_request(&self) -> Option<u64> {
        Some(self.most)
    }
}

struct Look;

impl Service for Look {
    fn needs(&self) -> Needs {
        Needs::look()
    }

    fn push(&mut self, _: &mut Context<'_>, _: Segment) -> Step {
        Step::Continue
    }
}

fn spec() -> GroupSpec {
    GroupSpec::new(Profile::Response, ["urn:taking"])
}

/// Gives what was negotiated of a request, and a response.
fn give(transaction: &Transaction, body: &str) {
    let parts = [
        (Part::RequestHeader, REQUEST),
        (Part::RequestBody, body),
        (Part::ResponseHeader, HEAD),
        (Part::ResponseBody, "answer"),
    ];
    for (part, octets) in parts {
        let aux = transaction.settings().aux;
        if (part > Part::RequestTrailer || aux.contains(part)) && !octets.is_empty() {
            transaction.send(part, Bytes::copy_from_slice(octets.as_bytes())).expect("it fits");
        }
    }
    transaction.complete();
}

// req: HTTP-3.2.1-08, HTTP-3.2.3-01, HTTP-3.2.3-02, HTTP-3.2.3-07
#[test]
fn a_request_reaches_the_services_that_take_it() {
    let taking = Taking::new(100);
    let client = Client::offering(AuxParts::ALL);
    let mut pair = client.pair(&[spec()], vec![taking.clone()]);
    for body in ["", "a question"] {
        let transaction = client.start(&spec());
        let selected: Vec<_> = transaction.settings().aux.iter().collect();
        assert_eq!(
            selected,
            [Part::RequestBody],
            "what the services take, and nothing that the host does not want"
        );
        give(&transaction, body);
        pair.exchange();
        assert_eq!(take(&transaction), ([HEAD, "answer"].concat(), Some(Ok(()))));
        let told = taking.told.lock().unwrap().pop().expect("a service was built");
        assert_eq!(told.as_deref(), Some(body.as_bytes()));
    }
    let offered = pair.of_link().into_iter().find(|message| message.contains("Aux-Parts")).expect("an offer");
    assert!(offered.contains("Aux-Parts: (request-header,request-body,request-trailer)"), "{offered}");
    assert_eq!(pair.of_link().iter().filter(|message| message.contains("AM-Part: request-body")).count(), 1);
}

#[test]
fn a_request_that_is_longer_than_its_services_take_fails() {
    let taking = Taking::new(9);
    let client = Client::offering(AuxParts::ALL);
    let mut pair = client.pair(&[spec()], vec![taking.clone()]);
    let transaction = client.start(&spec());
    give(&transaction, "a question");
    pair.exchange();
    let (adapted, end) = take(&transaction);
    assert!(adapted.is_empty() && matches!(end, Some(Err(_))), "{adapted:?} {end:?}");
    let said = pair.of_host();
    assert!(is_failure_of(said.last().expect("an end"), 0), "{said:?}");
}

// req: HTTP-3.2.1-09, HTTP-3.2.3-03
#[test]
fn what_the_processor_does_not_offer_the_services_do_not_get() {
    let taking = Taking::new(100);
    let client = Client::new();
    let mut pair = client.pair(&[spec()], vec![taking.clone()]);
    let transaction = client.start(&spec());
    assert!(transaction.settings().aux.is_empty());
    give(&transaction, "a question");
    pair.exchange();
    assert_eq!(take(&transaction).1, Some(Ok(())));
    assert_eq!(taking.told.lock().unwrap().pop(), Some(None), "none is not an empty one");
    assert!(!pair.of_link().iter().any(|message| message.contains("AM-Part: request")));
}

// req: HTTP-3.2.3-03
#[test]
fn an_answer_without_the_parameter_selects_nothing() {
    let (_client, _link, transaction) = agreed(AuxParts::ALL, "X: 1");
    assert!(transaction.settings().aux.is_empty());
    let (_client, _link, transaction) = agreed(AuxParts::ALL, "Aux-Parts: ()");
    assert!(transaction.settings().aux.is_empty());
}

// req: HTTP-3.2.3-04, HTTP-3.2.3-05
#[test]
fn a_host_selects_of_what_is_offered_and_can_be_auxiliary() {
    let taking = Taking::new(100);
    for (offered, selected) in [
        ("response-body,x,request-body,request-header", Some("request-body")),
        ("request-header", None),
        ("response-body,response-header", None),
        ("", None),
    ] {
        let host = host(vec![taking.clone()]);
        host.hear(&["CS;".to_owned(), "NO ();".to_owned(), create(1, &["urn:taking"])]);
        host.said();
        let offered = with_members(Profile::Response, &format!("Aux-Parts: ({offered})"));
        let expected = selected.map_or_else(
            || feature(Profile::Response),
            |part| with_members(Profile::Response, &format!("Aux-Parts: ({part})")),
        );
        assert_eq!(host.reply(&[offer(&[&offered], Some(1))]), [format!("NR {expected}|SG: 1|;")]);
    }
}

#[test]
fn a_request_profile_has_no_auxiliary_parts() {
    let host = host(vec![Arc::new(Identity::new("urn:identity"))]);
    host.hear(&["CS;".to_owned(), "NO ();".to_owned(), create(1, &["urn:identity"])]);
    host.said();
    let offered = with_members(Profile::Request, "Aux-Parts: (request-header)");
    let said = host.reply(&[offer(&[&offered], Some(1))]);
    assert_eq!(said, [format!("NR {}|SG: 1|;", feature(Profile::Request))]);
    let said =
        host.reply(&["TS 0 1;".to_owned(), "AMS 0;".to_owned(), part(0, 0, "request-header", REQUEST)]);
    assert!(!said.iter().any(|message| is_failure_of(message, 0)), "it is the message itself: {said:?}");
}
