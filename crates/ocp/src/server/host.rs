//! One connection at the callout server: negotiation, service groups and the transactions that use them.

#[cfg(test)]
mod inspect;
mod renewal;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;
use std::time::{Duration, Instant};

use ocp_proto::message::{Feature, GroupId, Outcome, Service, Xid};
use ocp_proto::{Connection, Event, Limits, Role, XidMap};
use opes_profile::http::{self, Settings, Wanted};

use super::adaptation::{Adaptation, Progress};
use super::body::Served;
use super::recoded::Recoding;
use super::services::Services;
use super::wanted::wanted;
use crate::budget::Budget;
use crate::clock::Clock;
use crate::driver::Agent;

/// The longest time between two progress reports of a transaction whose services wait (RFC 4037 section 11.24).
const REPORT: Duration = Duration::from_secs(10);

/// A service group: its services, and the profile negotiated for it.
struct Group {
    served: Arc<Served>,
    settings: Option<Arc<Settings>>,
}

/// The callout server's end of one connection.
pub(crate) struct Host {
    connection: Connection,
    clock: Clock,
    budget: Budget,
    open: Arc<AtomicUsize>,
    services: Services,
    wanted: Arc<Wanted>,
    /// The profile negotiated for the whole connection.
    settings: Option<Arc<Settings>>,
    groups: HashMap<GroupId, Group>,
    /// Each apart: a table has up to twice the places that it needs.
    adaptations: XidMap<Box<Adaptation>>,
    /// Transactions whose services wait, or whose processor was asked to pause.
    attended: Vec<Xid>,
    draining: bool,
    /// Some group has services that are not hosted any more; it keeps them until then.
    outdated: Option<Instant>,
    waker: Option<Waker>,
    /// How long a service may wait for something outside.
    patience: Duration,
    most_head: usize,
    recoding: Arc<Recoding>,
    /// How often the processor is told of a transaction whose services wait.
    report_every: Duration,
    next_report: Option<Instant>,
}

/// What the hosts of a server have in common.
#[derive(Debug, Clone)]
pub(crate) struct HostSettings {
    pub(crate) services: Services,
    pub(crate) wanted: Arc<Wanted>,
    pub(crate) limits: Limits,
    pub(crate) patience: Duration,
    /// The most octets of a head.
    pub(crate) most_head: usize,
    pub(crate) recoding: Arc<Recoding>,
    pub(crate) clock: Clock,
    pub(crate) budget: Budget,
    /// How many connections share the budget of the process.
    pub(crate) open: Arc<AtomicUsize>,
}

impl Host {
    pub(crate) fn new(settings: HostSettings) -> Self {
        let HostSettings { services, wanted, limits, patience, most_head, recoding, clock, budget, open } =
            settings;
        let report_every = (limits.progress / 4).min(REPORT);
        let abilities = vec![http::profile::REQUEST.into(), http::profile::RESPONSE.into()];
        Self {
            connection: Connection::new(Role::Server, limits, abilities, clock.now()),
            clock,
            budget,
            open,
            services,
            wanted,
            settings: None,
            groups: HashMap::new(),
            adaptations: XidMap::default(),
            attended: Vec::new(),
            draining: false,
            outdated: None,
            waker: None,
            patience,
            most_head,
            recoding,
            report_every,
            next_report: None,
        }
    }

    /// Refuses the connection (RFC 4037 section 11.1).
    pub(crate) fn refuse(&mut self, reason: &'static str) {
        self.connection.end(Outcome::failure(reason));
    }

    /// Takes no new transactions, and ends the connection once the present ones are over.
    pub(crate) fn drain(&mut self) {
        self.draining = true;
        self.wake();
    }

    /// Ends the connection with a failure if anything is unfinished.
    pub(crate) fn stop(&mut self) {
        self.connection.end(Outcome::failure("the server stops"));
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    fn handle(&mut self, event: Event, waker: &Waker) {
        match event {
            Event::GroupWanted { group, services } => self.create_group(group, &services),
            Event::GroupDestroyed(group) => {
                self.groups.remove(&group);
            }
            Event::Offer { features, group } => self.negotiate(features, group),
            Event::TransactionStarted { xid, group } => self.start(xid, group),
            Event::MessageStarted { xid, ams, .. } => {
                self.with(xid, |adaptation, connection| adaptation.start(&ams, connection));
            }
            Event::Data { xid, dum, octets, .. } => {
                let flooded = !self.attended.is_empty() && self.is_flooded(xid, octets.len() as u64);
                self.with(xid, |adaptation, connection| {
                    if flooded {
                        return adaptation.flooded(connection);
                    }
                    adaptation.data(dum.as_ref(), octets, connection, waker)
                });
            }
            Event::MessageEnded { xid, outcome } => {
                self.with(xid, |adaptation, connection| adaptation.end(&outcome, connection, waker));
            }
            Event::Stopped(xid) => self.with(xid, Adaptation::stop),
            Event::TransactionEnded { xid, .. } => {
                self.adaptations.remove(&xid);
            }
            Event::TransactionFailed { xid, fault } => {
                tracing::info!(xid = xid.0, %fault, "transaction failed");
                self.adaptations.remove(&xid);
            }
            Event::Closed(closed) => {
                tracing::debug!(reason = closed.reason(), "connection over");
                self.adaptations.clear();
                self.groups.clear();
            }
            Event::Connected
            | Event::Answer { .. }
            | Event::Progress { .. }
            | Event::Ability(_)
            | Event::Extended { .. }
            | Event::RestIsOriginal { .. }
            | Event::StopSendingWanted(_)
            | Event::StopReceivingWanted { .. }
            | Event::Interest { .. } => {}
        }
    }

    /// RFC 4037 section 11.3: a group that is not created ends the connection.
    fn create_group(&mut self, group: GroupId, services: &[Service]) {
        let mut factories = Vec::with_capacity(services.len());
        for service in services {
            match self.services.get(service.uri()) {
                Some(factory) => factories.push(Arc::clone(factory)),
                None => {
                    let uri = String::from_utf8_lossy(service.uri());
                    tracing::warn!(%uri, "a processor asks for a service that is not hosted here");
                    return self.connection.refuse_group(format!("service not hosted here: {uri}"));
                }
            }
        }
        self.connection.accept_group(group);
        let served = Arc::new(Served { services: factories, recoding: Arc::clone(&self.recoding) });
        self.groups.insert(group, Group { served, settings: None });
    }

    /// Selects the first offered profile that conflicts with nothing (RFC 4037 sections 6 and 11.18).
    fn negotiate(&mut self, features: Vec<Feature>, group: Option<GroupId>) {
        let (mut rejects, mut unknowns) = (Vec::new(), Vec::new());
        let mut selected = None;
        let known = group.and_then(|group| self.groups.get(&group));
        let wanted = known.map(|group| wanted(&self.wanted, &group.served.services));
        let wanted = wanted.as_ref().unwrap_or(&self.wanted);
        for feature in features {
            match http::answer(&feature, wanted) {
                Ok(Some((answer, settings))) if !self.conflicts(&settings, group) => {
                    // RFC 4037 section 11.19: what would fit, but is liked less, is no reject.
                    selected.get_or_insert((answer, settings));
                }
                Ok(Some(_)) => rejects.push(feature),
                Ok(None) => unknowns.push(feature),
                // RFC 4037 section 5: a message with an invalid part is invalid, and NO belongs to the connection.
                Err(error) => return self.connection.end(Outcome::failure(error.to_string())),
            }
        }
        let (answer, settings) = selected.unzip();
        if let Some(settings) = settings.map(Arc::new) {
            if settings.extensions.large_sizes {
                self.connection.allow_large_sizes(group);
            }
            match group.and_then(|group| self.groups.get_mut(&group)) {
                Some(group) => group.settings = Some(settings),
                None => self.settings = Some(settings),
            }
        }
        self.connection.answer(answer, rejects, unknowns);
    }

    /// Whether the profile would meet another one in any scope (RFC 4037 section 11.18: no conflicts are allowed).
    fn conflicts(&self, settings: &Settings, group: Option<GroupId>) -> bool {
        let differs = |other: &Option<Arc<Settings>>| {
            other.as_ref().is_some_and(|other| other.profile != settings.profile)
        };
        match group {
            Some(group) => {
                let own = self.groups.get(&group).is_some_and(|group| differs(&group.settings));
                own || differs(&self.settings)
            }
            None => differs(&self.settings) || self.groups.values().any(|group| differs(&group.settings)),
        }
    }

    fn start(&mut self, xid: Xid, group: GroupId) {
        let Some(group) = self.groups.get(&group).filter(|_| !self.draining) else {
            return self.connection.abort_transaction(xid, "the server is shutting down");
        };
        let settings = group.settings.as_ref().or(self.settings.as_ref()).map(Arc::clone);
        if settings.as_ref().is_some_and(|settings| settings.pause_at_body.is_some()) {
            self.connection.expect_pause(xid);
        }
        let share = self.budget().share(self.connection.transactions());
        let served = Arc::clone(&group.served);
        let adaptation = Adaptation::new(xid, served, settings, self.clock.clone(), share, self.most_head);
        self.adaptations.insert(xid, Box::new(adaptation));
    }

    fn with(&mut self, xid: Xid, act: impl FnOnce(&mut Adaptation, &mut Connection) -> Progress) {
        let Some(adaptation) = self.adaptations.get_mut(&xid) else { return };
        if act(adaptation, &mut self.connection) == Progress::Over {
            self.adaptations.remove(&xid);
        } else if (adaptation.is_waiting() || adaptation.is_paused()) && !self.attended.contains(&xid) {
            self.attended.push(xid);
        }
    }

    fn budget(&self) -> Budget {
        self.budget.among(self.open.load(Ordering::Relaxed))
    }

    /// Whether more data of a transaction whose processor was asked to pause is too much, because the connection holds
    /// more than processors that pause ever bring it to. The sum is only formed now and then.
    fn is_flooded(&self, xid: Xid, size: u64) -> bool {
        const STEP: u64 = 64 * 1024;
        let Some(overrun) = self.adaptations.get(&xid).and_then(|adaptation| adaptation.overrun()) else {
            return false;
        };
        if overrun / STEP == (overrun + size) / STEP {
            return false;
        }
        let buffered: u64 = self.adaptations.values().map(|adaptation| adaptation.buffered()).sum();
        // What may be under way when a processor learns of the pause is allowed for.
        let allowed = self.budget().connection.max(self.budget.flood) as u64;
        self.connection.queued() + buffered > allowed
    }

    /// Reports the transactions whose services wait, and ends those that have waited too long (RFC 4037 section 2.7).
    fn report(&mut self, now: Instant) {
        let waiting =
            self.attended.iter().filter_map(|xid| Some((*xid, self.adaptations.get(xid)?.waiting_since()?)));
        let waiting: Vec<_> = waiting.collect();
        for (xid, since) in waiting {
            if since + self.patience <= now {
                tracing::warn!(xid = xid.0, "a service did not come to an end in time");
                self.adaptations.remove(&xid);
                self.connection.abort_transaction(xid, "a service did not come to an end in time");
            } else {
                self.connection.report_progress(xid, now);
            }
        }
    }

    /// Lets transactions go on whose services were woken or whose data has left.
    fn attend(&mut self) {
        for xid in std::mem::take(&mut self.attended) {
            self.with(xid, Adaptation::resume);
        }
    }
}

impl Agent for Host {
    fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    fn advance(&mut self, now: Instant, waker: &Waker) {
        if !self.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            self.waker = Some(waker.clone());
        }
        self.attend();
        while let Some(event) = self.connection.poll_event(now) {
            self.handle(event, waker);
        }
        if self.outdated.is_some() && self.connection.transactions() == 0 {
            self.renew();
        }
        if self.draining && self.connection.transactions() == 0 {
            self.connection.end(Outcome::OK);
        }
    }

    fn is_congested(&self) -> bool {
        // What the processor has paused waits for its DWM, which has to be read.
        self.connection.sendable() > self.budget().connection as u64
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        let waiting = self
            .attended
            .iter()
            .any(|xid| self.adaptations.get(xid).is_some_and(|adaptation| adaptation.is_waiting()));
        if !waiting {
            self.next_report = None;
        } else if self.next_report.is_none() {
            self.next_report = Some(self.clock.now() + self.report_every);
        }
        [self.next_report, self.outdated, self.connection.poll_timeout()].into_iter().flatten().min()
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.connection.handle_timeout(now);
        if self.outdated.is_some_and(|due| due <= now) {
            self.renew();
        }
        if self.next_report.is_some_and(|due| due <= now) {
            self.report(now);
            self.next_report = Some(now + self.report_every);
        }
    }
}
