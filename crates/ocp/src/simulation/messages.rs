//! The messages of a simulation, and how their owners treat them.

use std::time::Duration;

use bytes::Bytes;
use opes_profile::http::Profile;

use super::oracle::{Expected, Message, expect};
use super::plan::{GroupPlan, octets};
use super::random::Random;
use crate::budget::Budget;

/// Pauses between two steps of an owner.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub(super) percent: usize,
    pub(super) most: Duration,
}

/// What an owner does in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Gives everything and takes everything.
    Whole,
    /// Drops the transaction once so many octets were given.
    DropGiven(usize),
    /// Drops the transaction once so many octets were taken.
    DropTaken(usize),
    /// Drops the transaction after this time.
    DropAfter(Duration),
    /// Its original message fails once so many octets were given.
    FailGiven(usize),
}

/// One message and its owner.
#[derive(Debug, Clone)]
pub(super) struct MessagePlan {
    pub(super) group: usize,
    pub(super) message: Message,
    pub(super) request_head: Bytes,
    pub(super) length_known: bool,
    pub(super) start: Duration,
    /// The most octets of one piece that is given.
    pub(super) grain: usize,
    pub(super) giving: Pace,
    pub(super) taking: Pace,
    pub(super) ending: Ending,
    pub(super) retries: bool,
    /// Whether the owner waits for what the server says last.
    pub(super) hears_notes: bool,
    /// How long the transaction is kept once it is over.
    pub(super) linger: Duration,
}

impl MessagePlan {
    pub(super) fn expected(&self, group: &GroupPlan) -> Expected {
        expect(&self.message, &group.chain)
    }
}

/// Decides about one message.
pub(super) fn message(
    random: &Random,
    groups: &[GroupPlan],
    number: u64,
    budget: &Budget,
    wants_request: bool,
) -> MessagePlan {
    let group = random.within(0..=groups.len() - 1);
    let profile = groups[group].spec.profile;
    let size = size(random, budget);
    let request_head = request_head(number);
    let known = profile == Profile::Request || wants_request;
    let message = Message {
        number,
        profile,
        uri: if known { format!("http://o.example/{number}") } else { String::new() },
        head: if profile == Profile::Request { request_head.clone() } else { response_head(number) },
        body: octets(random, size),
        trailer: Bytes::from_static(if random.percent(10) { b"X-Sum: 1\r\n" } else { b"" }),
    };
    MessagePlan {
        group,
        message,
        request_head,
        length_known: random.percent(60),
        start: random.duration(Duration::from_millis(*random.pick(&[0, 5, 100]))),
        grain: 1 + size / 200 + random.skewed(64 * 1024),
        giving: pace(random),
        taking: pace(random),
        ending: ending(random, size),
        retries: random.percent(50),
        hears_notes: random.percent(50),
        linger: random.duration(Duration::from_millis(20)),
    }
}

fn request_head(number: u64) -> Bytes {
    let head = format!("PUT /{number} HTTP/1.1\r\nHost: o.example\r\nContent-Type: text/n{number}\r\n\r\n");
    head.into()
}

fn response_head(number: u64) -> Bytes {
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/n{number}\r\n\r\n").into()
}

/// Mostly small; some right at a threshold.
fn size(random: &Random, budget: &Budget) -> usize {
    let thresholds =
        [64 << 10, 128 << 10, 256 << 10, budget.transaction, budget.transaction / 4, budget.unsent];
    match random.within(0..=19) {
        0 => 0,
        1..=16 => random.skewed(32 * 1024),
        17 | 18 => (random.pick(&thresholds) + random.within(0..=4)).saturating_sub(2),
        _ => random.within(0..=300 * 1024),
    }
}

fn pace(random: &Random) -> Pace {
    let percent = *random.pick(&[0, 0, 10, 60]);
    Pace { percent, most: Duration::from_millis(*random.pick(&[1, 15, 150])) }
}

fn ending(random: &Random, size: usize) -> Ending {
    match random.within(0..=19) {
        0 => Ending::DropGiven(random.within(0..=size)),
        1 => Ending::DropTaken(random.within(0..=size)),
        2 => Ending::DropAfter(random.duration(Duration::from_millis(60))),
        3 => Ending::FailGiven(random.within(0..=size)),
        _ => Ending::Whole,
    }
}
