//! What the messages of one agent show by themselves.

use ocp_proto::Role;
use ocp_proto::codec::RawMessage;
use ocp_proto::message::{GroupId, InvalidMessage, Message, Xid};

use super::flow::Flow;
use super::offers::Offers;
use super::rule::{Rule, Violation, of_message};
use super::text;
use super::transactions::{Remembered, Standing, Transactions};

/// One agent, as its own messages show it.
#[derive(Debug, Default)]
pub(super) struct Direction {
    /// Which agent it is; where nobody has said so, what its messages tell.
    role: Option<Role>,
    messages: u64,
    /// The first message was not CS: the capture may lack the beginning.
    pub(super) late: bool,
    pub(super) ended: bool,
    /// The first message after CS, where it is not NO, until it is known whether this is a processor.
    not_an_offer: Option<String>,
    groups: Remembered<bool>,
    last_group: Option<GroupId>,
    pub(super) transactions: Transactions,
    last_xid: Option<Xid>,
    pub(super) offers: Offers,
    /// How many of these were sent: PQ, PA, AQ, AA.
    pub(super) queries: u64,
    pub(super) answers: u64,
    pub(super) ability_queries: u64,
    pub(super) ability_answers: u64,
}

type Found = Vec<Violation>;

impl Direction {
    pub(super) fn new(role: Option<Role>) -> Self {
        Self { role, ..Self::default() }
    }

    /// Whether there was no message at all.
    pub(super) fn is_silent(&self) -> bool {
        self.messages == 0
    }

    /// Which agent this is, as far as that is known.
    pub(super) fn role(&self) -> Option<Role> {
        self.role
    }

    /// Takes the next message and says what is wrong with it.
    pub(super) fn take(&mut self, raw: &RawMessage, parsed: &Result<Message, InvalidMessage>) -> Found {
        let mut found = self.place(raw);
        self.messages += 1;
        found.extend(self.sender(raw.name()));
        match parsed {
            Ok(message) => self.message(message, raw, &mut found),
            Err(invalid) => found.push(of_message(invalid).broken(invalid.to_string())),
        }
        found
    }

    /// CS is first and once, CE is last, a processor's NO is second.
    fn place(&mut self, raw: &RawMessage) -> Found {
        let mut found = Vec::new();
        let name = || text::name(raw.name());
        match (self.messages, raw.name()) {
            (0, b"CS") => {}
            (0, _) => {
                self.late = true;
                found.push(Rule::CsFirst.broken(format!("the first message is {}", name())));
            }
            (_, b"CS") => found.push(Rule::CsOnce.broken("CS comes again")),
            (1, b"NO" | b"CE") => {}
            (1, _) if !self.late => self.not_an_offer = Some(name()),
            _ => {}
        }
        if self.ended {
            found.push(Rule::CeLast.broken(format!("{} after CE", name())));
        }
        found
    }

    /// Some messages tell which agent sends them; none of the other one's may come then.
    fn sender(&mut self, name: &[u8]) -> Found {
        let mut found = Vec::new();
        let sender = match name {
            b"TS" | b"DSS" => Some(Role::Processor),
            b"DUY" | b"DPI" | b"DWSS" | b"DWSR" => Some(Role::Server),
            _ => None,
        };
        if self.role.is_none() {
            self.role = sender;
        }
        if sender.is_some() && sender != self.role {
            let who = if self.role == Some(Role::Processor) { "a processor" } else { "a callout server" };
            found.push(Rule::OwnMessages.broken(format!("{} from {who}", text::name(name))));
        }
        if self.role == Some(Role::Processor)
            && let Some(second) = self.not_an_offer.take()
        {
            found.push(Rule::OfferAfterCs.broken(format!("the message after CS is {second}, not NO")));
        }
        found
    }

    fn message(&mut self, message: &Message, raw: &RawMessage, found: &mut Found) {
        let size = raw.payload().unwrap_or_default();
        if let Some(xid) = message.xid()
            && !creates(message)
            && !answers_invalid(message)
        {
            found.extend(self.transaction(xid));
        }
        match message {
            Message::Ce(_) => {
                self.ended = true;
                found.extend(partial(raw, 0));
            }
            Message::Sgc { group, .. } => found.extend(self.create_group(*group)),
            Message::Sgd { group } => found.extend(self.destroy_group(*group)),
            Message::Ts { xid, group } => found.extend(self.start(*xid, *group)),
            Message::Te { xid, .. } => {
                found.extend(partial(raw, 1));
                self.with(*xid, |flow| flow.over = true);
            }
            Message::No { features, group, .. } => {
                found.extend(self.offered_group(*group));
                self.offers.offer(features, *group);
            }
            Message::Nr { .. } => self.offers.answered(),
            Message::Pq { .. } => self.queries += 1,
            Message::Pa { xid, org_data } => {
                self.answers += 1;
                found.extend(self.progress("PA", *xid, *org_data));
            }
            Message::Pr { xid, org_data } => found.extend(self.progress("PR", *xid, *org_data)),
            Message::Aq { .. } => self.ability_queries += 1,
            Message::Aa { .. } => self.ability_answers += 1,
            _ => self.flow(message, size, found),
        }
    }

    fn flow(&mut self, message: &Message, size: u64, found: &mut Found) {
        let Some(flow) = message.xid().and_then(|xid| self.transactions.get_mut(xid)) else {
            return;
        };
        match message {
            Message::Ams { .. } => found.extend(flow.start()),
            Message::Ame { outcome, .. } => found.extend(flow.end(outcome)),
            Message::Dum { offset, kept, .. } => {
                found.extend(flow.data(Some(*offset), size));
                if let Some(kept) = kept {
                    flow.keep(*kept);
                }
            }
            Message::Duy { range, .. } => found.extend(flow.use_kept(*range)),
            Message::Dpi { range, .. } => found.extend(flow.limit(*range)),
            Message::Dwsr { .. } => flow.asked_to_stop_receiving = true,
            Message::Dwss { .. } => flow.asked_to_stop_sending = true,
            Message::Dss { .. } => found.extend(flow.grant_stop()),
            Message::Dwp { .. } => flow.asked_to_pause = true,
            Message::Dpm { .. } => flow.paused = true,
            Message::Dwm { .. } => flow.wants += 1,
            _ => {}
        }
    }

    fn with(&mut self, xid: Xid, act: impl FnOnce(&mut Flow)) {
        if let Some(flow) = self.transactions.get_mut(xid) {
            act(flow);
        }
    }

    /// A message names a transaction. Only a processor's own messages show whether it is active; of a server's, only
    /// that it has ended it itself.
    fn transaction(&mut self, xid: Xid) -> Option<Violation> {
        match self.transactions.standing(xid) {
            Standing::Active | Standing::Unknown => None,
            Standing::Inactive if !self.transactions.may_have_known(xid) && !self.creates_all() => {
                self.transactions.start(xid, self.role, !self.late);
                None
            }
            Standing::Inactive => {
                Some(Rule::ActiveIdentifier.broken(format!("transaction {xid} is not active")))
            }
        }
    }

    /// Whether every transaction that this agent names was begun by a TS of its own that was captured.
    fn creates_all(&self) -> bool {
        self.role == Some(Role::Processor) && !self.late
    }

    fn start(&mut self, xid: Xid, group: GroupId) -> Found {
        let mut found: Vec<_> =
            grows("transaction", self.last_xid.map(|last| last.0), xid.0).into_iter().collect();
        if !self.may_be_active(group) {
            found
                .push(Rule::GroupOfTs.broken(format!("TS names service group {group}, which is not active")));
        }
        if self.last_xid.is_none_or(|last| last < xid) {
            self.last_xid = Some(xid);
            self.transactions.start(xid, self.role, true);
        }
        found
    }

    /// Whether this agent has a group of this identifier, as far as that can be known.
    fn may_be_active(&self, group: GroupId) -> bool {
        let unknown = || self.late || self.groups.may_have_known(group.0);
        self.groups.get(group.0).copied().unwrap_or_else(unknown)
    }

    fn create_group(&mut self, group: GroupId) -> Option<Violation> {
        let found = grows("service group", self.last_group.map(|last| last.0), group.0);
        self.last_group = self.last_group.max(Some(group));
        self.groups.insert(group.0, true);
        found
    }

    fn destroy_group(&mut self, group: GroupId) -> Option<Violation> {
        let known = self.groups.may_have_known(group.0) || self.late;
        let active = self.groups.get_mut(group.0).map_or(known, std::mem::take);
        (!active).then(|| Rule::ActiveIdentifier.broken(format!("service group {group} is not active")))
    }

    /// RFC 4037 section 11.18: SG is a group of the sender; only a processor is sure to have created it itself.
    fn offered_group(&self, group: Option<GroupId>) -> Option<Violation> {
        let group = group.filter(|_| self.creates_all())?;
        (!self.may_be_active(group))
            .then(|| Rule::ActiveIdentifier.broken(format!("service group {group} is not active")))
    }

    fn progress(&self, name: &str, xid: Option<Xid>, org_data: Option<u64>) -> Option<Violation> {
        let xid = xid?;
        let inactive = self.transactions.standing(xid) == Standing::Inactive;
        if inactive && (self.creates_all() || self.transactions.may_have_known(xid)) {
            let text = format!("{name} names transaction {xid}, which is not active");
            return Some(Rule::OnlyActiveInPa.broken(text));
        }
        self.transactions.get(xid)?.progress(org_data)
    }
}

fn creates(message: &Message) -> bool {
    matches!(message, Message::Ts { .. })
}

/// RFC 4037 section 11: the answer to a message whose transaction is not active is a TE for it all the same.
pub(super) fn answers_invalid(message: &Message) -> bool {
    matches!(message, Message::Te { outcome, .. } if outcome.is_failure())
}

/// RFC 4037 section 10.2: every new identifier is higher than all before it.
fn grows(what: &str, last: Option<u64>, new: u64) -> Option<Violation> {
    let last = last?;
    match new.cmp(&last) {
        std::cmp::Ordering::Greater => None,
        std::cmp::Ordering::Equal => {
            Some(Rule::NewIdentifier.broken(format!("{what} {new} was created before")))
        }
        std::cmp::Ordering::Less => {
            Some(Rule::HigherIdentifier.broken(format!("{what} {new} is created after {last}")))
        }
    }
}

/// Whether the result at this position says 206, which reads as a failure on all but AME.
fn partial(raw: &RawMessage, position: usize) -> Option<Violation> {
    let code = raw.anonymous(position)?.as_structure()?.anonymous(0)?.as_number()?;
    (code == 206).then(|| Rule::PartialIsForAme.broken(format!("{} with code 206", text::name(raw.name()))))
}
