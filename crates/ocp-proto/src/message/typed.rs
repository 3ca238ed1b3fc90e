//! Typed messages: the 24 of RFC 4037 section 11, read from raw ones with every type rule of section 10 checked.

use thiserror::Error;

use super::names;
use super::types::{Code, Feature, GroupId, Outcome, Service, Xid};
use crate::codec::{Head, Members, RawMessage, ValueRef, number};

/// A range of original data: an offset and a size in octets (RFC 4037 sections 10.3, 10.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The first octet's offset.
    pub offset: u64,
    /// The number of octets.
    pub size: u64,
}

impl Range {
    /// The offset after the last octet.
    pub fn end(self) -> u64 {
        self.offset.saturating_add(self.size)
    }
}

/// A message, named as on the wire (RFC 4037 appendix A). Payload and parameters of extensions stay with the
/// [`RawMessage`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Connection Start (section 11.1).
    Cs,
    /// Connection End (section 11.2).
    Ce(Outcome),
    /// Service Group Created (section 11.3).
    Sgc {
        /// The new group.
        group: GroupId,
        /// Its services in the order of application.
        services: Vec<Service>,
    },
    /// Service Group Destroyed (section 11.4).
    Sgd {
        /// The group to forget.
        group: GroupId,
    },
    /// Transaction Start (section 11.5).
    Ts {
        /// The new transaction.
        xid: Xid,
        /// The group whose services apply.
        group: GroupId,
    },
    /// Transaction End (section 11.6).
    Te {
        /// The transaction.
        xid: Xid,
        /// How it ended.
        outcome: Outcome,
    },
    /// Application Message Start (section 11.7).
    Ams {
        /// The transaction.
        xid: Xid,
        /// The services that the server may apply, where they differ from those asked for.
        services: Option<Vec<Service>>,
    },
    /// Application Message End (section 11.8).
    Ame {
        /// The transaction.
        xid: Xid,
        /// How the flow ended.
        outcome: Outcome,
    },
    /// Data Use Mine (section 11.9); the payload follows separately.
    Dum {
        /// The transaction.
        xid: Xid,
        /// Where in the sender's flow the payload stands.
        offset: u64,
        /// Where the payload stands in the original flow, when it is the same. An ill-typed one is ignored.
        as_is: Option<u64>,
        /// The current preservation commitment.
        kept: Option<Range>,
        /// The probability in percent that data is modified.
        modp: Option<u8>,
    },
    /// Data Use Yours (section 11.10).
    Duy {
        /// The transaction.
        xid: Xid,
        /// The preserved data to use.
        range: Range,
    },
    /// Data Preservation Interest (section 11.11).
    Dpi {
        /// The transaction.
        xid: Xid,
        /// The only data that later DUY may refer to.
        range: Range,
    },
    /// Want Stop Receiving Data (section 11.12).
    Dwsr {
        /// The transaction.
        xid: Xid,
        /// The least prefix to receive, in octets.
        size: u64,
    },
    /// Want Stop Sending Data (section 11.13).
    Dwss {
        /// The transaction.
        xid: Xid,
    },
    /// Stop Sending Data (section 11.14).
    Dss {
        /// The transaction.
        xid: Xid,
    },
    /// Want Data Paused (section 11.15).
    Dwp {
        /// The transaction.
        xid: Xid,
        /// The first octet that is not wanted now.
        offset: u64,
    },
    /// Paused My Data (section 11.16).
    Dpm {
        /// The transaction.
        xid: Xid,
    },
    /// Want More Data (section 11.17).
    Dwm {
        /// The transaction.
        xid: Xid,
        /// A suggested least size in octets.
        size_request: Option<u64>,
    },
    /// Negotiation Offer (section 11.18).
    No {
        /// The features to select at most one of, preferred first.
        features: Vec<Feature>,
        /// The group that the offer is limited to.
        group: Option<GroupId>,
        /// Whether further offers follow in this phase.
        pending: bool,
    },
    /// Negotiation Response (section 11.19).
    Nr {
        /// The selected feature.
        selected: Option<Feature>,
        /// The group that the offer was limited to.
        group: Option<GroupId>,
        /// Known features that could not be selected.
        rejects: Vec<Feature>,
        /// Features that the responder does not know.
        unknowns: Vec<Feature>,
        /// Whether the responder wants to make offers in this phase.
        pending: bool,
    },
    /// Ability Query (section 11.20).
    Aq {
        /// The feature in question.
        feature: Feature,
    },
    /// Ability Answer (section 11.21).
    Aa {
        /// Whether it is supported.
        supported: bool,
    },
    /// Progress Query (section 11.22).
    Pq {
        /// The transaction in question. An atom that is no xid names no transaction.
        xid: Option<Xid>,
    },
    /// Progress Answer (section 11.23).
    Pa {
        /// The transaction, when the sender works on it.
        xid: Option<Xid>,
        /// Original octets received or sent.
        org_data: Option<u64>,
    },
    /// Progress Report (section 11.24).
    Pr {
        /// The transaction, when the report is about one.
        xid: Option<Xid>,
        /// Original octets received or sent.
        org_data: Option<u64>,
    },
    /// A name that is not known: ignored (section 11).
    Unknown,
}

/// What an invalid message affects (RFC 4037 section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The whole connection; also where the scope cannot be determined.
    Connection,
    /// One transaction.
    Transaction(Xid),
}

/// A well-formed message that breaks a type rule (RFC 4037 sections 10 and 11).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message} {problem}")]
pub struct InvalidMessage {
    /// What it affects.
    pub scope: Scope,
    /// The message name.
    pub message: &'static str,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Problem {
    /// A parameter is absent or not of its type.
    #[error("has no valid {0}")]
    Parameter(&'static str),
    /// Two named parameters have one name (section 11).
    #[error("has two parameters of one name")]
    Duplicate,
    /// A DUM without payload (section 11.9).
    #[error("has no payload")]
    NoPayload,
}

impl Message {
    /// Reads a raw message.
    ///
    /// # Errors
    /// A known message has an absent, ill-typed or duplicate parameter. Unknown names, parameters, members and
    /// payloads are no errors (RFC 4037 section 11).
    pub fn parse(raw: &RawMessage) -> Result<Self, InvalidMessage> {
        Self::parse_up_to(raw, number::MAX)
    }

    /// Reads a raw message whose sizes and offsets may reach `largest` (at most [`number::LARGE_MAX`] where large sizes
    /// were negotiated); identifiers may not.
    ///
    /// # Errors
    /// As for [`Message::parse`].
    pub fn parse_up_to(raw: &RawMessage, largest: u64) -> Result<Self, InvalidMessage> {
        Self::read(raw.head(), largest)
    }

    /// Reads a head where it came in.
    pub(crate) fn read(raw: Head<'_>, largest: u64) -> Result<Self, InvalidMessage> {
        let reader = Reader { raw, numbers: raw.leading_numbers(), largest };
        if raw.duplicate_name().is_some() {
            return Err(reader.invalid(Problem::Duplicate));
        }
        reader.read().map_err(|problem| reader.invalid(problem))
    }

    /// The largest size or offset in the message, `As-is` left out, since an invalid one is ignored.
    pub(crate) fn largest_size(&self) -> u64 {
        match self {
            Self::Dum { offset, kept, .. } => kept.map_or(0, |kept| kept.offset.max(kept.size)).max(*offset),
            Self::Duy { range, .. } | Self::Dpi { range, .. } => range.offset.max(range.size),
            Self::Dwsr { size, .. } => *size,
            Self::Dwp { offset, .. } => *offset,
            Self::Dwm { size_request: size, .. }
            | Self::Pa { org_data: size, .. }
            | Self::Pr { org_data: size, .. } => size.unwrap_or_default(),
            _ => 0,
        }
    }

    /// The transaction that a progress message is about.
    pub(crate) fn mentioned(&self) -> Option<Xid> {
        match self {
            Self::Pq { xid } | Self::Pa { xid, .. } | Self::Pr { xid, .. } => *xid,
            _ => None,
        }
    }

    /// The transaction that the message belongs to. Progress messages belong to the connection.
    pub fn xid(&self) -> Option<Xid> {
        match self {
            Self::Ts { xid, .. }
            | Self::Te { xid, .. }
            | Self::Ams { xid, .. }
            | Self::Ame { xid, .. }
            | Self::Dum { xid, .. }
            | Self::Duy { xid, .. }
            | Self::Dpi { xid, .. }
            | Self::Dwsr { xid, .. }
            | Self::Dwss { xid }
            | Self::Dss { xid }
            | Self::Dwp { xid, .. }
            | Self::Dpm { xid }
            | Self::Dwm { xid, .. } => Some(*xid),
            _ => None,
        }
    }
}

/// The static spelling of a known message name.
fn canonical(name: &[u8]) -> &'static str {
    names::known(name).map_or("unknown message", |(name, _)| name)
}

struct Reader<'a> {
    raw: Head<'a>,
    /// The first anonymous parameters, where they and those before them are numbers.
    numbers: [Option<u64>; 3],
    /// The largest valid size or offset.
    largest: u64,
}

type Read<T> = Result<T, Problem>;

impl<'a> Reader<'a> {
    fn invalid(&self, problem: Problem) -> InvalidMessage {
        InvalidMessage { scope: self.scope(), message: canonical(self.raw.name()), problem }
    }

    /// RFC 4037 section 5: a message whose scope cannot be determined has connection scope.
    fn scope(&self) -> Scope {
        match self.raw.name() {
            b"DUM" | b"DUY" | b"TS" | b"AMS" | b"AME" | b"TE" | b"DPI" | b"DWSR" | b"DWSS" | b"DSS"
            | b"DWP" | b"DPM" | b"DWM" => self.xid().map_or(Scope::Connection, Scope::Transaction),
            _ => Scope::Connection,
        }
    }

    fn read(&self) -> Read<Message> {
        Ok(match self.raw.name() {
            b"DUM" => self.dum()?,
            b"DUY" => Message::Duy { xid: self.xid()?, range: self.range()? },
            b"TS" => Message::Ts { xid: self.xid()?, group: GroupId(self.number(1, "service group")?) },
            b"AMS" => Message::Ams { xid: self.xid()?, services: self.services_named()? },
            b"AME" => Message::Ame { xid: self.xid()?, outcome: self.outcome(1)? },
            b"TE" => Message::Te { xid: self.xid()?, outcome: self.outcome(1)? },
            b"CS" => Message::Cs,
            b"CE" => Message::Ce(self.outcome(0)?),
            b"SGC" => {
                Message::Sgc { group: GroupId(self.number(0, "service group")?), services: self.services()? }
            }
            b"SGD" => Message::Sgd { group: GroupId(self.number(0, "service group")?) },
            b"DPI" => Message::Dpi { xid: self.xid()?, range: self.range()? },
            b"DWSR" => Message::Dwsr { xid: self.xid()?, size: self.size(1, "size")? },
            b"DWSS" => Message::Dwss { xid: self.xid()? },
            b"DSS" => Message::Dss { xid: self.xid()? },
            b"DWP" => Message::Dwp { xid: self.xid()?, offset: self.size(1, "offset")? },
            b"DPM" => Message::Dpm { xid: self.xid()? },
            b"DWM" => Message::Dwm { xid: self.xid()?, size_request: self.named_size("Size-request")? },
            b"NO" => self.no()?,
            b"NR" => self.nr()?,
            b"AQ" => Message::Aq { feature: self.raw.anonymous(0).and_then(feature).ok_or(FEATURE)? },
            b"AA" => Message::Aa {
                supported: self.raw.anonymous(0).and_then(boolean).ok_or(Problem::Parameter("boolean"))?,
            },
            b"PQ" => Message::Pq { xid: self.queried_xid() },
            b"PA" => Message::Pa { xid: self.optional_xid()?, org_data: self.named_size("Org-Data")? },
            b"PR" => Message::Pr { xid: self.optional_xid()?, org_data: self.named_size("Org-Data")? },
            _ => Message::Unknown,
        })
    }

    fn xid(&self) -> Read<Xid> {
        self.number(0, "transaction").map(Xid)
    }

    /// RFC 4037 section 11.22: an identifier that is invalid to the recipient is still answered.
    fn queried_xid(&self) -> Option<Xid> {
        self.optional_xid().unwrap_or_default()
    }

    fn optional_xid(&self) -> Read<Option<Xid>> {
        self.raw.anonymous(0).map(|_| self.xid()).transpose()
    }

    fn number(&self, position: usize, what: &'static str) -> Read<u64> {
        self.numbers[position].filter(|number| *number <= number::MAX).ok_or(Problem::Parameter(what))
    }

    fn named_number(&self, name: &'static str) -> Read<Option<u64>> {
        self.raw.named(name).map(|value| value.as_number().ok_or(Problem::Parameter(name))).transpose()
    }

    fn as_size(&self, value: ValueRef<'_>) -> Option<u64> {
        value.as_number_up_to(self.largest)
    }

    fn size(&self, position: usize, what: &'static str) -> Read<u64> {
        self.numbers[position].filter(|size| *size <= self.largest).ok_or(Problem::Parameter(what))
    }

    fn named_size(&self, name: &'static str) -> Read<Option<u64>> {
        self.raw.named(name).map(|value| self.as_size(value).ok_or(Problem::Parameter(name))).transpose()
    }

    fn range(&self) -> Read<Range> {
        Ok(Range { offset: self.size(1, "offset")?, size: self.size(2, "size")? })
    }

    fn outcome(&self, position: usize) -> Read<Outcome> {
        self.raw.anonymous(position).map_or(Ok(Outcome::OK), |value| {
            outcome(value, self.raw.name()).ok_or(Problem::Parameter("result"))
        })
    }

    fn dum(&self) -> Read<Message> {
        let (xid, offset) = (self.xid()?, self.size(1, "offset")?);
        let (mut as_is, mut kept, mut modp) = (None, None, None);
        for (name, value) in self.raw.named_parameters() {
            match name {
                // RFC 4037 section 11.9: an invalid As-is is ignored.
                b"As-is" => as_is = self.as_size(value),
                b"Kept" => kept = Some(self.kept(value)?),
                b"Modp" => modp = Some(percent(value).ok_or(Problem::Parameter("Modp"))?),
                _ => {}
            }
        }
        if self.raw.payload().is_none() {
            return Err(Problem::NoPayload);
        }
        Ok(Message::Dum { xid, offset, as_is, kept, modp })
    }

    /// Both spellings of the two values: a structure, and two values in a row.
    fn kept(&self, first: ValueRef<'_>) -> Read<Range> {
        let (offset, size) = match first.as_structure() {
            Some(pair) => (pair.anonymous(0), pair.anonymous(1)),
            None => (Some(first), self.raw.named_values("Kept").nth(1)),
        };
        let number = |value: Option<ValueRef<'_>>| value.and_then(|value| self.as_size(value));
        let range = number(offset).zip(number(size));
        range.map(|(offset, size)| Range { offset, size }).ok_or(Problem::Parameter("Kept"))
    }

    fn no(&self) -> Read<Message> {
        Ok(Message::No {
            features: self
                .raw
                .anonymous(0)
                .and_then(features)
                .ok_or(Problem::Parameter("list of features"))?,
            group: self.named_number("SG")?.map(GroupId),
            pending: self.pending()?,
        })
    }

    fn nr(&self) -> Read<Message> {
        Ok(Message::Nr {
            selected: self.raw.anonymous(0).map(|value| feature(value).ok_or(FEATURE)).transpose()?,
            group: self.named_number("SG")?.map(GroupId),
            rejects: self.features_named("Rejects")?,
            unknowns: self.features_named("Unknowns")?,
            pending: self.pending()?,
        })
    }

    fn pending(&self) -> Read<bool> {
        self.raw
            .named("Offer-Pending")
            .map_or(Ok(false), |value| boolean(value).ok_or(Problem::Parameter("Offer-Pending")))
    }

    fn features_named(&self, name: &'static str) -> Read<Vec<Feature>> {
        self.raw.named(name).map_or(Ok(Vec::new()), |value| features(value).ok_or(Problem::Parameter(name)))
    }

    fn services(&self) -> Read<Vec<Service>> {
        self.raw.anonymous(1).and_then(services).ok_or(Problem::Parameter("list of services"))
    }

    fn services_named(&self) -> Read<Option<Vec<Service>>> {
        self.raw
            .named("Services")
            .map(|value| services(value).ok_or(Problem::Parameter("Services")))
            .transpose()
    }
}

const FEATURE: Problem = Problem::Parameter("feature");

fn percent(value: ValueRef<'_>) -> Option<u8> {
    value.as_atom().and_then(|octets| number::parse_up_to(octets, 100)).map(|percent| percent as u8)
}

fn boolean(value: ValueRef<'_>) -> Option<bool> {
    match value.as_atom()? {
        b"true" => Some(true),
        b"false" => Some(false),
        _ => None,
    }
}

fn feature(value: ValueRef<'_>) -> Option<Feature> {
    value.as_structure().map(Members::to_structure).and_then(Feature::from_structure)
}

fn features(value: ValueRef<'_>) -> Option<Vec<Feature>> {
    value.as_list()?.map(feature).collect()
}

fn services(value: ValueRef<'_>) -> Option<Vec<Service>> {
    let service =
        |item: ValueRef<'_>| item.as_structure().map(Members::to_structure).and_then(Service::from_structure);
    value.as_list()?.map(service).collect()
}

fn outcome(value: ValueRef<'_>, message: &[u8]) -> Option<Outcome> {
    let members = value.as_structure()?;
    let code = match members.anonymous(0)?.as_number()? {
        200 => Code::Ok,
        // RFC 4037 section 10.10: documented for AME only.
        206 if message == b"AME" => Code::Partial,
        // RFC 4037 section 10.10: a code that is unknown in its context counts as 400.
        _ => Code::Failure,
    };
    let reason = match members.anonymous(1) {
        Some(reason) => bytes::Bytes::copy_from_slice(reason.as_atom()?),
        None => bytes::Bytes::new(),
    };
    Some(Outcome { code, reason })
}
