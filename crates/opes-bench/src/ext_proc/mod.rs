//! Envoy's external processing (ext_proc) under load: a gRPC stream for each HTTP message.

mod client;
mod messages;
mod serve;
mod wire;

pub(crate) use client::drive;
pub use serve::serve;

/// The method that carries a message and its adaptation.
const PATH: &str = "/envoy.service.ext_proc.v3.ExternalProcessor/Process";

/// Room for what is under way on a stream and on a connection, so that flow control is not what is measured.
const WINDOW: u32 = 16 << 20;
