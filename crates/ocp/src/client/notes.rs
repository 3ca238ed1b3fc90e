//! What passes between the owner of a transaction and the services beside the message (`proto-spec/extensions/`).

use std::task::{Poll, Waker};

use bytes::Bytes;
use ocp_proto::codec::RawMessage;
use ocp_proto::message::{Outcome, Xid};
use opes_profile::http::{Settings, am_el_parameter};
use opes_profile::notes::{Allowance, Briefing, Notes};

use super::ClientError;
use super::link::Link;

/// The encoded parameters of the AMS.
///
/// # Errors
/// The rule's parameters cannot be delivered.
pub(super) fn parameters(
    length: Option<u64>,
    briefing: &Briefing,
    settings: &Settings,
) -> Result<Bytes, ClientError> {
    let length = length.map_or(Bytes::new(), am_el_parameter);
    if briefing.is_empty() {
        return Ok(length);
    }
    if !settings.extensions.variables {
        return if briefing.parameters.is_empty() { Ok(length) } else { Err(ClientError::NoParameters) };
    }
    let mut lines = length.to_vec();
    briefing.encode(&mut lines)?;
    Ok(lines.into())
}

/// What the server has said beside a message and the owner has not heard yet.
#[derive(Debug, Default)]
pub(super) struct Heard {
    notes: Option<Box<Notes>>,
    /// What the transaction's trace records may still come to, once there were some.
    allowance: Option<Box<Allowance>>,
    /// Nothing more will come.
    pub(super) settled: bool,
}

impl Heard {
    pub(super) fn take(&mut self) -> Option<Box<Notes>> {
        self.notes.take()
    }

    /// Takes back what was said before everything that is here.
    pub(super) fn put_back(&mut self, mut earlier: Notes) {
        if let Some(later) = self.notes.take() {
            earlier.append(*later);
        }
        self.notes = Some(Box::new(earlier));
    }

    fn add(&mut self, later: Box<Notes>) {
        match &mut self.notes {
            Some(notes) => notes.append(*later),
            None => self.notes = Some(later),
        }
    }
}

impl Link {
    /// Takes what an AMS, AME or TE of the server says beside the message; false when the message is invalid, so that
    /// the transaction has failed.
    pub(super) fn take_notes(&mut self, xid: Xid, message: &RawMessage) -> bool {
        let Some(inbox) = self.inboxes.get_mut(&xid) else { return true };
        let extensions = inbox.settings.extensions;
        if !extensions.variables && !extensions.trace_records {
            return true;
        }
        let heard = &mut inbox.notes;
        let mut allowance = heard.allowance.as_deref().copied().unwrap_or_default();
        match Notes::read(message, extensions, &mut allowance) {
            Ok(None) => true,
            Ok(Some(notes)) => {
                if notes.dropped > 0 {
                    tracing::warn!(xid = xid.0, dropped = notes.dropped, "the callout server says too much");
                }
                if !notes.records.is_empty() {
                    heard.allowance = Some(Box::new(allowance));
                }
                heard.add(notes);
                true
            }
            Err(malformed) => {
                let name = String::from_utf8_lossy(message.name()).into_owned();
                self.violate(xid, format!("{name} has {malformed}"));
                false
            }
        }
    }

    /// The adapted message is complete: nothing more is to be sent. Where trace records are in effect, TE waits for the
    /// server's, which may bring some; the progress time says for how long.
    pub(super) fn settle(&mut self, xid: Xid) {
        if self.inboxes.get(&xid).is_some_and(|inbox| inbox.awaits_notes()) {
            self.connection.complete_message(xid);
        } else {
            // RFC 4037 section 11.6: at once.
            self.connection.complete_transaction(xid);
        }
    }

    /// Ends a transaction that only waits for what its server may still say.
    pub(super) fn stop_waiting_for_notes(&mut self, xid: Xid) {
        let Some(inbox) = self.inboxes.get(&xid).filter(|inbox| inbox.awaits_notes()) else { return };
        let only_waits = !self.connection.is_ending(xid) && !self.connection.is_sending(xid);
        if (inbox.closed || inbox.detached) && only_waits {
            self.connection.end_transaction(xid, Outcome::OK);
        }
    }

    /// What was said beside the message and not heard yet, once nothing more will be; if more may, `waker` is called
    /// then.
    pub(super) fn last_notes(&mut self, xid: Xid, waker: &Waker) -> Poll<Option<Box<Notes>>> {
        let Some(inbox) = self.inboxes.get_mut(&xid) else { return Poll::Ready(None) };
        if inbox.awaits_notes() && self.connection.is_active(xid) {
            inbox.receiver = Some(waker.clone());
            return Poll::Pending;
        }
        Poll::Ready(inbox.notes.take())
    }
}
