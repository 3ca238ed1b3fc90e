//! The connections of a client, and the choice among them.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ocp_proto::StartError;
use opes_profile::http::Settings;
use tokio::net::TcpStream;

use super::group::{Failures, GroupSpec, GroupState, Trial};
use super::guard::Guard;
use super::link::{Link, LinkSettings};
use super::{ClientConfig, ClientError, LinkId, Transaction, Wish, notes};
use crate::budget::Budget;
use crate::clock::Clock;
use crate::driver::{Driver, lock};
use crate::transport::Transport;

/// Transactions on every connection before a further connection is opened.
const BUSY: usize = 64;

/// Connections that are opened for one transaction at most: one that is lost before the group is created is replaced,
/// but not for ever.
const ATTEMPTS: usize = 3;

/// A connection, with how many transactions are under way on it.
type Candidate = (usize, LinkId, Arc<Mutex<Link>>);

/// The connections of a client.
pub(crate) struct Pool {
    config: ClientConfig,
    clock: Clock,
    budget: Budget,
    links: Mutex<Vec<(LinkId, Arc<Mutex<Link>>)>>,
    failures: Arc<Failures>,
    guard: Arc<Guard>,
    /// Held while a connection is opened, so that those who wait share it.
    opening: tokio::sync::Mutex<()>,
    /// When the last attempt to connect failed, and why.
    refused: Mutex<Option<(Instant, ClientError)>>,
    expanding: AtomicBool,
    closed: AtomicBool,
}

/// What to do for a group that is wanted.
pub(crate) enum Choice {
    /// It was started.
    Started(Transaction),
    /// Wait until this link changes.
    Wait(Arc<Mutex<Link>>),
    /// Open a connection for these groups.
    Open(Vec<GroupSpec>),
    /// It cannot be started.
    Failed(ClientError),
}

impl Pool {
    pub(crate) fn new(config: ClientConfig, clock: Clock, budget: Budget) -> Self {
        Self {
            guard: Arc::new(Guard::new(&config.address, config.breaker, clock.clone())),
            config,
            clock,
            budget,
            links: Mutex::new(Vec::new()),
            failures: Arc::new(Failures::default()),
            opening: tokio::sync::Mutex::new(()),
            refused: Mutex::new(None),
            expanding: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        }
    }

    pub(super) fn config(&self) -> &ClientConfig {
        &self.config
    }

    /// Takes no new transactions, and ends every connection with CE once those under way on it are over.
    pub(super) fn retire(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.each(Link::drain);
    }

    pub(super) async fn close(&self, drain: Duration) {
        self.retire();
        let gone = async {
            while !lock(&self.links).is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let mut gone = std::pin::pin!(gone);
        if tokio::time::timeout(drain, gone.as_mut()).await.is_err() {
            self.each(|link| link.stop("the processor stops"));
            let _ = tokio::time::timeout(Duration::from_secs(2), gone).await;
        }
    }

    pub(super) fn address(&self) -> &str {
        &self.config.address
    }

    pub(super) fn settings(&self, spec: &GroupSpec) -> Option<Arc<Settings>> {
        lock(&self.links).iter().find_map(|(_, link)| match lock(link).group(spec)? {
            GroupState::Ready { settings, .. } => Some(Arc::clone(settings)),
            GroupState::Pending | GroupState::Failed(_) => None,
        })
    }

    fn each(&self, act: impl Fn(&mut Link)) {
        for (_, link) in lock(&self.links).iter() {
            act(&mut lock(link));
        }
    }

    /// Starts a transaction within the time for connecting, unless the server is left alone.
    pub(crate) async fn start(
        self: &Arc<Self>,
        wish: Wish<'_>,
        avoid: Option<LinkId>,
    ) -> Result<Transaction, ClientError> {
        let trial = self.guard.admit()?;
        let attempt = self.attempt(wish, avoid);
        let started = tokio::time::timeout(self.config.connect, attempt).await.unwrap_or_else(|_| {
            let error = ClientError::Timeout;
            self.guard.failed(&error.to_string());
            Err(error)
        });
        if started.is_ok() {
            trial.started();
        }
        started
    }

    async fn attempt(
        self: &Arc<Self>,
        wish: Wish<'_>,
        avoid: Option<LinkId>,
    ) -> Result<Transaction, ClientError> {
        let begun = self.clock.now();
        let mut attempts = 0;
        loop {
            if self.closed.load(Ordering::Relaxed) {
                return Err(ClientError::Closed);
            }
            match self.choose(wish, avoid) {
                Choice::Started(transaction) => return Ok(transaction),
                Choice::Failed(error) => return Err(error),
                Choice::Wait(link) => wait_for_change(&link, wish.spec).await,
                Choice::Open(_) if attempts == ATTEMPTS => {
                    let error = self.unreachable("it ends every connection".to_owned());
                    self.guard.failed(&error.to_string());
                    return Err(error);
                }
                Choice::Open(groups) => {
                    attempts += 1;
                    if let Err(error) = self.open(groups, begun, avoid).await {
                        return self.take_busy(wish, avoid).ok_or(error);
                    }
                }
            }
        }
    }

    /// Starts a transaction, or says what has to come before it.
    pub(crate) fn choose(self: &Arc<Self>, wish: Wish<'_>, avoid: Option<LinkId>) -> Choice {
        self.choose_among(&self.candidates(avoid), wish)
    }

    /// What is left for a further attempt where no connection can be opened.
    fn take_busy(self: &Arc<Self>, wish: Wish<'_>, avoid: Option<LinkId>) -> Option<Transaction> {
        match self.choose_among(&self.usable(Some(avoid?)), wish) {
            Choice::Started(transaction) => Some(transaction),
            Choice::Wait(_) | Choice::Open(_) | Choice::Failed(_) => None,
        }
    }

    fn choose_among(self: &Arc<Self>, links: &[Candidate], wish: Wish<'_>) -> Choice {
        let spec = wish.spec;
        for (_, id, link) in links {
            match self.try_link(*id, link, wish) {
                Some(choice @ Choice::Started(_)) => {
                    self.expand(links);
                    return choice;
                }
                Some(choice) => return choice,
                None => {}
            }
        }
        match self.failures.trial(spec, self.clock.now()) {
            Trial::Barred(reason) => Choice::Failed(ClientError::Services(reason)),
            Trial::Alone => Choice::Open(vec![spec.clone()]),
            Trial::Free => match links.first() {
                Some((_, _, link)) => {
                    lock(link).want_group(spec);
                    Choice::Wait(Arc::clone(link))
                }
                None => Choice::Open(self.groups_with(spec)),
            },
        }
    }

    /// What this link can do for the group; `None` when it does not have it.
    fn try_link(&self, link_id: LinkId, link: &Arc<Mutex<Link>>, wish: Wish<'_>) -> Option<Choice> {
        let Wish { spec, length, briefing } = wish;
        let mut locked = lock(link);
        match locked.group(spec)? {
            GroupState::Pending => Some(Choice::Wait(Arc::clone(link))),
            GroupState::Failed(reason) => Some(Choice::Failed(ClientError::Services(reason.clone()))),
            GroupState::Ready { settings, .. } if length.is_some_and(|length| !fits(length, settings)) => {
                Some(Choice::Failed(ClientError::TooLarge(length.unwrap_or_default())))
            }
            GroupState::Ready { settings, .. } => {
                let parameters = match notes::parameters(length, briefing, settings) {
                    Ok(parameters) => parameters,
                    Err(error) => return Some(Choice::Failed(error)),
                };
                match locked.start(spec, parameters) {
                    Ok((xid, settings)) => {
                        self.failures.forget(spec);
                        Some(Choice::Started(Transaction { link: Arc::clone(link), link_id, xid, settings }))
                    }
                    Err(StartError::Negotiating) => Some(Choice::Wait(Arc::clone(link))),
                    // RFC 4037 section 10.2: the state that the identifiers belong to has to end.
                    Err(StartError::Exhausted) => {
                        locked.drain();
                        None
                    }
                    Err(StartError::Closing | StartError::NoGroup) => None,
                }
            }
        }
    }

    /// The connections for a transaction, the best first. Where one has refused it, others may do so, too, without that
    /// they can tell beforehand: a server that stops, or takes other services, refuses what is new on every connection
    /// with transactions under way. The others have ended by then, so for a further attempt only idle ones will do, or
    /// a new one.
    fn candidates(&self, avoid: Option<LinkId>) -> Vec<Candidate> {
        let mut links = self.usable(avoid);
        if avoid.is_none() {
            links.sort_by_key(|(load, ..)| *load);
            return links;
        }
        links.sort_by_key(|(load, id, _)| (*load > 0, Reverse(*id)));
        // Services that refuse message after message do not open connection after connection.
        if links.len() < 2 * self.config.connections {
            links.retain(|(load, ..)| *load == 0);
        }
        links
    }

    fn usable(&self, avoid: Option<LinkId>) -> Vec<Candidate> {
        let links = lock(&self.links);
        let usable = links.iter().filter(|(id, _)| Some(*id) != avoid).filter_map(|(id, link)| {
            let locked = lock(link);
            locked.is_usable().then(|| (locked.load(), *id, Arc::clone(link)))
        });
        usable.collect()
    }

    /// The groups of a new connection: all that are known to be wanted and have not failed.
    fn groups_with(&self, spec: &GroupSpec) -> Vec<GroupSpec> {
        let mut groups = self.config.groups.clone();
        if !groups.contains(spec) {
            groups.push(spec.clone());
        }
        groups.retain(|group| !self.failures.contains(group));
        groups
    }

    /// Opens a further connection in the background when all are busy.
    fn expand(self: &Arc<Self>, links: &[Candidate]) {
        let busy = links.iter().all(|(load, ..)| *load >= BUSY) && links.len() < self.config.connections;
        if !busy || self.expanding.swap(true, Ordering::Relaxed) {
            return;
        }
        let pool = Arc::clone(self);
        tokio::spawn(async move {
            let groups = pool.config.groups.iter().filter(|group| !pool.failures.contains(group));
            let groups = groups.cloned().collect();
            let opened = tokio::time::timeout(pool.config.connect, pool.connect(groups)).await;
            tracing::debug!(ok = matches!(opened, Ok(Ok(()))), "opened a further connection");
            pool.expanding.store(false, Ordering::Relaxed);
        });
    }

    /// Opens a connection, one at a time: those who waited meanwhile look again first.
    async fn open(
        self: &Arc<Self>,
        groups: Vec<GroupSpec>,
        begun: Instant,
        avoid: Option<LinkId>,
    ) -> Result<(), ClientError> {
        let waiting = self.clock.now();
        let opening = self.opening.lock().await;
        if let Some((at, error)) = lock(&self.refused).as_ref()
            && *at >= waiting.max(begun)
        {
            return Err(error.clone());
        }
        if groups.len() > 1
            && self.candidates(avoid).iter().any(|(_, _, link)| lock(link).group(&groups[0]).is_some())
        {
            return Ok(());
        }
        let opened = match tokio::time::timeout(self.config.connect, self.connect(groups)).await {
            Ok(opened) => opened,
            Err(_) => Err(ClientError::Timeout),
        };
        if let Err(error) = &opened {
            *lock(&self.refused) = Some((self.clock.now(), error.clone()));
            self.guard.failed(&error.to_string());
        }
        drop(opening);
        opened
    }

    async fn connect(self: &Arc<Self>, groups: Vec<GroupSpec>) -> Result<(), ClientError> {
        let refused = |error: io::Error| self.unreachable(error.to_string());
        let stream = TcpStream::connect(&self.config.address).await.map_err(refused)?;
        let transport = Transport::tcp(stream).map_err(refused)?;
        let (id, link) = self.add(groups.clone());
        let pool = Arc::clone(self);
        let driven = Arc::clone(&link);
        tokio::spawn(async move {
            Driver::new(driven, transport).await;
            pool.remove(id);
        });
        match negotiated(&link).await {
            // One group was refused: those who want another one go on without it.
            Err(_) if groups.iter().any(|group| self.failures.contains(group)) => Ok(()),
            ended => ended.map_err(|reason| self.unreachable(reason)),
        }
    }

    /// Adds a link, which has to be driven, until it is removed.
    pub(crate) fn add(&self, groups: Vec<GroupSpec>) -> (LinkId, Arc<Mutex<Link>>) {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let id = LinkId(NUMBER.fetch_add(1, Ordering::Relaxed));
        let settings = LinkSettings {
            failures: Arc::clone(&self.failures),
            guard: Arc::clone(&self.guard),
            aux: self.config.aux,
            extensions: self.config.extensions,
            limits: self.config.limits.clone(),
            clock: self.clock.clone(),
            budget: self.budget,
        };
        let link = Arc::new(Mutex::new(Link::new(groups, settings)));
        let mut links = lock(&self.links);
        // One that was opened meanwhile would stay for ever.
        if self.closed.load(Ordering::Relaxed) {
            lock(&link).drain();
        }
        links.push((id, Arc::clone(&link)));
        drop(links);
        (id, link)
    }

    /// Removes a link that is not driven any more.
    pub(crate) fn remove(&self, id: LinkId) {
        lock(&self.links).retain(|(known, _)| *known != id);
    }

    fn unreachable(&self, reason: String) -> ClientError {
        ClientError::Connect { address: self.config.address.clone(), reason }
    }
}

/// What heads and trailers may add to a body: a flow counts them, too.
const HEADS: u64 = 1 << 20;

/// Whether a body of this size can be carried (RFC 4037 section 10.3).
fn fits(length: u64, settings: &Settings) -> bool {
    length.saturating_add(HEADS) <= settings.largest_size()
}

/// Waits until the first negotiation is over.
///
/// # Errors
/// Why the connection has ended before.
pub(crate) async fn negotiated(link: &Arc<Mutex<Link>>) -> Result<(), String> {
    let changed = Arc::clone(&lock(link).changed);
    loop {
        let change = changed.notified();
        let mut change = std::pin::pin!(change);
        change.as_mut().enable();
        {
            let locked = lock(link);
            if let Some(reason) = locked.closed() {
                return Err(reason.to_owned());
            }
            if locked.is_negotiated() {
                return Ok(());
            }
        }
        change.await;
    }
}

/// Waits until the link is over, or may start transactions of the group.
pub(crate) async fn wait_for_change(link: &Arc<Mutex<Link>>, spec: &GroupSpec) {
    let changed = Arc::clone(&lock(link).changed);
    let change = changed.notified();
    let mut change = std::pin::pin!(change);
    change.as_mut().enable();
    {
        let locked = lock(link);
        let pending = matches!(locked.group(spec), Some(GroupState::Pending));
        let waits = pending || locked.is_negotiating();
        if !locked.is_usable() || !waits {
            return;
        }
    }
    change.await;
}
