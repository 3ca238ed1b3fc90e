//! AM-EL in both directions, and members of the profile that are none (RFC 4236 sections 3.2.2 and 3.3).

use std::sync::Arc;

use opes_profile::http::{AuxParts, Part, Profile};
use opes_sdk::ServiceFactory;
use opes_services::{Block, Digest, Identity, Substitute};

use super::alone::{Alone, create, data, feature, host, is_failure_of, offer, part, scoped};
use super::body::{agreed, with_members};
use super::both::{Client, HEAD, take};
use crate::client::pool::Choice;
use crate::client::{GroupSpec, TransactionError};
use crate::server::host::Host;

/// A host with group 1 of this service under the response profile.
fn served(service: Arc<dyn ServiceFactory>) -> Alone<Host> {
    let uri = service.uri().to_owned();
    let host = host(vec![service]);
    host.hear(&["CS;".to_owned(), "NO ();".to_owned(), create(1, &[uri])]);
    host.hear(&[offer(&[&feature(Profile::Response)], Some(1))]);
    host.said();
    host
}

fn identity() -> Alone<Host> {
    served(Arc::new(Identity::new("urn:identity")))
}

/// A response with this announcement and body.
fn response(length: Option<&str>, body: &str) -> Vec<String> {
    let ams = length.map_or_else(|| "AMS 0;".to_owned(), |length| format!("AMS 0|AM-EL: {length}|;"));
    let mut messages = vec!["TS 0 1;".to_owned(), ams, part(0, 0, "response-header", HEAD)];
    if !body.is_empty() {
        messages.push(part(0, HEAD.len(), "response-body", body));
    }
    messages.push("AME 0;".to_owned());
    messages
}

// req: HTTP-3.3-01, HTTP-3.3-02, HTTP-3.3-03
#[test]
fn a_server_announces_the_length_that_it_knows_and_no_other() {
    let ams_of = |service: Arc<dyn ServiceFactory>, length: Option<&str>| {
        let said = served(service).reply(&response(length, "a cat"));
        assert!(said.contains(&"AME 0;".to_owned()), "{said:?}");
        said.into_iter().find(|message| message.starts_with("AMS")).expect("AMS")
    };
    let digest = || Arc::new(Digest::new("urn:digest"));
    let substitute = || Arc::new(Substitute::new("urn:substitute", "cat", "tiger").expect("a pattern"));
    assert_eq!(ams_of(digest(), Some("5")), "AMS 0|AM-EL: 5|;", "nothing changes");
    assert_eq!(ams_of(digest(), None), "AMS 0;");
    assert_eq!(ams_of(substitute(), Some("5")), "AMS 0;", "it may become another one");
    let refused = ams_of(Arc::new(Block::new("urn:block", "no")), Some("5"));
    assert!(refused.starts_with("AMS 0|AM-EL: ") && refused != "AMS 0|AM-EL: 5|;", "its own: {refused}");
}

// req: HTTP-3.3-02, HTTP-3.3-03
#[test]
fn a_processor_announces_the_length_that_it_knows_and_no_other() {
    let client = Client::new();
    let spec = GroupSpec::new(Profile::Response, ["urn:identity"]);
    let mut pair = client.pair(std::slice::from_ref(&spec), super::both::identity());
    for (length, ams) in [(Some(5), "AMS 0|AM-EL: 5|;"), (Some(0), "AMS 1|AM-EL: 0|;"), (None, "AMS 2;")] {
        let _transaction = client.start_with(&spec, length);
        pair.exchange();
        assert!(pair.of_link().contains(&ams.to_owned()), "{ams}");
    }
}

// req: HTTP-3.3-01
#[test]
fn a_server_ends_a_message_that_is_not_of_the_announced_length() {
    for (length, body) in [("5", "a cat!"), ("5", "cat"), ("0", "c")] {
        let said = identity().reply(&response(Some(length), body));
        assert!(is_failure_of(said.last().expect("an end"), 0), "{length} {body}: {said:?}");
        assert!(!said.contains(&"AME 0;".to_owned()), "{said:?}");
    }
    for (length, body) in [("5", "a cat"), ("0", ""), ("5", "")] {
        let said = identity().reply(&response(Some(length), body));
        assert!(said.contains(&"AME 0;".to_owned()), "{length} {body}: {said:?}");
        assert_eq!(data(&said, 0), [HEAD, body].concat());
    }
}

// req: HTTP-3.3-04
#[test]
fn a_length_that_is_no_size_ends_the_transaction() {
    for length in ["-1", "five", "05x", "2147483648", "(5)", "{5}"] {
        let said = identity().reply(&response(Some(length), "a cat"));
        assert!(is_failure_of(&said[0], 0), "{length}: {said:?}");
        let (_client, link, transaction) = agreed(AuxParts::NONE, "X: 1");
        let said = link.reply(&[format!("AMS 0|AM-EL: {length}|;")]);
        assert!(is_failure_of(&said[0], 0), "{length}: {said:?}");
        assert!(matches!(take(&transaction).1, Some(Err(TransactionError::Broken(_)))));
    }
}

/// Members of another type than the profile gives them.
const ILL_TYPED: [&str; 9] = [
    "Aux-Parts: request-header",
    "Aux-Parts: ((request-header))",
    "Pause-At-Body: -1",
    "Pause-At-Body: (0)",
    "Stop-Receiving-Body: 2147483648",
    "Stop-Receiving-Body: {0}",
    "Preservation-Interest-Body: none",
    "Content-Encodings: gzip",
    "Content-Encodings: ((gzip))",
];

// req: HTTP-3.2.2-02
#[test]
fn an_offer_with_an_ill_typed_member_ends_the_connection() {
    for member in ILL_TYPED {
        for group in [None, Some(1)] {
            let host = host(vec![Arc::new(Identity::new("urn:identity"))]);
            host.hear(&["CS;".to_owned(), "NO ();".to_owned(), create(1, &["urn:identity"])]);
            host.said();
            let said = host.reply(&[offer(&[&with_members(Profile::Response, member)], group)]);
            assert!(said.len() == 1 && said[0].starts_with("CE {400 "), "{member}: {said:?}");
        }
    }
}

// req: HTTP-3.2.2-02, HTTP-3.2.3-06
#[test]
fn an_answer_with_an_ill_typed_member_or_a_part_not_offered_ends_the_connection() {
    let not_offered =
        ["Aux-Parts: (request-body)", "Aux-Parts: (request-header,response-body)", "Aux-Parts: (x)"];
    for member in ILL_TYPED.iter().chain(&not_offered) {
        let client = Client::new();
        let spec = GroupSpec::new(Profile::Response, ["urn:any"]);
        let (_, link) = client.link(std::slice::from_ref(&spec));
        link.hear(&["CS;", "NR;"]);
        link.said();
        let answer = scoped(&format!("NR {}", with_members(Profile::Response, member)), Some(1));
        let said = link.reply(&["PA;".to_owned(), answer]);
        assert!(said.len() == 1 && said[0].starts_with("CE {400 "), "{member}: {said:?}");
        assert!(!matches!(client.choose(&spec), Choice::Started(_)), "{member}");
    }
}

// req: HTTP-3.3-01
#[test]
fn an_announced_length_reaches_the_owner() {
    let (_client, link, transaction) = agreed(AuxParts::NONE, "X: 1");
    transaction.send(Part::ResponseHeader, HEAD.into()).expect("it fits");
    link.hear(&["AMS 0|AM-EL: 7|;"]);
    let waker = std::task::Waker::noop();
    let std::task::Poll::Ready(Ok(started)) = transaction.poll_next(&std::task::Context::from_waker(waker))
    else {
        panic!("nothing has come");
    };
    assert!(matches!(started, crate::client::Adapted::Started { length: Some(7), .. }), "{started:?}");
}
