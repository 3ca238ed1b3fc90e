//! ICAP (RFC 3507) under load: RESPMOD or REQMOD, one message at a time on each connection.

mod client;
mod reader;
mod request;
mod serve;

pub(crate) use client::drive;
pub use reader::IcapError;
pub(crate) use request::Request;
pub use serve::serve;
