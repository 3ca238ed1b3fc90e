//! What a service may know about the message whose payload it adapts.

use std::collections::BTreeMap;

use bytes::Bytes;

/// Neutral attributes of the application message that the payload belongs to.
///
/// They describe the message as it reached the first service; the only part that changes on the way through a
/// chain is `variables`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// What the message is about: the absolute URI that was asked for.
    pub uri: Option<String>,
    /// The application protocol's verb, as it was sent: `GET`.
    pub method: Option<String>,
    /// The result code of a response.
    pub status: Option<u16>,
    /// The media type without parameters, in lower case: `text/html`.
    pub media_type: Option<String>,
    /// The charset of a textual media type.
    pub charset: Option<String>,
    /// The content codings that were applied to the payload, in the order of application.
    pub coding: Vec<String>,
    /// The content codings that the message's recipient accepts.
    pub accepted_codings: Vec<String>,
    /// The payload of the request that the message answers, where a service of the chain takes it
    /// ([`ServiceFactory::takes_request`]) and the host can have it.
    ///
    /// [`ServiceFactory::takes_request`]: crate::ServiceFactory::takes_request
    pub request: Option<Bytes>,
    /// The payload's length in octets, where it is known beforehand.
    pub length: Option<u64>,
    /// The number by which the host's log names the message, for services that write to it too.
    pub transaction: Option<u64>,
    /// The data consumer, as the host knows it: an address or a name.
    pub client: Option<String>,
    /// What the rule that selected the services says to them.
    pub parameters: BTreeMap<String, String>,
    /// What services say to those after them, and to the host (see [`Context::set_variable`]).
    ///
    /// [`Context::set_variable`]: crate::Context::set_variable
    pub variables: BTreeMap<String, String>,
}
