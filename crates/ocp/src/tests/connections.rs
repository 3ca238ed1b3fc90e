//! Several connections of one client (RFC 4037 section 2.6).

use std::collections::HashSet;

use opes_profile::http::Profile;

use super::alone::data;
use super::both::{Client, HEAD, Pair, exchange_by_turns, give, identity, take};
use crate::client::{GroupSpec, Transaction, TransactionError};
use crate::driver::{Agent, lock};

fn spec() -> GroupSpec {
    GroupSpec::new(Profile::Response, ["urn:identity"])
}

/// Two connections, and transactions with large messages, about half of them on each.
fn busy() -> (Pair, Pair, Vec<(Transaction, String)>) {
    let client = Client::new();
    let pairs = [client.pair(&[spec()], identity()), client.pair(&[spec()], identity())];
    let transactions: Vec<_> = (0..10)
        .map(|number| {
            let transaction = client.start(&spec());
            let body = format!("{number} of ten; ").repeat(20_000);
            give(&transaction, &body);
            (transaction, body)
        })
        .collect();
    let [first, second] = pairs;
    (first, second, transactions)
}

/// The transaction that a message is about.
fn xid(message: &str) -> Option<u64> {
    let mut words = message.trim_end_matches(';').split([' ', '|', ';']);
    let of_connection = ["CS", "CE", "SGC", "SGD", "NO", "NR", "AQ", "AA", "PQ", "PA"];
    let name = words.next().filter(|name| !of_connection.contains(name))?;
    Some(words.next().unwrap_or_else(|| panic!("{name} without xid")).parse().expect("a number"))
}

// req: OCP-2.6-02
#[test]
fn a_transaction_stays_on_its_connection() {
    let (mut first, mut second, transactions) = busy();
    exchange_by_turns(&mut first, &mut second);
    for (transaction, body) in &transactions {
        assert_eq!(take(transaction), ([HEAD, body].concat(), Some(Ok(()))));
    }
    for pair in [&first, &second] {
        let own: HashSet<_> = transactions
            .iter()
            .filter(|(transaction, _)| transaction.link() == pair.id)
            .map(|(transaction, _)| transaction.xid())
            .collect();
        assert_eq!(own.len(), 5, "both connections are used");
        for messages in [pair.of_link(), pair.of_host()] {
            let named: HashSet<_> = messages.iter().filter_map(|message| xid(message)).collect();
            assert_eq!(named, own);
        }
        let said = pair.of_host();
        let ends = said.iter().filter(|message| message.starts_with("TE")).count();
        assert_eq!(ends, own.len(), "what is begun here ends here");
    }
}

// req: OCP-2.6-02
#[test]
fn a_transaction_moves_to_no_other_connection_when_its_own_is_lost() {
    let (first, mut second, transactions) = busy();
    {
        let mut link = lock(&first.link.agent);
        link.connection().transport_closed();
    }
    let Pair { id, link, .. } = first;
    assert!(link.octets().is_empty());
    second.exchange();
    for (transaction, body) in &transactions {
        let (data, end) = take(transaction);
        if transaction.link() == id {
            assert!(matches!(end, Some(Err(TransactionError::Lost(_)))), "{end:?}");
        } else {
            assert_eq!((data, end), ([HEAD, body].concat(), Some(Ok(()))));
        }
    }
    let started = second.of_link().iter().filter(|message| message.starts_with("TS")).count();
    assert_eq!(started, 5);
}

// req: OCP-2.6-04
#[test]
fn every_message_is_whole_on_its_connection() {
    let (mut first, mut second, transactions) = busy();
    exchange_by_turns(&mut first, &mut second);
    for pair in [&first, &second] {
        // That they decode to their end shows that none begins or ends elsewhere; so do the sizes of all data.
        for messages in [pair.of_link(), pair.of_host()] {
            assert_eq!(messages.iter().filter(|message| *message == "CS;").count(), 1);
        }
        let own = transactions.iter().filter(|(transaction, _)| transaction.link() == pair.id);
        for (transaction, body) in own {
            assert!(data(&pair.of_link(), transaction.xid()) == [HEAD, body].concat());
        }
    }
    for (transaction, body) in &transactions {
        assert_eq!(take(transaction).0, [HEAD, body].concat());
    }
}
