//! What a message of one agent needs to have come from the other.
//!
//! Captures have no time, and messages cross. So this asks only for what can never be missing in the order in which
//! things really happened, wherever the two captures are cut against each other: more of the other direction can only
//! add to what is there.

use ocp_proto::Role;
use ocp_proto::message::{Code, Message, Range, Xid};

use super::direction::{Direction, answers_invalid};
use super::flow::{Flow, covers, intersection};
use super::rule::{Rule, Violation};

/// What is missing.
#[derive(Debug, Default)]
pub(super) struct Missing {
    /// Without it the message is a violation.
    pub(super) violations: Vec<Violation>,
    /// It usually comes first.
    pub(super) usual: bool,
}

impl Missing {
    pub(super) fn is_nothing(&self) -> bool {
        self.violations.is_empty() && !self.usual
    }

    fn need(&mut self, is_there: bool, rule: Rule, text: impl FnOnce() -> String) {
        if !is_there {
            self.violations.push(rule.broken(text()));
        }
    }

    fn expect(&mut self, is_there: bool) {
        self.usual |= !is_there;
    }
}

/// What `message` of `sender`, with a payload of `size` octets, still lacks from `other`.
pub(super) fn missing(sender: &Direction, other: &Direction, message: &Message, size: u64) -> Missing {
    let mut missing = Missing::default();
    let view = View { sender, other, from_server: sender.role() == Some(Role::Server) };
    if let Some(xid) = message.xid() {
        view.transaction(xid, message, size, &mut missing);
    } else {
        view.connection(message, &mut missing);
    }
    missing
}

struct View<'a> {
    sender: &'a Direction,
    other: &'a Direction,
    from_server: bool,
}

impl View<'_> {
    fn connection(&self, message: &Message, missing: &mut Missing) {
        let (sender, other) = (self.sender, self.other);
        match message {
            Message::No { .. } => {
                let voided = if self.from_server { other.offers.made } else { 0 };
                let settled = sender.offers.made <= other.offers.given + voided;
                missing
                    .need(settled, Rule::WaitForNr, || "NO although the one before is not answered".into());
            }
            Message::Nr { .. } => missing.need(other.offers.is_open(), Rule::NrAnswersNo, || {
                "NR, and no offer of the other agent is open".into()
            }),
            Message::Pa { xid, org_data } => {
                missing.need(other.queries > sender.answers, Rule::PaAnswersPq, || {
                    "PA, and no PQ is open".into()
                });
                self.progress(*xid, *org_data, missing);
            }
            Message::Pr { xid, org_data } => self.progress(*xid, *org_data, missing),
            Message::Aa { .. } => {
                let asked = other.ability_queries > sender.ability_answers;
                missing.need(asked, Rule::AaAnswersAq, || "AA, and no AQ is open".into());
            }
            Message::Ce(_) => missing.expect(false),
            _ => {}
        }
    }

    fn transaction(&self, xid: Xid, message: &Message, size: u64, missing: &mut Missing) {
        let (own, theirs) = (self.sender.transactions.get(xid), self.other.transactions.get(xid));
        let broken = |what: &str| format!("transaction {xid}: {what}");
        if self.from_server && own.is_none() && !self.other.transactions.may_have_known(xid) {
            let answers = answers_invalid(message);
            missing.need(answers, Rule::ActiveIdentifier, || broken("the processor has not started it"));
            return;
        }
        if is_data(message, size)
            && let Some(own) = own.filter(|own| own.paused)
        {
            let wanted = theirs.is_some_and(|theirs| theirs.wants > own.resumptions);
            missing.need(wanted, Rule::WaitForDwm, || broken("data after DPM without DWM"));
        }
        match message {
            Message::Dum { as_is: Some(offset), .. } if self.from_server => {
                let sent = theirs.is_none_or(|theirs| reaches(theirs, offset.saturating_add(size)));
                missing.need(sent, Rule::AsIsWasSent, || broken("As-is names data that was not sent"));
            }
            Message::Dum { kept: Some(kept), .. } if !self.from_server => {
                let kept = own.is_none_or(|own| keeps(own, theirs, *kept));
                missing.need(kept, Rule::KeepsPromise, || broken("Kept drops data that was promised"));
            }
            Message::Duy { range, .. } => {
                let promised = theirs.and_then(|theirs| theirs.kept);
                let kept = range.size == 0 || promised.is_some_and(|kept| covers(kept, *range));
                missing.need(kept, Rule::DuyOfKept, || broken("DUY names data that Kept has not promised"));
            }
            Message::Ame { outcome, .. } if outcome.code == Code::Partial => {
                self.partial_end(own, theirs, &broken, missing);
            }
            Message::Dss { .. } => missing.expect(theirs.is_some_and(|theirs| theirs.asked_to_stop_sending)),
            Message::Dpm { .. } => missing.expect(theirs.is_some_and(|theirs| theirs.asked_to_pause)),
            _ => {}
        }
    }

    fn partial_end(
        &self,
        own: Option<&Flow>,
        theirs: Option<&Flow>,
        broken: &dyn Fn(&str) -> String,
        missing: &mut Missing,
    ) {
        if !self.from_server {
            return missing.expect(theirs.is_some_and(|theirs| theirs.asked_to_stop_receiving));
        }
        let granted = theirs.is_none_or(|theirs| theirs.granted_stop);
        if own.is_some_and(|own| own.asked_to_stop_sending) {
            missing.need(granted, Rule::WaitForDss, || broken("AME with 206 before DSS"));
        } else {
            missing.need(granted, Rule::AskBeforePartial, || broken("AME with 206 without DWSS and DSS"));
        }
    }

    fn progress(&self, xid: Option<Xid>, org_data: Option<u64>, missing: &mut Missing) {
        let Some(xid) = xid.filter(|_| self.from_server) else { return };
        if !self.other.transactions.may_have_known(xid) {
            return missing.need(false, Rule::OnlyActiveInPa, || {
                format!("transaction {xid}: the processor has not started it")
            });
        }
        let theirs = self.other.transactions.get(xid);
        let sent = theirs.zip(org_data).is_none_or(|(theirs, octets)| reaches(theirs, octets));
        missing.need(sent, Rule::OrgDataIsSoFar, || {
            format!("transaction {xid}: Org-Data exceeds the original data that was sent")
        });
    }
}

fn is_data(message: &Message, size: u64) -> bool {
    match message {
        Message::Dum { .. } => size > 0,
        Message::Duy { range, .. } => range.size > 0,
        _ => false,
    }
}

/// Whether the flow has come to this offset, as far as that is known.
fn reaches(flow: &Flow, offset: u64) -> bool {
    flow.covered().is_none_or(|covered| offset <= covered)
}

/// RFC 4037 section 7: a commitment covers what was promised before, but for what the server does not need.
fn keeps(own: &Flow, server: Option<&Flow>, kept: Range) -> bool {
    let needed = |promised| server.map_or(promised, |server| intersection(promised, server.interest));
    own.commitment.is_none_or(|promised| covers(kept, needed(promised)))
}
