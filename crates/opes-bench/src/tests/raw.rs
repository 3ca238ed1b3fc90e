//! The echo of length-prefixed messages.

use std::io::{Read, Write};

use super::{load, peers};
use crate::{BenchError, Mode, Target, run};

#[test]
fn so_many_as_were_asked_for_are_counted() {
    let outcome = run(&load(Target::Raw, peers::raw(), 500), |_| ()).unwrap();
    assert_eq!((outcome.transactions, outcome.errors, outcome.unfinished), (500, 0, 0));
    assert_eq!(outcome.latency.len(), 500);
    assert_eq!(outcome.timeline.iter().sum::<u64>(), 500);
    assert!(outcome.octets_in >= 500 * 1004, "{}", outcome.octets_in);
}

#[test]
fn what_is_only_looked_at_does_not_come_back() {
    let mut load = load(Target::Raw, peers::raw(), 200);
    load.mode = Mode::Look;
    let outcome = run(&load, |_| ()).unwrap();
    assert_eq!((outcome.transactions, outcome.errors), (200, 0));
    assert!(outcome.octets_in < 1004 * 200 / 2, "{}", outcome.octets_in);
}

#[test]
fn a_wrong_octet_is_an_error() {
    // Of every ten messages on a connection, the fourth comes back wrong.
    let address = peers::each(|mut stream| {
        let mut message = [0; 1004];
        for number in 0.. {
            stream.read_exact(&mut message)?;
            message[700] ^= u8::from(number % 10 == 3);
            stream.write_all(&message)?;
        }
        Ok(())
    });
    let mut load = load(Target::Raw, address, 100);
    load.connections = 1;
    let outcome = run(&load, |_| ()).unwrap();
    assert_eq!((outcome.transactions, outcome.errors, outcome.latency.len()), (90, 10, 90));
    assert_eq!(outcome.first_error.as_deref(), Some("the message came back with other octets"));
}

#[test]
fn a_server_that_closes_ends_the_run() {
    let address = peers::each(|mut stream| stream.read_exact(&mut [0; 10]));
    // The rest of the message was not read, so that the end may come as a reset.
    let error = run(&load(Target::Raw, address, 100), |_| ()).unwrap_err();
    assert!(matches!(error, BenchError::Closed | BenchError::Io(_)), "{error}");
}
