//! Service groups as a client sees them: what is wanted, and how far each is on a connection.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ocp_proto::message::{Feature, GroupId, Service};
use ocp_proto::{Connection, StartError};
use opes_profile::http::{self, AuxParts, Extensions, Profile, Settings};

use crate::driver::lock;

/// The first pause before a group that could not be created is tried again; it doubles up to [`LONGEST`].
const SHORTEST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(60);

/// Groups on a connection that came on demand; past it the oldest idle one is destroyed.
pub(crate) const ON_DEMAND: usize = 16;

/// Services to apply in this order, under a profile.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GroupSpec {
    /// The application profile to negotiate for the group.
    pub profile: Profile,
    /// The services' identifiers.
    pub services: Arc<[String]>,
}

impl GroupSpec {
    /// A group of these services under `profile`.
    pub fn new(profile: Profile, services: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { profile, services: services.into_iter().map(Into::into).collect() }
    }
}

/// A group on one connection.
#[derive(Debug, Clone)]
pub(crate) enum GroupState {
    /// To be created, or on its way.
    Pending,
    /// Usable.
    Ready { id: GroupId, settings: Arc<Settings> },
    /// The server does not support the profile for it.
    Failed(String),
}

/// A group whose creation is under way.
#[derive(Debug)]
struct Underway {
    spec: GroupSpec,
    id: GroupId,
    offer: Feature,
    /// The server has answered the query behind SGC, so it has created the group.
    created: bool,
}

/// The groups of one connection, created one after the other.
#[derive(Debug, Default)]
pub(super) struct LinkGroups {
    states: HashMap<GroupSpec, GroupState>,
    /// Groups that wait to be created.
    queue: VecDeque<GroupSpec>,
    underway: Option<Underway>,
    /// The auxiliary parts that are offered.
    aux: AuxParts,
    /// The extensions that are offered.
    extensions: Extensions,
    /// Groups that are wanted from the start: they stay.
    initial: Vec<GroupSpec>,
    /// Usable groups that came on demand, the oldest first.
    on_demand: VecDeque<(GroupSpec, GroupId)>,
}

impl LinkGroups {
    /// Wants these groups from the start.
    pub(super) fn new(specs: Vec<GroupSpec>, aux: AuxParts, extensions: Extensions) -> Self {
        let states = specs.iter().map(|spec| (spec.clone(), GroupState::Pending)).collect();
        let queue = specs.iter().cloned().collect();
        Self { states, queue, underway: None, aux, extensions, initial: specs, on_demand: VecDeque::new() }
    }

    pub(super) fn state(&self, spec: &GroupSpec) -> Option<&GroupState> {
        self.states.get(spec)
    }

    /// Wants one more group.
    pub(super) fn want(&mut self, spec: &GroupSpec) {
        if self.states.contains_key(spec) {
            return;
        }
        self.states.insert(spec.clone(), GroupState::Pending);
        self.queue.push_back(spec.clone());
    }

    /// Creates the next group that waits, unless a negotiation is under way; one that came on demand may have to go for
    /// it. `in_use` says whether somebody uses a group.
    ///
    /// A query follows SGC, so that a CE tells which group the server would not create.
    pub(super) fn advance(
        &mut self,
        connection: &mut Connection,
        now: Instant,
        in_use: impl Fn(GroupId) -> bool,
    ) -> Result<(), StartError> {
        if self.underway.is_some() || connection.is_negotiating() {
            return Ok(());
        }
        let Some(spec) = self.queue.pop_front() else { return Ok(()) };
        if self.on_demand.len() >= ON_DEMAND && !self.initial.contains(&spec) {
            self.retire(connection, in_use);
        }
        let services = spec.services.iter().map(|uri| Service::new(uri.clone().into_bytes())).collect();
        let id = connection.create_group(services)?;
        connection.query_progress(None);
        let offer = http::offer_extended(spec.profile, self.aux, self.extensions);
        connection.offer(vec![offer.clone()], Some(id), now).map_err(|_| StartError::Negotiating)?;
        self.underway = Some(Underway { spec, id, offer, created: false });
        Ok(())
    }

    /// Destroys the oldest group that came on demand and is idle, or the oldest one if none is: transactions that use it
    /// go on.
    fn retire(&mut self, connection: &mut Connection, in_use: impl Fn(GroupId) -> bool) {
        let idle = self.on_demand.iter().position(|(_, id)| !in_use(*id)).unwrap_or_default();
        if let Some((spec, id)) = self.on_demand.remove(idle) {
            self.states.remove(&spec);
            connection.destroy_group(id);
        }
    }

    /// Takes the answer to a progress query.
    pub(super) fn progressed(&mut self) {
        if let Some(underway) = &mut self.underway {
            underway.created = true;
        }
    }

    /// Takes the answer to the offer for the group under way.
    ///
    /// # Errors
    /// The server selected what was not offered (RFC 4236 section 3.2.3).
    pub(super) fn answered(
        &mut self,
        selected: Option<&Feature>,
        group: GroupId,
        connection: &mut Connection,
    ) -> Result<(), String> {
        let Some(underway) = self.underway.take_if(|underway| underway.id == group) else { return Ok(()) };
        let state = match selected.map(|selected| http::accept(&underway.offer, selected)) {
            Some(Ok(settings)) => {
                if settings.extensions.large_sizes {
                    connection.allow_large_sizes(Some(group));
                }
                if !self.initial.contains(&underway.spec) {
                    self.on_demand.push_back((underway.spec.clone(), group));
                }
                GroupState::Ready { id: group, settings: Arc::new(settings) }
            }
            Some(Err(error)) => return Err(error.to_string()),
            None => {
                connection.destroy_group(group);
                GroupState::Failed(format!(
                    "the callout server does not support {}",
                    underway.spec.profile.uri()
                ))
            }
        };
        self.states.insert(underway.spec, state);
        Ok(())
    }

    /// The group whose creation the server has refused by ending the connection.
    pub(super) fn culprit(&self) -> Option<&GroupSpec> {
        self.underway.as_ref().filter(|underway| !underway.created).map(|underway| &underway.spec)
    }
}

/// Groups that could not be created, and when to try again.
#[derive(Debug, Default)]
pub(crate) struct Failures(Mutex<HashMap<GroupSpec, Failed>>);

#[derive(Debug)]
struct Failed {
    reason: String,
    until: Instant,
    delay: Duration,
}

/// Whether a group may be tried.
pub(super) enum Trial {
    /// It has not failed.
    Free,
    /// It failed and its pause is over: try it on a connection of its own.
    Alone,
    /// It failed lately.
    Barred(String),
}

impl Failures {
    pub(super) fn note(&self, spec: &GroupSpec, reason: String, now: Instant) {
        let mut failures = lock(&self.0);
        let delay = failures.get(spec).map_or(SHORTEST, |failed| (failed.delay * 2).min(LONGEST));
        tracing::warn!(services = ?spec.services, reason, "a service group could not be created");
        failures.insert(spec.clone(), Failed { reason, until: now + delay, delay });
    }

    pub(super) fn forget(&self, spec: &GroupSpec) {
        lock(&self.0).remove(spec);
    }

    pub(super) fn trial(&self, spec: &GroupSpec, now: Instant) -> Trial {
        match lock(&self.0).get(spec) {
            None => Trial::Free,
            Some(failed) if failed.until <= now => Trial::Alone,
            Some(failed) => Trial::Barred(failed.reason.clone()),
        }
    }

    pub(super) fn contains(&self, spec: &GroupSpec) -> bool {
        lock(&self.0).contains_key(spec)
    }
}
