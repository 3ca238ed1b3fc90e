//! Answers to OPTIONS (RFC 3507 section 4.10.2), and the fields that every answer has.

use bytes::Bytes;
use icap_proto::{Fields, ResponseHead};

use super::IcapConfig;
use super::services::Services;

/// How long clients may keep an answer, in seconds. A configuration that changes has another ISTag at once.
const TTL: &str = "600";

const SERVICE: &str = concat!("opes/", env!("CARGO_PKG_VERSION"));

/// An answer with what each has: RFC 3507 section 4.7.
pub(super) fn answer(status: u16, services: &Services, closes: bool) -> ResponseHead {
    let mut head = ResponseHead::new(status);
    add(&mut head.fields, "ISTag", format!("\"{}\"", services.tag));
    if closes {
        add(&mut head.fields, "Connection", "close");
    }
    head
}

/// What is offered under a path. Methods are those of every path: a message for which there are no rules is left as it is.
pub(super) fn options(config: &IcapConfig, services: &Services, path: &str, closes: bool) -> ResponseHead {
    let mut head = answer(200, services, closes);
    let id = path.trim_matches('/');
    let fields = &mut head.fields;
    add(fields, "Methods", "REQMOD, RESPMOD");
    add(fields, "Service", SERVICE);
    add(fields, "Service-ID", if id.is_empty() { "opes" } else { id }.to_owned());
    add(fields, "Max-Connections", config.connections.to_string());
    add(fields, "Options-TTL", TTL);
    add(fields, "Allow", "204, 206, trailers");
    add(fields, "Preview", config.preview.to_string());
    add(fields, "Transfer-Preview", "*");
    head
}

fn add(fields: &mut Fields, name: &'static str, value: impl Into<Bytes>) {
    // A path that is no text of a field is not said.
    let _ = fields.push(name, value);
}
