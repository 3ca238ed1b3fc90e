//! What is said on a connection beside its transactions: its start, its service group and the profile for it.

use ocp_proto::codec::MessageWriter;
use ocp_proto::message::{Feature, GroupId, Message, Service};
use opes_profile::http::{self, AuxParts};

use crate::load::Load;

/// The service group of all transactions.
pub(super) const GROUP: u64 = 1;

/// How far the negotiation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// CS has to come.
    Opening,
    /// The answer to the offer of the profile has to come.
    Offering,
    /// The server has said that it will make offers (RFC 4037 section 6.1): nothing else may be sent.
    Phase,
    /// Transactions may be started.
    Ready,
}

/// The connection beside its transactions.
pub(super) struct Session {
    state: State,
    offer: Feature,
}

impl Session {
    /// Begins a connection, with what is to be sent first.
    pub(super) fn new(load: &Load, out: &mut Vec<u8>) -> Self {
        let offer = http::offer(load.profile, AuxParts::NONE);
        let services: Vec<_> =
            load.services.iter().map(|uri| Service::new(uri.clone().into_bytes())).collect();
        MessageWriter::new(out, "CS").end();
        MessageWriter::new(out, "SGC").number(GROUP).list(services.iter().map(Service::structure)).end();
        let writer = MessageWriter::new(out, "NO").list([offer.structure()].into_iter());
        writer.named_number("SG", GROUP).end();
        Self { state: State::Opening, offer }
    }

    /// Whether messages of transactions may be sent.
    pub(super) fn is_ready(&self) -> bool {
        self.state == State::Ready
    }

    /// Takes a message that is of no transaction.
    ///
    /// # Errors
    /// The connection is of no use any more.
    pub(super) fn message(&mut self, message: Message, out: &mut Vec<u8>) -> Result<(), String> {
        match message {
            Message::Cs if self.state == State::Opening => self.state = State::Offering,
            _ if self.state == State::Opening => return Err("the server did not begin with CS".to_owned()),
            Message::Ce(outcome) if outcome.is_failure() => {
                return Err(format!("the server ended the connection: {}", outcome.reason()));
            }
            Message::Ce(_) => return Err("the server ended the connection".to_owned()),
            Message::Nr { selected, group, pending, .. } => self.answer(selected, group, pending)?,
            Message::No { group, pending, .. } => self.decline(group, pending, out),
            Message::Aq { .. } => MessageWriter::new(out, "AA").value(&atom(b"false")).end(),
            Message::Cs | Message::Sgc { .. } | Message::Sgd { .. } => {
                return Err("the server sent a message that is the processor's".to_owned());
            }
            _ => {}
        }
        Ok(())
    }

    /// RFC 4037 section 11.19: the scope of the answer has to be that of the offer.
    fn answer(
        &mut self,
        selected: Option<Feature>,
        group: Option<GroupId>,
        pending: bool,
    ) -> Result<(), String> {
        if self.state != State::Offering || group != Some(GroupId(GROUP)) {
            return Err("the server answered an offer that was not made".to_owned());
        }
        let selected = selected.ok_or("the server does not support the HTTP profile")?;
        http::accept(&self.offer, &selected).map_err(|error| error.to_string())?;
        self.state = if pending { State::Phase } else { State::Ready };
        Ok(())
    }

    /// Selects nothing of what the server offers. RFC 4037 section 11.18: the processor's own offer goes first.
    fn decline(&mut self, group: Option<GroupId>, pending: bool, out: &mut Vec<u8>) {
        if self.state == State::Offering {
            return;
        }
        let writer = MessageWriter::new(out, "NR");
        match group {
            Some(group) => writer.named_number("SG", group.0).end(),
            None => writer.end(),
        }
        self.state = if pending { State::Phase } else { State::Ready };
    }
}

fn atom(octets: &'static [u8]) -> ocp_proto::codec::Value {
    ocp_proto::codec::Value::Atom(bytes::Bytes::from_static(octets))
}
