//! Whole messages through both agents: whatever the cuts, the adapted message is what the services made of it.

mod processor;
mod server;

use bytes::Bytes;

use super::pair::{Pair, Random, for_seeds};
use crate::limits::Limits;
use processor::{Processor, Tally};
use server::Server;

/// How a server treats a message.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Plan {
    /// Sends it back as it is.
    Echo,
    /// Sends it back with every fifth octet changed.
    Change,
    /// Echoes up to some point, then asks to stop sending; reads on.
    StopSending(usize),
    /// The same, then leaves altogether.
    Leave(usize),
    /// Sends a message of its own and wants no more of the original.
    Replace,
    /// Fails in the middle.
    Fail(usize),
    /// Ends the transaction in the middle.
    Abort(usize),
}

/// What became of a message.
#[derive(Debug, PartialEq)]
enum Fate {
    Adapted(Vec<u8>),
    Failed,
    /// The processor has lost interest.
    Abandoned,
}

/// What the server does to an octet.
fn change(plan: Plan, offset: u64, octet: u8) -> u8 {
    if plan == Plan::Change && offset.is_multiple_of(5) { octet ^ 0xff } else { octet }
}

const REPLACEMENT: &[u8] = b"a message of the server's own";

fn plan(random: &mut Random, size: usize) -> Plan {
    let at = random.below(size + 1);
    match random.below(8) {
        0 | 1 => Plan::Echo,
        2 => Plan::Change,
        3 => Plan::StopSending(at),
        4 => Plan::Leave(at),
        5 => Plan::Replace,
        6 => Plan::Fail(at.max(1)),
        _ => Plan::Abort(at.max(1)),
    }
}

/// What the processor has to end up with.
fn expected(plan: Plan, original: &[u8]) -> Fate {
    match plan {
        Plan::Echo | Plan::StopSending(_) | Plan::Leave(_) => Fate::Adapted(original.to_vec()),
        Plan::Change => {
            let octets = (0..).zip(original);
            Fate::Adapted(octets.map(|(offset, octet)| change(plan, offset, *octet)).collect())
        }
        Plan::Replace => Fate::Adapted(REPLACEMENT.to_vec()),
        Plan::Fail(_) | Plan::Abort(_) => Fate::Failed,
    }
}

fn limits(random: &mut Random) -> Limits {
    let kept = [0, 150, 2000, 100_000];
    Limits {
        kept_per_transaction: kept[random.below(4)],
        kept_per_connection: kept[random.below(4)],
        ..Limits::default()
    }
}

fn run(mut random: Random, count: usize) -> Tally {
    // Octet by octet only what is short.
    let (grain, most) = [(1, 150), (3, 300), (20, 1000), (200, 4000), (100_000, 9000)][random.below(5)];
    let messages: Vec<(Plan, Bytes)> = (0..count)
        .map(|_| {
            let size = 1 + [random.below(10), random.below(most / 4), random.below(most)][random.below(3)];
            let original: Bytes = (0..size).map(|_| random.below(256) as u8).collect();
            (plan(&mut random, size), original)
        })
        .collect();
    let server = Server::new(messages.iter().map(|(plan, _)| *plan).collect());
    let limits = [limits(&mut random), Limits::default()];
    let mut pair = Pair::new(random, grain, limits, Processor::default(), server);
    pair.connect();
    pair.processor.app.waiting = messages;
    let mut rounds = 0;
    while pair.processor.app.finished.len() < count {
        pair.run(200);
        rounds += 1;
        assert!(rounds < 100_000, "stuck: {:#?}", pair.processor);
    }
    pair.settle();
    pair.assert_at_rest();
    for (plan, original, fate) in &pair.processor.app.finished {
        assert!(*fate == Fate::Abandoned || *fate == expected(*plan, original), "{plan:?} {fate:?}");
    }
    pair.processor.app.tally
}

/// Asserts that the runs have met what they are about.
fn assert_worthwhile(tallies: &[Tally]) {
    if tallies.is_empty() {
        return;
    }
    let whats: [fn(&Tally) -> usize; 4] =
        [|tally| tally.reused, |tally| tally.rest_unsent, |tally| tally.rest_later, |tally| tally.cut];
    let met = whats.map(|what| tallies.iter().filter(|tally| what(tally) > 0).count());
    assert!(met.iter().all(|seeds| *seeds > 10), "{met:?}");
}

// req: OCP-7-03, OCP-8.2-05, OCP-11.9-05, OCP-11.14-05
#[test]
fn adapted_messages_are_right_however_the_octets_are_cut() {
    assert_worthwhile(&for_seeds(|random| run(random, 1)));
}

// req: OCP-2.6-01, OCP-7-04, OCP-8.2-05, OCP-11.10-03, OCP-11.14-05
#[test]
fn many_messages_at_a_time_do_not_mix() {
    let tallies = for_seeds(|mut random| {
        let count = 2 + random.below(8);
        run(random, count)
    });
    assert_worthwhile(&tallies);
}
