//! The processor's side: a pool of connections to one callout server, each with many transactions.

mod group;
mod inbox;
mod link;
mod transaction;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ocp_proto::{Limits, StartError};
use thiserror::Error;
use tokio::net::TcpStream;

use crate::driver::{Driver, lock};
use crate::transport::Transport;
pub use group::GroupSpec;
use group::{Failures, GroupState, Trial};
pub use inbox::{Adapted, TransactionError};
use link::Link;
pub use transaction::Transaction;

/// Transactions on every connection before a further connection is opened.
const BUSY: usize = 64;

/// Identifies a connection of a client for as long as the process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkId(u64);

/// How to reach a callout server.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// Host and port.
    pub address: String,
    /// How long connecting and the first negotiation may take together.
    pub connect: Duration,
    /// The most connections.
    pub connections: usize,
    /// Limits of each connection; its progress time is how long the server may owe something.
    pub limits: Limits,
    /// Groups that every new connection creates at once.
    pub groups: Vec<GroupSpec>,
}

impl ClientConfig {
    /// The defaults for this address.
    pub fn new(address: impl Into<String>) -> Self {
        let limits = Limits {
            progress: Duration::from_secs(30),
            idle: Duration::from_secs(3600),
            ..Limits::default()
        };
        Self {
            address: address.into(),
            connect: Duration::from_secs(5),
            connections: 4,
            limits,
            groups: Vec::new(),
        }
    }
}

/// Why no transaction could be started.
#[derive(Debug, Clone, Error)]
pub enum ClientError {
    /// There is no connection.
    #[error("cannot connect to the callout server {address}: {reason}")]
    Connect {
        /// The server's address.
        address: String,
        /// What went wrong.
        reason: String,
    },
    /// The server does not provide the services, or not under the profile.
    #[error("the callout server does not provide the services: {0}")]
    Services(String),
    /// The server did not answer in time.
    #[error("the callout server did not answer in time")]
    Timeout,
    /// The client is shutting down.
    #[error("the client is shutting down")]
    Closed,
}

/// A client of one callout server.
#[derive(Clone)]
pub struct Client(Arc<Pool>);

struct Pool {
    config: ClientConfig,
    links: Mutex<Vec<(LinkId, Arc<Mutex<Link>>)>>,
    failures: Arc<Failures>,
    /// Held while a connection is opened, so that those who wait share it.
    opening: tokio::sync::Mutex<()>,
    /// When the last attempt to connect failed, and why.
    refused: Mutex<Option<(Instant, ClientError)>>,
    expanding: AtomicBool,
    closed: AtomicBool,
}

/// What to do for a group that is wanted.
enum Choice {
    Started(Transaction),
    /// Wait until this link changes.
    Wait(Arc<Mutex<Link>>),
    /// Open a connection for these groups.
    Open(Vec<GroupSpec>),
    Failed(ClientError),
}

impl Client {
    /// A client that connects when it is first needed.
    pub fn new(config: ClientConfig) -> Self {
        Self(Arc::new(Pool {
            config,
            links: Mutex::new(Vec::new()),
            failures: Arc::new(Failures::default()),
            opening: tokio::sync::Mutex::new(()),
            refused: Mutex::new(None),
            expanding: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        }))
    }

    /// Starts a transaction for these services, on any connection but `avoid`. `length` is the size of the body in
    /// octets where it is known exactly. Cancel safe.
    ///
    /// # Errors
    /// No connection, or the services are not provided.
    pub async fn start(
        &self,
        spec: &GroupSpec,
        length: Option<u64>,
        avoid: Option<LinkId>,
    ) -> Result<Transaction, ClientError> {
        let attempt = self.0.start(spec, length, avoid);
        tokio::time::timeout(self.0.config.connect, attempt).await.unwrap_or(Err(ClientError::Timeout))
    }

    /// Takes no new transactions, waits up to `drain` for those under way, and ends every connection with CE.
    pub async fn close(&self, drain: Duration) {
        self.0.closed.store(true, Ordering::Relaxed);
        self.0.each(Link::drain);
        let gone = async {
            while !lock(&self.0.links).is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let mut gone = std::pin::pin!(gone);
        if tokio::time::timeout(drain, gone.as_mut()).await.is_err() {
            self.0.each(|link| link.stop("the processor stops"));
            let _ = tokio::time::timeout(Duration::from_secs(2), gone).await;
        }
    }
}

impl Pool {
    fn each(&self, act: impl Fn(&mut Link)) {
        for (_, link) in lock(&self.links).iter() {
            act(&mut lock(link));
        }
    }

    async fn start(
        self: &Arc<Self>,
        spec: &GroupSpec,
        length: Option<u64>,
        avoid: Option<LinkId>,
    ) -> Result<Transaction, ClientError> {
        let begun = Instant::now();
        loop {
            if self.closed.load(Ordering::Relaxed) {
                return Err(ClientError::Closed);
            }
            match self.choose(spec, length, avoid) {
                Choice::Started(transaction) => return Ok(transaction),
                Choice::Failed(error) => return Err(error),
                Choice::Wait(link) => wait_for_change(&link, spec).await,
                Choice::Open(groups) => self.open(groups, begun).await?,
            }
        }
    }

    fn choose(self: &Arc<Self>, spec: &GroupSpec, length: Option<u64>, avoid: Option<LinkId>) -> Choice {
        let mut links = self.usable(avoid);
        links.sort_by_key(|(load, ..)| *load);
        for (_, id, link) in &links {
            match self.try_link(*id, link, spec, length) {
                Some(choice @ Choice::Started(_)) => {
                    self.expand(&links);
                    return choice;
                }
                Some(choice) => return choice,
                None => {}
            }
        }
        match self.failures.trial(spec, Instant::now()) {
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
    fn try_link(
        &self,
        link_id: LinkId,
        link: &Arc<Mutex<Link>>,
        spec: &GroupSpec,
        length: Option<u64>,
    ) -> Option<Choice> {
        let mut locked = lock(link);
        match locked.group(spec)? {
            GroupState::Pending => Some(Choice::Wait(Arc::clone(link))),
            GroupState::Failed(reason) => Some(Choice::Failed(ClientError::Services(reason.clone()))),
            GroupState::Ready { .. } => match locked.start(spec, length) {
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
            },
        }
    }

    fn usable(&self, avoid: Option<LinkId>) -> Vec<(usize, LinkId, Arc<Mutex<Link>>)> {
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
    fn expand(self: &Arc<Self>, links: &[(usize, LinkId, Arc<Mutex<Link>>)]) {
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
    async fn open(self: &Arc<Self>, groups: Vec<GroupSpec>, begun: Instant) -> Result<(), ClientError> {
        let waiting = Instant::now();
        let opening = self.opening.lock().await;
        if let Some((at, error)) = lock(&self.refused).as_ref()
            && *at >= waiting.max(begun)
        {
            return Err(error.clone());
        }
        if groups.len() > 1
            && self.usable(None).iter().any(|(_, _, link)| lock(link).group(&groups[0]).is_some())
        {
            return Ok(());
        }
        let opened = match tokio::time::timeout(self.config.connect, self.connect(groups)).await {
            Ok(opened) => opened,
            Err(_) => Err(ClientError::Timeout),
        };
        if let Err(error) = &opened {
            *lock(&self.refused) = Some((Instant::now(), error.clone()));
        }
        drop(opening);
        opened
    }

    async fn connect(self: &Arc<Self>, groups: Vec<GroupSpec>) -> Result<(), ClientError> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let refused = |error: io::Error| self.unreachable(error.to_string());
        let stream = TcpStream::connect(&self.config.address).await.map_err(refused)?;
        let transport = Transport::tcp(stream).map_err(refused)?;
        let link = Link::new(groups, Arc::clone(&self.failures), self.config.limits.clone(), Instant::now());
        let changed = Arc::clone(&link.changed);
        let link = Arc::new(Mutex::new(link));
        let id = LinkId(NUMBER.fetch_add(1, Ordering::Relaxed));
        let pool = Arc::clone(self);
        let driven = Arc::clone(&link);
        lock(&self.links).push((id, Arc::clone(&link)));
        tokio::spawn(async move {
            Driver::new(driven, transport).await;
            lock(&pool.links).retain(|(known, _)| *known != id);
        });
        loop {
            let change = changed.notified();
            let mut change = std::pin::pin!(change);
            change.as_mut().enable();
            {
                let locked = lock(&link);
                if let Some(reason) = locked.closed() {
                    return Err(self.unreachable(reason.to_owned()));
                }
                if locked.is_negotiated() {
                    return Ok(());
                }
            }
            change.await;
        }
    }

    fn unreachable(&self, reason: String) -> ClientError {
        ClientError::Connect { address: self.config.address.clone(), reason }
    }
}

/// Waits until the link is over, or may start transactions of the group.
async fn wait_for_change(link: &Arc<Mutex<Link>>, spec: &GroupSpec) {
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
