//! Two connections, a processor's and a server's, and agents above them that keep the rules.

mod agent;
mod exchange;
mod operation;
mod pair;

use arbitrary::{Arbitrary, Unstructured};
use ocp_proto::message::{Feature, Outcome};

use agent::ABILITY;
use exchange::Life;
use operation::{Operation, Side, Terms};
use pair::Pair;

/// The most operations of a run: more only takes time.
const OPERATIONS: usize = 400;

/// Reads operations from the input and lets them happen to a pair of agents; at last everything is brought to its end.
///
/// Neither agent ever finds the other at fault, octets arrive as they were given, and nothing gets stuck.
pub fn connection_operations(input: &[u8]) {
    let mut input = Unstructured::new(input);
    let Ok(terms) = Terms::arbitrary(&mut input) else { return };
    let prompt = terms.prompt;
    let mut pair = Pair::new(terms);
    for _ in 0..OPERATIONS {
        if input.is_empty() {
            break;
        }
        let Ok(operation) = Operation::arbitrary(&mut input) else { break };
        perform(&mut pair, operation);
        pair.poll(Side::Processor);
        pair.poll(Side::Server);
        if prompt {
            pair.settle();
        }
    }
    finish(pair);
}

fn perform(pair: &mut Pair, operation: Operation) {
    let now = pair.now;
    match operation {
        Operation::Transmit { side, most } => {
            pair.transmit(side, usize::from(most));
        }
        Operation::Deliver { to, octets } => {
            pair.deliver(to, usize::from(octets));
        }
        Operation::Settle => pair.settle(),
        Operation::Pass { seconds } => pair.pass(u64::from(seconds)),
        Operation::Cut => pair.cut(),
        Operation::End { side, failure } => {
            pair.may_end = true;
            let outcome = if failure { Outcome::failure("over") } else { Outcome::OK };
            pair.agent(side).connection.end(outcome);
        }
        Operation::CreateGroup { services } if pair.groups.len() < 30 => pair.create_group(services),
        Operation::CreateGroup { .. } => {}
        Operation::DestroyGroup { group } => {
            if let Some(group) = pair.groups.get(usize::from(group) % pair.groups.len().max(1)) {
                pair.processor.connection.destroy_group(*group);
            }
        }
        Operation::Offer { side, features, group } => {
            let uris = [ABILITY, "ocp://other"].into_iter().enumerate();
            let features = uris.filter(|(at, _)| features >> at & 1 != 0).map(|(_, uri)| Feature::new(uri));
            let group = group.and_then(|group| pair.groups.get(usize::from(group)).copied());
            let _ = pair.agent(side).connection.offer(features.collect(), group, now);
        }
        Operation::QueryAbility { side } => {
            pair.agent(side).connection.query_ability(Feature::new(ABILITY));
        }
        Operation::QueryProgress { side, transaction } => {
            let xid = transaction.and_then(|choice| pair.choose(choice)).map(|at| pair.exchanges[at].xid);
            pair.agent(side).connection.query_progress(xid);
        }
        Operation::Start { group } if pair.exchanges.len() < 60 => {
            if let Some(group) = pair.groups.get(usize::from(group) % pair.groups.len().max(1)) {
                pair.start(*group);
            }
        }
        Operation::Start { .. } => {}
        other => {
            if let Some(at) = choice(&other).and_then(|choice| pair.choose(choice)) {
                in_transaction(pair, at, other);
            }
        }
    }
}

/// The transaction that an operation is about.
fn choice(operation: &Operation) -> Option<u8> {
    match operation {
        Operation::ReportProgress { transaction, .. }
        | Operation::Give { transaction, .. }
        | Operation::Answer { transaction, .. }
        | Operation::Write { transaction, .. }
        | Operation::Quote { transaction, .. }
        | Operation::Copy { transaction }
        | Operation::Predict { transaction, .. }
        | Operation::EndMessage { transaction, .. }
        | Operation::EndTransaction { transaction, .. }
        | Operation::Complete { transaction }
        | Operation::Abort { transaction, .. }
        | Operation::Pause { transaction, .. }
        | Operation::Resume { transaction, .. }
        | Operation::WantStopSending { transaction }
        | Operation::WantStopReceiving { transaction, .. }
        | Operation::StopSending { transaction }
        | Operation::Dispose { transaction, .. } => Some(*transaction),
        _ => None,
    }
}

fn in_transaction(pair: &mut Pair, at: usize, operation: Operation) {
    let now = pair.now;
    let xid = pair.exchanges[at].xid;
    match operation {
        Operation::ReportProgress { side, .. } => pair.agent(side).connection.report_progress(xid, now),
        Operation::Give { octets, large, .. } => pair.give(at, u64::from(octets) * if large { 3 } else { 1 }),
        Operation::Answer { modp, .. } => pair.answer(at, modp),
        Operation::Write { octets, .. } => {
            let octets: Vec<u8> = (0..octets).map(|octet| octet.to_le_bytes()[0]).collect();
            pair.write(at, &octets, None);
        }
        Operation::Quote { from, octets, .. } => {
            let got = pair.exchanges[at].got;
            let from = u64::from(from).min(got);
            quote(pair, at, from, u64::from(octets).min(got - from));
        }
        Operation::Copy { .. } => {
            let exchange = &mut pair.exchanges[at];
            let from = std::mem::replace(&mut exchange.copied, exchange.got);
            let size = exchange.got - from;
            quote(pair, at, from, size);
        }
        Operation::Predict { modp, .. } => pair.server.connection.predict(xid, modp % 101),
        Operation::EndMessage { side, failure, .. } => pair.end_message(side, at, failure),
        Operation::EndTransaction { side, .. } => {
            pair.agent(side).connection.end_transaction(xid, Outcome::OK);
        }
        Operation::Complete { .. } if pair.is_complete(at) => {
            pair.processor.connection.complete_transaction(xid);
        }
        Operation::Abort { side, .. } => pair.abort(side, at),
        Operation::Pause { side, .. } => pair.agent(side).connection.pause(xid),
        Operation::Resume { side, size, .. } => {
            let size = size.map(|size| pair.terms.size(size));
            pair.agent(side).connection.resume(xid, size, now);
        }
        Operation::WantStopSending { .. } => pair.want_stop_sending(at),
        Operation::WantStopReceiving { size, .. } => pair.want_stop_receiving(at, pair.terms.size(size)),
        Operation::StopSending { .. } => pair.processor.connection.stop_sending(xid),
        Operation::Dispose { below, .. } => pair.server.connection.dispose(xid, pair.terms.size(below)),
        _ => {}
    }
}

/// The server gives original octets on.
fn quote(pair: &mut Pair, at: usize, from: u64, size: u64) {
    let octets = crate::pattern::original(pair.exchanges[at].xid, from, size);
    pair.write(at, &octets, Some(from));
}

/// Brings every transaction to its end, and then the connection; nothing may get stuck.
fn finish(mut pair: Pair) {
    for _ in 0..6 {
        pair.settle();
        for at in 0..pair.exchanges.len() {
            bring_to_end(&mut pair, at);
        }
    }
    pair.settle();
    for exchange in &pair.exchanges {
        assert_ne!(exchange.processor, Life::Active, "stuck: {exchange:?}");
        assert_ne!(exchange.server, Life::Active, "stuck: {exchange:?}");
    }
    assert_eq!(pair.processor.connection.transactions() + pair.server.connection.transactions(), 0);
    assert_eq!(pair.processor.connection.queued() + pair.server.connection.queued(), 0);
    pair.may_end = true;
    pair.processor.connection.end(Outcome::OK);
    pair.poll(Side::Processor);
    pair.settle();
    assert!(pair.processor.closed.is_some() && pair.server.closed.is_some(), "both know of the end");
}

fn bring_to_end(pair: &mut Pair, at: usize) {
    let (now, xid) = (pair.now, pair.exchanges[at].xid);
    for side in [Side::Processor, Side::Server] {
        pair.agent(side).connection.resume(xid, None, now);
        if side == Side::Server {
            pair.answer(at, None);
        }
        pair.end_message(side, at, false);
    }
    if pair.is_complete(at) {
        pair.processor.connection.complete_transaction(xid);
    } else if pair.exchanges[at].adapted_ended.is_some() {
        pair.processor.connection.end_transaction(xid, Outcome::OK);
    }
}
