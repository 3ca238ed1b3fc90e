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

use std::sync::Arc;

use opes_profile::bypass::Bypass;
use opes_profile::trace::same_agent;

pub use condition::{Condition, EvaluationError, InvalidCondition};
pub(crate) use facts::codings;
pub use facts::{Facts, RequestFacts, ResponseFacts, Variables};
pub use live::LiveRules;
pub use point::Point;
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
    /// How many octets of the request they may want to see.
    pub request_octets: u64,
}

/// All rules of a processor.
#[derive(Clone, Default)]
pub struct Rules {
    rules: Arc<[Arc<Rule>]>,
    /// Identifiers that stand for every service here (RFC 3897 section 4: the system and the processor).
    owners: Arc<[String]>,
}

impl Rules {
    /// Rules in the order in which they are tried. `owners` are the agent ids of the system and the processor.
    pub fn new(rules: Vec<Rule>, owners: Vec<String>) -> Self {
        Self { rules: rules.into_iter().map(Arc::new).collect(), owners: owners.into() }
    }

    /// Those of the rules that have one of these names, in their order.
    #[must_use]
    pub fn named(&self, names: &[String]) -> Self {
        let chosen = self.rules.iter().filter(|rule| names.iter().any(|name| **name == *rule.name));
        Self { rules: chosen.cloned().collect(), owners: Arc::clone(&self.owners) }
    }

    /// What is done to a message at `point`: the services of the first rule that matches, without those that the data
    /// consumer bypasses or that are not allowed. `None` when nothing is left to do.
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
        for rule in self.at(point) {
            match rule.matches(facts) {
                Ok(false) => {}
                Ok(true) => return Ok(self.plan(rule, bypass, allowed)),
                // What is bypassed anyway need not be told.
                Err(_) if self.plan(rule, bypass, allowed).is_none() => return Ok(None),
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
            for rule in self.at(point) {
                let late = rule.condition.as_ref().is_some_and(Condition::is_late);
                let matches = late || rule.matches(facts).unwrap_or(true);
                if !matches {
                    continue;
                }
                for run in self.plan(rule, bypass, allowed).iter().flat_map(|plan| &plan.runs) {
                    prospect.adapts = true;
                    prospect.changes |= run.changes;
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
        self.at(point).map(|rule| (rule, rule.matches(facts)))
    }

    fn at(&self, point: Point) -> impl Iterator<Item = &Rule> {
        self.rules.iter().map(Arc::as_ref).filter(move |rule| rule.point == point)
    }

    fn plan(&self, rule: &Rule, bypass: &Bypass, allowed: Allowed) -> Option<Plan> {
        let owners: Vec<&str> = match bypass {
            Bypass::None => Vec::new(),
            _ => self.owners.iter().map(String::as_str).collect(),
        };
        rule.plan(&|service, reads| {
            let bypassed = bypass.applies(service, &owners, |uri| self.knows(uri));
            !bypassed && (reads || allowed == Allowed::All)
        })
    }

    /// Whether this is for certain a service of ours.
    fn knows(&self, uri: &str) -> bool {
        let services = self.rules.iter().flat_map(|rule| &rule.runs).flat_map(|run| run.services.iter());
        services.into_iter().any(|service| same_agent(service, uri))
    }
}

impl Rule {
    fn matches(&self, facts: &Facts<'_>) -> Result<bool, String> {
        self.condition.as_ref().map_or(Ok(true), |condition| condition.holds(facts))
    }
}
