//! What the origin is told of the client (RFC 7239, and the fields that came before it).

use http::header::{FORWARDED, HOST};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::inbound::Peer;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// How the origin is told who the client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Forwarded {
    /// Not at all; what the client itself says passes.
    #[default]
    Off,
    /// By the standard field, Forwarded (RFC 7239): an element is appended.
    Standard,
    /// By X-Forwarded-For, which is appended to, and X-Forwarded-Host and X-Forwarded-Proto, which are set where the
    /// request has none.
    X,
}

impl Forwarded {
    /// Adds what is to be added. The request's Host is already the one that counts.
    pub(super) fn add(self, headers: &mut HeaderMap, peer: &Peer) {
        let host = headers.get(HOST).cloned();
        let proto = if peer.secure { "https" } else { "http" };
        match self {
            Self::Off => {}
            Self::Standard => {
                let element = element(peer, host.as_ref(), proto);
                append(headers, FORWARDED, &element);
            }
            Self::X => {
                append(headers, X_FORWARDED_FOR, &peer.address.ip().to_canonical().to_string());
                if let Some(host) = host {
                    headers.entry(X_FORWARDED_HOST).or_insert(host);
                }
                headers.entry(X_FORWARDED_PROTO).or_insert(HeaderValue::from_static(proto));
            }
        }
    }
}

/// RFC 7239 section 4; section 6: an IPv6 address stands in brackets, and in quotes.
fn element(peer: &Peer, host: Option<&HeaderValue>, proto: &str) -> String {
    let address = peer.address.ip().to_canonical();
    let client = if address.is_ipv6() { format!("\"[{address}]\"") } else { address.to_string() };
    // An authority holds neither quotes nor backslashes.
    let host = host.and_then(|host| host.to_str().ok()).map(|host| format!(";host=\"{host}\""));
    format!("for={client}{};proto={proto}", host.unwrap_or_default())
}

/// Appends to a list, in one line.
fn append(headers: &mut HeaderMap, name: HeaderName, member: &str) {
    let mut list: Vec<u8> = Vec::new();
    for value in headers.get_all(&name) {
        list.extend_from_slice(value.as_bytes());
        list.extend_from_slice(b", ");
    }
    list.extend_from_slice(member.as_bytes());
    if let Ok(value) = HeaderValue::from_bytes(&list) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::framing::Suspicion;

    fn added(
        forwarded: Forwarded,
        address: &str,
        secure: bool,
        before: &[(&'static str, &str)],
    ) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("www.example.com"));
        for (name, value) in before {
            headers.append(*name, HeaderValue::from_str(value).expect("a value"));
        }
        let peer = Peer {
            address: address.parse().expect("an address"),
            secure,
            suspicion: Suspicion::default(),
            delimited_by_close: Default::default(),
        };
        forwarded.add(&mut headers, &peer);
        headers.remove(HOST);
        headers
    }

    // RFC 7239 sections 4 and 6.
    #[test]
    fn the_standard_field_is_appended_to() {
        let headers =
            added(Forwarded::Standard, "[2001:db8::1]:4711", true, &[("forwarded", "for=192.0.2.1")]);
        let expected = "for=192.0.2.1, for=\"[2001:db8::1]\";host=\"www.example.com\";proto=https";
        assert_eq!(headers["forwarded"], expected);
        assert_eq!(headers.len(), 1);
    }

    #[test]
    fn the_older_fields_keep_the_first_host_and_protocol() {
        let before = [("x-forwarded-for", "192.0.2.1"), ("x-forwarded-proto", "https")];
        let headers = added(Forwarded::X, "192.0.2.7:99", false, &before);
        assert_eq!(headers["x-forwarded-for"], "192.0.2.1, 192.0.2.7");
        assert_eq!(headers["x-forwarded-proto"], "https");
        assert_eq!(headers["x-forwarded-host"], "www.example.com");
        assert_eq!(added(Forwarded::X, "192.0.2.7:99", false, &[])["x-forwarded-proto"], "http");
    }

    #[test]
    fn nothing_is_told_by_default() {
        assert!(added(Forwarded::default(), "192.0.2.7:99", true, &[]).is_empty());
    }
}
