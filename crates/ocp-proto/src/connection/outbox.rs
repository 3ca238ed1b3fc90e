//! Messages without data on their way out, in the order in which they were said.

use std::collections::VecDeque;

use crate::message::Control;

/// The most messages that one negotiation phase may hold back.
const HELD: usize = 4096;

/// What waits to be written, and what a negotiation phase holds back (RFC 4037 section 6.1).
#[derive(Debug, Default)]
pub(super) struct Outbox {
    queue: VecDeque<Control>,
    held: VecDeque<Control>,
}

impl Outbox {
    /// Adds a message. Inside a negotiation phase all but the messages of the phase wait for its end; false when too
    /// many do.
    pub(super) fn push(&mut self, control: Control, in_phase: bool) -> bool {
        if in_phase && !control.belongs_to_phase() {
            self.held.push_back(control);
            return self.held.len() < HELD;
        }
        self.queue.push_back(control);
        true
    }

    /// The phase is over.
    pub(super) fn release(&mut self) {
        self.queue.append(&mut self.held);
    }

    /// The next message to write.
    pub(super) fn pop(&mut self) -> Option<Control> {
        self.queue.pop_front()
    }

    /// Messages that wait.
    pub(super) fn len(&self) -> usize {
        self.queue.len() + self.held.len()
    }

    /// Whether nothing could be written now.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn drop_held(&mut self) {
        self.held.clear();
    }

    pub(super) fn clear(&mut self) {
        self.queue.clear();
        self.held.clear();
    }
}
