//! What an OPES System has to say about itself (RFC 3897 section 3.2), and what it says where nobody told it.

use std::time::Duration;

use opes_profile::trace::{AgentId, Granularity, Manner, Rendering};
use opes_record::{ClientDetail, UriDetail};

/// What only the operator can say. Text for people; one that begins with `https://`, `http://` or `mailto:` becomes a
/// link.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Disclosures {
    /// What the system does to references within and between documents: links, anchors, addresses of pictures.
    pub references: Option<String>,
    /// The privacy policy, or where it stands.
    pub privacy: Option<String>,
    /// Who sets and enforces the privacy policy.
    pub responsible: Option<String>,
    /// The technical contact.
    pub contact: Option<String>,
}

/// What the system writes into traces, and what it keeps behind them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracing {
    /// How traces are written.
    pub manner: Manner,
    /// What is kept of each message; `None` where nothing is.
    pub kept: Option<Kept>,
}

/// What is kept of each message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// How long, at least, where that is known.
    pub age: Option<Duration>,
    /// What of its URI.
    pub uri: UriDetail,
    /// What of its client's address.
    pub client: ClientDetail,
    /// The header fields whose values are kept.
    pub headers: Vec<String>,
}

/// A service that may be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedService {
    /// Its identifier: what an end names to have it left out.
    pub uri: AgentId,
    /// Whether it is left out then.
    pub bypassable: Bypassable,
}

/// Whether an end can have a service left out (RFC 3897 section 4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bypassable {
    /// It is left out for an end that asks.
    Yes,
    /// It is applied nevertheless, for this reason.
    No(String),
}

impl Disclosures {
    /// Said of references where the operator said nothing: what is true of every system of this software.
    pub(super) const REFERENCES: &str = "The operator of this system has not said what its services do to references. \
        The processor itself changes no reference within a document or to another one. A service that changes documents \
        may change, add or remove references in them.";
    /// Said of the privacy policy where the operator said nothing.
    pub(super) const PRIVACY: &str = "The operator of this system has not stated a privacy policy. What the system \
        itself keeps is said below, under tracing.";
    pub(super) const RESPONSIBLE: &str =
        "The operator of this system has not named who sets and enforces the policy.";
    pub(super) const CONTACT: &str = "The operator of this system has not named a technical contact.";
}

impl Tracing {
    /// The fields of messages in which traces are written.
    pub(super) fn fields(&self) -> &'static [&'static str] {
        match (self.manner.granularity, self.manner.rendering) {
            (Granularity::Off, _) => &["OPES-System"],
            (_, Rendering::Rfc4236) => &["OPES-System", "OPES-Via"],
            (_, Rendering::EndComm) => &["OPES-System", "OPES-Processor", "OPES-Service"],
            (_, Rendering::Both) => &["OPES-System", "OPES-Via", "OPES-Processor", "OPES-Service"],
        }
    }

    /// The name of the granularity.
    pub(super) fn granularity(&self) -> &'static str {
        match self.manner.granularity {
            Granularity::Off => "off",
            Granularity::Summary => "summary",
            Granularity::Full => "full",
        }
    }

    /// The granularity in words.
    pub(super) fn told(&self) -> &'static str {
        match self.manner.granularity {
            Granularity::Off => {
                "Every message has the entry of this system, and nothing of its processors and services."
            }
            Granularity::Summary => {
                "Every message has the entry of this system, and one entry that stands for its processors and services."
            }
            Granularity::Full => {
                "Every message has the entry of this system, and those of the processors and services that dealt with it."
            }
        }
    }
}

impl Kept {
    pub(super) fn uri(&self) -> &'static str {
        match self.uri {
            UriDetail::Full => "all of the URI",
            UriDetail::WithoutQuery => "the URI without its query",
            UriDetail::None => "nothing of the URI",
        }
    }

    pub(super) fn client(&self) -> &'static str {
        match self.client {
            ClientDetail::Full => "the client's address",
            ClientDetail::Truncated => "the network of the client's address",
            ClientDetail::None => "nothing of the client's address",
        }
    }
}
