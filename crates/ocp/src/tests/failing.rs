//! Failures of adapted messages, and permissions, at a link (RFC 4037 sections 10.10 and 11.13).

use opes_profile::http::{Part, Profile};

use super::alone::{Alone, feature, part, scoped};
use super::both::{Client, HEAD, take};
use crate::client::link::Link;
use crate::client::{GroupSpec, Transaction, TransactionError};
use crate::driver::lock;

/// A link with a transaction whose original has begun.
fn beginning() -> (Alone<Link>, Transaction) {
    let client = Client::new();
    let spec = GroupSpec::new(Profile::Response, ["urn:s"]);
    let (_, link) = client.link(std::slice::from_ref(&spec));
    link.hear(&["CS;", "NR;"]);
    link.said();
    link.hear(&["PA;".to_owned(), scoped(&format!("NR {}", feature(Profile::Response)), Some(1))]);
    let transaction = client.start(&spec);
    transaction.send(Part::ResponseHeader, HEAD.into()).expect("it fits");
    link.said();
    (link, transaction)
}

/// A link with a transaction whose original was sent as a whole.
fn in_transaction() -> (Alone<Link>, Transaction) {
    let (link, transaction) = beginning();
    transaction.send(Part::ResponseBody, "body".into()).expect("it fits");
    transaction.complete();
    link.said();
    (link, transaction)
}

/// The beginning of an adapted message, which is not taken.
fn begin(link: &Alone<Link>) {
    let adapted = part(0, HEAD.len(), "response-body", "adapted");
    link.hear(&["AMS 0;".to_owned(), part(0, 0, "response-header", HEAD), adapted]);
    assert_eq!(lock(&link.agent).census().held, HEAD.len() + 7);
}

// req: OCP-10.10-06
#[test]
fn a_failed_adapted_message_is_destroyed_with_what_is_stored_of_it() {
    for result in ["{400}", "{400 \"2:no\"}", "{299}"] {
        let (link, transaction) = in_transaction();
        begin(&link);
        let said = link.reply(&[format!("AME 0 {result};")]);
        assert!(said.iter().any(|message| message.starts_with("TE 0 {400 ")), "{said:?}");
        let (data, end) = take(&transaction);
        assert_eq!(data, "", "nobody gets it any more");
        assert!(matches!(end, Some(Err(TransactionError::Refused(_)))), "{end:?}");
        let census = lock(&link.agent).census();
        assert_eq!((census.held, census.inboxes.iter().map(|(_, octets)| octets).sum()), (0, 0));
    }
}

// req: OCP-10.10-07, OCP-10.10-08
#[test]
fn what_is_stored_goes_with_a_failed_transaction_or_connection() {
    for end in ["TE 0 {400};", "TE 0 {206};", "CE {400};"] {
        let (link, transaction) = in_transaction();
        begin(&link);
        link.hear(&[end]);
        let (data, outcome) = take(&transaction);
        assert_eq!(data, "", "{end}");
        assert!(matches!(outcome, Some(Err(_))), "{end}");
        assert_eq!(lock(&link.agent).census().held, 0, "{end}");
    }
}

#[test]
fn what_is_complete_stays_when_the_connection_fails_later() {
    let (link, transaction) = in_transaction();
    begin(&link);
    link.hear(&["AME 0;", "CE {400};"]);
    assert_eq!(take(&transaction), ([HEAD, "adapted"].concat(), Some(Ok(()))));
}

// req: OCP-11.13-06
#[test]
fn dwss_is_granted_at_once() {
    let (link, transaction) = in_transaction();
    assert_eq!(link.reply(&["DWSS 0;"]), ["DSS 0;"], "before the adapted message has begun");
    drop(transaction);

    let (link, transaction) = in_transaction();
    begin(&link);
    assert_eq!(link.reply(&["DWSS 0;", "PQ 0;"]), ["DSS 0;", "PA 0;"], "before anything else");
    link.hear(&["AME 0 {206};"]);
    assert_eq!(take(&transaction), ([HEAD, "adapted"].concat(), Some(Ok(()))));
}

// req: OCP-11.13-06
#[test]
fn dwss_is_granted_at_once_although_the_original_is_paused_or_goes_on() {
    let (link, transaction) = beginning();
    assert_eq!(link.reply(&["DWP 0 0;"]), ["DPM 0;"]);
    transaction.send(Part::ResponseBody, "more".into()).expect("it fits");
    assert_eq!(link.reply(&["AMS 0;", "DWSS 0;"]), ["DSS 0;"]);

    let (link, transaction) = beginning();
    link.hear(&["AMS 0;", "DWSS 0;"]);
    transaction.send(Part::ResponseBody, "more".into()).expect("it fits");
    assert_eq!(link.said(), ["DSS 0;"], "and the original rests until the adapted flow has ended");
}
