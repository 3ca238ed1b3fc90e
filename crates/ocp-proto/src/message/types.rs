//! Parameter types of OCP Core (RFC 4037 section 10).

use bytes::Bytes;

use crate::codec::{Structure, Value};

/// A transaction identifier, unique within its connection (RFC 4037 section 10.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Xid(pub u64);

/// A service group identifier, unique within its connection (RFC 4037 section 10.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u64);

impl std::fmt::Display for Xid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::fmt::Display for GroupId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A structure whose first anonymous member is an identifying uri: what [`Feature`] and [`Service`] share.
fn identified(uri: impl Into<Bytes>) -> Structure {
    Structure::new([Value::Atom(uri.into())])
}

fn uri_of(structure: &Structure) -> &[u8] {
    structure.anonymous.first().and_then(Value::as_atom).unwrap_or_default()
}

/// Takes a structure whose first anonymous member is a uri.
fn with_uri(structure: Structure) -> Option<Structure> {
    is_uri(structure.anonymous.first()?.as_atom()?).then_some(structure)
}

/// Whether these octets are a uri. RFC 4037 section 10.1: only octets that RFC 2396 allows in one (RFC 2732 adds the
/// brackets), and no empty one.
pub fn is_uri(octets: &[u8]) -> bool {
    let allowed = |octet: &u8| octet.is_ascii_alphanumeric() || b";/?:@&=+$,-_.!~*'()%#[]".contains(octet);
    let escaped = |rest: &[u8]| rest.iter().take(2).filter(|octet| octet.is_ascii_hexdigit()).count() == 2;
    let mut escapes = octets.split(|octet| *octet == b'%').skip(1);
    !octets.is_empty() && octets.iter().all(allowed) && escapes.all(escaped)
}

/// A feature: an identifier and its parameters (RFC 4037 section 10.11).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature(Structure);

impl Feature {
    /// A feature with this identifier and no parameters.
    pub fn new(uri: impl Into<Bytes>) -> Self {
        Self(identified(uri))
    }

    /// A feature from its structure; `None` when the first anonymous member is not a uri.
    pub fn from_structure(structure: Structure) -> Option<Self> {
        with_uri(structure).map(Self)
    }

    /// The same feature with one more named parameter.
    #[must_use]
    pub fn with(self, name: &'static str, value: Value) -> Self {
        Self(self.0.with(name, value))
    }

    /// The identifier.
    pub fn uri(&self) -> &[u8] {
        uri_of(&self.0)
    }

    /// The named parameter `name`.
    pub fn named(&self, name: &str) -> Option<&Value> {
        self.0.named(name)
    }

    /// The whole structure, identifier first.
    pub fn structure(&self) -> &Structure {
        &self.0
    }
}

/// A service: an identifier and its parameters (RFC 4037 section 10.13).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service(Structure);

impl Service {
    /// A service with this identifier and no parameters.
    pub fn new(uri: impl Into<Bytes>) -> Self {
        Self(identified(uri))
    }

    /// A service from its structure; `None` when the first anonymous member is not a uri.
    pub fn from_structure(structure: Structure) -> Option<Self> {
        with_uri(structure).map(Self)
    }

    /// The identifier.
    pub fn uri(&self) -> &[u8] {
        uri_of(&self.0)
    }

    /// The whole structure, identifier first.
    pub fn structure(&self) -> &Structure {
        &self.0
    }
}

/// The status code of a result (RFC 4037 section 10.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// 200: success. Also an absent result.
    Ok,
    /// 206: the dataflow was terminated prematurely by agreement; AME only.
    Partial,
    /// 400, and every code that is not known in the context.
    Failure,
}

/// The outcome that an AME, TE or CE message reports (RFC 4037 section 10.10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The status code.
    pub code: Code,
    /// The reason, for people; empty when none was given.
    pub reason: Bytes,
}

impl Outcome {
    /// 200 without a reason.
    pub const OK: Self = Self { code: Code::Ok, reason: Bytes::new() };
    /// 206 without a reason.
    pub const PARTIAL: Self = Self { code: Code::Partial, reason: Bytes::new() };

    /// 400 with a reason for people.
    pub fn failure(reason: impl Into<Bytes>) -> Self {
        Self { code: Code::Failure, reason: reason.into() }
    }

    /// Whether this is a failure (RFC 4037 section 10.10: unknown codes are).
    pub fn is_failure(&self) -> bool {
        self.code == Code::Failure
    }

    /// The reason as text.
    pub fn reason(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.reason)
    }
}
