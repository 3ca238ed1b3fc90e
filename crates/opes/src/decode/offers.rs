//! The offers of one agent that are not answered yet, and the answers that it has given.

use std::collections::VecDeque;

use bytes::Bytes;
use ocp_proto::message::{Feature, GroupId};

use super::rule::{Rule, Violation};
use super::text;

/// How many open offers are remembered; the protocol allows one.
const REMEMBERED: usize = 16;

/// How many features of an offer are remembered.
const FEATURES: usize = 256;

/// An offer.
#[derive(Debug)]
struct Offer {
    features: Vec<Bytes>,
    group: Option<GroupId>,
    /// There were more features than are remembered.
    more: bool,
}

/// The negotiation of one agent.
#[derive(Debug, Default)]
pub(super) struct Offers {
    open: VecDeque<Offer>,
    /// How many offers it has made.
    pub(super) made: u64,
    /// How many responses it has given.
    pub(super) given: u64,
}

impl Offers {
    pub(super) fn offer(&mut self, features: &[Feature], group: Option<GroupId>) {
        self.made += 1;
        let more = features.len() > FEATURES;
        let features = features.iter().take(FEATURES).map(|feature| Bytes::copy_from_slice(feature.uri()));
        self.open.push_back(Offer { features: features.collect(), group, more });
        if self.open.len() > REMEMBERED {
            self.open.pop_front();
        }
    }

    pub(super) fn answered(&mut self) {
        self.given += 1;
    }

    /// Whether an offer waits for an answer.
    pub(super) fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// The other agent answers. An offer that it was to disregard (RFC 4037 section 11.18) stays behind, so the answer
    /// goes with the first offer that it fits, and else with the first of all.
    pub(super) fn answer(&mut self, selected: Option<&Feature>, group: Option<GroupId>) -> Vec<Violation> {
        let fits =
            |offer: &Offer| offer.group == group && selected.is_none_or(|selected| offer.has(selected));
        let index = self.open.iter().position(fits).unwrap_or_default();
        let offer = self.open.get(index);
        let found = offer.map(|offer| offer.judge(selected, group)).unwrap_or_default();
        self.open.drain(..self.open.len().min(index + 1));
        found
    }
}

impl Offer {
    fn has(&self, feature: &Feature) -> bool {
        self.more || self.features.iter().any(|offered| offered == feature.uri())
    }

    fn judge(&self, selected: Option<&Feature>, group: Option<GroupId>) -> Vec<Violation> {
        let mut found = Vec::new();
        match (self.group, group) {
            (Some(offered), answered) if answered != Some(offered) => {
                found.push(Rule::NrRepeatsSg.broken(format!("NR does not repeat SG {offered} of the offer")));
            }
            (None, Some(_)) => found.push(Rule::NrHasNoSg.broken("NR has SG, and the offer has none")),
            _ => {}
        }
        if let Some(selected) = selected.filter(|selected| !self.has(selected)) {
            let uri = text::atom(selected.uri());
            found.push(Rule::NrSelectsOffered.broken(format!("NR selects {uri}, which was not offered")));
        }
        found
    }
}
