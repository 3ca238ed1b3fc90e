//! Links of one pool, each with a host of its own, connected by hand.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;
use opes_profile::http::{AuxParts, Extensions, Part};
use opes_sdk::ServiceFactory;
use opes_services::Identity;

use super::alone::{Alone, host, messages};
use crate::budget::Budget;
use crate::client::link::Link;
use crate::client::pool::{Choice, Pool};
use crate::client::{
    Adapted, Briefing, ClientConfig, ClientError, GroupSpec, LinkId, Transaction, TransactionError, Wish,
};
use crate::clock::Clock;
use crate::driver::lock;
use crate::server::host::Host;

pub(super) const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n";

/// The most rounds of an exchange: far more than any needs.
const ROUNDS: usize = 1000;

/// A pool whose connections are opened by hand.
pub(super) struct Client {
    pool: Arc<Pool>,
    now: Instant,
}

impl Client {
    pub(super) fn new() -> Self {
        Self::offering(AuxParts::REQUEST_HEADER)
    }

    /// One that offers these parts of requests along with responses.
    pub(super) fn offering(aux: AuxParts) -> Self {
        Self::configured(ClientConfig { aux, ..ClientConfig::new("by hand") })
    }

    /// One that offers these extensions.
    pub(super) fn extended(extensions: Extensions) -> Self {
        Self::configured(ClientConfig { extensions, ..ClientConfig::new("by hand") })
    }

    /// One that opens a single connection, but for further attempts.
    pub(super) fn of_one_connection() -> Self {
        Self::configured(ClientConfig { connections: 1, ..ClientConfig::new("by hand") })
    }

    fn configured(config: ClientConfig) -> Self {
        let now = Instant::now();
        let pool = Pool::new(config, Clock::new(move || now), Budget::default());
        Self { pool: Arc::new(pool), now }
    }

    /// A new link that wants these groups.
    pub(super) fn link(&self, groups: &[GroupSpec]) -> (LinkId, Alone<Link>) {
        let (id, link) = self.pool.add(groups.to_vec());
        (id, Alone::new(link, self.now))
    }

    /// A new link with a host of these services, and their groups created.
    pub(super) fn pair(&self, groups: &[GroupSpec], services: Vec<Arc<dyn ServiceFactory>>) -> Pair {
        let (id, link) = self.link(groups);
        let mut pair = Pair::new(id, link, services);
        pair.exchange();
        pair
    }

    /// What the pool does for a group.
    pub(super) fn choose(&self, spec: &GroupSpec) -> Choice {
        self.pool.choose(Wish { spec, length: None, briefing: &Briefing::default() }, None)
    }

    /// What it does for a further attempt after one on this link.
    pub(super) fn choose_again(&self, spec: &GroupSpec, avoid: LinkId) -> Choice {
        self.pool.choose(Wish { spec, length: None, briefing: &Briefing::default() }, Some(avoid))
    }

    /// Starts a transaction for a further attempt after one on this link.
    pub(super) async fn start_again(
        &self,
        spec: &GroupSpec,
        avoid: LinkId,
    ) -> Result<Transaction, ClientError> {
        let briefing = Briefing::default();
        self.pool.start(Wish { spec, length: None, briefing: &briefing }, Some(avoid)).await
    }

    /// Starts a transaction of a group that is ready.
    pub(super) fn start(&self, spec: &GroupSpec) -> Transaction {
        self.start_with(spec, None)
    }

    /// Starts one whose body has this length.
    pub(super) fn start_with(&self, spec: &GroupSpec, length: Option<u64>) -> Transaction {
        self.try_start(spec, length, &Briefing::default()).expect("the group is ready")
    }

    /// Starts one whose services are told something.
    pub(super) fn try_start(
        &self,
        spec: &GroupSpec,
        length: Option<u64>,
        briefing: &Briefing,
    ) -> Result<Transaction, ClientError> {
        match self.pool.choose(Wish { spec, length, briefing }, None) {
            Choice::Started(transaction) => Ok(transaction),
            Choice::Failed(error) => Err(error),
            Choice::Wait(_) | Choice::Open(_) => panic!("the group is not ready"),
        }
    }
}

/// A link and its host.
pub(super) struct Pair {
    pub(super) id: LinkId,
    pub(super) link: Alone<Link>,
    pub(super) host: Alone<Host>,
    /// What each of them has said so far.
    said: [Vec<u8>; 2],
    /// What of it has not reached the link.
    under_way: Vec<u8>,
}

impl Pair {
    pub(super) fn new(id: LinkId, link: Alone<Link>, services: Vec<Arc<dyn ServiceFactory>>) -> Self {
        Self::with_host(id, link, host(services))
    }

    pub(super) fn with_host(id: LinkId, link: Alone<Link>, host: Alone<Host>) -> Self {
        Self { id, link, host, said: [Vec::new(), Vec::new()], under_way: Vec::new() }
    }

    /// Moves octets until both are silent.
    pub(super) fn exchange(&mut self) {
        for _ in 0..ROUNDS {
            if !(self.hand_over() | self.hand_back()) {
                return;
            }
        }
        panic!("they never come to an end");
    }

    /// Brings what the link has to say to the host; false when it is silent.
    pub(super) fn hand_over(&mut self) -> bool {
        let octets = self.link.octets();
        self.said[0].extend_from_slice(&octets);
        self.host.hear_octets(&octets);
        !octets.is_empty()
    }

    /// Brings what the host has to say to the link; false when it is silent.
    pub(super) fn hand_back(&mut self) -> bool {
        self.host_speaks();
        self.link_listens()
    }

    /// Has the host say what it has to say.
    pub(super) fn host_speaks(&mut self) {
        let octets = self.host.octets();
        self.said[1].extend_from_slice(&octets);
        self.under_way.extend_from_slice(&octets);
    }

    /// Brings to the link what the host has said; false when that is nothing.
    pub(super) fn link_listens(&mut self) -> bool {
        let octets = std::mem::take(&mut self.under_way);
        self.link.hear_octets(&octets);
        !octets.is_empty()
    }

    /// All that the link has said.
    pub(super) fn of_link(&self) -> Vec<String> {
        messages(&self.said[0])
    }

    /// All that the host has said.
    pub(super) fn of_host(&self) -> Vec<String> {
        messages(&self.said[1])
    }

    /// Whether the link has ended.
    pub(super) fn is_over(&self) -> bool {
        lock(&self.link.agent).closed().is_some()
    }
}

/// Exchanges octets on two connections by turns, so that both have the same to do at the same time.
pub(super) fn exchange_by_turns(first: &mut Pair, second: &mut Pair) {
    for _ in 0..ROUNDS {
        if !(first.hand_over() | second.hand_over() | first.hand_back() | second.hand_back()) {
            return;
        }
    }
    panic!("they never come to an end");
}

/// The service that the tests pass messages through.
pub(super) fn identity() -> Vec<Arc<dyn ServiceFactory>> {
    vec![Arc::new(Identity::new("urn:identity"))]
}

/// Gives a whole response.
pub(super) fn give(transaction: &Transaction, body: &str) {
    transaction.send(Part::ResponseHeader, Bytes::from_static(HEAD.as_bytes())).expect("it fits");
    transaction.send(Part::ResponseBody, Bytes::copy_from_slice(body.as_bytes())).expect("it fits");
    transaction.complete();
}

/// What is there of the adapted message, and its end if it has come.
pub(super) fn take(transaction: &Transaction) -> (String, Option<Result<(), TransactionError>>) {
    let mut octets = Vec::new();
    loop {
        let end = match transaction.poll_next(&Context::from_waker(Waker::noop())) {
            Poll::Pending => None,
            Poll::Ready(Ok(Adapted::Ended { .. })) => Some(Ok(())),
            Poll::Ready(Ok(Adapted::Data { octets: more, .. })) => {
                octets.extend_from_slice(&more);
                continue;
            }
            Poll::Ready(Ok(_)) => continue,
            Poll::Ready(Err(error)) => Some(Err(error)),
        };
        return (String::from_utf8(octets).expect("text"), end);
    }
}
