//! `[trace]`: how much the traces of a proxy tell, and in which fields.

use opes_profile::trace::{Granularity, Manner, Rendering};
use serde::Deserialize;

use super::admin::PublicKey;

/// `[trace]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TraceTable {
    granularity: GranularityKey,
    headers: HeadersKey,
    max_bytes: usize,
    pub(super) records: bool,
    pub(super) public: PublicKey,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum GranularityKey {
    Off,
    Summary,
    Full,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum HeadersKey {
    Rfc4236,
    EndComm,
    Both,
}

impl Default for TraceTable {
    fn default() -> Self {
        Self {
            granularity: GranularityKey::Full,
            headers: HeadersKey::Rfc4236,
            max_bytes: 16 * 1024,
            records: false,
            public: PublicKey::default(),
        }
    }
}

impl TraceTable {
    /// How traces are written.
    pub(super) fn manner(&self) -> Manner {
        Manner {
            granularity: match self.granularity {
                GranularityKey::Off => Granularity::Off,
                GranularityKey::Summary => Granularity::Summary,
                GranularityKey::Full => Granularity::Full,
            },
            rendering: match self.headers {
                HeadersKey::Rfc4236 => Rendering::Rfc4236,
                HeadersKey::EndComm => Rendering::EndComm,
                HeadersKey::Both => Rendering::Both,
            },
            most_octets: self.max_bytes,
        }
    }
}
