//! How much of an end's identity and interests a record tells: the operator's privacy policy (RFC 3238 section 5).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// What is kept of a message's URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UriDetail {
    /// All of it.
    Full,
    /// Without query, which tells most of what a consumer looks for, and without user information.
    #[default]
    WithoutQuery,
    /// Nothing.
    None,
}

/// What is kept of the data consumer's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientDetail {
    /// All of it.
    Full,
    /// The first 24 bits of an IPv4 address, 48 of an IPv6 address.
    Truncated,
    /// Nothing.
    #[default]
    None,
}

/// The data consumer's address, as far as it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Client {
    /// An address.
    Address(IpAddr),
    /// A network: its address and the length of its prefix in bits.
    Network(IpAddr, u8),
}

impl ClientDetail {
    /// What of this address is kept. An IPv4 address inside an IPv6 one counts as what it is.
    pub fn of(self, address: IpAddr) -> Option<Client> {
        match (self, address.to_canonical()) {
            (Self::Full, address) => Some(Client::Address(address)),
            (Self::Truncated, IpAddr::V4(address)) => {
                let [a, b, c, _] = address.octets();
                Some(Client::Network(Ipv4Addr::new(a, b, c, 0).into(), 24))
            }
            (Self::Truncated, IpAddr::V6(address)) => {
                let [a, b, c, ..] = address.segments();
                Some(Client::Network(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).into(), 48))
            }
            (Self::None, _) => None,
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Network(address, bits) => write!(f, "{address}/{bits}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_kept_as_far_as_the_policy_says() {
        let kept = |detail: ClientDetail, address: &str| {
            detail.of(address.parse().unwrap()).map(|client| client.to_string())
        };
        assert_eq!(kept(ClientDetail::Full, "192.0.2.7").as_deref(), Some("192.0.2.7"));
        assert_eq!(kept(ClientDetail::Truncated, "192.0.2.7").as_deref(), Some("192.0.2.0/24"));
        assert_eq!(kept(ClientDetail::Truncated, "::ffff:192.0.2.7").as_deref(), Some("192.0.2.0/24"));
        assert_eq!(kept(ClientDetail::Truncated, "2001:db8:1:2::3").as_deref(), Some("2001:db8:1::/48"));
        assert_eq!(kept(ClientDetail::default(), "192.0.2.7"), None);
    }
}
