//! A rule: which services adapt the messages that it matches, cut into runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use ocp::client::{Client, GroupSpec};
use opes_sdk::{Attributes, ServiceFactory};

use super::condition::Condition;
use super::point::Point;
use crate::adapt::Recoding;

/// What happens to a message whose adaptation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// The application peer gets a clear failure.
    #[default]
    Fail,
    /// The original goes on, where nothing adapted has been passed on and the original is still whole.
    Pass,
}

/// Where services are.
#[derive(Clone)]
pub enum Place {
    /// On a callout server.
    Callout(Client),
    /// In this process: in the order of the run's services.
    Here(Arc<[Arc<dyn ServiceFactory>]>),
}

impl Place {
    /// Whether the services get the head of the request that a response answers.
    pub(super) fn sees_request(&self) -> bool {
        match self {
            Self::Callout(_) => true,
            Self::Here(factories) => factories.iter().any(|factory| factory.wants_attributes()),
        }
    }
}

/// What a rule says to services: names and values.
pub type Parameters = BTreeMap<String, String>;

/// Services that follow one another in one place, under one failure policy: one service group, and one transaction for
/// each message.
#[derive(Clone)]
pub struct Run {
    /// Where the services are.
    pub place: Place,
    /// The services' identifiers in the order of application.
    pub services: Arc<[String]>,
    /// Those of the services that never change a message.
    pub read_only: Arc<[String]>,
    /// Those of the services that are applied even where the data consumer asks for their bypass: a virus scanner, say.
    pub required: Arc<[String]>,
    /// What the callout server is called; nothing for this process.
    pub server: Option<Arc<str>>,
    /// The failure policy.
    pub on_failure: OnFailure,
    /// What the services are told.
    pub parameters: Arc<Parameters>,
    /// How many octets of a request are kept for the services of its response; 0 where the callout server is not
    /// offered them.
    pub request_octets: u64,
    /// The services are told who the data consumer is.
    pub tells_client: bool,
}

/// A rule.
pub struct Rule {
    /// Its name in logs and records.
    pub name: Arc<str>,
    /// Where it stands.
    pub point: Point,
    /// When it matches; `None` for always.
    pub condition: Option<Condition>,
    /// The services that adapt the messages that match, one run after the other.
    pub runs: Vec<Run>,
    /// The failure policy where it cannot be told whether the rule matches.
    pub on_failure: OnFailure,
    /// How many octets of the original are kept for a further attempt or for [`OnFailure::Pass`].
    pub replay_octets: u64,
    /// What is done about content codings.
    pub recoding: Recoding,
}

/// A run as it is applied to one message: with the services that remain.
#[derive(Clone)]
pub struct Selected {
    /// Where the services are.
    pub place: Place,
    /// What the callout server is called; nothing for this process.
    pub server: Option<Arc<str>>,
    /// The services to invoke.
    pub group: GroupSpec,
    /// The failure policy.
    pub on_failure: OnFailure,
    /// What the services are told.
    pub parameters: Arc<Parameters>,
    /// How many octets of the original are kept for a further attempt or for [`OnFailure::Pass`].
    pub replay_octets: u64,
    /// How many octets of a request are kept for the services of its response.
    pub request_octets: u64,
    /// The services are told who the data consumer is.
    pub tells_client: bool,
    /// What is done about content codings.
    pub recoding: Recoding,
    /// Some of the services may change the message.
    pub changes: bool,
}

/// A service of a rule that decides.
pub(super) struct Candidate<'a> {
    pub(super) service: &'a str,
    /// It never changes a message.
    pub(super) reads: bool,
    /// It is never bypassed.
    pub(super) required: bool,
}

/// What becomes of a service of a rule that decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Treatment {
    Applied,
    /// It is applied although the data consumer wants to bypass it.
    Insisted,
    Bypassed,
    /// The message must not be changed.
    Forbidden,
}

impl Selected {
    /// Whether services, or their host, record something at the end of a message. Of a callout server that is known once
    /// it was talked to.
    pub fn records_late(&self) -> bool {
        match &self.place {
            Place::Here(factories) => factories.iter().any(|factory| factory.records_late()),
            Place::Callout(client) => {
                client.settings(&self.group).is_some_and(|settings| settings.extensions.trace_records)
            }
        }
    }
}

/// What is done to a message at one point.
#[derive(Clone)]
pub struct Plan {
    /// The rule that says so.
    pub rule: Arc<str>,
    /// The runs that remain; none where every service is bypassed or not allowed.
    pub runs: Arc<[Arc<Selected>]>,
    /// Services that the data consumer has bypassed.
    pub bypassed: Vec<String>,
    /// Services that the data consumer wanted to bypass, and that are applied nevertheless.
    pub insisted: Vec<String>,
}

impl Plan {
    /// Whether some service may change the message.
    pub fn changes(&self) -> bool {
        self.runs.iter().any(|run| run.changes)
    }
}

impl Rule {
    /// A rule that matches every message at `point`, and fails those whose services fail.
    pub fn new(name: &str, point: Point, runs: Vec<Run>) -> Self {
        Self {
            name: name.into(),
            point,
            condition: None,
            runs,
            on_failure: OnFailure::Fail,
            replay_octets: 1 << 20,
            recoding: Recoding::default(),
        }
    }

    /// What is done to a message for which this rule decides, with its services treated like that.
    pub(super) fn plan(&self, treat: &dyn Fn(Candidate<'_>) -> Treatment) -> Plan {
        let (mut runs, mut bypassed, mut insisted) = (Vec::new(), Vec::new(), Vec::new());
        for run in &self.runs {
            let remaining: Vec<usize> = (0..run.services.len())
                .filter(|&at| {
                    let service = run.services[at].as_str();
                    let among = |list: &[String]| list.iter().any(|uri| uri == service);
                    let (reads, required) = (among(&run.read_only), among(&run.required));
                    let treatment = treat(Candidate { service, reads, required });
                    match treatment {
                        Treatment::Bypassed => bypassed.push(service.to_owned()),
                        Treatment::Insisted => insisted.push(service.to_owned()),
                        Treatment::Applied | Treatment::Forbidden => {}
                    }
                    matches!(treatment, Treatment::Applied | Treatment::Insisted)
                })
                .collect();
            runs.extend(run.select(self, &remaining).map(Arc::new));
        }
        Plan { rule: Arc::clone(&self.name), runs: runs.into(), bypassed, insisted }
    }
}

impl Run {
    /// Services on a callout server, each of which may change messages.
    pub fn callout(client: Client, services: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            place: Place::Callout(client),
            services: services.into_iter().map(Into::into).collect(),
            read_only: Arc::default(),
            required: Arc::default(),
            server: None,
            on_failure: OnFailure::Fail,
            parameters: Arc::default(),
            request_octets: 0,
            tells_client: false,
        }
    }

    /// Services in this process. Those that say that they only look are taken at their word.
    pub fn here(factories: Vec<Arc<dyn ServiceFactory>>) -> Self {
        let uri = |factory: &Arc<dyn ServiceFactory>| factory.uri().to_owned();
        let read_only = factories.iter().filter(|factory| only_reads(factory)).map(uri).collect();
        Self {
            services: factories.iter().map(uri).collect(),
            read_only,
            required: Arc::default(),
            server: None,
            on_failure: OnFailure::Fail,
            parameters: Arc::default(),
            request_octets: factories
                .iter()
                .filter_map(|factory| factory.takes_request())
                .max()
                .unwrap_or_default(),
            tells_client: true,
            place: Place::Here(factories.into()),
        }
    }

    /// The run with those of its services only.
    fn select(&self, rule: &Rule, remaining: &[usize]) -> Option<Selected> {
        let profile = rule.point.profile();
        let reads = |service: &String| self.read_only.contains(service);
        if remaining.is_empty() {
            return None;
        }
        let all = remaining.len() == self.services.len();
        let services = match all {
            true => Arc::clone(&self.services),
            false => remaining.iter().map(|&at| self.services[at].clone()).collect(),
        };
        let place = match &self.place {
            Place::Here(factories) if !all => {
                Place::Here(remaining.iter().filter_map(|&at| factories.get(at).cloned()).collect())
            }
            place => place.clone(),
        };
        Some(Selected {
            place,
            server: self.server.clone(),
            changes: services.iter().any(|service| !reads(service)),
            group: GroupSpec { profile, services },
            on_failure: self.on_failure,
            parameters: Arc::clone(&self.parameters),
            replay_octets: rule.replay_octets,
            recoding: rule.recoding,
            request_octets: self.request_octets,
            tells_client: self.tells_client,
        })
    }
}

/// Whether a service says itself that it never changes a message.
fn only_reads(factory: &Arc<dyn ServiceFactory>) -> bool {
    let needs = factory.build(&Attributes::default()).needs();
    needs.look_only || (!needs.modifies && !needs.refuses)
}
