//! OCP over tokio: a callout server that hosts services, and a client with a pool of connections.

pub mod client;
mod driver;
pub mod server;
mod transport;
