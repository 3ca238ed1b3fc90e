//! Rules: which services adapt which messages, and what happens when they fail (RFC 3838 section 4.1).
//!
//! Rules stand at the four processing points. At each, the first one that matches decides what is done.

mod check;
mod condition;
mod facts;
mod live;
mod patterns;
mod point;
mod rule;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use opes_profile::bypass::Bypass;
use opes_profile::trace::same_agent;

pub use condition::{Condition, EvaluationError, InvalidCondition};
pub(crate) use facts::codings;
pub use facts::{Facts, RequestFacts, ResponseFacts, Variables};
pub use live::LiveRules;
pub use point::Point;
use rule::{Candidate, Treatment};
pub use rule::{OnFailure, Parameters, Place, Plan, Rule, Run, Selected};

/// Which services may be applied to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Allowed {
    /// Those that never change a message (`Cache-Control: no-transform`, RFC 9111 section 5.2).
    ReadOnly,
    /// Every one.
    All,
}

/// What may be done to a response that has not come yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prospect {
    /// Services may be invoked.
    pub adapts: bool,
    /// Some of them may change it.
    pub changes: bool,
    /// Its rules and services may want to see the head of the request.
    pub sees_request: bool,
    /// How many octets of the request's body the services may want to see.
    pub request_octets: u64,
    /// The data consumer may have bypassed some of them.
    pub bypasses: bool,
}

/// A rule, and what it says where nothing is bypassed and everything allowed, which is the usual case.
struct Planned {
    rule: Rule,
    whole: Plan,
}

/// All rules of a processor.
#[derive(Clone, Default)]
pub struct Rules {
    rules: Arc<[Arc<Planned>]>,
    /// Identifiers that stand for every service here (RFC 3897 section 4: the system and the processor).
    owners: Arc<[String]>,
    /// The services of all rules, of which these may be a part.
    known: Arc<BTreeSet<String>>,
}

impl Rules {
    /// Rules in the order in which they are tried. `owners` are the agent ids of the system and the processor.
    pub fn new(rules: Vec<Rule>, owners: Vec<String>) -> Self {
        let planned = |rule: Rule| Arc::new(Planned { whole: rule.plan(&|_| Treatment::Applied), rule });
        let runs = rules.iter().flat_map(|rule| &rule.runs);
        let known = runs.flat_map(|run| run.services.iter().cloned()).collect();
        let rules = rules.into_iter().map(planned).collect();
        Self { rules, owners: owners.into(), known: Arc::new(known) }
    }

    /// Those of the rules that have one of these names, in their order.
    #[must_use]
    pub fn named(&self, names: &[String]) -> Self {
        let chosen =
            self.rules.iter().filter(|planned| names.iter().any(|name| **name == *planned.rule.name));
        Self { rules: chosen.cloned().collect(), ..self.clone() }
    }

    /// What is done to a message at `point`: the services of the first rule that matches, without those that the data
    /// consumer bypasses or that are not allowed. `None` where no rule matches.
    ///
    /// # Errors
    /// It cannot be told whether a rule matches, which by that rule's policy is a failure. By the other policy the
    /// message goes on as it is.
    pub fn select(
        &self,
        point: Point,
        facts: &Facts<'_>,
        bypass: &Bypass,
        allowed: Allowed,
    ) -> Result<Option<Plan>, EvaluationError> {
        for planned in self.at(point) {
            let rule = &planned.rule;
            match rule.matches(facts) {
                Ok(false) => {}
                Ok(true) => return Ok(Some(self.plan(planned, bypass, allowed))),
                // What is bypassed anyway need not be told.
                Err(_) if self.plan(planned, bypass, allowed).runs.is_empty() => return Ok(None),
                Err(reason) => {
                    let error = EvaluationError { rule: Arc::clone(&rule.name), reason };
                    if rule.on_failure == OnFailure::Fail {
                        return Err(error);
                    }
                    tracing::warn!(%error, "the message goes on as it is");
                    return Ok(None);
                }
            }
        }
        Ok(None)
    }

    /// What may be done to the response to a request, of which all but `facts.response` is known.
    pub fn prospect(&self, facts: &Facts<'_>, bypass: &Bypass, allowed: Allowed) -> Prospect {
        let mut prospect = Prospect::default();
        for point in Point::RESPONSE {
            for planned in self.at(point) {
                let rule = &planned.rule;
                let late = rule.condition.as_ref().is_some_and(Condition::is_late);
                prospect.sees_request |= rule.condition.as_ref().is_some_and(Condition::sees_request);
                let matches = late || rule.matches(facts).unwrap_or(true);
                if !matches {
                    continue;
                }
                let plan = self.plan(planned, bypass, allowed);
                prospect.bypasses |= !plan.bypassed.is_empty();
                for run in &*plan.runs {
                    prospect.adapts = true;
                    prospect.changes |= run.changes;
                    prospect.sees_request |= run.place.sees_request();
                    prospect.request_octets = prospect.request_octets.max(run.request_octets);
                }
                if !late {
                    break;
                }
            }
        }
        prospect
    }

    /// The rules at `point`, in order, each with whether it matches: what [`select`](Self::select) goes by.
    pub fn explain<'a>(
        &'a self,
        point: Point,
        facts: &'a Facts<'_>,
    ) -> impl Iterator<Item = (&'a Rule, Result<bool, String>)> {
        self.at(point).map(|planned| (&planned.rule, planned.rule.matches(facts)))
    }

    /// The services that the rules name, each with whether it is applied even where its bypass is asked for.
    pub fn services(&self) -> BTreeMap<String, bool> {
        let mut services = BTreeMap::new();
        for run in self.rules.iter().flat_map(|planned| &planned.rule.runs) {
            for service in &*run.services {
                *services.entry(service.clone()).or_insert(false) |= run.required.contains(service);
            }
        }
        services
    }

    fn at(&self, point: Point) -> impl Iterator<Item = &Planned> {
        self.rules.iter().map(Arc::as_ref).filter(move |planned| planned.rule.point == point)
    }

    fn plan(&self, planned: &Planned, bypass: &Bypass, allowed: Allowed) -> Plan {
        if matches!(bypass, Bypass::None) && allowed == Allowed::All {
            return planned.whole.clone();
        }
        let owners: Vec<&str> = self.owners.iter().map(String::as_str).collect();
        planned.rule.plan(&|Candidate { service, reads, required }| {
            let bypassed = bypass.applies(service, &owners, |uri| self.knows(uri));
            match bypassed {
                true if !required => Treatment::Bypassed,
                _ if !reads && allowed != Allowed::All => Treatment::Forbidden,
                true => Treatment::Insisted,
                false => Treatment::Applied,
            }
        })
    }

    /// Whether this is for certain a service of ours.
    fn knows(&self, uri: &str) -> bool {
        self.known.iter().any(|service| same_agent(service, uri))
    }
}

impl Rule {
    fn matches(&self, facts: &Facts<'_>) -> Result<bool, String> {
        self.condition.as_ref().map_or(Ok(true), |condition| condition.holds(facts))
    }
}
