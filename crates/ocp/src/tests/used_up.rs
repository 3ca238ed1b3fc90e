//! Identifiers that are used up (RFC 4037 section 10.2): the connection ends, another one takes its place, and no
//! transaction is lost.

use opes_profile::http::Profile;

use super::both::{Client, HEAD, Pair, give, identity, take};
use crate::client::pool::Choice;
use crate::client::{GroupSpec, Transaction};
use crate::driver::lock;

fn spec() -> GroupSpec {
    GroupSpec::new(Profile::Response, ["urn:identity"])
}

/// A transaction on a connection that the pool opens for it.
fn on_another_connection(client: &Client, spec: &GroupSpec) -> (Pair, Transaction) {
    let Choice::Open(groups) = client.choose(spec) else { panic!("no connection is left") };
    let pair = client.pair(&groups, identity());
    let transaction = client.start(spec);
    assert_eq!(transaction.link(), pair.id);
    (pair, transaction)
}

fn assert_adapted(transaction: &Transaction, body: &str) {
    assert_eq!(take(transaction), ([HEAD, body].concat(), Some(Ok(()))));
}

// req: OCP-10.2-04
#[test]
fn a_connection_without_transaction_identifiers_is_replaced() {
    let client = Client::new();
    let mut old = client.pair(&[spec()], identity());
    lock(&old.link.agent).use_up(2);
    let last_but_one = client.start(&spec());
    old.exchange();
    assert!(!old.is_over(), "an identifier is left");
    let last = client.start(&spec());
    assert_eq!((last_but_one.link(), last.link(), last.xid()), (old.id, old.id, 2_147_483_647));

    let (mut new, next) = on_another_connection(&client, &spec());
    for (transaction, body) in [(&last_but_one, "last but one"), (&last, "last"), (&next, "next")] {
        give(transaction, body);
    }
    old.exchange();
    new.exchange();
    assert_adapted(&last_but_one, "last but one");
    assert_adapted(&last, "last");
    assert_adapted(&next, "next");
    assert!(old.is_over() && !new.is_over());
    let said = old.of_link();
    assert_eq!(said.last().map(String::as_str), Some("CE;"), "once all is done");
}

// req: OCP-10.2-04
#[test]
fn a_connection_ends_when_its_last_transaction_does() {
    let client = Client::new();
    let mut pair = client.pair(&[spec()], identity());
    lock(&pair.link.agent).use_up(1);
    let last = client.start(&spec());
    give(&last, "body");
    pair.exchange();
    assert_adapted(&last, "body");
    assert!(pair.is_over(), "without anybody asking for a further transaction");
}

// req: OCP-10.2-04
#[test]
fn a_connection_without_group_identifiers_is_replaced() {
    let client = Client::new();
    let mut old = client.pair(&[spec()], identity());
    let under_way = client.start(&spec());
    lock(&old.link.agent).use_up_groups(0);
    let other = GroupSpec::new(Profile::Request, ["urn:identity"]);
    assert!(matches!(client.choose(&other), Choice::Wait(_)));
    old.exchange();
    assert!(!old.is_over(), "a transaction is under way");

    let (mut new, next) = on_another_connection(&client, &other);
    drop(next);
    give(&under_way, "under way");
    old.exchange();
    new.exchange();
    assert_adapted(&under_way, "under way");
    assert!(old.is_over() && !new.is_over());
    assert_eq!(old.of_link().last().map(String::as_str), Some("CE;"));
}
