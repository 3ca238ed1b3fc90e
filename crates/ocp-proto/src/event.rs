//! What a connection reports to the agent above it.

use bytes::Bytes;

use crate::codec::RawMessage;
use crate::fault::Fault;
use crate::message::{Feature, GroupId, Outcome, Range, Service, Xid};

/// Something that happened on a connection, in the order in which it happened.
#[derive(Debug)]
pub enum Event {
    /// The peer's first message has come (RFC 4037 section 11.1).
    Connected,
    /// Server: the processor wants a service group. Answer with [`Connection::accept_group`] before the next poll;
    /// without it the connection ends (section 11.3).
    ///
    /// [`Connection::accept_group`]: crate::Connection::accept_group
    GroupWanted {
        /// The identifier that the processor gave it.
        group: GroupId,
        /// Its services in the order of application.
        services: Vec<Service>,
    },
    /// The peer destroyed a service group (section 11.4). Transactions that use it go on.
    GroupDestroyed(GroupId),
    /// The peer offers features (section 11.18). Answer with [`Connection::answer`] before the next poll; without it
    /// every feature is rejected as unknown.
    ///
    /// [`Connection::answer`]: crate::Connection::answer
    Offer {
        /// The features, the peer's favourite first.
        features: Vec<Feature>,
        /// The service group that the offer is limited to.
        group: Option<GroupId>,
    },
    /// The peer has answered our offer (section 11.19). The selection was among the offered features.
    Answer {
        /// The selected feature.
        selected: Option<Feature>,
        /// The service group that the offer was limited to.
        group: Option<GroupId>,
    },
    /// The peer has answered our progress query.
    Progress {
        /// The transaction, when the peer works on it.
        xid: Option<Xid>,
        /// Original octets that the peer has received or sent.
        org_data: Option<u64>,
    },
    /// The peer has answered our ability query (section 11.21).
    Ability(bool),
    /// Server: a transaction begins (section 11.5).
    TransactionStarted {
        /// The transaction.
        xid: Xid,
        /// The group whose services apply.
        group: GroupId,
    },
    /// The peer's flow begins (section 11.7).
    MessageStarted {
        /// The transaction.
        xid: Xid,
        /// The AMS, with parameters of extensions.
        ams: RawMessage,
        /// The services that the server may apply, where it says so.
        services: Option<Vec<Service>>,
    },
    /// Data of the peer's flow (sections 11.9 and 11.10).
    Data {
        /// The transaction.
        xid: Xid,
        /// The DUM, with parameters of extensions, when its first octets come; `None` for further ones and for DUY.
        dum: Option<RawMessage>,
        /// The octets; may be empty.
        octets: Bytes,
        /// Processor: where in the original flow these octets stand, when the server used preserved data.
        original: Option<u64>,
        /// The prediction of the DUM in percent.
        modp: Option<u8>,
    },
    /// An AME or TE has parameters of extensions. What the message itself does is the next event, if it does anything.
    Extended {
        /// The transaction.
        xid: Xid,
        /// The AME or TE.
        message: RawMessage,
    },
    /// The peer's flow has ended by success or failure (section 11.8).
    MessageEnded {
        /// The transaction.
        xid: Xid,
        /// How; never a partial end at the processor, see [`Event::RestIsOriginal`].
        outcome: Outcome,
    },
    /// Processor: the server has stopped sending with our permission (section 8.2). The adapted message goes on with
    /// the original one from this offset of the original flow on, and ends with it.
    RestIsOriginal {
        /// The transaction.
        xid: Xid,
        /// The offset of the first original octet.
        from: u64,
        /// Octets from that offset on that were given to the connection and not sent yet.
        unsent: Vec<Bytes>,
    },
    /// Processor: the server would rather not send the rest (section 11.13). Grant with
    /// [`Connection::stop_sending`](crate::Connection::stop_sending).
    StopSendingWanted(Xid),
    /// Processor: the server needs no more than this prefix of the original flow (section 11.12).
    StopReceivingWanted {
        /// The transaction.
        xid: Xid,
        /// The prefix in octets.
        size: u64,
    },
    /// Processor: the only original data that the server may still use (section 11.11).
    Interest {
        /// The transaction.
        xid: Xid,
        /// The data.
        range: Range,
    },
    /// Server: the processor has granted the end of the adapted flow (section 11.14). Everything that came before
    /// belongs to it: send what remains of that, then [`Connection::end_message`](crate::Connection::end_message).
    Stopped(Xid),
    /// The peer has ended the transaction (section 11.6).
    TransactionEnded {
        /// The transaction.
        xid: Xid,
        /// How.
        outcome: Outcome,
    },
    /// This machine has ended the transaction because of a fault; the peer was told.
    TransactionFailed {
        /// The transaction.
        xid: Xid,
        /// The fault.
        fault: Fault,
    },
    /// The connection is over, and with it every transaction, group and negotiation (section 11.2). The last event.
    Closed(Closed),
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closed {
    /// The peer sent CE.
    ByPeer(Outcome),
    /// This agent sent CE on its own account.
    Locally,
    /// A fault ended it.
    Fault(Fault),
}

impl Closed {
    /// The reason as text for a log or an error.
    pub fn reason(&self) -> String {
        match self {
            Self::ByPeer(outcome) if outcome.is_failure() => {
                format!("the peer ended the connection: {}", outcome.reason())
            }
            Self::ByPeer(_) => "the peer ended the connection".to_owned(),
            Self::Locally => "the connection was ended".to_owned(),
            Self::Fault(fault) => fault.to_string(),
        }
    }
}
