//! What a service sees of its host during a call.

use std::{collections::BTreeSet, task::Waker};

use crate::{Attributes, Description, Segment, TraceRecord, queue::Queue};

/// A service's side of one call: what it may read, and where its output goes.
pub struct Context<'a> {
    pub(crate) shared: &'a mut Shared,
    pub(crate) stance: &'a mut Stance,
    pub(crate) output: &'a mut Queue,
}

impl Context<'_> {
    /// The message's attributes, with the variables that services have set so far.
    pub fn attributes(&self) -> &Attributes {
        &self.shared.attributes
    }

    /// Emits a piece of adapted payload. Empty pieces vanish; what a service emits that only looks is ignored.
    pub fn emit(&mut self, segment: Segment) {
        if !self.stance.looks {
            self.stance.touched = true;
            self.output.push(segment);
        }
    }

    /// Wakes the host so that it calls `resume`; clone it to keep it.
    pub fn waker(&self) -> &Waker {
        &self.shared.waker
    }

    /// Adds a record to the message's OPES trace.
    pub fn record(&mut self, record: TraceRecord) {
        self.shared.records.push(record);
    }

    /// Sets a variable for the services after this one and for the host; replaces an older value. Names of 1 to 64
    /// octets of `a-z`, `0-9` and `_`, values of at most 4096 octets, and at most 64 variables at a time reach services
    /// at later points; others do not.
    pub fn set_variable(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let (name, value) = (name.into(), value.into());
        let Shared { attributes, set, .. } = &mut *self.shared;
        if attributes.variables.get(&name) == Some(&value) {
            return;
        }
        set.insert(name.clone());
        attributes.variables.insert(name, value);
    }

    /// Changes how the adapted payload is described; parts that are `None` stay as they were. Where services
    /// disagree, the last in the chain is right. Fails the message after the service's point of decision.
    pub fn describe(&mut self, description: Description) {
        if self.stance.decided {
            self.stance.described_late = true;
            return;
        }
        self.stance.description.override_with(&description);
        self.shared.described = true;
    }

    /// The service has passed its point of decision: it will neither refuse nor describe any more.
    pub fn decide(&mut self) {
        self.stance.decided = true;
    }
}

/// What the services of a chain have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) attributes: Attributes,
    pub(crate) waker: Waker,
    pub(crate) records: Vec<TraceRecord>,
    /// The names of the variables that were set since the host last asked.
    pub(crate) set: BTreeSet<String>,
    /// Some service changed its description and the merged one is stale.
    pub(crate) described: bool,
}

/// Where one service stands towards its message.
#[derive(Debug, Default)]
pub(crate) struct Stance {
    /// The service only looks.
    pub(crate) looks: bool,
    /// It has passed its point of decision.
    pub(crate) decided: bool,
    /// It was given payload, or emitted some.
    pub(crate) touched: bool,
    /// It described after its point of decision.
    pub(crate) described_late: bool,
    pub(crate) description: Description,
}
