//! The rules of the whole connection: negotiation, groups, the beginning and end of transactions, progress.

use ocp_proto::Role;
use ocp_proto::codec::number;
use ocp_proto::message::{Feature, GroupId, Message, Outcome};
use opes_profile::http::Extensions;

use super::dialogue::{Agreed, Dialogue};
use super::{Rule, Witness};

impl Witness {
    /// Rules and state of the whole connection.
    pub(super) fn say_in_connection(&mut self, message: &Message) -> Rule {
        match message {
            Message::Ce(outcome) => {
                self.sent.ended = true;
                self.fail(outcome);
            }
            Message::Sgc { group, .. } => {
                if self.offered || self.last_group.is_some_and(|last| group.0 <= last) {
                    return Err("SGC inside a negotiation, or an identifier that does not grow");
                }
                self.last_group = Some(group.0);
                self.groups.insert(group.0, Agreed::default());
            }
            Message::Sgd { group } if self.groups.remove(&group.0).is_none() => {
                return Err("SGD of a group that is not active");
            }
            Message::Ts { xid, group } => {
                if self.offered || self.last_xid.is_some_and(|last| xid.0 <= last) {
                    return Err("TS inside a negotiation, or an identifier that does not grow");
                }
                if !self.groups.contains_key(&group.0) {
                    return Err("TS with a group that is not active");
                }
                self.last_xid = Some(xid.0);
                self.begin(xid.0, group.0);
            }
            Message::No { .. } if self.offered => return Err("an offer before the answer to the one before"),
            Message::No { .. } => self.offered = true,
            Message::Nr { .. } if !self.offered => return Err("an answer without an offer"),
            Message::Nr { selected, group, .. } => self.negotiated(selected.as_ref(), *group),
            Message::Pq { .. } => self.unanswered += 1,
            Message::Pa { xid, org_data } => return self.answer(xid.map(|xid| xid.0), *org_data),
            Message::Pr { xid, org_data } => return self.report(xid.map(|xid| xid.0), *org_data),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn begin(&mut self, xid: u64, group: u64) {
        let agreed = self.groups.get(&group).copied().unwrap_or_default();
        self.dialogues.insert(xid, Dialogue::new(agreed, self.largest));
    }

    pub(super) fn end(&mut self, xid: u64, te: &Message) {
        let Message::Te { outcome, .. } = te else { return };
        self.fail(outcome);
        if outcome.is_failure() {
            self.crossed.remove(&xid);
        }
        let active = self.dialogues.remove(&xid).is_some();
        let first = self.over.insert(xid);
        assert!(first, "{:?} ends transaction {xid} twice", self.role);
        // A TE that was decided on before the peer's has come is no harm.
        assert!(
            active || outcome.is_failure(),
            "{:?} ends transaction {xid}, which is not active",
            self.role
        );
    }

    fn fail(&mut self, outcome: &Outcome) {
        if outcome.is_failure() {
            self.failures.push(outcome.reason().into_owned());
        }
    }

    pub(super) fn negotiated(&mut self, selected: Option<&Feature>, group: Option<GroupId>) {
        self.offered = false;
        if selected.is_some_and(|feature| Extensions::of(feature).large_sizes) {
            self.largest = number::LARGE_MAX;
        }
        let size = |name| selected.and_then(|feature| feature.named(name)?.as_number());
        let agreed = Agreed {
            pause: size("Pause-At-Body"),
            stop: size("Stop-Receiving-Body"),
            preserve: size("Preservation-Interest-Body"),
        };
        if let Some(group) = group.and_then(|group| self.groups.get_mut(&group.0)) {
            *group = agreed;
        }
    }

    /// What the original flow's Org-Data is now (section 11.23).
    fn org_data(&self, xid: u64) -> Option<u64> {
        let original = &self.dialogues.get(&xid)?.original;
        original.is_open().then_some(original.offset)
    }

    pub(super) fn query(&mut self, xid: Option<u64>) {
        let data = xid.and_then(|xid| self.org_data(xid));
        self.queries.push_back((xid, data));
    }

    fn answer(&mut self, xid: Option<u64>, org_data: Option<u64>) -> Rule {
        let Some((asked, known)) = self.queries.pop_front() else { return Err("PA without PQ") };
        if xid.is_some() && xid != asked {
            return Err("PA about another transaction than PQ");
        }
        if xid.is_none() && org_data.is_some() {
            return Err("Org-Data of no transaction");
        }
        // Octets of the message under way count as far as they have come; an owner may have acted before the answer.
        let latest = known.max(xid.and_then(|xid| self.org_data(xid)));
        let plausible = match (org_data, latest) {
            (Some(said), Some(latest)) => said <= latest,
            // The transaction was ended before its AMS was written.
            (Some(said), None) => said == 0 && self.role == Role::Processor,
            (None, latest) => latest.is_none() || xid.is_none(),
        };
        if plausible { Ok(()) } else { Err("PA with wrong Org-Data") }
    }

    fn report(&self, xid: Option<u64>, org_data: Option<u64>) -> Rule {
        match xid {
            Some(xid) if !self.dialogues.contains_key(&xid) => Err("PR of a transaction that is not active"),
            Some(xid) if org_data > self.org_data(xid) => Err("PR with wrong Org-Data"),
            _ => Ok(()),
        }
    }
}
