//! One agent of the pair: a connection, what it has said that is still under way, and who listens to it.

use std::time::Instant;

use bytes::{Buf, BytesMut};
use ocp_proto::{Closed, Connection, Event, Limits, Role, Transmit};

use super::operation::Terms;
use crate::auditor::{self, Auditor};

/// The feature that both support.
pub(super) const ABILITY: &str = "ocp://able";

/// A connection, its auditor and its end of the transport.
pub(super) struct Agent {
    pub(super) connection: Connection,
    auditor: Auditor,
    out: Transmit,
    /// Octets under way to the other agent.
    pub(super) sent: BytesMut,
    /// How the connection ended.
    pub(super) closed: Option<Closed>,
    /// Closed was reported before all else; nothing may follow.
    pub(super) cut: bool,
}

impl Agent {
    pub(super) fn new(role: Role, limits: Limits, terms: &Terms, now: Instant) -> Self {
        let mut connection = Connection::new(role, limits, vec![ABILITY.into()], now);
        let (profile, large) = (terms.stop_at.is_some(), terms.large());
        if large {
            connection.allow_large_sizes(None);
        }
        Self {
            connection,
            auditor: Auditor::new(role, auditor::Terms { profile, peaceful: true, large }),
            out: Transmit::default(),
            sent: BytesMut::new(),
            closed: None,
            cut: false,
        }
    }

    /// Gives octets to the transport; returns whether there were any.
    pub(super) fn transmit(&mut self, now: Instant, most: usize) -> bool {
        self.connection.poll_transmit(now, &mut self.out, most);
        let octets = self.out.take();
        self.auditor.says(&octets, self.connection.is_flushed());
        if !self.cut {
            self.sent.extend_from_slice(&octets);
        }
        !octets.is_empty()
    }

    /// Takes up to `most` octets of what the other agent has sent; returns whether there were any.
    pub(super) fn receive(&mut self, from: &mut BytesMut, most: usize) -> bool {
        let octets = &from[..from.len().min(most)];
        let some = !octets.is_empty();
        self.auditor.hears(octets);
        self.connection.read_buffer().extend_from_slice(octets);
        from.advance(octets.len());
        some
    }

    pub(super) fn next(&mut self, now: Instant) -> Option<Event> {
        let event = self.connection.poll_event(now)?;
        assert!(self.closed.is_none(), "Closed is the last event, but then came {event:?}");
        Some(event)
    }
}
