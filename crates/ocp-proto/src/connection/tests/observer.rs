//! Watches what one agent says and checks it against the rules for senders.

use std::collections::BTreeMap;

use super::super::Role;
use crate::codec::{Decoder, DecoderLimits, Item};
use crate::message::{Code, Message, Range, Xid};

/// What was said and heard about one transaction.
#[derive(Debug, Default)]
struct Flow {
    started: bool,
    open: bool,
    ended: bool,
    offset: u64,
    /// DPM was said, and no DWM has been heard since.
    paused: bool,
    te_said: bool,
    te_heard: bool,
    dss_said: bool,
    dss_heard: bool,
    /// DWSS was heard, before any DWSR.
    dwss_first: bool,
    dwsr_heard: bool,
    ame_heard: bool,
    /// Everything that Kept has announced, and what is not disposable of it.
    kept: Vec<Range>,
    interest: Option<Range>,
}

/// The observer of one agent.
#[derive(Debug)]
pub(super) struct Observer {
    role: Role,
    decoder: Decoder,
    flows: BTreeMap<Xid, Flow>,
    messages: usize,
    ce_said: bool,
    last_xid: Option<Xid>,
    offer_open: bool,
    /// The peer keeps a negotiation phase open.
    phase: bool,
}

impl Observer {
    pub(super) fn new(role: Role) -> Self {
        let decoder = Decoder::new(DecoderLimits { message_octets: 1 << 20, nesting_depth: 16 });
        Self {
            role,
            decoder,
            flows: BTreeMap::new(),
            messages: 0,
            ce_said: false,
            last_xid: None,
            offer_open: false,
            phase: false,
        }
    }

    /// Notes a message that the agent has handled.
    pub(super) fn heard(&mut self, message: &Message) {
        match message {
            Message::No { pending, .. } if !(self.offer_open && self.role == Role::Processor) => {
                (self.offer_open, self.phase) = (false, *pending);
            }
            Message::Nr { pending, .. } => (self.offer_open, self.phase) = (false, *pending),
            // An identifier that was misused before still begins a transaction.
            Message::Ts { xid, .. } if self.last_xid < Some(*xid) => {
                self.last_xid = Some(*xid);
                self.flows.insert(*xid, Flow { started: true, ..Flow::default() });
            }
            _ => {}
        }
        let Some(flow) = message.xid().and_then(|xid| self.flows.get_mut(&xid)) else { return };
        match message {
            Message::Te { .. } => flow.te_heard = true,
            Message::Dwm { .. } => flow.paused = false,
            Message::Dss { .. } => flow.dss_heard = true,
            Message::Dwss { .. } => flow.dwss_first |= !flow.dwsr_heard,
            Message::Dwsr { .. } => flow.dwsr_heard = true,
            Message::Ame { .. } => flow.ame_heard = true,
            Message::Dum { kept: Some(kept), .. } => flow.kept.push(*kept),
            _ => {}
        }
    }

    /// Takes octets that the agent sends, and checks every message in them.
    pub(super) fn said(&mut self, octets: &[u8]) {
        self.decoder.buffer().extend_from_slice(octets);
        while let Some(item) = self.decoder.next().expect("valid octets") {
            if let Item::Message(raw) = item {
                let message = Message::parse(&raw).expect("a valid message");
                self.message(&message, raw.payload().unwrap_or(0));
            }
        }
        assert!(!self.decoder.in_message(), "whole messages");
    }

    fn message(&mut self, message: &Message, size: u64) {
        assert_ne!(*message, Message::Unknown);
        assert_eq!(*message == Message::Cs, self.messages == 0, "CS first and once: {message:?}");
        assert!(!self.ce_said, "nothing follows CE: {message:?}");
        self.messages += 1;
        assert!(!self.phase || passes_phase(message), "not in this phase: {message:?}");
        match message {
            Message::Ce(_) => self.ce_said = true,
            Message::No { .. } => {
                assert!(!std::mem::replace(&mut self.offer_open, true), "one offer at a time")
            }
            Message::Ts { xid, .. } => {
                assert_eq!(self.role, Role::Processor);
                assert!(self.last_xid < Some(*xid), "identifiers grow");
                self.last_xid = Some(*xid);
                self.flows.insert(*xid, Flow { started: true, ..Flow::default() });
            }
            _ => {}
        }
        if let Some(xid) = message.xid() {
            self.in_transaction(xid, message, size);
        }
    }

    fn in_transaction(&mut self, xid: Xid, message: &Message, size: u64) {
        let flow = self.flows.entry(xid).or_default();
        if let Message::Te { outcome, .. } = message {
            assert!(
                flow.started && !flow.te_said && !flow.te_heard || outcome.is_failure(),
                "{xid}: {message:?}"
            );
            flow.te_said = true;
            return;
        }
        assert!(flow.started && !flow.te_said && !flow.te_heard, "{xid} is not active: {message:?}");
        match message {
            Message::Ams { .. } => {
                assert!(!flow.open && !flow.ended, "{xid}: AMS once");
                flow.open = true;
            }
            Message::Ame { outcome, .. } => {
                assert!(flow.open && !flow.ended, "{xid}: AME once");
                flow.ended = true;
                flow.partial(xid, self.role, outcome.code);
            }
            Message::Dum { offset, .. } => {
                assert_eq!(*offset, flow.offset, "{xid}: no gaps");
                flow.data(xid, size);
            }
            Message::Duy { range, .. } => {
                flow.data(xid, range.size);
                flow.reuse(xid, *range);
            }
            Message::Dpi { range, .. } => {
                let old = flow.interest.replace(*range);
                let shrinks = |old: Range| range.offset >= old.offset && range.end() <= old.end();
                assert!(old.is_none_or(shrinks), "{xid}: interest grows from {old:?} to {range:?}");
            }
            Message::Dpm { .. } => {
                assert!(!std::mem::replace(&mut flow.paused, true), "{xid}: DPM once");
            }
            Message::Dss { .. } => flow.dss_said = true,
            _ => {}
        }
    }
}

impl Flow {
    fn data(&mut self, xid: Xid, size: u64) {
        assert!(self.open && !self.ended, "{xid}: data inside its flow");
        assert!(!self.paused, "{xid}: no data while paused");
        assert!(!self.dss_said || self.ame_heard, "{xid}: no data after DSS");
        self.offset += size;
    }

    fn reuse(&self, xid: Xid, range: Range) {
        let inside = |outer: &Range| range.offset >= outer.offset && range.end() <= outer.end();
        assert!(self.kept.iter().any(inside), "{xid}: {range:?} was not kept");
        assert!(self.interest.iter().all(inside), "{xid}: {range:?} is disposable");
    }

    /// Who may end a flow as partial, and when (RFC 4037 sections 8.3 and 11.13).
    fn partial(&self, xid: Xid, role: Role, code: Code) {
        if code != Code::Partial {
            return;
        }
        match role {
            Role::Server => assert!(self.dss_heard, "{xid}: AME 206 before DSS"),
            Role::Processor => {
                let order = !self.dwss_first || self.dss_said || self.ame_heard;
                assert!(order, "{xid}: AME 206 before DSS");
                assert!(self.dwsr_heard || self.ame_heard, "{xid}: nobody has asked for AME 206");
            }
        }
    }
}

fn passes_phase(message: &Message) -> bool {
    use Message::{Aa, Aq, Ce, No, Nr, Pa, Pq, Pr};
    matches!(
        message,
        No { .. } | Nr { .. } | Aq { .. } | Aa { .. } | Pq { .. } | Pa { .. } | Pr { .. } | Ce(_)
    )
}
