//! Which parts may come, and in which order, at a host and at a link (RFC 4236 sections 3.2.1 and 3.4).

use std::sync::Arc;

use bytes::Bytes;
use opes_profile::http::{AuxParts, Part, Profile};
use opes_services::{Identity, Substitute};

use super::alone::{Alone, create, data, dum, feature, host, is_failure_of, offer, part};
use super::body::{agreed, with_members};
use super::both::{Client, HEAD, take};
use crate::client::{GroupSpec, TransactionError};
use crate::server::host::Host;

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// A host with one group that passes everything, under a profile with these auxiliary parts offered.
fn hosting(profile: Profile, aux: Option<&str>) -> Alone<Host> {
    let host = host(vec![Arc::new(Identity::new("urn:identity"))]);
    let feature =
        aux.map_or_else(|| feature(profile), |aux| with_members(profile, &format!("Aux-Parts: ({aux})")));
    host.hear(&["CS;".to_owned(), "NO ();".to_owned(), create(1, &["urn:identity"])]);
    host.hear(&[offer(&[&feature], Some(1)), "TS 0 1;".to_owned(), "AMS 0;".to_owned()]);
    host.said();
    host
}

/// These parts as the messages of one flow.
fn flow(parts: &[(&str, &str)]) -> Vec<String> {
    let mut offset = 0;
    let messages = parts.iter().map(|(name, octets)| {
        let message = part(0, offset, name, octets);
        offset += octets.len();
        message
    });
    messages.collect()
}

// req: HTTP-3.2.1-02, HTTP-3.2.1-05, HTTP-3.2.1-10, HTTP-3.4-02
#[test]
fn a_host_ends_what_has_parts_that_may_not_come() {
    let request = [("request-header", REQUEST), ("request-body", "b"), ("request-trailer", "T: t\r\n")];
    let response = [("response-header", HEAD), ("response-body", "b"), ("response-trailer", "T: t\r\n")];
    let cases: [(Profile, Vec<(&str, &str)>); 9] = [
        (Profile::Request, vec![response[0]]),
        (Profile::Request, vec![request[0], response[1]]),
        (Profile::Response, vec![request[0]]),
        (Profile::Response, vec![response[0], request[1]]),
        (Profile::Response, vec![response[1]]),
        (Profile::Response, vec![response[0], response[1], response[0]]),
        (Profile::Response, vec![response[0], response[2], response[1]]),
        (Profile::Response, vec![("preamble", "x")]),
        (Profile::Request, vec![("Request-Header", REQUEST)]),
    ];
    for (profile, parts) in cases {
        let host = hosting(profile, None);
        let said = host.reply(&flow(&parts));
        assert!(said.iter().any(|message| is_failure_of(message, 0)), "{parts:?}: {said:?}");
    }
    for (profile, parts) in [(Profile::Request, request), (Profile::Response, response)] {
        let said = hosting(profile, None).reply(&[flow(&parts), vec!["AME 0;".to_owned()]].concat());
        assert!(said.contains(&"AME 0;".to_owned()), "{said:?}");
        let whole: String = parts.iter().map(|(_, octets)| *octets).collect();
        assert_eq!(data(&said, 0), whole);
    }
}

// req: HTTP-3.4-02
#[test]
fn a_host_ends_what_names_no_part() {
    let host = hosting(Profile::Response, None);
    let said = host.reply(&[dum(0, 0, HEAD)]);
    assert!(is_failure_of(&said[0], 0), "{said:?}");
    let host = hosting(Profile::Response, None);
    host.hear(&flow(&[("response-header", HEAD)]));
    let said = host.reply(&[dum(0, HEAD.len(), "body")]);
    assert!(said.iter().any(|message| is_failure_of(message, 0)), "not even where it goes on: {said:?}");
}

#[test]
fn a_message_without_its_head_is_none() {
    assert!(is_failure_of(&hosting(Profile::Response, None).reply(&["AME 0;"])[0], 0));
}

// req: HTTP-3.2.1-04, HTTP-3.2.1-06, HTTP-3.2.1-07, HTTP-3.4-01, HTTP-3.4-03
#[test]
fn a_host_sends_the_parts_that_are_there_each_under_its_name() {
    let substitute = Substitute::new("urn:substitute", "cat", "tiger").expect("a pattern");
    let host = host(vec![Arc::new(substitute)]);
    host.hear(&["CS;".to_owned(), "NO ();".to_owned(), create(1, &["urn:substitute"])]);
    host.hear(&[offer(&[&feature(Profile::Response)], Some(1))]);
    host.said();
    let shapes: [&[(&str, &str)]; 4] = [
        &[("response-header", HEAD)],
        &[("response-header", HEAD), ("response-body", "a cat")],
        &[("response-header", HEAD), ("response-trailer", "A: b\r\n")],
        &[("response-header", HEAD), ("response-body", "a cat"), ("response-trailer", "A: b\r\n")],
    ];
    for (xid, shape) in (0..).zip(shapes) {
        let mut heard = vec![format!("TS {xid} 1;"), format!("AMS {xid};")];
        heard.extend(flow(shape).iter().map(|message| message.replacen("DUM 0", &format!("DUM {xid}"), 1)));
        heard.push(format!("AME {xid};"));
        let said = host.reply(&heard);
        let sent: Vec<_> = said.iter().filter(|message| message.starts_with("DUM")).collect();
        let named: Vec<_> = sent
            .iter()
            .map(|message| message.split("AM-Part: ").nth(1).and_then(|rest| rest.split('|').next()))
            .collect();
        let mut expected: Vec<_> = shape.iter().map(|(name, _)| Some(*name)).collect();
        expected.dedup();
        assert_eq!(named.iter().copied().collect::<std::collections::BTreeSet<_>>().len(), expected.len());
        let mut once = named.clone();
        once.dedup();
        assert_eq!(once, expected, "{said:?}");
    }
}

/// A link's transaction under the request profile, whose request was sent.
fn requesting() -> (Client, Alone<crate::client::link::Link>, crate::client::Transaction) {
    let client = Client::new();
    let spec = GroupSpec::new(Profile::Request, ["urn:any"]);
    let (_, link) = client.link(std::slice::from_ref(&spec));
    link.hear(&["CS;", "NR;"]);
    link.said();
    link.hear(&["PA;".to_owned(), format!("NR {}|SG: 1|;", feature(Profile::Request))]);
    let transaction = client.start(&spec);
    transaction.send(Part::RequestHeader, Bytes::from_static(REQUEST.as_bytes())).expect("it fits");
    link.said();
    (client, link, transaction)
}

// req: HTTP-3.2.1-02, HTTP-3.2.1-05, HTTP-3.2.1-10, HTTP-3.4-02
#[test]
fn a_link_ends_what_has_parts_that_may_not_come() {
    let header = ("response-header", HEAD);
    let cases: [&[(&str, &str)]; 6] = [
        &[("request-header", REQUEST)],
        &[header, ("request-body", "b")],
        &[("response-body", "b")],
        &[header, ("response-body", "b"), header],
        &[header, ("response-trailer", "A: b\r\n"), ("response-body", "b")],
        &[("Response-Header", HEAD)],
    ];
    for parts in cases {
        let (_client, link, transaction) = agreed(AuxParts::NONE, "X: 1");
        let said = link.reply(&[vec!["AMS 0;".to_owned()], flow(parts)].concat());
        assert!(said.iter().any(|message| is_failure_of(message, 0)), "{parts:?}: {said:?}");
        assert!(matches!(take(&transaction).1, Some(Err(TransactionError::Broken(_)))), "{parts:?}");
    }
    let (_client, link, transaction) = agreed(AuxParts::NONE, "X: 1");
    let said = link.reply(&["AMS 0;".to_owned(), dum(0, 0, HEAD)]);
    assert!(is_failure_of(&said[0], 0), "{said:?}");
    assert!(matches!(take(&transaction).1, Some(Err(TransactionError::Broken(_)))));
}

// req: HTTP-3.2.1-13
#[test]
fn a_link_ends_an_answer_that_is_both_request_and_response() {
    let (request, response) = (("request-header", REQUEST), ("response-header", HEAD));
    for parts in [[request, response], [request, ("response-body", "b")], [response, ("request-body", "b")]] {
        let (_client, link, transaction) = requesting();
        let said = link.reply(&[vec!["AMS 0;".to_owned()], flow(&parts)].concat());
        assert!(said.iter().any(|message| is_failure_of(message, 0)), "{parts:?}: {said:?}");
        assert!(matches!(take(&transaction).1, Some(Err(TransactionError::Broken(_)))), "{parts:?}");
    }
    for parts in [[request, ("request-body", "b")], [response, ("response-body", "b")]] {
        let (_client, link, transaction) = requesting();
        link.hear(&[vec!["AMS 0;".to_owned()], flow(&parts), vec!["AME 0;".to_owned()]].concat());
        assert_eq!(take(&transaction), ([parts[0].1, "b"].concat(), Some(Ok(()))));
    }
}

// req: HTTP-3.2.1-11
#[test]
fn a_link_takes_nothing_of_the_request_into_a_response() {
    let (_client, link, transaction) = agreed(AuxParts::REQUEST_HEADER, "Aux-Parts: (request-header)");
    transaction.send(Part::RequestHeader, Bytes::from_static(REQUEST.as_bytes())).expect("it fits");
    transaction.send(Part::ResponseHeader, Bytes::from_static(HEAD.as_bytes())).expect("it fits");
    link.said();
    let said = link.reply(&["AMS 0;".to_owned(), format!("DUY 0 0 {};", REQUEST.len())]);
    assert!(is_failure_of(&said[0], 0), "{said:?}");
}

// req: HTTP-3.2.1-01, HTTP-3.2.1-03, HTTP-3.2.1-09
#[test]
fn a_link_sends_no_part_that_may_not_come() {
    let give = |transaction: &crate::client::Transaction, parts: &[Part]| {
        parts.iter().try_for_each(|part| transaction.send(*part, Bytes::from_static(b"x")))
    };
    let refused: [&[Part]; 4] = [
        &[Part::RequestHeader],
        &[Part::ResponseHeader, Part::RequestBody],
        &[Part::ResponseBody],
        &[Part::ResponseHeader, Part::ResponseTrailer, Part::ResponseBody],
    ];
    for parts in refused {
        let (_client, link, transaction) = agreed(AuxParts::ALL, "X: 1");
        assert!(give(&transaction, parts).is_err(), "{parts:?}");
        let said = link.said();
        assert!(is_failure_of(said.last().expect("an end"), 0), "{parts:?}: {said:?}");
        assert!(take(&transaction).1.is_some_and(|end| end.is_err()));
    }
    let (_client, link, transaction) = requesting();
    assert!(give(&transaction, &[Part::ResponseHeader]).is_err());
    assert!(is_failure_of(&link.said()[0], 0));
}
