//! A host that waits where the service waits.

use std::{
    collections::BTreeMap,
    sync::Arc,
    task::{Wake, Waker},
};

use bytes::Bytes;
use opes_sdk::{Attributes, Chain, TraceRecord};
use tokio::sync::Notify;

use super::super::{ClamAv, Options};

/// What came of a message.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Outcome {
    /// What was released.
    pub(super) body: Vec<u8>,
    /// How much of it when the first piece was followed by others.
    pub(super) early: usize,
    pub(super) refused: Option<String>,
    pub(super) failed: Option<String>,
    pub(super) finished: bool,
    pub(super) variables: BTreeMap<String, String>,
    /// Names and values in the records.
    pub(super) recorded: Vec<(String, String)>,
}

#[derive(Default)]
struct Woken(Notify);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }
}

pub(super) const URI: &str = "http://s.example/clamav";

/// Sends a message in these pieces through the service.
pub(super) async fn through(service: &ClamAv, pieces: &[&[u8]]) -> Outcome {
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut chain = Chain::new(&[Arc::new(service.clone())], Attributes::default(), waker);
    let mut outcome = Outcome::default();
    chain.start();
    for piece in pieces {
        chain.push(Bytes::copy_from_slice(piece));
        settle(&mut chain, &woken).await;
        take(&mut chain, &mut outcome);
        if piece.as_ptr() != pieces[pieces.len() - 1].as_ptr() {
            outcome.early = outcome.body.len();
        }
    }
    chain.finish();
    settle(&mut chain, &woken).await;
    take(&mut chain, &mut outcome);
    outcome.finished = chain.finished();
    outcome.refused = chain.refusal().map(|refusal| refusal.reason.clone());
    outcome.failed = chain.failure().map(|failure| failure.reason.clone());
    outcome.variables = chain.take_variables();
    let records = chain.take_records();
    assert!(records.iter().all(|TraceRecord { agent, .. }| agent == URI));
    outcome.recorded = records.into_iter().flat_map(|record| record.parameters).collect();
    outcome
}

async fn settle(chain: &mut Chain, woken: &Woken) {
    while chain.waiting() {
        woken.0.notified().await;
        chain.resume();
    }
}

fn take(chain: &mut Chain, outcome: &mut Outcome) {
    assert!(chain.gathered() <= chain.buffered(), "what is held is accounted for");
    while let Some(segment) = chain.decided().then(|| chain.pull()).flatten() {
        assert_eq!(segment.original, Some(outcome.body.len() as u64), "still the original");
        outcome.body.extend_from_slice(&segment.octets);
    }
}

/// One message through a service of its own.
pub(super) async fn once(options: Options, pieces: &[&[u8]]) -> Outcome {
    through(&ClamAv::new(URI, options), pieces).await
}
