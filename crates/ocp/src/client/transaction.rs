//! A transaction in the hands of its owner.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use ocp_proto::message::Xid;
use opes_profile::http::{Part, Settings};
use opes_profile::notes::Notes;

use super::LinkId;
use super::inbox::{Adapted, TransactionError};
use super::link::Link;
use crate::driver::lock;

/// One message on its way through a callout server. Dropping it ends the transaction.
pub struct Transaction {
    pub(super) link: Arc<Mutex<Link>>,
    pub(super) link_id: LinkId,
    pub(super) xid: Xid,
    pub(super) settings: Arc<Settings>,
}

impl Transaction {
    /// What was negotiated for the services: among it the auxiliary parts that have to be sent.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The transaction's identifier on its connection, for logs.
    pub fn xid(&self) -> u64 {
        self.xid.0
    }

    /// The connection that carries it.
    pub fn link(&self) -> LinkId {
        self.link_id
    }

    /// Ready once more of the original may be given with [`Transaction::send`].
    pub fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        match lock(&self.link).has_room(self.xid, cx.waker()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    /// Gives the next octets of the original. Parts come in the order of the profile; absent parts are not given.
    ///
    /// # Errors
    /// The message exceeds what OCP can carry (RFC 4037 section 10.3).
    pub fn send(&self, part: Part, octets: Bytes) -> Result<(), TransactionError> {
        lock(&self.link).send(self.xid, part, octets)
    }

    /// The original is complete.
    pub fn complete(&self) {
        lock(&self.link).complete(self.xid);
    }

    /// Whether the server still takes original data. When not, [`Transaction::send`] does nothing.
    pub fn wants_original(&self) -> bool {
        lock(&self.link).wants_original(self.xid)
    }

    /// How many octets of the original have crossed to the server so far.
    pub fn crossed(&self) -> u64 {
        lock(&self.link).crossed(self.xid)
    }

    /// What the server has said beside the message since the owner last heard of it, once it will say nothing more: at
    /// once where no trace records are in effect, else when its TE has come, or the transaction or connection has ended
    /// otherwise. Trace records of services that read on to the end of the original come only so. `None` where nothing
    /// was said.
    ///
    /// Whoever does not want it drops the transaction.
    pub fn poll_notes(&self, cx: &Context<'_>) -> Poll<Option<Box<Notes>>> {
        lock(&self.link).last_notes(self.xid, cx.waker())
    }

    /// The next piece of the adapted message.
    ///
    /// # Errors
    /// Why the adapted message will not be complete. Nothing further comes after an error or [`Adapted::Ended`] but
    /// [notes](Transaction::poll_notes).
    pub fn poll_next(&self, cx: &Context<'_>) -> Poll<Result<Adapted, TransactionError>> {
        match lock(&self.link).receive(self.xid, cx.waker()) {
            Some(piece) => Poll::Ready(piece),
            None => Poll::Pending,
        }
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        lock(&self.link).release(self.xid);
    }
}

impl std::fmt::Debug for Transaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transaction")
            .field("xid", &self.xid)
            .field("link", &self.link_id)
            .finish_non_exhaustive()
    }
}
