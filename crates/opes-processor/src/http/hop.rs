//! What a message has for one hop only: services do not see it, and it goes on beside what they have made.

use std::sync::Arc;

use http::header::{CONNECTION, CONTENT_LENGTH, TE, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue};
use hyper::upgrade::OnUpgrade;
use opes_profile::bypass::Bypass;
use opes_profile::http::correct::{is_decodable, remove_hop_by_hop};

use super::expect::Opener;
use super::failed::Failed;

/// Fields that are added to a message after its adaptation.
pub(super) type Fields = Vec<(HeaderName, HeaderValue)>;

/// What was taken out of a request.
#[derive(Debug)]
pub(super) struct OfRequest {
    pub(super) bypass: Bypass,
    pub(super) fields: Fields,
    /// Opens the body, where its sender waits for that.
    pub(super) opener: Option<Opener>,
    /// Who sent it: an address or a name.
    pub(super) client: Option<Arc<str>>,
    /// It came through TLS.
    pub(super) secure: bool,
    /// Its sender takes trailers.
    pub(super) trailers: bool,
}

/// What was taken out of a response, and is left in its extensions by a proxy's way to the origins.
#[derive(Debug, Clone, Default)]
pub(super) struct OfResponse {
    pub(super) fields: Fields,
    /// How the client is told of the hop; nothing for a tunnel, which is none.
    pub(super) via: Option<HeaderValue>,
    /// Both sides of a connection that is about to change its protocol: the client's, and the origin's.
    pub(super) upgraded: Option<(OnUpgrade, OnUpgrade)>,
}

/// The message has a transfer coding that its reader has not removed, so no service can have it (RFC 4236 section 3.7).
#[derive(Debug, Clone, Copy)]
pub(super) struct Undecodable;

impl Undecodable {
    pub(super) fn in_request(self) -> Failed {
        Failed::request("no transfer coding but chunked is supported")
    }

    pub(super) fn in_response(self) -> Failed {
        Failed::gateway("The origin used a transfer coding that is not supported.")
    }
}

/// Removes the fields about the connection from a message that hyper has read (RFC 9110 section 7.6.1).
pub(super) fn remove(headers: &mut HeaderMap) -> Result<(), Undecodable> {
    if !is_decodable(headers) {
        return Err(Undecodable);
    }
    if headers.contains_key(TRANSFER_ENCODING) {
        // RFC 9112 section 6.3: hyper has read it by its chunks.
        headers.remove(CONTENT_LENGTH);
    }
    remove_hop_by_hop(headers);
    Ok(())
}

/// The same, but gives back what matters to whoever gets the message on the same connection. Fields that Connection
/// names are lost: a length of the original among them must not describe what services make.
pub(super) fn take(headers: &mut HeaderMap) -> Result<Fields, Undecodable> {
    let mut fields = Fields::new();
    for name in [CONNECTION, TE, UPGRADE] {
        fields.extend(headers.get_all(&name).iter().map(|value| (name.clone(), value.clone())));
    }
    remove(headers).map(|()| fields)
}

/// Adds the fields.
pub(super) fn put(fields: Fields, headers: &mut HeaderMap) {
    for (name, value) in fields {
        headers.append(name, value);
    }
}

/// A response that no longer changes the protocol does not speak of it (RFC 9110 section 7.8).
pub(super) fn without_upgrade(fields: &mut Fields) {
    fields.retain(|(name, _)| *name != CONNECTION && *name != UPGRADE);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let fields = fields
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        fields.collect()
    }

    #[test]
    fn what_is_about_the_connection_is_taken_out_and_put_back() {
        let before = [("connection", "upgrade, x"), ("upgrade", "websocket"), ("x", "y"), ("host", "a")];
        let mut message = headers(&before);
        let fields = take(&mut message).expect("no transfer coding");
        assert_eq!(message, headers(&[("host", "a")]));
        let mut unchanged = fields.clone();
        without_upgrade(&mut unchanged);
        assert!(unchanged.is_empty());
        put(fields, &mut message);
        assert_eq!(
            message,
            headers(&[("host", "a"), ("connection", "upgrade, x"), ("upgrade", "websocket")])
        );
    }

    // RFC 9112 section 6.3.
    #[test]
    fn a_length_beside_chunks_is_not_believed() {
        let mut message = headers(&[("transfer-encoding", "chunked"), ("content-length", "3")]);
        assert!(take(&mut message).expect("chunked is removed by its reader").is_empty());
        assert!(message.is_empty());
        assert!(take(&mut headers(&[("transfer-encoding", "gzip, chunked")])).is_err());
    }
}
